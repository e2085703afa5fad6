// Asks for memory that will be read soon. State is far larger than any cache, and one look-up does
// not know of the next.
#pragma once

namespace sluice::arrangement {

inline void prefetch(const void* memory) {
  __builtin_prefetch(memory);
  // Without it GCC 12 takes a function that only prefetches for one without effects, and drops all
  // calls of it.
  asm volatile("");
}

}  // namespace sluice::arrangement
