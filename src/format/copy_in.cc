#include "format/copy_in.h"

#include <cstring>

#include "engine/functions/text_in.h"

namespace sluice::format {
namespace {

using engine::functions::ColumnReader;
using engine::functions::TimeZone;

constexpr size_t kMaxShownBytes = 100;

Error data_error(std::string_view message) { return invalid("{}", message).with_sqlstate("22P04"); }

int octal(char c) { return c >= '0' && c <= '7' ? c - '0' : -1; }

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char letter = static_cast<char>(c | 0x20);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// Takes the backslashes off a field of the text format.
void unescape(std::string_view raw, std::string& out) {
  out.clear();
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\' || i + 1 >= raw.size()) {
      out += raw[i];
      continue;
    }
    const char c = raw[++i];
    switch (c) {
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'v':
        out += '\v';
        break;
      case 'x': {
        int value = -1;
        for (int digits = 0; digits < 2 && i + 1 < raw.size() && hex(raw[i + 1]) >= 0; ++digits) {
          value = (value < 0 ? 0 : value * 16) + hex(raw[++i]);
        }
        out += value < 0 ? 'x' : static_cast<char>(value);
        break;
      }
      default: {
        if (octal(c) < 0) {
          out += c;
          break;
        }
        int value = octal(c);
        for (int digits = 1; digits < 3 && i + 1 < raw.size() && octal(raw[i + 1]) >= 0; ++digits) {
          value = value * 8 + octal(raw[++i]);
        }
        out += static_cast<char>(value);
      }
    }
  }
}

}  // namespace

struct CopyParser::State {
  State(std::string table_name, std::vector<CopyInColumn> target, CopyInOptions copy_options)
      : table(std::move(table_name)), columns(std::move(target)), options(std::move(copy_options)) {
    csv = options.format == CopyInOptions::Format::kCsv;
    skip_header = options.header;
    zone = TimeZone::find(options.time_zone);
    duckdb::vector<engine::LogicalType> engine_types;
    for (const CopyInColumn& column : columns) {
      engine_types.push_back(types::to_engine(column.type));
      readers.emplace_back(engine_types.back(), zone != nullptr ? *zone : TimeZone::utc());
    }
    if (!columns.empty()) {
      chunk.Initialize(duckdb::Allocator::DefaultAllocator(), engine_types);
    }
  }

  Status consume(const Rows& sink, bool at_end);
  // The end of the record that begins at `record`, without its line end; npos: not there yet.
  size_t find_end();
  bool pass_quotes(size_t end);
  Status take_record(std::string_view line, const Rows& sink);
  Status take_text_fields(std::string_view line);
  Status take_csv_fields(std::string_view line);
  // One field of a CSV record from `at` on; afterwards `at` is at the delimiter or the end.
  Status take_csv_field(std::string_view line, size_t& at, std::string_view& field, bool& quoted);
  Status store(size_t column, std::string_view text);
  void store_null(size_t column) { duckdb::FlatVector::SetNull(chunk.data[column], row, true); }
  Status emit(const Rows& sink);
  // Refuses what is too long for a varchar(n) or char(n), but for blanks at the end.
  Status fit(size_t column, std::string_view& text) const;
  Error in_line(Error failure, std::string_view line);
  std::string quoted(std::string_view text) const;

  const std::string table;
  const std::vector<CopyInColumn> columns;
  const CopyInOptions options;
  bool csv = false;
  const TimeZone* zone = nullptr;
  std::vector<ColumnReader> readers;
  engine::Chunk chunk;
  size_t row = 0;
  uint64_t rows_emitted = 0;

  std::string buffer;
  size_t record = 0;       // where the first unread record begins in the buffer
  size_t scanned = 0;      // up to where its end has been looked for
  bool in_quotes = false;  // at `scanned`, csv
  uint64_t line_number = 0;
  uint64_t lines_in_record = 1;
  bool skip_header = false;
  bool ended = false;                           // behind the end mark \.
  bool returns = false, returns_known = false;  // lines end with CR LF
  std::string scratch;
  std::string context;  // see CopyParser::context()
};

// Follows quotes from `scanned` to `end`. False: an escape's second character has yet to arrive.
bool CopyParser::State::pass_quotes(size_t end) {
  const char* const data = buffer.data();
  if (options.escape == options.quote) {
    // A doubled quote ends and begins at once, so counting is enough.
    for (size_t i = scanned; i < end; ++i) {
      const void* const quote = std::memchr(data + i, options.quote, end - i);
      if (quote == nullptr) break;
      i = static_cast<size_t>(static_cast<const char*>(quote) - data);
      in_quotes = !in_quotes;
    }
    return true;
  }
  for (size_t i = scanned; i < end; ++i) {
    if (in_quotes && data[i] == options.escape) {
      if (i + 1 >= buffer.size()) {
        scanned = i;
        return false;
      }
      if (data[i + 1] == options.quote || data[i + 1] == options.escape) ++i;
    } else if (data[i] == options.quote) {
      in_quotes = !in_quotes;
    }
  }
  return true;
}

size_t CopyParser::State::find_end() {
  const char* const data = buffer.data();
  while (scanned < buffer.size()) {
    const size_t found = buffer.find('\n', scanned);
    const size_t end = std::min(found, buffer.size());
    if (!csv) {
      if (found == std::string::npos) {
        scanned = end;
        return std::string::npos;
      }
      // A line end behind an odd number of backslashes is data.
      size_t slashes = 0;
      while (end - slashes > record && data[end - slashes - 1] == '\\') ++slashes;
      scanned = end + 1;
      if (slashes % 2 == 0) return end;
      ++lines_in_record;
      continue;
    }
    if (!pass_quotes(end)) return std::string::npos;
    if (found == std::string::npos) {
      scanned = end;
      return std::string::npos;
    }
    scanned = end + 1;
    if (!in_quotes) return end;
    ++lines_in_record;
  }
  return std::string::npos;
}

Error CopyParser::State::in_line(Error failure, std::string_view line) {
  context = fmt::format("COPY {}, line {}", table, line_number);
  if (!line.empty()) context += ": " + quoted(line);
  return failure;
}

std::string CopyParser::State::quoted(std::string_view text) const {
  const bool cut = text.size() > kMaxShownBytes;
  return fmt::format("\"{}{}\"", text.substr(0, kMaxShownBytes), cut ? "..." : "");
}

Status CopyParser::State::fit(size_t column, std::string_view& text) const {
  const types::SqlType& type = columns[column].type;
  const bool blank_padded = type.id == types::TypeId::kChar;
  if (!blank_padded && type.id != types::TypeId::kVarchar) return ok();
  const auto limit = static_cast<size_t>(std::max(type.precision, 0));
  if (type.precision > 0 && text.size() > limit) {
    size_t end = 0;
    for (size_t characters = 0; end < text.size(); ++end) {
      if ((text[end] & 0xc0) != 0x80 && ++characters > limit) break;
    }
    if (text.find_first_not_of(' ', end) != std::string_view::npos) {
      return invalid("value too long for type {}", types::name(type)).with_sqlstate("22001");
    }
    text = text.substr(0, end);
  }
  // As the engine keeps char(n): its text form pads it again.
  while (blank_padded && type.precision > 0 && text.ends_with(' ')) text.remove_suffix(1);
  return ok();
}

Status CopyParser::State::store(size_t column, std::string_view text) {
  std::string_view fitting = text;
  Status status = fit(column, fitting);
  if (status.ok()) status = readers[column].read(fitting, chunk.data[column], row);
  if (status.ok()) return ok();
  context = fmt::format("COPY {}, line {}, column {}: {}", table, line_number, columns[column].name,
                        quoted(text));
  return status;
}

Status CopyParser::State::take_text_fields(std::string_view line) {
  size_t at = 0;
  for (size_t column = 0; column < columns.size(); ++column) {
    if (at > line.size()) {
      return in_line(
          data_error(fmt::format("missing data for column \"{}\"", columns[column].name)), line);
    }
    bool escaped = false;
    size_t end = at;
    for (; end < line.size() && line[end] != options.delimiter; ++end) {
      if (line[end] != '\\') continue;
      escaped = true;
      ++end;
    }
    if (end > line.size()) end = line.size();
    const std::string_view raw = line.substr(at, end - at);
    if (raw == options.null_text) {
      store_null(column);
    } else if (escaped) {
      unescape(raw, scratch);
      TRY(store(column, scratch));
    } else {
      TRY(store(column, raw));
    }
    at = end + 1;
  }
  if (at <= line.size()) return in_line(data_error("extra data after last expected column"), line);
  return ok();
}

Status CopyParser::State::take_csv_field(std::string_view line, size_t& at, std::string_view& field,
                                         bool& quoted) {
  const size_t begin = at;
  while (at < line.size() && line[at] != options.delimiter && line[at] != options.quote) ++at;
  if (at >= line.size() || line[at] == options.delimiter) {
    field = line.substr(begin, at - begin);
    quoted = false;
    return ok();
  }
  quoted = true;
  scratch.assign(line.substr(begin, at - begin));
  bool inside = false;
  for (; at < line.size(); ++at) {
    const char c = line[at];
    if (!inside) {
      if (c == options.delimiter) break;
      if (c == options.quote) {
        inside = true;
      } else {
        scratch += c;
      }
      continue;
    }
    const bool escapes = c == options.escape && at + 1 < line.size() &&
                         (line[at + 1] == options.escape || line[at + 1] == options.quote);
    if (escapes) {
      scratch += line[++at];
    } else if (c == options.quote) {
      inside = false;
    } else {
      scratch += c;
    }
  }
  if (inside) return in_line(data_error("unterminated CSV quoted field"), line);
  field = scratch;
  return ok();
}

Status CopyParser::State::take_csv_fields(std::string_view line) {
  size_t at = 0;
  for (size_t column = 0; column < columns.size(); ++column) {
    if (at > line.size()) {
      return in_line(
          data_error(fmt::format("missing data for column \"{}\"", columns[column].name)), line);
    }
    std::string_view field;
    bool quoted = false;
    TRY(take_csv_field(line, at, field, quoted));
    if (!quoted && field == options.null_text) {
      store_null(column);
    } else {
      TRY(store(column, field));
    }
    ++at;
  }
  if (at <= line.size()) return in_line(data_error("extra data after last expected column"), line);
  return ok();
}

Status CopyParser::State::emit(const Rows& sink) {
  if (row == 0) return ok();
  chunk.SetCardinality(row);
  TRY(sink(chunk));
  rows_emitted += row;
  row = 0;
  chunk.Reset();
  return ok();
}

Status CopyParser::State::take_record(std::string_view line, const Rows& sink) {
  if (!returns_known) {
    returns_known = true;
    returns = !line.empty() && line.back() == '\r';
  }
  if (returns && !line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line == "\\.") {
    ended = true;
    return ok();
  }
  if (skip_header) {
    skip_header = false;
    return ok();
  }
  if (columns.empty()) {
    if (!line.empty()) return in_line(data_error("extra data after last expected column"), line);
    return ok();
  }
  TRY(csv ? take_csv_fields(line) : take_text_fields(line));
  if (++row == STANDARD_VECTOR_SIZE) TRY(emit(sink));
  return ok();
}

Status CopyParser::State::consume(const Rows& sink, bool at_end) {
  if (zone == nullptr) {
    return invalid("time zone \"{}\" not recognized", options.time_zone).with_sqlstate("22023");
  }
  while (!ended) {
    size_t end = find_end();
    if (end == std::string::npos) {
      if (!at_end || record >= buffer.size()) break;
      end = buffer.size();
      scanned = end;
    }
    line_number += lines_in_record;
    lines_in_record = 1;
    const std::string_view line(buffer.data() + record, end - record);
    record = std::min(end + 1, buffer.size());
    TRY(take_record(line, sink));
    in_quotes = false;
  }
  if (ended) record = scanned = buffer.size();
  buffer.erase(0, record);
  scanned -= record;
  record = 0;
  if (buffer.size() > options.max_record_bytes) {
    context = fmt::format("COPY {}, line {}", table, line_number + 1);
    return error(ErrorCode::kExhausted, "a row is longer than {} bytes", options.max_record_bytes)
        .with_sqlstate("54000");
  }
  return ok();
}

CopyParser::CopyParser(std::string table, std::vector<CopyInColumn> columns, CopyInOptions options)
    : state_(std::make_unique<State>(std::move(table), std::move(columns), std::move(options))) {}
CopyParser::~CopyParser() = default;

Status CopyParser::feed(std::span<const char> bytes, const Rows& rows) {
  if (state_->ended) return ok();
  state_->buffer.append(bytes.data(), bytes.size());
  return state_->consume(rows, false);
}

Status CopyParser::finish(const Rows& rows) {
  TRY(state_->consume(rows, true));
  return state_->emit(rows);
}

const std::string& CopyParser::context() const { return state_->context; }

uint64_t CopyParser::rows() const { return state_->rows_emitted + state_->row; }

}  // namespace sluice::format
