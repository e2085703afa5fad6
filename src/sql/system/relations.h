// The relations that the system makes up: mz_catalog, mz_internal, pg_catalog, information_schema,
// sluice_internal.
//
// Each is a definition in one table of its file: name, columns, and a function that writes its rows
// from the catalog. The resolver calls rows_of() when a query names one; the rows go into the
// query's tree as data, so nothing of them lies in the engine's catalog.
//
// Threads: definitions are built once and constant; rows_of() is safe from any thread.
#pragma once

#include <duckdb/common/types/column/column_data_collection.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "sql/catalog.h"
#include "sql/resolve.h"

namespace sluice::sql {

// Takes rows in the order of the definition's columns.
class RowWriter {
 public:
  virtual ~RowWriter() = default;
  // As many values as columns; each is cast to its column's type.
  virtual void row(std::vector<engine::Value> values) = 0;
};

struct SystemRelationDefinition {
  std::string schema;
  std::string name;
  uint32_t oid = 0;  // PostgreSQL's own, where clients know it
  std::vector<Column> columns;
  // Null: the relation is always empty.
  std::function<void(const ResolveContext&, RowWriter&)> write_rows;
};

// All of them, in a fixed order.
const std::vector<SystemRelationDefinition>& system_relations();

std::shared_ptr<duckdb::ColumnDataCollection> rows_of(const SystemRelationDefinition& definition,
                                                      const ResolveContext& context);

}  // namespace sluice::sql
