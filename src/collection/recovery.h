// What the last process left, read back.
#pragma once

#include "collection/manifest.h"

namespace sluice::collection {

struct Recovered {
  uint64_t sequence = 0;
  uint64_t next_log = 1;
};

// Checks the format, or writes it into a directory that is new. The caller holds its lock.
Status prepare_directory(Files& files, const Paths& paths);
// Fills in the empty `state`, cuts a torn end off the log and removes leftovers.
Result<Recovered> recover(State& state);

}  // namespace sluice::collection
