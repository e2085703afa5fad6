// The loops over plain arrays that take most of the time: packing small
// integers.
//
// Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::parquet {

// Bits that the largest of `values` different indices needs: 0 for one value.
int bit_width(uint64_t values);

// What encode_hybrid() can write at most.
size_t max_hybrid_bytes(size_t count, int width);

// Parquet's RLE and bit-packed hybrid of `count` integers of `width` (up to 32)
// bits, without a length in front. Writes max_hybrid_bytes() at most, and may
// scribble 32 bytes behind its end, which is returned.
uint8_t* encode_hybrid(const uint8_t* values, size_t count, int width, uint8_t* out);
uint8_t* encode_hybrid(const uint32_t* values, size_t count, int width, uint8_t* out);
// The same for `count` equal values: 16 bytes at most.
uint8_t* encode_run(uint32_t value, size_t count, int width, uint8_t* out);

// `count` values of 0 or 1, packed from the lowest bit on.
uint8_t* pack_bits(const uint8_t* values, size_t count, uint8_t* out);

}  // namespace sluice::parquet
