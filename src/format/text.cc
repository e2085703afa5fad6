#include "format/text.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "engine/functions/text_out.h"

namespace sluice::format {
namespace {

namespace text = engine::functions;
using duckdb::LogicalTypeId;
using engine::LogicalType;
using types::SqlType;
using types::TypeId;

// A column in any layout, as data, selection and validity.
struct Source {
  Source(engine::Vector& column, size_t count) : vector(column), rows(count) {
    column.ToUnifiedFormat(count, format);
  }
  template <typename T>
  const T* data() const {
    return reinterpret_cast<const T*>(format.data);
  }

  engine::Vector& vector;
  size_t rows;
  duckdb::UnifiedVectorFormat format;
};

Error too_large(size_t rows) {
  return error(ErrorCode::kExhausted, "a column of {} rows is larger than 4 GB as text", rows)
      .with_sqlstate("54000");
}

// put(out, index) writes one value of at most `width` bytes and returns the new end.
template <typename Put>
void encode_bounded(const Source& source, size_t width, TextColumn& out, const Put& put) {
  out.bytes.resize(source.rows * width);
  char* const begin = out.bytes.data();
  char* at = begin;
  const bool all_valid = source.format.validity.AllValid();
  for (size_t row = 0; row < source.rows; ++row) {
    const size_t index = source.format.sel->get_index(row);
    if (all_valid || source.format.validity.RowIsValid(index)) {
      at = put(at, index);
    } else {
      out.null[row] = 1;
    }
    out.ends[row] = static_cast<uint32_t>(at - begin);
  }
  out.bytes.resize(static_cast<size_t>(at - begin));
}

// append(index) appends one value to out.bytes.
template <typename Append>
Status encode_unbounded(const Source& source, TextColumn& out, const Append& append) {
  for (size_t row = 0; row < source.rows; ++row) {
    const size_t index = source.format.sel->get_index(row);
    if (source.format.validity.RowIsValid(index)) {
      append(index);
    } else {
      out.null[row] = 1;
    }
    if (out.bytes.size() > UINT32_MAX) return too_large(source.rows);
    out.ends[row] = static_cast<uint32_t>(out.bytes.size());
  }
  return ok();
}

template <typename T>
void encode_signed(const Source& source, TextColumn& out) {
  const T* data = source.data<T>();
  encode_bounded(source, text::kMaxIntegerText, out,
                 [data](char* at, size_t i) { return text::put_integer(at, data[i]); });
}

template <typename T>
void encode_unsigned(const Source& source, TextColumn& out) {
  const T* data = source.data<T>();
  encode_bounded(source, text::kMaxIntegerText, out,
                 [data](char* at, size_t i) { return text::put_unsigned(at, data[i]); });
}

void encode_decimal(const Source& source, const text::TextStyle& style, TextColumn& out) {
  const LogicalType& type = source.vector.GetType();
  const int scale = duckdb::DecimalType::GetScale(type);
  const bool trim = text::prints_trimmed(type, style);
  const duckdb::PhysicalType physical = type.InternalType();
  const void* data = source.format.data;
  encode_bounded(source, text::kMaxDecimalText, out, [=](char* at, size_t i) {
    return text::put_decimal(at, text::decimal_at(physical, data, i), scale, trim);
  });
}

void encode_timestamp_tz(const Source& source, const text::TimeZone& zone, TextColumn& out) {
  const auto* data = source.data<int64_t>();
  encode_bounded(source, text::kMaxTimestampText, out, [data, &zone](char* at, size_t i) {
    return text::put_timestamp_tz(at, data[i], zone);
  });
}

// Texts as they are, in one piece of memory that is large enough from the start.
Status encode_plain(const Source& source, const duckdb::string_t* data, TextColumn& out) {
  size_t bytes = 0;
  for (size_t row = 0; row < source.rows; ++row) {
    const size_t index = source.format.sel->get_index(row);
    if (source.format.validity.RowIsValid(index)) bytes += data[index].GetSize();
    if (bytes > UINT32_MAX) return too_large(source.rows);
  }
  out.bytes.resize(bytes);
  char* at = out.bytes.data();
  for (size_t row = 0; row < source.rows; ++row) {
    const size_t index = source.format.sel->get_index(row);
    if (source.format.validity.RowIsValid(index)) {
      const size_t size = data[index].GetSize();
      std::memcpy(at, data[index].GetData(), size);
      at += size;
    } else {
      out.null[row] = 1;
    }
    out.ends[row] = static_cast<uint32_t>(at - out.bytes.data());
  }
  return ok();
}

Status encode_strings(const SqlType& type, const Source& source, const text::TextStyle& style,
                      TextColumn& out) {
  const auto* data = source.data<duckdb::string_t>();
  const auto view = [data](size_t i) {
    return std::string_view(data[i].GetData(), data[i].GetSize());
  };
  if (source.vector.GetType().id() == LogicalTypeId::BLOB) {
    return encode_unbounded(source, out, [&](size_t i) { text::append_bytea(view(i), out.bytes); });
  }
  if (source.vector.GetType().IsJSONType()) {
    return encode_unbounded(
        source, out, [&](size_t i) { text::append_json(view(i), style.spaced_json, out.bytes); });
  }
  if (type.id == TypeId::kChar && type.precision > 0) {
    // Stored without blanks at the end, shown padded to the declared length in characters.
    return encode_unbounded(source, out, [&](size_t i) {
      const std::string_view value = view(i);
      out.bytes += value;
      size_t characters = 0;
      for (const char c : value) characters += (c & 0xc0) != 0x80 ? 1 : 0;
      const auto length = static_cast<size_t>(type.precision);
      if (characters < length) out.bytes.append(length - characters, ' ');
    });
  }
  return encode_plain(source, data, out);
}

Status encode(const SqlType& type, const Source& source, const text::TextStyle& style,
              TextColumn& out) {
  switch (source.vector.GetType().id()) {
    case LogicalTypeId::BOOLEAN: {
      const auto* data = source.data<uint8_t>();
      encode_bounded(source, 1, out, [data](char* at, size_t i) {
        *at = data[i] != 0 ? 't' : 'f';
        return at + 1;
      });
      return ok();
    }
    case LogicalTypeId::TINYINT:
      return encode_signed<int8_t>(source, out), ok();
    case LogicalTypeId::SMALLINT:
      return encode_signed<int16_t>(source, out), ok();
    case LogicalTypeId::INTEGER:
      return encode_signed<int32_t>(source, out), ok();
    case LogicalTypeId::BIGINT:
      return encode_signed<int64_t>(source, out), ok();
    case LogicalTypeId::UTINYINT:
      return encode_unsigned<uint8_t>(source, out), ok();
    case LogicalTypeId::USMALLINT:
      return encode_unsigned<uint16_t>(source, out), ok();
    case LogicalTypeId::UINTEGER:
      return encode_unsigned<uint32_t>(source, out), ok();
    case LogicalTypeId::UBIGINT:
      return encode_unsigned<uint64_t>(source, out), ok();
    case LogicalTypeId::HUGEINT: {
      const auto* data = source.data<duckdb::hugeint_t>();
      encode_bounded(source, text::kMaxDecimalText, out, [data](char* at, size_t i) {
        return text::put_decimal(at, text::to_int128(data[i]), 0, false);
      });
      return ok();
    }
    case LogicalTypeId::DECIMAL:
      return encode_decimal(source, style, out), ok();
    case LogicalTypeId::FLOAT: {
      const auto* data = source.data<float>();
      encode_bounded(source, text::kMaxDoubleText, out,
                     [data](char* at, size_t i) { return text::put_float(at, data[i]); });
      return ok();
    }
    case LogicalTypeId::DOUBLE: {
      const auto* data = source.data<double>();
      encode_bounded(source, text::kMaxDoubleText, out,
                     [data](char* at, size_t i) { return text::put_double(at, data[i]); });
      return ok();
    }
    case LogicalTypeId::DATE: {
      const auto* data = source.data<int32_t>();
      encode_bounded(source, text::kMaxDateText, out,
                     [data](char* at, size_t i) { return text::put_date(at, data[i]); });
      return ok();
    }
    case LogicalTypeId::TIME: {
      const auto* data = source.data<int64_t>();
      encode_bounded(source, text::kMaxTimeText, out,
                     [data](char* at, size_t i) { return text::put_time(at, data[i]); });
      return ok();
    }
    case LogicalTypeId::TIMESTAMP: {
      const auto* data = source.data<int64_t>();
      encode_bounded(source, text::kMaxTimestampText, out,
                     [data](char* at, size_t i) { return text::put_timestamp(at, data[i]); });
      return ok();
    }
    case LogicalTypeId::TIMESTAMP_TZ:
      return encode_timestamp_tz(source, *style.zone, out), ok();
    case LogicalTypeId::INTERVAL: {
      const auto* data = source.data<duckdb::interval_t>();
      encode_bounded(source, text::kMaxIntervalText, out,
                     [data](char* at, size_t i) { return text::put_interval(at, data[i]); });
      return ok();
    }
    case LogicalTypeId::UUID: {
      const auto* data = source.data<duckdb::hugeint_t>();
      encode_bounded(source, text::kMaxUuidText, out,
                     [data](char* at, size_t i) { return text::put_uuid(at, data[i]); });
      return ok();
    }
    case LogicalTypeId::VARCHAR:
    case LogicalTypeId::BLOB:
      return encode_strings(type, source, style, out);
    default:
      return encode_unbounded(source, out, [&](size_t) {});
  }
}

bool is_flat_type(const LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::LIST:
    case LogicalTypeId::MAP:
    case LogicalTypeId::STRUCT:
    case LogicalTypeId::ARRAY:
    case LogicalTypeId::ENUM:
    case LogicalTypeId::UHUGEINT:
    case LogicalTypeId::SQLNULL:
    case LogicalTypeId::TIMESTAMP_SEC:
    case LogicalTypeId::TIMESTAMP_MS:
    case LogicalTypeId::TIMESTAMP_NS:
    case LogicalTypeId::TIME_TZ:
    case LogicalTypeId::BIT:
    case LogicalTypeId::UNION:
      return false;
    default:
      return true;
  }
}

bool keeps_scale(const SqlType& type) {
  if (type.id == TypeId::kNumeric) return type.scale >= 0;
  return type.arguments.size() == 1 && keeps_scale(type.arguments[0]);
}

Result<text::TextStyle> style_for(const SqlType& type, const TextOptions& options) {
  text::TextStyle style;
  style.spaced_json = options.spaced_json;
  style.keep_scale = keeps_scale(type);
  style.zone = text::TimeZone::find(options.time_zone);
  if (style.zone == nullptr) {
    return invalid("time zone \"{}\" not recognized", options.time_zone).with_sqlstate("22023");
  }
  return style;
}

Status encode_any(const SqlType& type, engine::Vector& vector, size_t rows,
                  const text::TextStyle& style, TextColumn& out);

bool is_nested(const LogicalType& type) {
  return type.id() == LogicalTypeId::LIST || type.id() == LogicalTypeId::MAP ||
         type.id() == LogicalTypeId::ARRAY;
}

// Whether the rows have most of the items that lie in the vector: a piece of a chunk has few of
// them, and all would be encoded for it.
bool has_most_items(const Source& source) {
  const auto* const entries = source.data<duckdb::list_entry_t>();
  size_t items = 0;
  for (size_t row = 0; row < source.rows; ++row) {
    const size_t index = source.format.sel->get_index(row);
    if (source.format.validity.RowIsValid(index)) items += entries[index].length;
  }
  return items >= duckdb::ListVector::GetListSize(source.vector) / 2;
}

// All items of all rows at once, as a column of their own; then they are put together.
struct Items {
  explicit Items(bool map) : in_map(map) {}

  Status encode(engine::Vector& vector, size_t count, const text::TextStyle& style) {
    const LogicalType& type = vector.GetType();
    if (type.id() == LogicalTypeId::INTEGER || type.id() == LogicalTypeId::BIGINT) {
      numbers.emplace(vector, count);  // written where they belong at once
      is_wide = type.id() == LogicalTypeId::BIGINT;
      return ok();
    }
    is_bare = is_nested(type) || type.IsIntegral() || type.id() == LogicalTypeId::DECIMAL ||
              type.id() == LogicalTypeId::BOOLEAN;
    TRY(encode_any(types::make(TypeId::kText), vector, count, style, texts));
    texts.bytes.append(kShort, '\0');  // so that short ones can be copied by the sixteen
    return ok();
  }
  size_t begin(size_t item) const { return item == 0 ? 0 : texts.ends[item - 1]; }
  // At most, of so many items from `first` on: each with quotes, separators, and all escaped.
  size_t bound(size_t first, size_t count) const {
    if (count == 0) return 0;
    if (numbers) return count * (text::kMaxIntegerText + 4);
    return 2 * (texts.ends[first + count - 1] - begin(first)) + count * 6;
  }
  // May write kShort bytes behind the end.
  char* put(char* to, size_t item) const {
    if (numbers) return put_number(to, numbers->format.sel->get_index(item));
    if (texts.null[item] != 0) return put_null(to);
    const std::string_view text = texts[item];
    if (!is_bare) return text::put_list_element(to, text, in_map);
    std::memcpy(to, text.data(), kShort);
    if (text.size() > kShort) std::memcpy(to, text.data(), text.size());
    return to + text.size();
  }
  char* put_number(char* to, size_t index) const {
    if (!numbers->format.validity.RowIsValid(index)) return put_null(to);
    return text::put_integer(
        to, is_wide ? numbers->data<int64_t>()[index] : numbers->data<int32_t>()[index]);
  }
  static char* put_null(char* to) {
    constexpr std::string_view null = "NULL";
    std::memcpy(to, null.data(), null.size());
    return to + null.size();
  }

  static constexpr size_t kShort = 16;
  bool in_map;
  bool is_bare = false;  // no item can need quotes
  bool is_wide = false;
  std::optional<Source> numbers;  // else `texts`
  TextColumn texts;
};

// put(to, entry) writes what is between a row's braces, of bound(entry) bytes at most.
template <typename Bound, typename Put>
Status encode_entries(const Source& source, TextColumn& out, const Bound& bound, const Put& put) {
  const auto* const entries = source.data<duckdb::list_entry_t>();
  size_t most = 0;
  for (size_t row = 0; row < source.rows; ++row) {
    const size_t index = source.format.sel->get_index(row);
    if (source.format.validity.RowIsValid(index)) most += bound(entries[index]) + 2;
  }
  if (most > UINT32_MAX) return too_large(source.rows);
  out.bytes.resize(most + Items::kShort);
  char* at = out.bytes.data();
  for (size_t row = 0; row < source.rows; ++row) {
    const size_t index = source.format.sel->get_index(row);
    if (source.format.validity.RowIsValid(index)) {
      *at++ = '{';
      char* const end = put(at, entries[index]);
      at = end == at ? at : end - 1;  // without the last comma
      *at++ = '}';
    } else {
      out.null[row] = 1;
    }
    out.ends[row] = static_cast<uint32_t>(at - out.bytes.data());
  }
  out.bytes.resize(static_cast<size_t>(at - out.bytes.data()));
  return ok();
}

Status encode_lists(const Source& source, const text::TextStyle& style, TextColumn& out) {
  Items items(false);
  TRY(items.encode(duckdb::ListVector::GetEntry(source.vector),
                   duckdb::ListVector::GetListSize(source.vector), style));
  return encode_entries(
      source, out, [&](const auto& entry) { return items.bound(entry.offset, entry.length); },
      [&](char* to, const auto& entry) {
        for (size_t i = 0; i < entry.length; ++i) {
          to = items.put(to, entry.offset + i);
          *to++ = ',';
        }
        return to;
      });
}

// Keys in order, as the reference has them.
Status encode_maps(const Source& source, const text::TextStyle& style, TextColumn& out) {
  const size_t count = duckdb::ListVector::GetListSize(source.vector);
  Items keys(true);
  Items values(true);
  TRY(keys.encode(duckdb::MapVector::GetKeys(source.vector), count, style));
  TRY(values.encode(duckdb::MapVector::GetValues(source.vector), count, style));
  const auto before = [&keys](size_t a, size_t b) { return keys.texts[a] < keys.texts[b]; };
  std::vector<size_t> order;
  return encode_entries(
      source, out,
      [&](const auto& entry) {
        return keys.bound(entry.offset, entry.length) + values.bound(entry.offset, entry.length);
      },
      [&](char* to, const auto& entry) {
        order.resize(entry.length);
        for (size_t i = 0; i < order.size(); ++i) order[i] = entry.offset + i;
        if (!std::is_sorted(order.begin(), order.end(), before)) {
          std::sort(order.begin(), order.end(), before);
        }
        for (const size_t item : order) {
          to = keys.put(to, item);
          *to++ = '=';
          *to++ = '>';
          to = values.put(to, item);
          *to++ = ',';
        }
        return to;
      });
}

// Nested and rare types, value by value.
Status encode_values(engine::Vector& vector, size_t rows, const text::TextStyle& style,
                     TextColumn& out) {
  for (size_t row = 0; row < rows; ++row) {
    const engine::Value value = vector.GetValue(row);
    if (value.IsNull()) {
      out.null[row] = 1;
    } else {
      text::append_value(value, style, out.bytes);
    }
    if (out.bytes.size() > UINT32_MAX) return too_large(rows);
    out.ends[row] = static_cast<uint32_t>(out.bytes.size());
  }
  return ok();
}

Status encode_any(const SqlType& type, engine::Vector& vector, size_t rows,
                  const text::TextStyle& style, TextColumn& out) {
  out.bytes.clear();
  out.ends.assign(rows, 0);
  out.null.assign(rows, 0);
  const LogicalTypeId id = vector.GetType().id();
  if (is_flat_type(vector.GetType())) return encode(type, Source(vector, rows), style, out);
  if (id == LogicalTypeId::LIST || id == LogicalTypeId::MAP) {
    const Source source(vector, rows);
    if (has_most_items(source)) {
      return id == LogicalTypeId::LIST ? encode_lists(source, style, out)
                                       : encode_maps(source, style, out);
    }
  }
  return encode_values(vector, rows, style, out);
}

}  // namespace

Status encode_text(const SqlType& type, engine::Vector& vector, size_t rows,
                   const TextOptions& options, TextColumn& out) {
  TRY_ASSIGN(const text::TextStyle style, style_for(type, options));
  return encode_any(type, vector, rows, style, out);
}

bool trims_decimals(const SqlType& type, const LogicalType& stored) {
  text::TextStyle style;
  style.keep_scale = keeps_scale(type);
  return text::prints_trimmed(stored, style);
}

Result<std::string> text_of(const SqlType& type, const engine::Value& value,
                            const TextOptions& options) {
  engine::Vector vector(value);
  TextColumn column;
  TRY(encode_text(type, vector, 1, options, column));
  return std::string(column[0]);
}

}  // namespace sluice::format
