// Work in pieces, done by whoever has time: the caller, and helpers that all callers share.
//
// Helpers are as many threads as the machine has processors besides one, at most seven, and as many
// again for callers in the background (background.h), which are so themselves. They are started by
// the first call that has use for them and live as long as the process.
//
// Threads: any; a piece may itself call in_parallel(), whose pieces helpers that are idle then
// take.
#pragma once

#include <cstddef>
#include <functional>

namespace sluice {

// How many threads may work at a time, the caller among them.
size_t parallel_threads();

// work(0) … work(pieces - 1), each once, in no order and several at a time. Returns when all have
// returned. What one throws is thrown here, once all that had begun are over; pieces that had not
// are left out then.
void in_parallel(size_t pieces, const std::function<void(size_t piece)>& work);

}  // namespace sluice
