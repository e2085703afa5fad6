// The hash of the bytes of rows: fast, and keyed per process, so that nobody who picks values can
// make them collide on purpose.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::arrangement {

uint64_t hash_bytes(std::string_view bytes);

// The hash of two strings of which the hashes are known, in this order.
uint64_t combine_hashes(uint64_t first, uint64_t second);

}  // namespace sluice::arrangement
