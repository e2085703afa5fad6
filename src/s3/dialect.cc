#include "s3/dialect.h"

#include <algorithm>
#include <charconv>

#include "s3/endpoint.h"

namespace sluice::s3 {
namespace {

constexpr std::string_view kPathStyle = "PATH STYLE", kChecksum = "CHECKSUM",
                           kSignedPayload = "SIGNED PAYLOAD", kConditionalPut = "CONDITIONAL PUT",
                           kEqualParts = "EQUAL PARTS", kPartsAtMost = "MAX PARTS";
constexpr std::string_view kProperties[] = {kPathStyle,      kChecksum,   kSignedPayload,
                                            kConditionalPut, kEqualParts, kPartsAtMost};

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  }
  return out;
}

// The property's place, where it is one that holds or does not.
bool* truth(Dialect& dialect, std::string_view property) {
  if (property == kPathStyle) return &dialect.path_style;
  if (property == kSignedPayload) return &dialect.signed_payload;
  if (property == kConditionalPut) return &dialect.conditional_put;
  if (property == kEqualParts) return &dialect.equal_parts;
  return nullptr;
}

std::string_view host_of(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  return url.substr(0, url.find_first_of(":/"));
}

}  // namespace

bool is_of_amazon(std::string_view endpoint_url) {
  if (endpoint_url.empty()) return true;
  const std::string host = upper(host_of(endpoint_url));
  return host.ends_with(".AMAZONAWS.COM") || host.ends_with(".AMAZONAWS.COM.CN");
}

Dialect default_dialect(std::string_view endpoint_url) {
  Dialect dialect;
  if (is_of_amazon(endpoint_url)) {
    dialect.path_style = false;
    dialect.checksum = Checksum::kCrc32c;
    dialect.conditional_put = true;
  }
  dialect.signed_payload = !is_private(endpoint_url);
  return dialect;
}

std::span<const std::string_view> dialect_properties() { return kProperties; }

bool is_dialect_property(std::string_view property) {
  return std::find(std::begin(kProperties), std::end(kProperties), property) !=
         std::end(kProperties);
}

std::string value_of(const Dialect& dialect, std::string_view property) {
  Dialect copy = dialect;
  if (const bool* const holds = truth(copy, property)) return *holds ? "true" : "false";
  if (property == kChecksum) return std::string(name(dialect.checksum));
  if (property == kPartsAtMost) return std::to_string(dialect.max_parts);
  return "";
}

Status set_property(Dialect& dialect, std::string_view property, std::string_view value) {
  const std::string word = upper(value);
  if (bool* const holds = truth(dialect, property)) {
    const bool yes = word == "TRUE" || word == "ON" || word == "YES";
    const bool no = word == "FALSE" || word == "OFF" || word == "NO";
    if (!yes && !no) return invalid("must be true or false");
    *holds = yes;
    return ok();
  }
  if (property == kChecksum) {
    const auto checksum = checksum_named(word);
    if (!checksum) {
      return invalid("must be 'NONE', 'CRC32', 'CRC32C', 'CRC64NVME' or 'SHA256'");
    }
    dialect.checksum = *checksum;
    return ok();
  }
  int parts = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), parts);
  const bool is_number = failure == std::errc() && end == value.data() + value.size();
  if (property != kPartsAtMost || !is_number || parts < 1 || parts > kMaxParts) {
    return invalid("must be a number from 1 to {}", kMaxParts);
  }
  dialect.max_parts = parts;
  return ok();
}

}  // namespace sluice::s3
