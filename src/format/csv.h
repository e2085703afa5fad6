// Chunks -> CSV records and -> COPY's text format, in PostgreSQL's form.
//
// CSV: a field is quoted if it contains the delimiter, the quote, CR or LF, equals the NULL text,
// is `\.` in a relation of one column, or is forced to be; NULL never is. Inside quotes, quote and
// escape are escaped.
//
// Threads: an encoder serves one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/chunk.h"
#include "engine/functions/time_zone.h"
#include "format/csv_text.h"
#include "format/text.h"
#include "types/sql_type.h"

namespace sluice::format {

struct CsvOptions {
  char delimiter = ',';
  char quote = '"';
  char escape = '"';
  std::string null_text;
  bool header = false;  // the caller writes header() first; encode() never does
  bool force_quote_all = false;
  std::vector<std::string> force_quote;  // columns' names
};

// Some records, one behind the other. Kept for its memory, which is not cleared.
class CsvRecords {
 public:
  std::string_view text() const { return {memory_.get(), size_}; }
  // Where each record ends in text().
  const std::vector<size_t>& ends() const { return ends_; }

 private:
  friend class CsvEncoder;
  // Room for so many bytes behind `at`, which is the end of what is written; where that is now.
  char* reserve(char* at, size_t bytes) {
    return static_cast<size_t>(limit_ - at) >= bytes ? at : grow(at, bytes);
  }
  char* grow(char* at, size_t bytes);

  std::unique_ptr<char[]> memory_;
  char* limit_ = nullptr;
  size_t size_ = 0;
  std::vector<size_t> ends_;
};

class CsvEncoder {
 public:
  CsvEncoder(std::vector<std::string> names, std::vector<types::SqlType> types, CsvOptions options,
             TextOptions text);
  ~CsvEncoder();

  // The header line with its line end, whatever options.header says.
  std::string header() const;

  // Begins a chunk, which must stay as it is until next() has returned false.
  Status begin(engine::Chunk& chunk);
  // Replaces `out` by the next of its records: so few that they stay in the processor's cache until
  // somebody has copied them, though at least one. False: there are no more.
  bool next(CsvRecords& out);

  // All at once. Appends the chunk's records to `out`, and to `row_ends` the offset in `out` at
  // which each record ends.
  Status encode(engine::Chunk& chunk, std::string& out, std::vector<size_t>& row_ends);

 private:
  struct Column;
  Status begin_column(Column& column, engine::Vector& vector);
  char* put_field(const Column& column, size_t row, char* to, CsvRecords& out) const;
  char* put_text(const Column& column, const duckdb::string_t& text, char* to,
                 CsvRecords& out) const;
  char* put_looked_at(const Column& column, std::string_view text, char* to, CsvRecords& out) const;
  bool wants_quotes(std::string_view text) const;

  const std::vector<std::string> names_;
  const CsvOptions options_;
  const TextOptions text_;
  const engine::functions::TimeZone* const zone_;  // null: encode_text() tells what is wrong
  const CsvText fields_;
  std::vector<Column> columns_;
  size_t record_bytes_ = 0;  // of a record whose texts are all short, at most
  size_t rows_ = 0;          // of the chunk at hand
  size_t row_ = 0;           // the next
  CsvRecords records_;       // encode()'s
};

struct CopyTextOptions {
  char delimiter = '\t';
  std::string null_text = "\\N";
};

// COPY TO STDOUT's text format: tabs, \N, backslash escapes, one line a row.
class CopyTextEncoder {
 public:
  CopyTextEncoder(std::vector<types::SqlType> types, CopyTextOptions options, TextOptions text);
  Status encode(engine::Chunk& chunk, std::string& out, std::vector<size_t>& row_ends);

 private:
  const std::vector<types::SqlType> types_;
  const CopyTextOptions options_;
  const TextOptions text_;
  std::vector<TextColumn> columns_;
};

}  // namespace sluice::format
