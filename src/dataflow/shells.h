// Shell tables: empty tables of the planning instance that stand for collections, so that DuckDB's
// binder knows their columns. They live as long as the transaction that plans.
//
// Threads: one at a time.
#pragma once

#include <span>

#include "base/result.h"
#include "dataflow/plan.h"

namespace duckdb {
class ClientContext;
class LogicalGet;
class LogicalOperator;
}  // namespace duckdb

namespace sluice::dataflow {

// What a query may read, and how it names it.
struct SourceTable {
  std::string name;
  engine::Shape shape;
  SourceId id;
  uint64_t rows = 0;  // about how many there are, for the order of joins
};

// Throws DuckDB's exceptions. Within a transaction, to be rolled back.
void create_shells(duckdb::ClientContext& context, std::span<const SourceTable> sources);

// Keeps the optimizer from concluding anything from the tables' being empty, and from moving
// filters into scans. On a plan as bound, before it is optimized.
void detach_scans(duckdb::LogicalOperator& bound);

// The collection that a scan stands for; nothing: it is no shell's.
std::optional<SourceId> source_of(const duckdb::LogicalGet& scan);

}  // namespace sluice::dataflow
