// How every other folder sees DuckDB's data: chunks, vectors, types and values, nothing more.
#pragma once

#include <duckdb/common/types.hpp>
#include <duckdb/common/types/data_chunk.hpp>
#include <duckdb/common/types/value.hpp>
#include <duckdb/common/types/vector.hpp>

namespace sluice::engine {

using Chunk = duckdb::DataChunk;
using LogicalType = duckdb::LogicalType;
using LogicalTypeId = duckdb::LogicalTypeId;
using Value = duckdb::Value;
using Vector = duckdb::Vector;

// Names and DuckDB types of a relation's columns, in order.
struct Shape {
  std::vector<std::string> names;
  std::vector<LogicalType> types;
};

}  // namespace sluice::engine
