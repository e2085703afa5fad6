// The parts of system_relations(), a file each, and the small vocabulary they are written in.
#pragma once

#include <string>
#include <vector>

#include "sql/system/relations.h"

namespace sluice::sql::system {

using Definitions = std::vector<SystemRelationDefinition>;

void add_mz_catalog(Definitions& all);
void add_mz_internal(Definitions& all);
void add_pg_catalog(Definitions& all);       // what lists users' objects
void add_pg_catalog_rest(Definitions& all);  // types, settings, and what is always empty here
void add_information_schema(Definitions& all);
void add_sluice_internal(Definitions& all);

// Columns by type. `oids` and `texts` are arrays.
Column text(std::string name);
Column name_column(std::string name);
Column oid(std::string name);
Column boolean(std::string name);
Column int2(std::string name);
Column int4(std::string name);
Column int8(std::string name);
Column real(std::string name);
Column internal_char(std::string name);
Column texts(std::string name);
Column oids(std::string name);
Column int2s(std::string name);
Column int8s(std::string name);
Column jsonb(std::string name);
Column timestamptz(std::string name);
Column uint8(std::string name);

inline engine::Value number(int64_t value) { return engine::Value::BIGINT(value); }
inline engine::Value yes(bool value) { return engine::Value::BOOLEAN(value); }
inline engine::Value owner() { return number(kOwnerOid); }
// Of pg_am: what indexes are made by.
inline constexpr uint32_t kBtreeOid = 403;
inline constexpr uint32_t kArrangementOid = 9990;
// A NULL of any type.
engine::Value null();
// Text, or NULL where it is empty.
engine::Value text_or_null(const std::string& text);

// Owner and privileges, until roles exist: everything is `materialize`'s.
inline const std::string kOwnerId = "u1";

}  // namespace sluice::sql::system
