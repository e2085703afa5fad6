#include "parquet/kernels.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace sluice::parquet {
namespace {

using Wide = unsigned __int128;

uint8_t* put_varint(uint64_t value, uint8_t* out) {
  for (; value >= 0x80; value >>= 7) *out++ = static_cast<uint8_t>(value | 0x80);
  *out++ = static_cast<uint8_t>(value);
  return out;
}

// Eight values of kWidth bits are kWidth bytes.
template <int kWidth, typename T>
inline void pack_eight(const T* in, uint8_t* out) {
  const auto at = [in](int i) { return static_cast<uint64_t>(in[i]); };
  if constexpr (kWidth <= 8) {
    uint64_t bits = 0;
    for (int i = 0; i < 8; ++i) bits |= at(i) << (i * kWidth);
    std::memcpy(out, &bits, sizeof bits);
  } else if constexpr (kWidth <= 16) {
    uint64_t low = 0, high = 0;
    for (int i = 0; i < 4; ++i) {
      low |= at(i) << (i * kWidth);
      high |= at(i + 4) << (i * kWidth);
    }
    const Wide bits = Wide{low} | Wide{high} << (4 * kWidth);
    std::memcpy(out, &bits, sizeof bits);
  } else {
    std::array<Wide, 2> halves{};
    for (int half = 0; half < 2; ++half) {
      const int first = half * 4;
      const uint64_t low = at(first) | at(first + 1) << kWidth;
      const uint64_t high = at(first + 2) | at(first + 3) << kWidth;
      halves[static_cast<size_t>(half)] = Wide{low} | Wide{high} << (2 * kWidth);
    }
    // A half of an odd width ends within a byte.
    constexpr int kRest = (4 * kWidth) % 8;
    std::memcpy(out, &halves[0], sizeof halves[0]);
    if constexpr (kRest == 0) {
      std::memcpy(out + kWidth / 2, &halves[1], sizeof halves[1]);
    } else {
      const Wide bits = (halves[0] >> (4 * kWidth - kRest)) | halves[1] << kRest;
      std::memcpy(out + (4 * kWidth - kRest) / 8, &bits, sizeof bits);
    }
  }
}

template <int kWidth, typename T>
uint8_t* pack_groups(const T* values, size_t groups, uint8_t* out) {
  for (size_t group = 0; group < groups; ++group) {
    pack_eight<kWidth>(values + group * 8, out);
    out += kWidth;
  }
  return out;
}

template <typename T>
using PackGroups = uint8_t* (*)(const T*, size_t, uint8_t*);

template <typename T, size_t... kIndex>
constexpr auto all_widths(std::index_sequence<kIndex...>) {
  return std::array<PackGroups<T>, sizeof...(kIndex)>{
      pack_groups<static_cast<int>(kIndex) + 1, T>...};
}

template <typename T>
uint8_t* pack(const T* values, size_t groups, int width, uint8_t* out) {
  static constexpr auto kByWidth = all_widths<T>(std::make_index_sequence<sizeof(T) * 8>());
  return kByWidth[static_cast<size_t>(width) - 1](values, groups, out);
}

// Whole groups of eight, and up to seven values more that are padded with
// zeros.
template <typename T>
uint8_t* put_packed(const T* values, size_t count, int width, uint8_t* out) {
  if (count == 0) return out;
  const size_t groups = count / 8, rest = count % 8;
  out = put_varint((groups + (rest > 0 ? 1 : 0)) << 1 | 1, out);
  if (groups > 0) out = pack(values, groups, width, out);
  if (rest > 0) {
    std::array<T, 8> last{};
    std::copy_n(values + groups * 8, rest, last.begin());
    out = pack(last.data(), 1, width, out);
  }
  return out;
}

template <typename T>
uint8_t* put_run(T value, size_t count, int width, uint8_t* out) {
  out = put_varint(count << 1, out);
  auto bits = static_cast<uint64_t>(value);
  for (int byte = 0; byte < width; byte += 8, bits >>= 8) *out++ = static_cast<uint8_t>(bits);
  return out;
}

template <typename T>
inline bool eight_are_equal(const T* values) {
  T different = 0;
  for (int i = 1; i < 8; ++i) different = static_cast<T>(different | (values[0] ^ values[i]));
  return different == 0;
}

// Runs begin where a group of eight does, since what is packed before them must
// be whole groups. A run of eight takes two bytes at least, so that it never
// needs more than its packed form.
template <typename T>
uint8_t* hybrid(const T* values, size_t count, int width, uint8_t* out) {
  if (width == 0) return put_run(T{0}, count, width, out);
  constexpr size_t kLeastRun = 16;
  size_t packed = 0, at = 0;
  while (at + 8 <= count) {
    if (!eight_are_equal(values + at)) {
      at += 8;
      continue;
    }
    const T value = values[at];
    size_t end = at + 8;
    while (end < count && values[end] == value) ++end;
    if (end - at < kLeastRun && end < count) {
      at += 8;
      continue;
    }
    out = put_packed(values + packed, at - packed, width, out);
    out = put_run(value, end - at, width, out);
    at = packed = end;
  }
  return put_packed(values + packed, count - packed, width, out);
}

}  // namespace

int bit_width(uint64_t values) {
  return values <= 1 ? 0 : static_cast<int>(std::bit_width(values - 1));
}

size_t max_hybrid_bytes(size_t count, int width) {
  // Each run or packed stretch holds eight values at least, but for the last
  // one.
  const size_t groups = count / 8 + 2;
  return groups * (static_cast<size_t>(width) + 10) + 16;
}

uint8_t* encode_hybrid(const uint8_t* values, size_t count, int width, uint8_t* out) {
  return hybrid(values, count, width, out);
}
uint8_t* encode_hybrid(const uint32_t* values, size_t count, int width, uint8_t* out) {
  return hybrid(values, count, width, out);
}

uint8_t* encode_run(uint32_t value, size_t count, int width, uint8_t* out) {
  return put_run(value, count, width, out);
}

uint8_t* pack_bits(const uint8_t* values, size_t count, uint8_t* out) {
  const size_t groups = count / 8;
  out = pack_groups<1>(values, groups, out);
  if (count % 8 == 0) return out;
  std::array<uint8_t, 8> last{};
  std::copy_n(values + groups * 8, count % 8, last.begin());
  return pack_groups<1>(last.data(), 1, out);
}

}  // namespace sluice::parquet
