#include "parquet/strided_snappy.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "parquet/strides.h"

namespace sluice::parquet {
namespace {

// Elements of the format: the low two bits of their first byte.
enum Tag : uint8_t { kLiteral = 0, kShortCopy = 1, kCopy = 2 };
constexpr size_t kLeastCopy = 4;  // of a short one
constexpr size_t kMostShortCopy = 11;
constexpr size_t kMostShortDistance = 2047;
constexpr size_t kMostCopy = 64;
constexpr size_t kMostDistance = 65'535;
constexpr size_t kMostShortLiteral = 60;

uint8_t* put_varint(uint8_t* out, size_t value) {
  for (; value >= 0x80; value >>= 7) *out++ = static_cast<uint8_t>(value | 0x80);
  *out++ = static_cast<uint8_t>(value);
  return out;
}

uint8_t* put_long_literal(uint8_t* out, const uint8_t* bytes, size_t count) {
  const size_t last = count - 1;
  const auto width = static_cast<size_t>(std::bit_width(last) + 7) / 8;
  *out++ = static_cast<uint8_t>((kMostShortLiteral - 1 + width) << 2 | kLiteral);
  for (size_t i = 0; i < width; ++i) *out++ = static_cast<uint8_t>(last >> (8 * i));
  std::memcpy(out, bytes, count);
  return out + count;
}

// The `count` bytes before `end`, of which there are at least eight.
uint8_t* put_literal(uint8_t* out, const uint8_t* end, size_t count) {
  if (count == 0) return out;
  if (count > kMostShortLiteral) return put_long_literal(out, end - count, count);
  *out++ = static_cast<uint8_t>((count - 1) << 2 | kLiteral);
  if (count > sizeof(uint64_t)) {
    std::memcpy(out, end - count, count);
  } else {
    const uint64_t word = word_at(end - sizeof word) >> (8 * (sizeof word - count));
    std::memcpy(out, &word, sizeof word);
  }
  return out + count;
}

// The bytes that lie `distance` before. What is left of them behind the longest copies, if
// anything, is long enough for a copy, too, since values are not shorter than the shortest.
uint8_t* put_copy(uint8_t* out, size_t distance, size_t count) {
  while (count > 0) {
    const size_t most = std::min(count, kMostCopy);
    count -= most;
    if (most <= kMostShortCopy && distance <= kMostShortDistance) {
      *out++ = static_cast<uint8_t>(distance >> 8 << 5 | (most - kLeastCopy) << 2 | kShortCopy);
      *out++ = static_cast<uint8_t>(distance);
    } else {
      *out++ = static_cast<uint8_t>((most - 1) << 2 | kCopy);
      *out++ = static_cast<uint8_t>(distance);
      *out++ = static_cast<uint8_t>(distance >> 8);
    }
  }
  return out;
}

}  // namespace

size_t snappy_literal_bound(size_t bytes) { return 16 + bytes; }

uint8_t* snappy_literal(std::span<const std::byte> bytes, uint8_t* out) {
  CHECK(!bytes.empty());
  out = put_varint(out, bytes.size());
  return put_long_literal(out, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

// A copy and what is left of its value never take more than the value; only what lies between, as
// it is, needs its length beside it.
size_t strided_snappy_bound(size_t bytes) {
  return 32 + bytes + bytes / kStride + sizeof(uint64_t);
}

uint8_t* strided_snappy(std::span<const std::byte> page, size_t head, uint8_t* out) {
  CHECK(head + kStride <= page.size() && (page.size() - head) % kStride == 0);
  const auto* const begin = reinterpret_cast<const uint8_t*>(page.data());
  const uint8_t* const end = begin + page.size();
  out = put_varint(out, page.size());
  const uint8_t* plain = begin;  // from here on nothing is written yet
  // The last value behind one that ended with this byte: often a copy can begin with that byte,
  // which is then no part of what is written as it is.
  std::array<uint32_t, 256> behind{};
  for (const uint8_t* value = begin + head + kStride; value < end; value += kStride) {
    const auto here = static_cast<uint32_t>(value - begin);
    const uint32_t there = std::exchange(behind[value[-1]], here);
    size_t same = common_prefix(value, value - kStride);
    if (same == kStride) {
      // A run of equal values is one copy.
      out = put_literal(out, value, static_cast<size_t>(value - plain));
      while (same == kStride && (value += kStride) < end)
        same = common_prefix(value, value - kStride);
      if (value == end) same = 0;
      const size_t copied =
          static_cast<size_t>(value - begin) - here + (same < kLeastCopy ? 0 : same);
      out = put_copy(out, kStride, copied);
      plain = begin + here + copied;
      continue;
    }
    if (there != 0 && plain < value && here - there <= kMostDistance) {
      const size_t longer = common_prefix(value, begin + there) + 1;
      if (longer > same && longer >= kLeastCopy) {
        out = put_literal(out, value - 1, static_cast<size_t>(value - 1 - plain));
        out = put_copy(out, here - there, longer);
        plain = value - 1 + longer;
        continue;
      }
    }
    if (same < kLeastCopy) continue;
    out = put_literal(out, value, static_cast<size_t>(value - plain));
    out = put_copy(out, kStride, same);
    plain = value + same;
  }
  if (plain < end) out = put_literal(out, end, static_cast<size_t>(end - plain));
  return out;
}

}  // namespace sluice::parquet
