#include "arrangement/hash.h"

#include <cstring>
#include <random>

namespace sluice::arrangement {
namespace {

struct Seed {
  uint64_t first, second;
};

const Seed& seed() {
  static const Seed drawn = [] {
    std::random_device random;
    // Odd, so that no product with them loses bits.
    const auto word = [&] { return ((uint64_t{random()} << 32) | random()) | 1; };
    return Seed{word(), word()};
  }();
  return drawn;
}

// Both halves of the 128-bit product, folded: each bit of the result depends on all of both.
uint64_t multiply(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

template <typename Word = uint64_t>
Word word_at(const char* data) {
  Word word;
  std::memcpy(&word, data, sizeof word);
  return word;
}

// All of 1 to 7 bytes. A copy of so many would be a call.
uint64_t few_bytes(const char* data, size_t count) {
  if (count >= 4) {
    return word_at<uint32_t>(data) | (uint64_t{word_at<uint32_t>(data + count - 4)} << 32);
  }
  const auto byte = [data](size_t at) { return uint64_t{static_cast<unsigned char>(data[at])}; };
  return byte(0) | (byte(count / 2) << 8) | (byte(count - 1) << 16);
}

}  // namespace

uint64_t hash_bytes(std::string_view bytes) {
  const auto [first, second] = seed();
  const char* data = bytes.data();
  size_t left = bytes.size();
  uint64_t state = first ^ (left * second);
  for (; left > 16; data += 16, left -= 16) {
    state = multiply(word_at(data) ^ second, word_at(data + 8) ^ state);
  }
  uint64_t low = 0;
  uint64_t high = 0;
  if (left >= 8) {
    low = word_at(data);
    high = word_at(data + left - 8);
  } else if (left > 0) {
    low = few_bytes(data, left);
  }
  return multiply(first ^ second, multiply(low ^ second, high ^ state));
}

uint64_t combine_hashes(uint64_t first, uint64_t second) {
  return multiply(first ^ seed().second, second ^ seed().first);
}

}  // namespace sluice::arrangement
