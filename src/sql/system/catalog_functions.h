// Functions by which a running query asks the catalog: pg_get_viewdef(oid), 't'::regclass and their
// like become calls of these, with the handle of a published catalog as their first argument.
//
//   sluice_catalog_text(handle, what, number, number) -> text, NULL when there is no answer
//   sluice_catalog_oid(handle, what, text | number)   -> oid; a name that isn't there is an error
//   sluice_catalog_is(handle, what, number)           -> boolean
//   sluice_typeof(any)                                -> text, the SQL type's name
//
// Users cannot name them: the allow-list has none of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "sql/catalog.h"

namespace duckdb {
class DatabaseInstance;
}

namespace sluice::sql::system {

struct CatalogQuestion {
  std::shared_ptr<const Catalog> catalog;
  SearchPath search_path;
  std::string user;
};

// The handle is valid as long as the token lives. Safe from any thread.
struct PublishedCatalog {
  int64_t handle = 0;
  std::shared_ptr<const void> token;
};
PublishedCatalog publish(CatalogQuestion question);

// For Engine::Registration.
void register_functions(duckdb::DatabaseInstance& database);

// The answers themselves. `what`: `regclass`, `regtype`, `regnamespace`, `regproc`, `userbyid`,
// `viewdef`, `indexdef`, `constraintdef`, `obj_description`, `col_description`, `format_type`.
std::optional<std::string> answer_text(const CatalogQuestion& question, std::string_view what,
                                       int64_t first, std::optional<int64_t> second);
// `what`: `regclass`, `regtype`, `regnamespace`, `regproc`, and `to_regclass`, `to_regtype`, … that
// give nothing instead of an error.
Result<std::optional<uint32_t>> answer_oid(const CatalogQuestion& question, std::string_view what,
                                           std::string_view name);

}  // namespace sluice::sql::system
