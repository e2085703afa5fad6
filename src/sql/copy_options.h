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

// COPY … TO, as far as its options alone tell.
struct CopyToOptions {
  std::optional<CopyFormat> format;
  format::CsvOptions csv;
  // What of csv's options was given at all, in upper case: COPY TO STDOUT refuses them.
  std::vector<std::string> given;
  std::optional<ObjectName> connection;
  std::optional<uint64_t> max_file_bytes;  // bounds not checked yet: they come late in the order
};
Result<CopyToOptions> copy_to_options(const std::vector<Option>& options);

// The checks that the reference makes after those of the format: single bytes, delimiter = quote.
Status check_csv_options(const std::vector<Option>& options, const format::CsvOptions& csv);

Result<format::CopyInOptions> copy_from_options(const std::vector<Option>& options);

}  // namespace sluice::sql
