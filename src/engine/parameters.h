// Which parameters a statement has: the engine wants their numbers beside the tree, and a tree that
// was put together from parts does not carry them.
#pragma once

namespace duckdb {
class SQLStatement;
}

namespace sluice::engine {

// Sets a SELECT's map of parameters from the $n in its tree. Other statements stay as they are.
void number_parameters(duckdb::SQLStatement& statement);

}  // namespace sluice::engine
