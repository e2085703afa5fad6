#include "parquet/bloom_filter.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "parquet/thrift.h"

namespace sluice::parquet {
namespace {

// ---- XXH64 ----

constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87, kPrime2 = 0xC2B2AE3D27D4EB4F,
                   kPrime3 = 0x165667B19E3779F9, kPrime4 = 0x85EBCA77C2B2AE63,
                   kPrime5 = 0x27D4EB2F165667C5;

template <typename Word>
uint64_t load(const uint8_t* at) {
  Word word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

uint64_t mixed(uint64_t lane, uint64_t word) {
  return std::rotl(lane + word * kPrime2, 31) * kPrime1;
}

// Of 32 bytes and more: four lanes of words, joined. `at` ends behind the last whole 32.
uint64_t hash_of_lanes(const uint8_t*& at, size_t size) {
  std::array<uint64_t, 4> lanes{kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};
  for (; size >= 32; size -= 32) {
    for (uint64_t& lane : lanes) {
      lane = mixed(lane, load<uint64_t>(at));
      at += sizeof(uint64_t);
    }
  }
  uint64_t hash = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) +
                  std::rotl(lanes[3], 18);
  for (const uint64_t lane : lanes) hash = (hash ^ mixed(0, lane)) * kPrime1 + kPrime4;
  return hash;
}

// ---- blocks ----

using Block = std::array<uint32_t, 8>;
constexpr size_t kMostBytes = size_t{32} << 20;

void insert(uint64_t hash, std::vector<Block>& blocks) {
  constexpr Block kSalts{0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                         0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};
  Block& block = blocks[((hash >> 32) * blocks.size()) >> 32];
  const auto key = static_cast<uint32_t>(hash);
  for (size_t i = 0; i < block.size(); ++i) block[i] |= uint32_t{1} << ((key * kSalts[i]) >> 27);
}

// How many different values were inserted, by the share of bits that are set.
double estimated_values(const std::vector<Block>& blocks) {
  uint64_t set = 0;
  for (const Block& block : blocks) {
    for (const uint32_t word : block) set += static_cast<uint64_t>(std::popcount(word));
  }
  // Each sets one bit of 32 in a word, and comes to one block of all.
  const auto words = static_cast<double>(blocks.size() * 32);
  const double unset = std::max(1.0, words * 8 - static_cast<double>(set)) / (words * 8);
  return -std::log(unset) * words;
}

// A value's block is told by the first bits of its hash: in half as many blocks, two become one.
void fold(std::vector<Block>& blocks) {
  for (size_t i = 0; i < blocks.size() / 2; ++i) {
    for (size_t word = 0; word < blocks[i].size(); ++word) {
      blocks[i][word] = blocks[2 * i][word] | blocks[2 * i + 1][word];
    }
  }
  blocks.resize(blocks.size() / 2);
}

}  // namespace

bool can_have_bloom_filter(const Field& field) {
  if (field.kind != FieldKind::kLeaf) {
    return std::ranges::any_of(field.children, can_have_bloom_filter);
  }
  switch (field.physical) {
    case Physical::kInt32:
    case Physical::kInt64:
      return true;
    case Physical::kByteArray:
    case Physical::kFixed:
      return field.meaning != Meaning::kNone;
    case Physical::kBoolean:
    case Physical::kFloat:
    case Physical::kDouble:
      return false;
  }
  return false;
}

uint64_t xxh64(std::span<const uint8_t> bytes) {
  const uint8_t* at = bytes.data();
  const uint8_t* const end = at + bytes.size();
  uint64_t hash = bytes.size() >= 32 ? hash_of_lanes(at, bytes.size()) : kPrime5;
  hash += bytes.size();
  for (; end - at >= 8; at += 8) {
    hash = std::rotl(hash ^ mixed(0, load<uint64_t>(at)), 27) * kPrime1 + kPrime4;
  }
  if (end - at >= 4) {
    hash = std::rotl(hash ^ (load<uint32_t>(at) * kPrime1), 23) * kPrime2 + kPrime3;
    at += 4;
  }
  for (; at < end; ++at) hash = std::rotl(hash ^ (*at * kPrime5), 11) * kPrime1;
  hash = (hash ^ hash >> 33) * kPrime2;
  hash = (hash ^ hash >> 29) * kPrime3;
  return hash ^ hash >> 32;
}

size_t bloom_filter_bytes(size_t values) {
  return std::clamp(std::bit_ceil(values), sizeof(Block), kMostBytes);
}

void ValueHashes::add_plain(std::span<const uint8_t> values) {
  const uint8_t* at = values.data();
  const uint8_t* const end = at + values.size();
  if (leaf_.physical == Physical::kByteArray) {
    while (at < end) {
      const size_t size = load<uint32_t>(at);
      add(xxh64({at + sizeof(uint32_t), size}));
      at += sizeof(uint32_t) + size;
    }
    CHECK(at == end);
    return;
  }
  const size_t width = leaf_.physical == Physical::kInt32   ? sizeof(int32_t)
                       : leaf_.physical == Physical::kInt64 ? sizeof(int64_t)
                                                            : leaf_.fixed_bytes;
  CHECK(width > 0 && values.size() % width == 0);
  for (; at < end; at += width) add(xxh64({at, width}));
}

std::string ValueHashes::build() const {
  std::vector<Block> blocks(bloom_filter_bytes(size()) / sizeof(Block));
  for (size_t i = 0; i < size(); ++i) {
    insert(load<uint64_t>(hashes_.data() + i * sizeof(uint64_t)), blocks);
  }
  const auto different = static_cast<size_t>(estimated_values(blocks));
  const size_t wanted = bloom_filter_bytes(different) / sizeof(Block);
  while (blocks.size() > wanted) fold(blocks);

  const size_t filter_bytes = blocks.size() * sizeof(Block);
  Buffer bytes;
  Thrift header(bytes);
  header.begin();
  header.i32(1, static_cast<int64_t>(filter_bytes));
  // Split blocks, XXH64, not compressed: the only ones that there are.
  for (const int id : {2, 3, 4}) {
    header.begin_struct(id);
    header.empty_struct(1);
    header.end();
  }
  header.end();
  bytes.append(blocks.data(), filter_bytes);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void ValueHashes::clear() {
  // More were of one large row group.
  constexpr size_t kKeptBytes = size_t{2} << 20;
  hashes_.clear_and_keep(kKeptBytes);
}

}  // namespace sluice::parquet
