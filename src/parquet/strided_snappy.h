// Snappy for pages of values of 16 bytes (strides.h): only what a value has in common with the one
// before is looked for, which is several times as fast as looking for whatever repeats, and finds
// as much in such pages.
//
// What comes out is Snappy's format (google/snappy, format_description.txt): every reader takes it.
//
// Pure functions; safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::parquet {

// Room for the most that so many bytes may become, and what may be scribbled behind it.
size_t strided_snappy_bound(size_t bytes);

// `head` bytes of anything, then values, at least one. Writes at `out`, returns the new end.
uint8_t* strided_snappy(std::span<const std::byte> page, size_t head, uint8_t* out);

// The same format for bytes in which nothing repeats: as they are.
size_t snappy_literal_bound(size_t bytes);
uint8_t* snappy_literal(std::span<const std::byte> bytes, uint8_t* out);

}  // namespace sluice::parquet
