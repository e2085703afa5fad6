#include "format/csv.h"

#include <algorithm>
#include <cstring>

#include "engine/functions/text_out.h"

namespace sluice::format {
namespace {

namespace text = engine::functions;
using duckdb::LogicalTypeId;
using types::SqlType;
using types::TypeId;

// The characters that texts of a type can have, where they are few and known.
const char* alphabet(TypeId type) {
  switch (type) {
    case TypeId::kBoolean:
      return "tf";
    case TypeId::kSmallInt:
    case TypeId::kInteger:
    case TypeId::kBigInt:
    case TypeId::kUint2:
    case TypeId::kUint4:
    case TypeId::kUint8:
    case TypeId::kMzTimestamp:
    case TypeId::kOid:
      return "-0123456789";
    case TypeId::kNumeric:
      return "-.0123456789";
    case TypeId::kReal:
    case TypeId::kDouble:
      return "-+.0123456789eInfityNa";
    case TypeId::kUuid:
      return "-0123456789abcdef";
    case TypeId::kDate:
      return "- 0123456789BCinfty";
    case TypeId::kTime:
      return ":.0123456789";
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return "-+:. 0123456789BCinfty";
    default:
      return nullptr;
  }
}

// Whether no text of this type can hold the delimiter, the quote or the escape, or be the NULL
// text.
bool is_plain(const SqlType& type, const CsvOptions& options) {
  const char* const characters = alphabet(type.id);
  if (characters == nullptr) return false;
  const auto in_alphabet = [characters](char c) { return std::strchr(characters, c) != nullptr; };
  for (const char c : {options.delimiter, options.quote, options.escape}) {
    if (in_alphabet(c)) return false;
  }
  // No value is empty; otherwise any character outside will do.
  for (const char c : options.null_text) {
    if (!in_alphabet(c)) return true;
  }
  return options.null_text.empty();
}

// Records are handed on when they have so many bytes: a part of what a core's own cache holds.
constexpr size_t kBlockBytes = size_t{64} << 10;
// A field whose text is short, quotes and delimiter included, and numbers and times.
constexpr size_t kFieldBytes = 56;

// Values that are written into records as they lie in the chunk; all others are turned into texts
// first, a column at a time.
enum class Form : uint8_t {
  kPrepared,
  kText,
  kBoolean,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kDecimal16,
  kDecimal32,
  kDecimal64,
  kDecimal128,
  kDate,
  kTimestamp,
  kTimestampTz,
};

Form form_of_decimal(duckdb::PhysicalType physical) {
  switch (physical) {
    case duckdb::PhysicalType::INT16:
      return Form::kDecimal16;
    case duckdb::PhysicalType::INT32:
      return Form::kDecimal32;
    case duckdb::PhysicalType::INT64:
      return Form::kDecimal64;
    default:
      return Form::kDecimal128;
  }
}

Form form_of(const engine::LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::BOOLEAN:
      return Form::kBoolean;
    case LogicalTypeId::TINYINT:
      return Form::kInt8;
    case LogicalTypeId::SMALLINT:
      return Form::kInt16;
    case LogicalTypeId::INTEGER:
      return Form::kInt32;
    case LogicalTypeId::BIGINT:
      return Form::kInt64;
    case LogicalTypeId::UTINYINT:
      return Form::kUint8;
    case LogicalTypeId::USMALLINT:
      return Form::kUint16;
    case LogicalTypeId::UINTEGER:
      return Form::kUint32;
    case LogicalTypeId::UBIGINT:
      return Form::kUint64;
    case LogicalTypeId::DECIMAL:
      return form_of_decimal(type.InternalType());
    case LogicalTypeId::DATE:
      return Form::kDate;
    case LogicalTypeId::TIMESTAMP:
      return Form::kTimestamp;
    case LogicalTypeId::TIMESTAMP_TZ:
      return Form::kTimestampTz;
    case LogicalTypeId::VARCHAR:
      return Form::kText;
    default:
      return Form::kPrepared;
  }
}

char* put_small_decimal(char* to, int64_t value, int scale) {
  if (value < 0) *to++ = '-';
  const auto positive = static_cast<uint64_t>(value);
  return text::put_small_decimal(to, value < 0 ? uint64_t{0} - positive : positive, scale);
}

char* put_short(char* to, std::string_view text) {
  for (const char c : text) *to++ = c;
  return to;
}

}  // namespace

struct CsvEncoder::Column {
  template <typename T>
  T value(size_t row) const {
    return static_cast<const T*>(data)[row];
  }

  // Not for kText and kPrepared.
  [[gnu::always_inline]] char* put_value(char* to, size_t at, const text::TimeZone* zone) const {
    switch (form) {
      case Form::kBoolean:
        *to = value<uint8_t>(at) != 0 ? 't' : 'f';
        return to + 1;
      case Form::kInt8:
        return text::put_integer(to, value<int8_t>(at));
      case Form::kInt16:
        return text::put_integer(to, value<int16_t>(at));
      case Form::kInt32:
        return text::put_integer(to, value<int32_t>(at));
      case Form::kInt64:
        return text::put_integer(to, value<int64_t>(at));
      case Form::kUint8:
        return text::put_unsigned(to, value<uint8_t>(at));
      case Form::kUint16:
        return text::put_unsigned(to, value<uint16_t>(at));
      case Form::kUint32:
        return text::put_unsigned(to, value<uint32_t>(at));
      case Form::kUint64:
        return text::put_unsigned(to, value<uint64_t>(at));
      case Form::kDecimal16:
        return put_small_decimal(to, value<int16_t>(at), scale);
      case Form::kDecimal32:
        return put_small_decimal(to, value<int32_t>(at), scale);
      case Form::kDecimal64:
        return put_small_decimal(to, value<int64_t>(at), scale);
      case Form::kDecimal128:
        return text::put_decimal(to, text::to_int128(value<duckdb::hugeint_t>(at)), scale, trim);
      case Form::kDate:
        return text::put_date(to, value<int32_t>(at));
      case Form::kTimestamp:
        return text::put_timestamp(to, value<int64_t>(at));
      case Form::kTimestampTz:
        return text::put_timestamp_tz(to, value<int64_t>(at), *zone);
      default:
        return to;
    }
  }

  SqlType type;
  bool is_plain = false;   // its texts can never need quotes
  bool is_forced = false;  // into quotes

  // Of the chunk at hand.
  Form form = Form::kPrepared;
  int scale = 0;
  bool trim = false;
  const void* data = nullptr;
  const duckdb::sel_t* selection = nullptr;  // null: each row lies at its place
  const uint64_t* valid = nullptr;           // null: no row is NULL
  duckdb::UnifiedVectorFormat format;        // owns what the three point to
  TextColumn texts;                          // kPrepared; kept for its memory
};

char* CsvRecords::grow(char* at, size_t bytes) {
  const size_t used = memory_ == nullptr ? 0 : static_cast<size_t>(at - memory_.get());
  const size_t capacity = std::max({used + bytes, 2 * used, 2 * kBlockBytes});
  std::unique_ptr<char[]> memory(new char[capacity]);
  if (used > 0) std::memcpy(memory.get(), memory_.get(), used);
  memory_ = std::move(memory);
  limit_ = memory_.get() + capacity;
  return memory_.get() + used;
}

CsvEncoder::CsvEncoder(std::vector<std::string> names, std::vector<SqlType> types,
                       CsvOptions options, TextOptions text)
    : names_(std::move(names)),
      options_(std::move(options)),
      text_(std::move(text)),
      zone_(text::TimeZone::find(text_.time_zone)),
      fields_(options_.delimiter, options_.quote, options_.escape),
      columns_(types.size()) {
  for (size_t i = 0; i < types.size(); ++i) {
    Column& column = columns_[i];
    column.type = types[i];
    column.is_plain = is_plain(types[i], options_);
    column.is_forced = options_.force_quote_all ||
                       std::find(options_.force_quote.begin(), options_.force_quote.end(),
                                 names_[i]) != options_.force_quote.end();
  }
  record_bytes_ = columns_.size() * (kFieldBytes + options_.null_text.size()) + CsvText::kSlack + 1;
}

CsvEncoder::~CsvEncoder() = default;

bool CsvEncoder::wants_quotes(std::string_view text) const {
  return text == options_.null_text || (columns_.size() == 1 && text == "\\.");
}

std::string CsvEncoder::header() const {
  std::string line;
  for (size_t i = 0; i < names_.size(); ++i) {
    if (i > 0) line += options_.delimiter;
    std::string field(2 * names_[i].size() + 2, '\0');
    char* end = field.data() + names_[i].size();
    if (fields_.copy_slowly(field.data(), names_[i]) || wants_quotes(names_[i])) {
      end = fields_.put_quoted_slowly(field.data(), names_[i]);
    }
    line.append(field.data(), static_cast<size_t>(end - field.data()));
  }
  line += '\n';
  return line;
}

Status CsvEncoder::begin_column(Column& column, engine::Vector& vector) {
  const engine::LogicalType& type = vector.GetType();
  column.form = form_of(type);
  const bool is_as_stored = !(type.IsJSONType() && text_.spaced_json) &&
                            !(column.type.id == TypeId::kChar && column.type.precision > 0);
  if (column.form == Form::kText ? !is_as_stored : !column.is_plain) column.form = Form::kPrepared;
  if (column.form == Form::kTimestampTz && zone_ == nullptr) column.form = Form::kPrepared;
  if (column.form == Form::kPrepared) {
    return encode_text(column.type, vector, rows_, text_, column.texts);
  }
  if (type.id() == LogicalTypeId::DECIMAL) {
    column.scale = duckdb::DecimalType::GetScale(type);
    column.trim = trims_decimals(column.type, type);
  }
  vector.ToUnifiedFormat(rows_, column.format);
  column.data = column.format.data;
  column.selection = column.format.sel->data();
  column.valid = column.format.validity.GetData();
  return ok();
}

Status CsvEncoder::begin(engine::Chunk& chunk) {
  rows_ = chunk.size();
  row_ = 0;
  for (size_t i = 0; i < columns_.size(); ++i) TRY(begin_column(columns_[i], chunk.data[i]));
  return ok();
}

// A text of any length, by its look.
char* CsvEncoder::put_looked_at(const Column& column, std::string_view text, char* to,
                                CsvRecords& out) const {
  to = out.reserve(to, 2 * text.size() + record_bytes_);
  const bool is_quoted = column.is_plain
                             ? column.is_forced
                             : fields_.copy(to, text) || column.is_forced || wants_quotes(text);
  if (is_quoted) return fields_.put_quoted(to, text);
  return column.is_plain ? put_short(to, text) : to + text.size();
}

char* CsvEncoder::put_text(const Column& column, const duckdb::string_t& text, char* to,
                           CsvRecords& out) const {
  const size_t size = text.GetSize();
  const bool may_be_null_text = size == options_.null_text.size();
  if (may_be_null_text || columns_.size() == 1 || column.is_forced) {
    return put_looked_at(column, {text.GetData(), size}, to, out);
  }
  if (!text.IsInlined()) to = out.reserve(to, 2 * size + record_bytes_);
  if (fields_.copy(to, text)) return fields_.put_quoted(to, {text.GetData(), size});
  return to + size;
}

[[gnu::always_inline]] inline char* CsvEncoder::put_field(const Column& column, size_t row,
                                                          char* to, CsvRecords& out) const {
  if (column.form == Form::kPrepared) {
    if (column.texts.null[row] != 0) return put_short(to, options_.null_text);
    return put_looked_at(column, column.texts[row], to, out);
  }
  const size_t at = column.selection == nullptr ? row : column.selection[row];
  if (column.valid != nullptr && (column.valid[at / 64] >> (at % 64) & 1) == 0) {
    return put_short(to, options_.null_text);
  }
  if (column.form == Form::kText) {
    return put_text(column, static_cast<const duckdb::string_t*>(column.data)[at], to, out);
  }
  if (column.is_forced) *to++ = options_.quote;
  to = column.put_value(to, at, zone_);
  if (column.is_forced) *to++ = options_.quote;
  return to;
}

bool CsvEncoder::next(CsvRecords& out) {
  out.ends_.clear();
  out.size_ = 0;
  char* at = out.memory_.get();
  for (; row_ < rows_ && out.size_ < kBlockBytes; ++row_) {
    at = out.reserve(at, record_bytes_);
    for (const Column& column : columns_) {
      at = put_field(column, row_, at, out);
      *at++ = options_.delimiter;
    }
    if (columns_.empty()) ++at;
    at[-1] = '\n';
    out.size_ = static_cast<size_t>(at - out.memory_.get());
    out.ends_.push_back(out.size_);
  }
  return !out.ends_.empty();
}

Status CsvEncoder::encode(engine::Chunk& chunk, std::string& out, std::vector<size_t>& row_ends) {
  TRY(begin(chunk));
  while (next(records_)) {
    for (const size_t end : records_.ends()) row_ends.push_back(out.size() + end);
    out += records_.text();
  }
  return ok();
}

CopyTextEncoder::CopyTextEncoder(std::vector<SqlType> types, CopyTextOptions options,
                                 TextOptions text)
    : types_(std::move(types)),
      options_(std::move(options)),
      text_(std::move(text)),
      columns_(types_.size()) {}

namespace {

// The letter behind the backslash for a character that a line can't hold as it is; 0 for others.
char copy_escape(char c, char delimiter) {
  switch (c) {
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    case '\v':
      return 'v';
    case '\\':
      return '\\';
    default:
      return c == delimiter ? c : '\0';
  }
}

void append_escaped(std::string_view text, char delimiter, std::string& out) {
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char letter = copy_escape(text[i], delimiter);
    if (letter == '\0') continue;
    out.append(text, begin, i - begin);
    out += '\\';
    out += letter;
    begin = i + 1;
  }
  out.append(text, begin, text.size() - begin);
}

}  // namespace

Status CopyTextEncoder::encode(engine::Chunk& chunk, std::string& out,
                               std::vector<size_t>& row_ends) {
  const size_t rows = chunk.size();
  for (size_t i = 0; i < columns_.size(); ++i) {
    TRY(encode_text(types_[i], chunk.data[i], rows, text_, columns_[i]));
  }
  for (size_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) out += options_.delimiter;
      if (columns_[i].null[row] != 0) {
        out += options_.null_text;
      } else {
        append_escaped(columns_[i][row], options_.delimiter, out);
      }
    }
    out += '\n';
    row_ends.push_back(out.size());
  }
  return ok();
}

}  // namespace sluice::format
