#include "base/crc.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sluice {
namespace {

// In the reflected form: the highest bit stands for x^0.
constexpr uint32_t kCrc32 = 0xedb88320;
constexpr uint32_t kCrc32c = 0x82f63b78;
constexpr uint64_t kCrc64Nvme = 0x9a6c9329ac4bc9b5;

// Table [k][b]: the byte b, followed by k bytes of zeros. Eight of them take eight bytes at once.
template <typename Word, Word kPolynomial>
struct Tables {
  std::array<std::array<Word, 256>, 8> of;

  constexpr Tables() : of() {
    for (unsigned int byte = 0; byte < 256; ++byte) {
      Word word = byte;
      for (int bit = 0; bit < 8; ++bit) word = (word >> 1) ^ ((word & 1) != 0 ? kPolynomial : 0);
      of[0][byte] = word;
    }
    for (size_t k = 1; k < 8; ++k) {
      for (size_t byte = 0; byte < 256; ++byte) {
        const Word before = of[k - 1][byte];
        of[k][byte] = (before >> 8) ^ of[0][before & 0xff];
      }
    }
  }
};

template <typename Word, Word kPolynomial>
constexpr Tables<Word, kPolynomial> kTables{};

uint64_t loaded(const std::byte* at) {
  uint64_t word = 0;
  for (size_t i = 0; i < 8; ++i) word |= static_cast<uint64_t>(at[i]) << (8 * i);
  return word;
}

// Goes on from `state`, which is not inverted.
template <typename Word, Word kPolynomial>
Word by_tables(Word state, std::span<const std::byte> bytes) {
  const auto& table = kTables<Word, kPolynomial>.of;
  while (bytes.size() >= 8) {
    const uint64_t word = loaded(bytes.data()) ^ state;
    state = 0;
    for (size_t i = 0; i < 8; ++i) state ^= table[7 - i][(word >> (8 * i)) & 0xff];
    bytes = bytes.subspan(8);
  }
  for (const std::byte byte : bytes) {
    state = static_cast<Word>(state >> 8) ^
            table[0][(state ^ static_cast<Word>(byte)) & static_cast<Word>(0xff)];
  }
  return state;
}

// a * b modulo the polynomial, all three reflected.
template <typename Word, Word kPolynomial>
constexpr Word product(Word a, Word b) {
  Word sum = 0;
  for (Word bit = Word{1} << (8 * sizeof(Word) - 1); bit != 0; bit >>= 1) {
    if ((a & bit) != 0) sum ^= b;
    b = (b >> 1) ^ ((b & 1) != 0 ? kPolynomial : 0);  // times x
  }
  return sum;
}

// x^n modulo the polynomial.
template <typename Word, Word kPolynomial>
constexpr Word power_of_x(uint64_t n) {
  Word result = Word{1} << (8 * sizeof(Word) - 1);  // 1
  Word square = result >> 1;                        // x
  for (; n != 0; n >>= 1) {
    if ((n & 1) != 0) result = product<Word, kPolynomial>(result, square);
    square = product<Word, kPolynomial>(square, square);
  }
  return result;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) uint32_t crc32c_by_instruction(std::span<const std::byte> bytes,
                                                                 uint32_t before) {
  uint64_t state = before;
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof(word));
    state = _mm_crc32_u64(state, word);
  }
  auto small = static_cast<uint32_t>(state);
  for (const std::byte byte : bytes) small = _mm_crc32_u8(small, static_cast<uint8_t>(byte));
  return small;
}

// Sixteen bytes are a polynomial H * x^64 + L, H first in memory. Moving it on by n bits is
// H * (x^(n+64) mod P) + L * (x^n mod P): 128 bits again, equal to it modulo P. A carry-less
// product of two reflected words lacks one factor x, so the powers have one less. A remainder of
// 32 bits is a reflected word of 64 whose lower half is empty.
template <typename Word, Word kPolynomial>
constexpr int64_t moving(uint64_t bits) {
  const uint64_t remainder = power_of_x<Word, kPolynomial>(bits - 1);
  return static_cast<int64_t>(remainder << (64 - 8 * sizeof(Word)));
}

__attribute__((target("pclmul,sse4.1"))) inline __m128i moved(__m128i value, __m128i by) {
  return _mm_xor_si128(_mm_clmulepi64_si128(value, by, 0x00),
                       _mm_clmulepi64_si128(value, by, 0x11));
}

__attribute__((target("pclmul,sse4.1"))) inline __m128i taken(const std::byte* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

constexpr size_t kFoldedStep = 64;
constexpr size_t kLeastFolded = 2 * kFoldedStep;

// Four lanes of sixteen bytes, moved on past each other; then joined into one, whose sixteen bytes
// stand for all that came before. Goes on from `state`, which is not inverted; `bytes` become what
// is left of them. At least kLeastFolded bytes.
template <typename Word, Word kPolynomial>
__attribute__((target("pclmul,sse4.1"))) Word folded(Word state,
                                                     std::span<const std::byte>& bytes) {
  constexpr int64_t kHigh = moving<Word, kPolynomial>(512 + 64);
  constexpr int64_t kLow = moving<Word, kPolynomial>(512);
  constexpr int64_t kLaneHigh = moving<Word, kPolynomial>(128 + 64);
  constexpr int64_t kLaneLow = moving<Word, kPolynomial>(128);
  const __m128i by_step = _mm_set_epi64x(kLow, kHigh);
  const __m128i by_lane = _mm_set_epi64x(kLaneLow, kLaneHigh);
  __m128i lanes[4];
  for (size_t i = 0; i < 4; ++i) lanes[i] = taken(bytes.data() + 16 * i);
  lanes[0] = _mm_xor_si128(lanes[0],
                           _mm_set_epi64x(0, static_cast<int64_t>(static_cast<uint64_t>(state))));
  bytes = bytes.subspan(kFoldedStep);
  for (; bytes.size() >= kFoldedStep; bytes = bytes.subspan(kFoldedStep)) {
    for (size_t i = 0; i < 4; ++i) {
      lanes[i] = _mm_xor_si128(moved(lanes[i], by_step), taken(bytes.data() + 16 * i));
    }
  }
  __m128i all = lanes[0];
  for (size_t i = 1; i < 4; ++i) all = _mm_xor_si128(moved(all, by_lane), lanes[i]);
  std::array<std::byte, 16> rest{};
  std::memcpy(rest.data(), &all, sizeof(all));
  return by_tables<Word, kPolynomial>(0, rest);
}

bool can_fold() {
  static const bool can =
      __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("sse4.1") != 0;
  return can;
}

#endif

}  // namespace

namespace tables {
uint32_t crc32(std::span<const std::byte> bytes) {
  return ~by_tables<uint32_t, kCrc32>(~uint32_t{0}, bytes);
}
uint32_t crc32c(std::span<const std::byte> bytes, uint32_t before) {
  return ~by_tables<uint32_t, kCrc32c>(~before, bytes);
}
uint64_t crc64nvme(std::span<const std::byte> bytes) {
  return ~by_tables<uint64_t, kCrc64Nvme>(~uint64_t{0}, bytes);
}
}  // namespace tables

uint32_t crc32(std::span<const std::byte> bytes) {
  uint32_t state = ~uint32_t{0};
#if defined(__x86_64__)
  if (bytes.size() >= kLeastFolded && can_fold()) state = folded<uint32_t, kCrc32>(state, bytes);
#endif
  return ~by_tables<uint32_t, kCrc32>(state, bytes);
}

uint32_t crc32c(std::span<const std::byte> bytes, uint32_t before) {
  uint32_t state = ~before;
#if defined(__x86_64__)
  if (bytes.size() >= kLeastFolded && can_fold()) state = folded<uint32_t, kCrc32c>(state, bytes);
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return ~crc32c_by_instruction(bytes, state);
#endif
  return ~by_tables<uint32_t, kCrc32c>(state, bytes);
}

uint64_t crc64nvme(std::span<const std::byte> bytes) {
  uint64_t state = ~uint64_t{0};
#if defined(__x86_64__)
  if (bytes.size() >= kLeastFolded && can_fold())
    state = folded<uint64_t, kCrc64Nvme>(state, bytes);
#endif
  return ~by_tables<uint64_t, kCrc64Nvme>(state, bytes);
}

uint64_t joined_crc64nvme(uint64_t a, uint64_t b, uint64_t bytes_of_b) {
  return product<uint64_t, kCrc64Nvme>(a, power_of_x<uint64_t, kCrc64Nvme>(8 * bytes_of_b)) ^ b;
}

}  // namespace sluice
