#include "export/names.h"

#include <algorithm>

namespace sluice::exports {
namespace {

constexpr size_t kMaxPatternBytes = 200;

Error bad_pattern(std::string message) {
  return Error(ErrorCode::kInvalid, std::move(message)).with_sqlstate("22023");
}

void replace(std::string& text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

std::string extension(const ExportSpec& spec) {
  if (spec.format == FileFormat::kParquet) return "parquet";
  return fmt::format("csv{}", spec.csv_compression.extension());
}

// As S3 takes it without any escaping, and a local folder as a name.
bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

// What Hive escapes, so that its readers, and others after it, read it back.
std::string hive_escaped(std::string_view text) {
  constexpr std::string_view kSpecial = "\"#%'*/:=?\\{}[]^";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || kSpecial.find(c) != std::string_view::npos) {
      out += fmt::format("%{:02X}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string partition_folder(std::string_view column, std::optional<std::string_view> value) {
  const bool is_default = !value || value->empty();
  return fmt::format("{}={}/", hive_escaped(column),
                     is_default ? "__HIVE_DEFAULT_PARTITION__" : hive_escaped(*value));
}

std::string folder_of(std::string_view prefix) {
  return prefix.empty() ? std::string() : fmt::format("{}/", prefix);
}

std::string run_key(std::string_view prefix, std::string_view id, std::string_view suffix) {
  return fmt::format("{}mz-{}{}", folder_of(prefix), id, suffix);
}

std::string data_key(const ExportSpec& spec, std::string_view folder, uint32_t batch,
                     uint32_t index) {
  std::string name =
      spec.file_name_pattern.empty() ? "mz-{id}-batch-{batch}-{index}" : spec.file_name_pattern;
  replace(name, "{batch}", fmt::format("{:04}", batch));
  replace(name, "{index}", fmt::format("{:04}", index));
  replace(name, "{id}", spec.id);
  return fmt::format("{}{}{}.{}", folder_of(spec.prefix), folder, name, extension(spec));
}

Status check_file_name_pattern(std::string_view pattern, bool single_file) {
  std::string rest(pattern);
  const auto take = [&rest](std::string_view placeholder) {
    const bool is_there = rest.find(placeholder) != std::string::npos;
    replace(rest, placeholder, "");
    return is_there;
  };
  const bool id = take("{id}"), batch = take("{batch}"), index = take("{index}");
  const char* const hint =
      "Placeholders are {id}, {batch} and {index}, as in 'orders-{id}-{batch}-{index}'.";
  if (!id || (!single_file && (!batch || !index))) {
    return bad_pattern(fmt::format("FILE NAME PATTERN needs {} in it",
                                   single_file ? "{id}" : "{id}, {batch} and {index}"))
        .with_detail("Without them two files could have the same name.")
        .with_hint(hint);
  }
  const auto bad = std::find_if_not(rest.begin(), rest.end(), is_name_character);
  if (bad != rest.end()) {
    return bad_pattern(fmt::format("FILE NAME PATTERN cannot have '{}' in it", *bad))
        .with_detail("Letters, digits, '-', '_' and '.' may stand beside placeholders.")
        .with_hint(hint);
  }
  if (pattern.size() > kMaxPatternBytes || pattern.starts_with('.')) {
    return bad_pattern(pattern.starts_with('.')
                           ? "FILE NAME PATTERN cannot begin with '.'"
                           : fmt::format("FILE NAME PATTERN is longer than {} characters",
                                         kMaxPatternBytes))
        .with_hint(hint);
  }
  return ok();
}

}  // namespace sluice::exports
