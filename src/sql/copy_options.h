// The options of COPY, checked: their values, bounds and the reference's words for what is wrong.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "format/copy_in.h"
#include "format/csv.h"
#include "sql/front/statement.h"

namespace sluice::sql {

// '256MB', '1.5kB', '1000': units B, kB, MB, GB, TB with factor 1024; a fraction is rounded to a
// whole number of the next lower unit. The reference's error texts, 22023.
Result<uint64_t> parse_byte_size(std::string_view text);

enum class CopyFormat : uint8_t { kText, kCsv, kBinary, kParquet };

// COMPRESSION zstd 9
struct CopyCompression {
  std::string name;  // in lower case
  int level = 0;     // 0: none was said
  int32_t position = 0;
};

// BLOOM FILTERS: which columns have one in each row group.
struct CopyBloomFilters {
  enum class Kind : uint8_t { kAutomatic, kNone, kAll, kNamed } kind = Kind::kAutomatic;
  std::vector<std::string> columns;  // kNamed
  int32_t position = 0;
};

// COPY … TO, as far as its options alone tell.
struct CopyToOptions {
  std::optional<CopyFormat> format;
  format::CsvOptions csv;
  // What of csv's options was given at all, in upper case: COPY TO STDOUT refuses them.
  std::vector<std::string> given;
  int32_t force_quote_position = 0;
  std::optional<CopyCompression> compression;
  std::optional<ObjectName> connection;
  std::optional<uint64_t> max_file_bytes;  // bounds not checked yet: they come late in the order
  // Of files in a store only; `given_for_files` names those that were given.
  enum class Overwrite : uint8_t { kError, kReplace, kAppend } overwrite = Overwrite::kError;
  bool manifest = false;
  bool single_file = false;
  bool preserve_order = false;
  std::optional<std::string> file_name_pattern;
  std::vector<std::string> partition_by;  // texts of expressions
  int32_t partition_position = 0;
  bool write_partition_columns = false;
  std::optional<std::string> profile;  // its name, not checked
  int32_t profile_position = 0;
  std::optional<uint64_t> row_group_bytes;  // the next three: Parquet
  bool statistics = true;
  CopyBloomFilters bloom_filters;
  std::vector<std::string> given_for_files;
};
Result<CopyToOptions> copy_to_options(const std::vector<Option>& options);

// `expression [AS name]` of PARTITION BY, and the name it goes by: that, or a column's own. 42601,
// without a position, for what has none and for what is more than an expression.
struct Partition {
  ExpressionPtr expression;
  std::string name;
};
Result<Partition> parse_partition(const std::string& text);

// The checks that the reference makes after those of the format: single bytes, delimiter = quote.
Status check_csv_options(const std::vector<Option>& options, const format::CsvOptions& csv);

// An option of CSV with Parquet, or the reverse: 0A000.
Status check_options_of_format(const std::vector<Option>& options, CopyFormat format);

// FORCE QUOTE names columns of the result; 42703 for others.
Status check_force_quote(const CopyToOptions& options, const std::vector<std::string>& columns);

Result<format::CopyInOptions> copy_from_options(const std::vector<Option>& options);

}  // namespace sluice::sql
