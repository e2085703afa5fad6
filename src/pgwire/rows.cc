#include "pgwire/rows.h"

#include <cstring>

#include "format/binary.h"
#include "types/sql_type.h"

namespace sluice::pgwire {
namespace {

constexpr size_t kMaxRowBytes = size_t{1} << 30;  // as PostgreSQL: clients read lengths as int

char* put_16(char* to, uint16_t value) {
  value = __builtin_bswap16(value);
  std::memcpy(to, &value, 2);
  return to + 2;
}

char* put_32(char* to, uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(to, &value, 4);
  return to + 4;
}

}  // namespace

Result<std::vector<Format>> column_formats(std::span<const int16_t> codes,
                                           const std::vector<session::Column>& columns) {
  if (codes.size() > 1 && codes.size() != columns.size()) {
    return invalid("bind message has {} result formats but query has {} columns", codes.size(),
                   columns.size())
        .with_sqlstate("08P01");
  }
  std::vector<Format> formats;
  formats.reserve(columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    const int16_t code = codes.empty() ? int16_t{0} : codes[codes.size() == 1 ? 0 : i];
    if (code != 0 && code != 1) {
      return invalid("unsupported format code: {}", code).with_sqlstate("22023");
    }
    if (code == 1 && !format::supports_binary(columns[i].type)) {
      return invalid("no binary output function available for type {}",
                     types::name(columns[i].type))
          .with_sqlstate("0A000");
    }
    formats.push_back(static_cast<Format>(code));
  }
  return formats;
}

RowEncoder::RowEncoder(const std::vector<session::Column>& columns, std::vector<Format> formats)
    : columns_(columns), formats_(std::move(formats)), encoded_(columns.size()) {
  CHECK(formats_.size() == columns_.size());
}

Status RowEncoder::encode(engine::Chunk& chunk, const format::TextOptions& options) {
  CHECK(at_end() && chunk.ColumnCount() == columns_.size());
  rows_ = next_ = 0;
  const size_t rows = chunk.size();
  for (size_t i = 0; i < columns_.size(); ++i) {
    const auto encode_column =
        formats_[i] == Format::kBinary ? format::encode_binary : format::encode_text;
    TRY(encode_column(columns_[i].type, chunk.data[i], rows, options, encoded_[i]));
  }
  rows_ = rows;
  return ok();
}

Result<uint64_t> RowEncoder::take(const Limits& limits, std::string& out) {
  const size_t first = next_;
  while (next_ < rows_ && next_ - first < limits.rows && out.size() < limits.bytes) {
    TRY(append_row(next_, out));
    ++next_;
  }
  return uint64_t{next_ - first};
}

Status RowEncoder::append_row(size_t row, std::string& out) const {
  size_t length = 4 + 2;
  for (const format::TextColumn& column : encoded_) length += 4 + column[row].size();
  if (length > kMaxRowBytes) {
    return error(ErrorCode::kExhausted, "row of {} bytes is too large to be sent", length)
        .with_sqlstate("54000");
  }
  const size_t begin = out.size();
  out.resize(begin + 1 + length);
  char* to = out.data() + begin;
  *to++ = 'D';
  to = put_32(to, static_cast<uint32_t>(length));
  to = put_16(to, static_cast<uint16_t>(encoded_.size()));
  for (const format::TextColumn& column : encoded_) {
    if (column.null[row] != 0) {
      to = put_32(to, static_cast<uint32_t>(-1));
      continue;
    }
    const std::string_view value = column[row];
    to = put_32(to, static_cast<uint32_t>(value.size()));
    std::memcpy(to, value.data(), value.size());
    to += value.size();
  }
  return ok();
}

}  // namespace sluice::pgwire
