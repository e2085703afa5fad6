#include "s3/checksum.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/check.h"
#include "base/crc.h"

namespace sluice::s3 {
namespace {

constexpr Checksum kAll[] = {Checksum::kCrc32c, Checksum::kCrc64Nvme, Checksum::kCrc32,
                             Checksum::kSha256};

template <typename Word>
std::string big_endian(Word word) {
  std::string out(sizeof(Word), '\0');
  for (size_t i = 0; i < sizeof(Word); ++i) {
    out[sizeof(Word) - 1 - i] = static_cast<char>(word >> (8 * i) & 0xff);
  }
  return out;
}

uint64_t word_of(std::string_view big_endian) {
  uint64_t word = 0;
  for (const char c : big_endian) word = word << 8 | static_cast<unsigned char>(c);
  return word;
}

std::string sha256(std::span<const std::byte> bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), digest, &length, EVP_sha256(), nullptr) == 1);
  return {reinterpret_cast<const char*>(digest), length};
}

}  // namespace

std::string_view name(Checksum checksum) {
  switch (checksum) {
    case Checksum::kNone:
      return "NONE";
    case Checksum::kCrc32:
      return "CRC32";
    case Checksum::kCrc32c:
      return "CRC32C";
    case Checksum::kCrc64Nvme:
      return "CRC64NVME";
    case Checksum::kSha256:
      return "SHA256";
  }
  return "?";
}

std::span<const Checksum> all_checksums() { return kAll; }

std::optional<Checksum> checksum_named(std::string_view text) {
  if (text == name(Checksum::kNone)) return Checksum::kNone;
  const auto found = std::find_if(std::begin(kAll), std::end(kAll),
                                  [text](Checksum checksum) { return name(checksum) == text; });
  return found == std::end(kAll) ? std::nullopt : std::optional(*found);
}

std::string checksum_of(Checksum checksum, std::span<const std::byte> bytes) {
  switch (checksum) {
    case Checksum::kNone:
      return {};
    case Checksum::kCrc32:
      return big_endian(crc32(bytes));
    case Checksum::kCrc32c:
      return big_endian(crc32c(bytes));
    case Checksum::kCrc64Nvme:
      return big_endian(crc64nvme(bytes));
    case Checksum::kSha256:
      return sha256(bytes);
  }
  return {};
}

std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // a NUL is written, too
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(length));
  return out;
}

std::string checksum_header(Checksum checksum) {
  std::string out = "x-amz-checksum-";
  for (const char c : name(checksum)) {
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  return out;
}

std::string checksum_element(Checksum checksum) {
  return std::string("Checksum").append(name(checksum));
}

bool is_of_full_object(Checksum checksum) { return checksum == Checksum::kCrc64Nvme; }

std::string full_object_checksum(Checksum checksum, const std::vector<SentPart>& parts) {
  if (!is_of_full_object(checksum)) return {};
  uint64_t sum = 0;
  for (const SentPart& part : parts) {
    if (part.checksum.size() != sizeof(sum)) return {};
    sum = joined_crc64nvme(sum, word_of(part.checksum), part.bytes);
  }
  return big_endian(sum);
}

}  // namespace sluice::s3
