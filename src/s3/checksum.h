// The checksums that S3 takes with what is sent, and verifies: in a header of PutObject and
// UploadPart, and again of the parts when an upload is completed.
//
// Pure functions; safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::s3 {

enum class Checksum : uint8_t { kNone, kCrc32, kCrc32c, kCrc64Nvme, kSha256 };

// As S3's manual has them: CRC32C; `NONE` for none.
std::string_view name(Checksum checksum);
std::optional<Checksum> checksum_named(std::string_view name);
// All but kNone.
std::span<const Checksum> all_checksums();

// The sum's bytes, the highest first; empty for kNone.
std::string checksum_of(Checksum checksum, std::span<const std::byte> bytes);
std::string base64(std::string_view bytes);

std::string checksum_header(Checksum checksum);   // x-amz-checksum-crc32c
std::string checksum_element(Checksum checksum);  // ChecksumCRC32C

// A part that the store has acknowledged.
struct SentPart {
  std::string etag;
  uint64_t bytes = 0;
  std::string checksum = {};  // its bytes; empty where none was sent
};

// An object of parts has the sum of its parts' sums (`composite`), or the sum of its bytes, as if
// it had come at once (`full object`). CRC64NVME knows the second only; the others are used in the
// first way, which more stores know.
bool is_of_full_object(Checksum checksum);
// The bytes of that sum; empty for kNone, and where a part has none.
std::string full_object_checksum(Checksum checksum, const std::vector<SentPart>& parts);

}  // namespace sluice::s3
