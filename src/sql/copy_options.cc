#include "sql/copy_options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <duckdb/parser/expression/columnref_expression.hpp>
#include <duckdb/parser/query_node/select_node.hpp>
#include <set>

#include "base/text.h"
#include "sql/front/parse.h"

namespace sluice::sql {
namespace {

Error bad_option(const Option& option, std::string message) {
  return Error(ErrorCode::kInvalid, std::move(message))
      .with_sqlstate("22023")
      .at(option.value_position != 0 ? option.value_position : option.position);
}

Result<std::string> text_of(const Option& option) {
  if (option.kind == Option::Kind::kText || option.kind == Option::Kind::kWord ||
      option.kind == Option::Kind::kNumber) {
    return option.value;
  }
  return bad_option(option, fmt::format("{} requires a value", option.name));
}

Result<bool> flag_of(const Option& option) {
  if (option.kind == Option::Kind::kNone) return true;
  TRY_ASSIGN(const std::string text, text_of(option));
  const std::string word = ascii_lower(text);
  if (word == "true" || word == "on" || word == "1" || word == "t") return true;
  if (word == "false" || word == "off" || word == "0" || word == "f") return false;
  return bad_option(option, fmt::format("{} requires a Boolean value", option.name));
}

// One byte; a longer text keeps its first byte here and is refused by check_csv_options().
Result<char> byte_of(const Option& option) {
  TRY_ASSIGN(const std::string text, text_of(option));
  return text.empty() ? '\0' : text[0];
}

Result<CopyFormat> format_of(const Option& option) {
  TRY_ASSIGN(const std::string text, text_of(option));
  const std::string word = ascii_lower(text);
  if (word == "text") return CopyFormat::kText;
  if (word == "csv") return CopyFormat::kCsv;
  if (word == "binary") return CopyFormat::kBinary;
  if (word == "parquet") return CopyFormat::kParquet;
  return bad_option(option, fmt::format("unknown FORMAT: {}", text));
}

Status take_force_quote(const Option& option, CopyToOptions& out) {
  out.force_quote_position = option.value_position;
  if (option.kind == Option::Kind::kStar) {
    out.csv.force_quote_all = true;
  } else if (option.kind == Option::Kind::kList) {
    out.csv.force_quote = option.items;
  } else if (option.kind == Option::Kind::kWord && option.object.parts.size() == 1) {
    out.csv.force_quote = {option.value};
  } else {
    return bad_option(option, "FORCE QUOTE requires column names in parentheses, or *");
  }
  return ok();
}

// zstd, 'zstd', zstd 9, 'zstd 9'
Result<CopyCompression> compression_of(const Option& option) {
  TRY_ASSIGN(const std::string text, text_of(option));
  CopyCompression compression;
  compression.position = option.value_position;
  const auto space = std::find(text.begin(), text.end(), ' ');
  compression.name = ascii_lower(std::string(text.begin(), space));
  if (space == text.end()) return compression;
  const char* const last = text.data() + text.size();
  const auto [rest, code] = std::from_chars(&*space + 1, last, compression.level);
  if (code == std::errc() && rest == last && compression.level != 0) return compression;
  return bad_option(option,
                    fmt::format("COMPRESSION {}: its level is no whole number above 0", text));
}

Error unknown_option(const Option& option) {
  return invalid("COPY has no option {}", option.name)
      .with_sqlstate("42601")
      .with_hint(
          "Options are FORMAT, DELIMITER, NULL, ESCAPE, QUOTE, FORCE QUOTE, HEADER, COMPRESSION, "
          "AWS CONNECTION, MAX FILE SIZE, MANIFEST, OVERWRITE, SINGLE FILE, PRESERVE ORDER, FILE "
          "NAME PATTERN, PARTITION BY, WRITE PARTITION COLUMNS, PROFILE, ROW GROUP SIZE, "
          "STATISTICS, BLOOM "
          "FILTERS.")
      .at(option.position);
}

Result<CopyToOptions::Overwrite> overwrite_of(const Option& option) {
  TRY_ASSIGN(const std::string text, text_of(option));
  const std::string word = ascii_lower(text);
  if (word == "error") return CopyToOptions::Overwrite::kError;
  if (word == "replace") return CopyToOptions::Overwrite::kReplace;
  if (word == "append") return CopyToOptions::Overwrite::kAppend;
  return bad_option(option,
                    fmt::format("OVERWRITE is 'error', 'replace' or 'append', not '{}'", text));
}

Result<std::vector<std::string>> expressions_of(const Option& option) {
  if (option.kind == Option::Kind::kList) return option.items;
  if (option.kind == Option::Kind::kWord && option.object.parts.size() == 1) {
    return std::vector{fmt::format("\"{}\"", option.value)};
  }
  return bad_option(option, "PARTITION BY requires columns in parentheses");
}

Result<uint64_t> bytes_of(const Option& option) {
  TRY_ASSIGN(const std::string text, text_of(option));
  auto bytes = parse_byte_size(text);
  if (!bytes.ok()) return std::move(bytes).error().at(option.value_position);
  return bytes;
}

// Nothing, true or false; (a, b), a, or *.
Result<CopyBloomFilters> bloom_filters_of(const Option& option) {
  using Kind = CopyBloomFilters::Kind;
  CopyBloomFilters filters;
  filters.position = option.value_position;
  if (option.kind == Option::Kind::kStar) {
    filters.kind = Kind::kAll;
  } else if (option.kind == Option::Kind::kList) {
    filters.kind = Kind::kNamed;
    filters.columns = option.items;
  } else if (const auto flag = flag_of(option); flag.ok()) {
    filters.kind = *flag ? Kind::kAutomatic : Kind::kNone;
  } else if (option.kind == Option::Kind::kWord && option.object.parts.size() == 1) {
    filters.kind = Kind::kNamed;
    filters.columns = {option.value};
  } else {
    return bad_option(option,
                      "BLOOM FILTERS requires column names in parentheses, *, true or false");
  }
  return filters;
}

// Those of Parquet alone. Whether it is one of them.
Result<bool> take_parquet(const Option& option, CopyToOptions& out) {
  if (option.name == "ROW GROUP SIZE") {
    TRY_ASSIGN(out.row_group_bytes, bytes_of(option));
  } else if (option.name == "STATISTICS") {
    TRY_ASSIGN(out.statistics, flag_of(option));
  } else if (option.name == "BLOOM FILTERS") {
    TRY_ASSIGN(out.bloom_filters, bloom_filters_of(option));
  } else {
    return false;
  }
  out.given_for_files.push_back(option.name);
  return true;
}

// Those that only say how files are laid out. Whether it is one of them.
Result<bool> take_layout(const Option& option, CopyToOptions& out) {
  if (option.name == "MANIFEST") {
    TRY_ASSIGN(out.manifest, flag_of(option));
  } else if (option.name == "OVERWRITE") {
    TRY_ASSIGN(out.overwrite, overwrite_of(option));
  } else if (option.name == "SINGLE FILE") {
    TRY_ASSIGN(out.single_file, flag_of(option));
  } else if (option.name == "PRESERVE ORDER") {
    TRY_ASSIGN(out.preserve_order, flag_of(option));
  } else if (option.name == "FILE NAME PATTERN") {
    TRY_ASSIGN(out.file_name_pattern, text_of(option));
  } else if (option.name == "PARTITION BY") {
    TRY_ASSIGN(out.partition_by, expressions_of(option));
    out.partition_position = option.value_position;
  } else if (option.name == "WRITE PARTITION COLUMNS") {
    TRY_ASSIGN(out.write_partition_columns, flag_of(option));
  } else if (option.name == "PROFILE") {
    TRY_ASSIGN(out.profile, text_of(option));
    out.profile_position = option.value_position;
  } else {
    return false;
  }
  out.given_for_files.push_back(option.name);
  return true;
}

Error not_together(std::string_view one, std::string_view other) {
  return invalid("{} and {} cannot be combined", one, other).with_sqlstate("22023");
}

Status check_layout(const CopyToOptions& options) {
  const bool partitions = !options.partition_by.empty();
  if (options.single_file && options.max_file_bytes) {
    return not_together("SINGLE FILE", "MAX FILE SIZE");
  }
  if (options.single_file && partitions) return not_together("SINGLE FILE", "PARTITION BY");
  if (options.preserve_order && partitions) return not_together("PRESERVE ORDER", "PARTITION BY");
  if (options.write_partition_columns && !partitions) {
    return invalid("WRITE PARTITION COLUMNS needs PARTITION BY").with_sqlstate("22023");
  }
  return ok();
}

Status check_once(const std::vector<Option>& options) {
  std::set<std::string> seen;
  for (const Option& option : options) {
    if (!seen.insert(option.name).second) {
      return invalid("{} specified more than once", option.name)
          .with_sqlstate("42601")
          .at(option.position);
    }
  }
  return ok();
}

// The one item of a SELECT's list without anything behind it; null where it is something else.
ExpressionPtr only_item(duckdb::QueryNode& query) {
  if (query.type != duckdb::QueryNodeType::SELECT_NODE) return nullptr;
  auto& node = query.Cast<duckdb::SelectNode>();
  const bool reads =
      node.from_table && node.from_table->type != duckdb::TableReferenceType::EMPTY_FROM;
  if (reads || node.select_list.size() != 1) return nullptr;
  return std::move(node.select_list[0]);
}

// What DuckDB's parser calls a column that has no name.
constexpr std::string_view kUnnamed = "?column?";

std::string name_of(const duckdb::ParsedExpression& item) {
  const std::string& alias = item.GetAlias();
  if (!alias.empty() && alias != kUnnamed) return alias;
  if (item.GetExpressionClass() != duckdb::ExpressionClass::COLUMN_REF) return "";
  return item.Cast<duckdb::ColumnRefExpression>().GetColumnName();
}

constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};

}  // namespace

Result<uint64_t> parse_byte_size(std::string_view text) {
  size_t digits = 0;
  while (digits < text.size() &&
         (std::isdigit(static_cast<unsigned char>(text[digits])) || text[digits] == '.')) {
    ++digits;
  }
  const std::string number_text(text.substr(0, digits));
  std::string_view suffix = text.substr(digits);
  while (!suffix.empty() && suffix.front() == ' ') suffix.remove_prefix(1);
  const auto refused = [](std::string message) {
    return Error(ErrorCode::kInvalid, std::move(message)).with_sqlstate("22023");
  };
  char* end = nullptr;
  const long double number = std::strtold(number_text.c_str(), &end);
  if (number_text.empty() || *end != '\0') {
    return refused(fmt::format(
        "couldn't parse {} as a number, {}", number_text,
        number_text.empty() ? "cannot parse float from empty string" : "invalid float literal"));
  }
  size_t unit = 0;
  if (!suffix.empty()) {
    while (unit < std::size(kUnits) && suffix != kUnits[unit]) ++unit;
    if (unit == std::size(kUnits)) {
      // The list of units comes twice, as clients of the reference know it.
      const std::string units = "Valid units are B, kB, MB, GB, and TB";
      return refused(
          fmt::format("couldn't parse \"{}\" into a known SI unit, invalid BytesUnit: {}. {}. {}",
                      suffix, suffix, units, units));
    }
  }
  // A fraction counts in whole numbers of the next lower unit: 30.1MB is 30822 kB.
  long double value = number;
  if (value != std::floor(value) && unit > 0) {
    value = std::round(value * 1024);
    --unit;
  }
  value = std::round(value) * std::pow(1024.0L, static_cast<long double>(unit));
  if (!(value < 18446744073709551616.0L)) return refused("bytes value exceeds u64 range");
  return static_cast<uint64_t>(value);
}

Result<CopyToOptions> copy_to_options(const std::vector<Option>& options) {
  TRY(check_once(options));
  CopyToOptions out;
  bool escape_given = false;
  for (const Option& option : options) {
    if (option.name == "FORMAT") {
      TRY_ASSIGN(out.format, format_of(option));
    } else if (option.name == "AWS CONNECTION") {
      if (option.kind != Option::Kind::kWord) {
        return bad_option(option, "AWS CONNECTION requires the name of a connection");
      }
      out.connection = option.object;
    } else if (option.name == "MAX FILE SIZE") {
      TRY_ASSIGN(out.max_file_bytes, bytes_of(option));
    } else if (option.name == "HEADER") {
      TRY_ASSIGN(out.csv.header, flag_of(option));
    } else if (option.name == "DELIMITER") {
      TRY_ASSIGN(out.csv.delimiter, byte_of(option));
    } else if (option.name == "QUOTE") {
      TRY_ASSIGN(out.csv.quote, byte_of(option));
    } else if (option.name == "ESCAPE") {
      TRY_ASSIGN(out.csv.escape, byte_of(option));
      escape_given = true;
    } else if (option.name == "NULL") {
      TRY_ASSIGN(out.csv.null_text, text_of(option));
    } else if (option.name == "FORCE QUOTE" || option.name == "FORCE_QUOTE") {
      TRY(take_force_quote(option, out));
    } else if (option.name == "COMPRESSION") {
      TRY_ASSIGN(out.compression, compression_of(option));
    } else if (option.name != "FILES" && option.name != "PATTERN") {
      TRY_ASSIGN(const bool is_layout, take_layout(option, out));
      TRY_ASSIGN(const bool is_parquet, take_parquet(option, out));
      if (!is_layout && !is_parquet) return unknown_option(option);
      continue;
    }
    if (option.name != "FORMAT" && option.name != "AWS CONNECTION" &&
        option.name != "MAX FILE SIZE" && option.name != "COMPRESSION") {
      out.given.push_back(option.name);
    }
  }
  if (!escape_given) out.csv.escape = out.csv.quote;
  TRY(check_layout(out));
  return out;
}

Result<Partition> parse_partition(const std::string& text) {
  auto parsed = parse_query("SELECT " + text);
  if (!parsed.ok()) return std::move(parsed).error().at(0);
  Partition partition;
  partition.expression = only_item(*(*parsed)->node);
  if (!partition.expression) {
    return invalid("PARTITION BY takes expressions, not {}", text).with_sqlstate("42601");
  }
  partition.name = name_of(*partition.expression);
  if (partition.name.empty()) {
    return invalid("PARTITION BY needs a name for {}", text)
        .with_sqlstate("42601")
        .with_hint(fmt::format("Write {} AS name.", text));
  }
  return partition;
}

Status check_options_of_format(const std::vector<Option>& options, CopyFormat format) {
  static const std::set<std::string_view> kCsv{"HEADER", "DELIMITER",   "QUOTE",      "ESCAPE",
                                               "NULL",   "FORCE QUOTE", "FORCE_QUOTE"};
  static const std::set<std::string_view> kParquet{"ROW GROUP SIZE", "STATISTICS", "BLOOM FILTERS"};
  for (const Option& option : options) {
    const bool misplaced = format == CopyFormat::kParquet ? kCsv.contains(option.name)
                                                          : kParquet.contains(option.name);
    if (!misplaced) continue;
    const bool wants_csv = format == CopyFormat::kParquet;
    return invalid("COPY {} available only in {} mode", option.name, wants_csv ? "CSV" : "Parquet")
        .with_sqlstate("0A000")
        .with_hint(
            fmt::format("Leave it out, or say FORMAT = '{}'.", wants_csv ? "csv" : "parquet"))
        .at(option.position);
  }
  return ok();
}

Status check_force_quote(const CopyToOptions& options, const std::vector<std::string>& columns) {
  for (const std::string& name : options.csv.force_quote) {
    if (std::find(columns.begin(), columns.end(), name) != columns.end()) continue;
    return invalid("column \"{}\" does not exist", name)
        .with_sqlstate("42703")
        .with_detail("FORCE QUOTE names columns of the result.")
        .at(options.force_quote_position);
  }
  return ok();
}

Status check_csv_options(const std::vector<Option>& options, const format::CsvOptions& csv) {
  for (const char* name : {"QUOTE", "ESCAPE", "DELIMITER"}) {
    for (const Option& option : options) {
      if (option.name == name && option.value.size() != 1) {
        return bad_option(option, fmt::format("COPY {} must be a single one-byte character",
                                              ascii_lower(option.name)));
      }
    }
  }
  if (csv.delimiter == csv.quote) {
    return invalid("COPY delimiter and quote must be different").with_sqlstate("22023");
  }
  return ok();
}

Result<format::CopyInOptions> copy_from_options(const std::vector<Option>& options) {
  TRY(check_once(options));
  format::CopyInOptions out = format::CopyInOptions::text();
  for (const Option& option : options) {
    if (option.name != "FORMAT") continue;
    TRY_ASSIGN(const CopyFormat format, format_of(option));
    if (format == CopyFormat::kCsv) {
      out = format::CopyInOptions::csv();
    } else if (format != CopyFormat::kText) {
      return bad_option(option, fmt::format("COPY FROM STDIN supports FORMAT text and csv, not {}",
                                            option.value))
          .with_sqlstate("0A000");
    }
  }
  const bool csv = out.format == format::CopyInOptions::Format::kCsv;
  bool escape_given = false;
  for (const Option& option : options) {
    if (option.name == "FORMAT") continue;
    if (option.name == "HEADER") {
      TRY_ASSIGN(out.header, flag_of(option));
    } else if (option.name == "DELIMITER") {
      TRY_ASSIGN(out.delimiter, byte_of(option));
    } else if (option.name == "NULL") {
      TRY_ASSIGN(out.null_text, text_of(option));
    } else if (csv && option.name == "QUOTE") {
      TRY_ASSIGN(out.quote, byte_of(option));
    } else if (csv && option.name == "ESCAPE") {
      TRY_ASSIGN(out.escape, byte_of(option));
      escape_given = true;
    } else if (option.name == "QUOTE" || option.name == "ESCAPE") {
      return bad_option(option,
                        fmt::format("COPY {} available only in CSV mode", ascii_lower(option.name)))
          .with_sqlstate("0A000");
    } else {
      return unknown_option(option);
    }
  }
  if (!escape_given) out.escape = out.quote;
  format::CsvOptions quoted;
  quoted.delimiter = out.delimiter;
  quoted.quote = csv ? out.quote : '\0';
  TRY(check_csv_options(options, quoted));
  return out;
}

}  // namespace sluice::sql
