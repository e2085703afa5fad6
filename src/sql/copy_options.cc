#include "sql/copy_options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

namespace sluice::sql {
namespace {

Error bad_option(const Option& option, std::string message) {
  return Error(ErrorCode::kInvalid, std::move(message))
      .with_sqlstate("22023")
      .at(option.value_position != 0 ? option.value_position : option.position);
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return text;
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
  const std::string word = lower(text);
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
  const std::string word = lower(text);
  if (word == "text") return CopyFormat::kText;
  if (word == "csv") return CopyFormat::kCsv;
  if (word == "binary") return CopyFormat::kBinary;
  if (word == "parquet") return CopyFormat::kParquet;
  return bad_option(option, fmt::format("unknown FORMAT: {}", text));
}

Error unknown_option(const Option& option) {
  return invalid("COPY has no option {}", option.name)
      .with_sqlstate("42601")
      .with_hint(
          "Options are FORMAT, DELIMITER, NULL, ESCAPE, QUOTE, HEADER, AWS CONNECTION, MAX FILE "
          "SIZE.")
      .at(option.position);
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
      TRY_ASSIGN(const std::string text, text_of(option));
      auto bytes = parse_byte_size(text);
      if (!bytes.ok()) return std::move(bytes).error().at(option.value_position);
      out.max_file_bytes = *bytes;
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
    } else if (option.name != "FILES" && option.name != "PATTERN") {
      return unknown_option(option);
    }
    if (option.name != "FORMAT" && option.name != "AWS CONNECTION" &&
        option.name != "MAX FILE SIZE") {
      out.given.push_back(option.name);
    }
  }
  if (!escape_given) out.csv.escape = out.csv.quote;
  return out;
}

Status check_csv_options(const std::vector<Option>& options, const format::CsvOptions& csv) {
  for (const char* name : {"QUOTE", "ESCAPE", "DELIMITER"}) {
    for (const Option& option : options) {
      if (option.name == name && option.value.size() != 1) {
        return bad_option(
            option, fmt::format("COPY {} must be a single one-byte character", lower(option.name)));
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
                        fmt::format("COPY {} available only in CSV mode", lower(option.name)))
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
