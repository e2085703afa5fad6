// Pages of values of 16 bytes for tests.
#pragma once

#include <random>
#include <span>
#include <string>
#include <vector>

namespace sluice::parquet {

using Values = std::vector<unsigned __int128>;

// `head` bytes, then the values with their highest byte first.
inline std::string page_of(size_t head, const Values& values) {
  std::string page(head, '\x07');
  for (const unsigned __int128 value : values) {
    for (int shift = 120; shift >= 0; shift -= 8) page += static_cast<char>(value >> shift);
  }
  return page;
}

inline std::span<const std::byte> bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline Values random_values(std::mt19937_64& random, size_t count) {
  Values values;
  while (values.size() < count) {
    const auto high = static_cast<unsigned __int128>(random()) << 64;
    const unsigned __int128 one = (random() % 3 == 0 ? high : 0) | random() >> random() % 64;
    const size_t times = random() % 4 == 0 ? 1 + random() % 20 : 1;
    values.insert(values.end(), times, random() % 5 == 0 ? ~one : one);
  }
  return values;
}

}  // namespace sluice::parquet
