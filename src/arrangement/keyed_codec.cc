#include "arrangement/keyed_codec.h"

#include <algorithm>

namespace sluice::arrangement {
namespace {

using engine::LogicalType;

std::vector<LogicalType> chosen(const std::vector<LogicalType>& types,
                                const std::vector<size_t>& columns) {
  std::vector<LogicalType> result;
  result.reserve(columns.size());
  for (const size_t column : columns) result.push_back(types[column]);
  return result;
}

std::vector<size_t> payload_columns(const std::vector<LogicalType>& types,
                                    const std::vector<size_t>& key) {
  std::vector<size_t> result;
  for (size_t column = 0; column < types.size(); ++column) {
    const bool in_key = std::find(key.begin(), key.end(), column) != key.end();
    if (!in_key || has_equal_values_that_differ(types[column])) result.push_back(column);
  }
  return result;
}

}  // namespace

KeyedCodec::KeyedCodec(std::vector<LogicalType> types, std::vector<size_t> key)
    : types_(std::move(types)),
      key_(std::move(key)),
      payload_(payload_columns(types_, key_)),
      key_codec_(chosen(types_, key_), Form::kKey),
      payload_codec_(chosen(types_, payload_), Form::kExact) {
  key_to_.reserve(key_.size());
  for (size_t i = 0; i < key_.size(); ++i) {
    const bool again = std::find(key_.begin(), key_.begin() + static_cast<std::ptrdiff_t>(i),
                                 key_[i]) != key_.begin() + static_cast<std::ptrdiff_t>(i);
    key_to_.push_back(again || has_equal_values_that_differ(types_[key_[i]]) ? kNoColumn : key_[i]);
  }
}

void KeyedCodec::encode_keys(const engine::Chunk& rows, ByteRows& keys) const {
  key_codec_.encode(rows, key_, keys);
}

void KeyedCodec::encode_payloads(const engine::Chunk& rows, ByteRows& payloads) const {
  payload_codec_.encode(rows, payload_, payloads);
}

void KeyedCodec::decode(std::span<const std::string_view> keys,
                        std::span<const std::string_view> payloads, size_t first_column,
                        engine::Chunk& out) const {
  const auto moved = [&](std::vector<size_t> columns) {
    for (size_t& column : columns) {
      if (column != kNoColumn) column += first_column;
    }
    return columns;
  };
  key_codec_.decode(keys, moved(key_to_), out);
  payload_codec_.decode(payloads, moved(payload_), out);
}

uint32_t is_null(std::string_view row, size_t column) {
  return (static_cast<uint32_t>(static_cast<unsigned char>(row[column >> 3])) >> (column & 7)) & 1U;
}

}  // namespace sluice::arrangement
