#include "export/parquet_footer.h"

#include <cstring>

namespace sluice::exports {
namespace {

constexpr std::string_view kMagic = "PAR1";
constexpr int kMostDepth = 32;

// Thrift's compact protocol, as far as it is needed to get past what is not looked for. Every read
// is checked: after the end there are zeros, and `is_whole` is false.
class Thrift {
 public:
  explicit Thrift(std::string_view bytes) : bytes_(bytes) {}

  bool is_whole() const { return is_whole_; }

  // The type of the struct's next field, its id in `id`; 0 at the end.
  int field(int& id) {
    const uint8_t head = byte();
    const int type = head & 0x0f;
    if (type == 0) return 0;
    id = (head >> 4) != 0 ? id + (head >> 4) : static_cast<int>(integer());
    return type;
  }
  uint64_t list(int& type) {
    const uint8_t head = byte();
    type = head & 0x0f;
    const uint64_t size = (head >> 4) == 15 ? varint() : head >> 4;
    if (size > bytes_.size()) is_whole_ = false;
    return is_whole_ ? size : 0;
  }
  int64_t integer() {
    const uint64_t value = varint();
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
  }

  void skip(int type, int depth = 0) {
    if (depth > kMostDepth) is_whole_ = false;
    if (!is_whole_) return;
    switch (type) {
      case 1:  // true and false are in the type
      case 2:
        return;
      case 3:
        byte();
        return;
      case 4:
      case 5:
      case 6:
        varint();
        return;
      case 7:
        advance(8);
        return;
      case 8:
        advance(varint());
        return;
      case 9:
      case 10:
        return skip_list(depth);
      case 12:
        return skip_struct(depth);
      default:
        is_whole_ = false;
    }
  }

 private:
  void skip_list(int depth) {
    int type = 0;
    const uint64_t size = list(type);
    // A bool in a list has a byte of its own.
    for (uint64_t i = 0; i < size && is_whole_; ++i) skip(type <= 2 ? 3 : type, depth + 1);
  }
  void skip_struct(int depth) {
    int id = 0;
    for (int type = field(id); type != 0 && is_whole_; type = field(id)) skip(type, depth + 1);
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t next = byte();
      value |= uint64_t{next & 0x7fU} << shift;
      if ((next & 0x80) == 0) return value;
    }
    is_whole_ = false;
    return 0;
  }
  uint8_t byte() {
    if (at_ >= bytes_.size()) {
      is_whole_ = false;
      return 0;
    }
    return static_cast<uint8_t>(bytes_[at_++]);
  }
  void advance(uint64_t count) {
    if (count > bytes_.size() - at_) {
      is_whole_ = false;
    } else {
      at_ += count;
    }
  }

  const std::string_view bytes_;
  size_t at_ = 0;
  bool is_whole_ = true;
};

int64_t rows_of_group(Thrift& in) {
  int64_t rows = 0;
  int id = 0;
  for (int type = in.field(id); type != 0 && in.is_whole(); type = in.field(id)) {
    if (id == 3) {
      rows = in.integer();
    } else {
      in.skip(type);
    }
  }
  return rows;
}

}  // namespace

Result<uint64_t> rows_of_parquet_footer(std::string_view tail) {
  if (tail.size() < 8 || !tail.ends_with(kMagic)) return internal("no Parquet footer");
  uint32_t size = 0;
  std::memcpy(&size, tail.data() + tail.size() - 8, sizeof(size));
  if (size > tail.size() - 8) return internal("a Parquet footer of {} bytes is not whole", size);
  Thrift in(tail.substr(tail.size() - 8 - size, size));
  int64_t rows = -1, in_groups = 0;
  int id = 0;
  for (int type = in.field(id); type != 0 && in.is_whole(); type = in.field(id)) {
    if (id == 3) {
      rows = in.integer();
    } else if (id == 4) {
      int element = 0;
      const uint64_t groups = in.list(element);
      for (uint64_t i = 0; i < groups && in.is_whole(); ++i) in_groups += rows_of_group(in);
    } else {
      in.skip(type);
    }
  }
  if (!in.is_whole() || rows < 0) return internal("a Parquet footer that cannot be read");
  if (rows != in_groups) {
    return internal("a Parquet footer tells of {} rows, its row groups of {}", rows, in_groups);
  }
  return static_cast<uint64_t>(rows);
}

}  // namespace sluice::exports
