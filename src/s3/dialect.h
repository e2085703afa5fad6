// In what stores that speak S3 differ from each other, as far as it matters to a writer.
//
// A dialect is what a store is known to understand: of its kind (default_dialect), or told of it,
// or found out by asking (store/probe.h). Its properties have names and values as texts, by which
// they are given, kept and shown:
//
//   PATH STYLE        true, false   the bucket is in the path, not in the host's name
//   CHECKSUM          NONE, CRC32, CRC32C, CRC64NVME, SHA256
//   SIGNED PAYLOAD    true, false   the signature covers what is sent. It always does where
//   somebody
//                                   on the way could change it (Endpoint::is_private)
//   CONDITIONAL PUT   true, false   If-None-Match: * is obeyed
//   EQUAL PARTS       true, false   all parts of an upload but the last must have one size
//   MAX PARTS         1 to 10000    of an upload
//
// Pure functions; safe from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "s3/checksum.h"

namespace sluice::s3 {

inline constexpr int kMaxParts = 10'000;  // of an upload, by S3's own rule

struct Dialect {
  bool path_style = true;
  Checksum checksum = Checksum::kNone;
  bool signed_payload = false;
  bool conditional_put = false;
  bool equal_parts = false;
  int max_parts = kMaxParts;
  // The same for all that are known.
  uint64_t min_part_bytes = uint64_t{5} << 20;  // but the last
  uint64_t max_part_bytes = uint64_t{5} << 30;

  bool operator==(const Dialect&) const = default;
};

// Amazon's, for an endpoint of theirs or none; else what all stores understand. Payloads are signed
// where the way there is not private.
Dialect default_dialect(std::string_view endpoint_url);
// Whether it is none, or one of Amazon's hosts.
bool is_of_amazon(std::string_view endpoint_url);

// The names, in the order above.
std::span<const std::string_view> dialect_properties();
bool is_dialect_property(std::string_view property);
std::string value_of(const Dialect& dialect, std::string_view property);
// kInvalid says what the value must be: `must be true or false`. Words are taken in either case.
Status set_property(Dialect& dialect, std::string_view property, std::string_view value);

}  // namespace sluice::s3
