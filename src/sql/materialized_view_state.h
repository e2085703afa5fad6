// What a materialized view is doing, as relations of mz_internal show it; the session fills it in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sql/catalog.h"

namespace sluice::sql {

struct MaterializedViewState {
  struct Operator {
    uint64_t number = 0;  // from 0, inputs before their readers
    std::vector<uint64_t> inputs;
    std::string kind;
    std::string description;
    uint64_t rows = 0, bytes = 0;
    uint64_t nanoseconds = 0, last_nanoseconds = 0;
    bool failing = false;
    uint64_t shared_by = 1;  // views that it works for
  };

  ObjectId id;
  std::string phase;
  bool live = false;
  bool hydrated = false;     // it has been filled: it can be read at some time
  std::string error;         // empty: none
  uint64_t filled_rows = 0;  // while filling, of how many
  uint64_t rows_to_fill = 0;
  uint64_t bytes = 0;
  std::optional<int64_t> complete_ms;  // the newest time at which it can be read
  std::optional<int64_t> lag_ms;       // behind the newest commit
  std::vector<Operator> operators;
};

}  // namespace sluice::sql
