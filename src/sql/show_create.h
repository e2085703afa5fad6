// Objects as the SQL that would make them again. Secrets appear as references, never as values.
// Pure functions over a catalog.
#pragma once

#include <string>

#include "sql/catalog.h"

namespace sluice::sql {

struct ShowCreateOptions {
  bool redacted = false;  // literals are shown as '<REDACTED>'
};

// Names are written whole and quoted: CREATE CONNECTION "materialize"."public"."c" TO AWS (…).
// Empty for what has no such statement (schemas, the system's relations).
std::string show_create(const Catalog& catalog, const Object& object,
                        ShowCreateOptions options = {});

// "materialize"."public"."t", as SHOW CREATE writes names.
std::string full_name(const Catalog& catalog, const Object& object);

// PRIMARY KEY (a, b), as pg_get_constraintdef() has it.
std::string constraint_definition(const Table& table, const KeyConstraint& key);
// CREATE UNIQUE INDEX t_pkey ON public.t USING btree (a, b), as pg_get_indexdef() has it.
std::string index_definition(const Catalog& catalog, const Object& table, const KeyConstraint& key);

// The same of an index of CREATE INDEX: CREATE INDEX t_k_idx ON public.t USING arrangement (k).
std::string index_definition(const Catalog& catalog, const Object& index);

}  // namespace sluice::sql
