// Thrift's compact protocol, as far as Parquet's headers and footer need it.
//
//   struct   fields in ascending order, each: (id delta << 4 | type), value;
//   then 0 field    bool is in its type; integers are zigzag varints; binary
//   has its length in front list     (size << 4 | type of its elements), or
//   0xF0 | type and the size; then the elements
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "parquet/buffer.h"

namespace sluice::parquet {

// Appends one struct after the other to a buffer, which must outlive it.
class Thrift {
 public:
  explicit Thrift(Buffer& out) : out_(out) { last_.reserve(8); }

  // A struct that is no field: at the top, or an element of a list.
  void begin() { last_.push_back(0); }
  void end() {
    out_.append(uint8_t{0});
    last_.pop_back();
  }

  void boolean(int id, bool value) { header(id, value ? 1 : 2); }
  void byte(int id, int8_t value) {
    header(id, 3);
    out_.append(static_cast<uint8_t>(value));
  }
  void i16(int id, int64_t value) { integer(id, 4, value); }
  void i32(int id, int64_t value) { integer(id, 5, value); }
  void i64(int id, int64_t value) { integer(id, 6, value); }
  void binary(int id, std::string_view value) {
    header(id, 8);
    element(value);
  }
  void begin_struct(int id) {
    header(id, 12);
    begin();
  }
  // One that was written elsewhere, from begin() to end().
  void written_struct(int id, std::string_view bytes) {
    header(id, 12);
    out_.append(bytes.data(), bytes.size());
  }
  void empty_struct(int id) {
    begin_struct(id);
    end();
  }

  // Lists: the size, then as many elements of that kind.
  void list_of_booleans(int id, size_t size) { list(id, 1, size); }
  void list_of_i32(int id, size_t size) { list(id, 5, size); }
  void list_of_i64(int id, size_t size) { list(id, 6, size); }
  void list_of_binaries(int id, size_t size) { list(id, 8, size); }
  void list_of_structs(int id, size_t size) { list(id, 12, size); }
  void element(bool value) { out_.append(static_cast<uint8_t>(value ? 1 : 2)); }
  void element(int64_t value) { varint(zigzag(value)); }
  void element(std::string_view value) {
    varint(value.size());
    out_.append(value.data(), value.size());
  }

 private:
  static uint64_t zigzag(int64_t value) {
    return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_.append(static_cast<uint8_t>(value | 0x80));
    out_.append(static_cast<uint8_t>(value));
  }
  // No struct of Parquet has a gap of more than 15 between two of its ids.
  void header(int id, int type) {
    out_.append(static_cast<uint8_t>((id - last_.back()) << 4 | type));
    last_.back() = id;
  }
  void integer(int id, int type, int64_t value) {
    header(id, type);
    varint(zigzag(value));
  }
  void list(int id, int type, size_t size) {
    header(id, 9);
    if (size < 15) {
      out_.append(static_cast<uint8_t>(size << 4 | static_cast<size_t>(type)));
    } else {
      out_.append(static_cast<uint8_t>(0xF0 | type));
      varint(size);
    }
  }

  Buffer& out_;
  std::vector<int> last_;  // the last field's id, for each open struct
};

}  // namespace sluice::parquet
