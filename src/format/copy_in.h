// COPY FROM STDIN: bytes in pieces of any size -> chunks of the target columns' types.
//
// Threads: one at a time. Memory: one chunk of rows, and the longest record (bounded by
// max_record_bytes).
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/chunk.h"
#include "types/sql_type.h"

namespace sluice::format {

struct CopyInOptions {
  enum class Format { kText, kCsv };
  Format format = Format::kText;
  char delimiter = '\t';          // csv: ','
  std::string null_text = "\\N";  // csv: ""
  char quote = '"';
  char escape = '"';
  bool header = false;  // the first line is skipped
  std::string time_zone = "UTC";
  size_t max_record_bytes = size_t{64} << 20;

  static CopyInOptions text() { return {}; }
  static CopyInOptions csv() {
    CopyInOptions options;
    options.format = Format::kCsv;
    options.delimiter = ',';
    options.null_text.clear();
    return options;
  }
};

// A column that rows of the input fill.
struct CopyInColumn {
  std::string name;
  types::SqlType type;
};

class CopyParser {
 public:
  // Called with up to 2048 rows; the chunk is valid during the call only.
  using Rows = std::function<Status(engine::Chunk&)>;

  // `table` is for context(). The SQLSTATEs are PostgreSQL's: 22P04 for the wrong number of fields,
  // 22P02, 22001 and others for values.
  CopyParser(std::string table, std::vector<CopyInColumn> columns, CopyInOptions options);
  ~CopyParser();

  Status feed(std::span<const char> bytes, const Rows& rows);
  // The end of the input: the last record may lack its line end.
  Status finish(const Rows& rows);
  uint64_t rows() const;
  // What in the input was refused: `COPY t, line 3, column a: "x"`. Empty: nothing of it was.
  const std::string& context() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::format
