// The one make of ValueEncoder for all types with dictionaries; a Store knows
// the type's values.
//
// clang-format off
//   struct Store {
//     using Value = …;  // as the engine has it
//     size_t value_bytes() const;  // as PLAIN, 0 where they differ
//     size_t plain_bytes(const Value*, const uint32_t* positions, size_t count) const;
//     void put_plain(const Value*, const uint32_t* positions, size_t count, Buffer&);  // and bounds
//     uint32_t intern(const Value&);  // its index in the dictionary
//     size_t entries() const, dictionary_bytes() const;
//     void write_dictionary(Buffer&) const;
//     void put_entries(const uint32_t* indices, size_t count, Buffer&) const;  // as PLAIN
//     void add_entry_to_bounds(uint32_t index);
//     Bounds end_page_bounds();  // the next page's begin anew
//     Bounds chunk_bounds() const;
//     void clear_dictionary(), clear_bounds();
//   };
// clang-format on
#pragma once

#include <utility>

#include "parquet/kernels.h"
#include "parquet/values.h"

namespace sluice::parquet {

// What two readers out of three take as one page.
inline constexpr size_t kMaxDictionaryBytes = size_t{1} << 20;
inline constexpr size_t kMaxDictionaryEntries = size_t{1} << 16;

template <typename Store>
class DictionaryEncoder final : public ValueEncoder {
 public:
  explicit DictionaryEncoder(Store store) : store_(std::move(store)) { clear_plain(); }

  void append(const uint8_t* data, const uint32_t* positions, size_t count,
              const Codes* codes) override {
    const auto* const values = reinterpret_cast<const typename Store::Value*>(data);
    if (!indexes_) return store_.put_plain(values, positions, count, plain_);
    const size_t bytes = store_.plain_bytes(values, positions, count);
    if (bytes > count * kLargeValueBytes) {
      leave_dictionary();
      if (!indexes_ && indices_.empty()) return store_.put_plain(values, positions, count, plain_);
    }
    plain_bytes_ += bytes;
    indexed_ += count;
    const size_t before = indices_.size();
    indices_.resize(before + count);
    intern(values, positions, count, codes, indices_.data() + before);
    if (pages_ == 0 && indexed_ >= kFirstLook && store_.entries() * 10 > indexed_ * 9) to_plain();
  }

  size_t page_bytes() const override {
    if (indices_.empty()) return plain_.size() - kHeadroom;
    return 1 + indices_.size() * static_cast<size_t>(bit_width(store_.entries())) / 8;
  }
  bool must_end_page() const override {
    return !indices_.empty() && (!indexes_ || store_.entries() > kMaxDictionaryEntries ||
                                 store_.dictionary_bytes() > kMaxDictionaryBytes);
  }

  Page page() override {
    if (!indices_.empty() && !pays()) {
      if (pages_ == 0) {
        to_plain();
      } else {
        indexes_ = false;
      }
    }
    if (indices_.empty()) {
      return {false, plain_.data() + kHeadroom, plain_.size() - kHeadroom,
              store_.end_page_bounds()};
    }
    ++pages_;
    if (must_end_page()) indexes_ = false;
    const int width = bit_width(store_.entries());
    encoded_.clear();
    uint8_t* const begin =
        encoded_.reserve(kHeadroom + 1 + max_hybrid_bytes(indices_.size(), width)) + kHeadroom;
    *begin = static_cast<uint8_t>(width);
    const uint8_t* const end = encode_hybrid(indices_.data(), indices_.size(), width, begin + 1);
    find_bounds();
    return {true, begin, static_cast<size_t>(end - begin), store_.end_page_bounds()};
  }
  void end_page() override {
    indices_.clear();
    clear_plain();
  }

  size_t plain_value_bytes() const override { return store_.value_bytes(); }
  Bounds chunk_bounds() const override { return store_.chunk_bounds(); }

  size_t dictionary_entries() const override { return pages_ == 0 ? 0 : store_.entries(); }
  size_t dictionary_bytes() const override { return store_.dictionary_bytes(); }
  void write_dictionary(Buffer& out) const override { store_.write_dictionary(out); }

  bool wants_comparison() const override { return is_trial_ && !indices_.empty(); }
  void write_plain(Buffer& out) override {
    store_.put_entries(indices_.data(), indices_.size(), out);
  }
  void prefer_plain() override { plain_chunks_ = kPlainChunks; }

  void end_chunk() override {
    // What did not last to the chunk's end is not tried in each of the next
    // ones again.
    if (begins_with_dictionary_ && !indexes_) plain_chunks_ = kPlainChunks;
    const bool began = begins_with_dictionary_;
    begins_with_dictionary_ = indexes_ = plain_chunks_ == 0;
    is_trial_ = begins_with_dictionary_ && !began;
    if (plain_chunks_ > 0) --plain_chunks_;
    store_.clear_dictionary();
    store_.clear_bounds();
    codes_.clear();
    codes_id_.clear();
    plain_bytes_ = indexed_ = pages_ = 0;
  }

 private:
  using Value = typename Store::Value;
  // When it is first asked whether nearly all values differ.
  static constexpr size_t kFirstLook = 4096;
  // Chunks without dictionary before one is tried again.
  static constexpr int kPlainChunks = 24;
  static constexpr size_t kLargeValueBytes = 2048;
  // Buffers larger than this were needed for large values, and are not kept.
  static constexpr size_t kKeptBytes = size_t{1} << 20;

  void clear_plain() {
    plain_.clear_and_keep(kKeptBytes);
    plain_.fill(0, kHeadroom);
  }

  void intern(const Value* values, const uint32_t* positions, size_t count, const Codes* codes,
              uint32_t* out) {
    if (codes != nullptr && positions != nullptr && take_codes(*codes, count)) {
      for (size_t i = 0; i < count; ++i) {
        uint32_t& known = codes_[positions[i]];
        if (known == 0) known = store_.intern(values[positions[i]]) + 1;
        out[i] = known - 1;
      }
    } else if (positions != nullptr) {
      for (size_t i = 0; i < count; ++i) out[i] = store_.intern(values[positions[i]]);
    } else {
      for (size_t i = 0; i < count; ++i) out[i] = store_.intern(values[i]);
    }
  }

  // Whether codes_ is now right for these codes.
  bool take_codes(const Codes& codes, size_t count) {
    if (codes.id != nullptr && !codes.id->empty()) {
      if (*codes.id == codes_id_ && codes_.size() == codes.dictionary_size) return true;
      codes_id_ = *codes.id;
    } else {
      if (codes.dictionary_size > count) return false;
      codes_id_.clear();
    }
    codes_.assign(codes.dictionary_size, 0);
    return true;
  }

  bool pays() const {
    const size_t index_bytes = indexed_ * static_cast<size_t>(bit_width(store_.entries())) / 8;
    return (store_.dictionary_bytes() + index_bytes) * 10 < plain_bytes_ * 9;
  }

  // For what is appended from here on; the open page is turned if it is the
  // first one.
  void leave_dictionary() {
    if (pages_ == 0) {
      to_plain();
    } else {
      indexes_ = false;
    }
  }
  void to_plain() {
    store_.put_entries(indices_.data(), indices_.size(), plain_);
    find_bounds();
    indices_.clear();
    store_.clear_dictionary();
    codes_.clear();
    codes_id_.clear();
    indexes_ = false;
  }

  void find_bounds() {
    used_.assign(store_.entries(), 0);
    for (const uint32_t index : indices_) used_[index] = 1;
    for (size_t entry = 0; entry < used_.size(); ++entry) {
      if (used_[entry] != 0) store_.add_entry_to_bounds(static_cast<uint32_t>(entry));
    }
  }

  Store store_;
  bool begins_with_dictionary_ = true;  // the chunk does
  bool indexes_ = true;                 // values that are appended become indices
  bool is_trial_ = true;                // it is not known yet whether a dictionary pays
  int plain_chunks_ = 0;                // chunks that are to begin without a dictionary
  size_t pages_ = 0;                    // of this chunk, with indices
  size_t indexed_ = 0;  // values of this chunk that became indices, and their bytes as PLAIN
  size_t plain_bytes_ = 0;
  std::vector<uint32_t> indices_;  // of the open page
  Buffer plain_;                   // of the open page, behind kHeadroom
  Buffer encoded_;
  std::vector<uint32_t> codes_;  // the scan's code -> index + 1
  std::string codes_id_;
  std::vector<uint8_t> used_;
};

}  // namespace sluice::parquet
