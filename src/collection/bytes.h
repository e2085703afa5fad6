// How records of the log and of heads are laid out in bytes: little-endian integers, strings with
// their length in front.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::collection {

class ByteWriter {
 public:
  void u32(uint32_t value) { raw(&value, sizeof value); }
  void u64(uint64_t value) { raw(&value, sizeof value); }
  void i64(int64_t value) { raw(&value, sizeof value); }
  void flag(bool value) { bytes_.push_back(value ? '\1' : '\0'); }
  void text(std::string_view value) {
    u64(value.size());
    bytes_.append(value);
  }
  void raw(const void* data, size_t size) { bytes_.append(static_cast<const char*>(data), size); }

  size_t size() const { return bytes_.size(); }
  std::string take() { return std::move(bytes_); }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Reads what a ByteWriter has written. Past the end, or after a length that cannot be, every read
// gives zero and ok() is false: callers check once, before they use what they have read.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  uint32_t u32() { return number<uint32_t>(); }
  uint64_t u64() { return number<uint64_t>(); }
  int64_t i64() { return number<int64_t>(); }
  bool flag() { return number<char>() != '\0'; }
  std::string_view text() {
    const uint64_t size = u64();
    if (size > rest_.size()) return fail();
    const std::string_view value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }
  // The number of items that follow, each of at least `least` bytes: bounds what is reserved.
  uint64_t count(size_t least) {
    const uint64_t items = u64();
    if (items > rest_.size() / (least == 0 ? 1 : least)) {
      fail();
      return 0;
    }
    return items;
  }

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

 private:
  template <typename T>
  T number() {
    T value{};
    if (rest_.size() < sizeof value) {
      fail();
      return T{};
    }
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view fail() {
    ok_ = false;
    rest_ = {};
    return {};
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace sluice::collection
