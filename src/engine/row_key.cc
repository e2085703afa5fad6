#include "engine/row_key.h"

#include <cstring>
#include <duckdb/function/create_sort_key.hpp>
#include <random>

#include "engine/engine.h"

namespace sluice::engine {
namespace {

struct Secret {
  uint64_t k0, k1;
};

const Secret& secret() {
  static const Secret drawn = [] {
    std::random_device random;
    const auto word = [&] { return (uint64_t{random()} << 32) | random(); };
    return Secret{word(), word()};
  }();
  return drawn;
}

uint64_t rotate(uint64_t value, int by) { return (value << by) | (value >> (64 - by)); }

// SipHash-2-4 with 128 bits of output.
class SipHash {
 public:
  SipHash()
      : v0_(0x736f6d6570736575ULL ^ secret().k0),
        v1_(0x646f72616e646f6dULL ^ secret().k1 ^ 0xee),
        v2_(0x6c7967656e657261ULL ^ secret().k0),
        v3_(0x7465646279746573ULL ^ secret().k1) {}

  RowKey of(const char* data, size_t size) {
    uint64_t last = static_cast<uint64_t>(size) << 56;
    for (; size >= 8; data += 8, size -= 8) {
      uint64_t word;
      std::memcpy(&word, data, sizeof word);
      absorb(word);
    }
    uint64_t rest = 0;
    std::memcpy(&rest, data, size);
    absorb(last | rest);
    v2_ ^= 0xee;
    rounds(4);
    const uint64_t high = v0_ ^ v1_ ^ v2_ ^ v3_;
    v1_ ^= 0xdd;
    rounds(4);
    return {high, v0_ ^ v1_ ^ v2_ ^ v3_};
  }

 private:
  void absorb(uint64_t word) {
    v3_ ^= word;
    rounds(2);
    v0_ ^= word;
  }
  void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0_ += v1_, v1_ = rotate(v1_, 13) ^ v0_, v0_ = rotate(v0_, 32);
      v2_ += v3_, v3_ = rotate(v3_, 16) ^ v2_;
      v0_ += v3_, v3_ = rotate(v3_, 21) ^ v0_;
      v2_ += v1_, v1_ = rotate(v1_, 17) ^ v2_, v2_ = rotate(v2_, 32);
    }
  }
  uint64_t v0_, v1_, v2_, v3_;
};

}  // namespace

Result<RowKeys> row_keys(const Chunk& rows, std::span<const size_t> columns) {
  try {
    const size_t count = rows.size();
    RowKeys result;
    result.has_null.assign(count, false);
    duckdb::DataChunk chosen;
    duckdb::vector<LogicalType> types;
    for (const size_t column : columns) types.push_back(rows.data[column].GetType());
    chosen.InitializeEmpty(types);
    for (size_t i = 0; i < columns.size(); ++i) {
      chosen.data[i].Reference(rows.data[columns[i]]);
      duckdb::UnifiedVectorFormat format;
      chosen.data[i].ToUnifiedFormat(count, format);
      if (format.validity.AllValid()) continue;
      for (size_t row = 0; row < count; ++row) {
        if (!format.validity.RowIsValid(format.sel->get_index(row))) result.has_null[row] = true;
      }
    }
    chosen.SetCardinality(count);
    const duckdb::vector<duckdb::OrderModifiers> modifiers(
        columns.size(), {duckdb::OrderType::ASCENDING, duckdb::OrderByNullType::NULLS_LAST});
    Vector encoded(LogicalType::BLOB, count);
    duckdb::CreateSortKeyHelpers::CreateSortKey(chosen, modifiers, encoded);
    // A sort key that fits eight bytes comes as an integer.
    duckdb::UnifiedVectorFormat format;
    encoded.ToUnifiedFormat(count, format);
    const auto* blobs = reinterpret_cast<const duckdb::string_t*>(format.data);
    result.keys.reserve(count);
    for (size_t row = 0; row < count; ++row) {
      const duckdb::string_t& blob = blobs[format.sel->get_index(row)];
      result.keys.push_back(SipHash().of(blob.GetData(), blob.GetSize()));
    }
    return result;
  } catch (const std::exception& exception) {
    return engine_error(exception);
  }
}

}  // namespace sluice::engine
