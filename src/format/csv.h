// Chunks -> CSV records and -> COPY's text format, in PostgreSQL's form.
//
// CSV: a field is quoted if it contains the delimiter, the quote, CR or LF, equals the NULL text,
// or is `\.` in a relation of one column. Inside quotes, quote and escape are escaped.
//
// Threads: an encoder serves one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/chunk.h"
#include "format/text.h"
#include "types/sql_type.h"

namespace sluice::format {

struct CsvOptions {
  char delimiter = ',';
  char quote = '"';
  char escape = '"';
  std::string null_text;
  bool header = false;  // the caller writes header() first; encode() never does
};

class CsvEncoder {
 public:
  CsvEncoder(std::vector<std::string> names, std::vector<types::SqlType> types, CsvOptions options,
             TextOptions text);

  // The header line with its line end, whatever options.header says.
  std::string header() const;
  // Appends the chunk's records to `out`, and to `row_ends` the offset in `out` at which each
  // record ends.
  Status encode(engine::Chunk& chunk, std::string& out, std::vector<size_t>& row_ends);

 private:
  // How the fields of one column, in one chunk, come into their records.
  enum class Fields {
    kPlain,     // as they are
    kNullText,  // quoted if equal to the NULL text
    kAny,       // each has to be looked at
  };
  Fields fields_of(size_t column) const;
  char* put_quoted(char* to, std::string_view text) const;
  bool needs_quotes(std::string_view text) const;

  const std::vector<std::string> names_;
  const std::vector<types::SqlType> types_;
  const CsvOptions options_;
  const TextOptions text_;
  std::vector<bool> plain_;          // columns whose texts can never need quotes
  std::vector<TextColumn> columns_;  // kept between chunks for their memory
  std::vector<Fields> fields_;       // of the chunk at hand
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
