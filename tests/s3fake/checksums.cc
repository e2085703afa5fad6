#include "s3fake/checksums.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cctype>

namespace sluice::s3fake {
namespace {

constexpr const char* kAlgorithms[] = {"CRC32", "CRC32C", "CRC64NVME", "SHA256"};

std::string crc(std::string_view bytes, uint64_t polynomial, int bits) {
  const uint64_t ones = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
  uint64_t of_byte[256];
  for (uint64_t byte = 0; byte < 256; ++byte) {
    uint64_t state = byte;
    for (int i = 0; i < 8; ++i) {
      const bool low = (state & 1) != 0;
      state >>= 1;
      if (low) state ^= polynomial;
    }
    of_byte[byte] = state;
  }
  uint64_t state = ones;
  for (const char c : bytes) {
    state = (state >> 8) ^ of_byte[(state ^ static_cast<unsigned char>(c)) & 0xff];
  }
  state ^= ones;
  std::string out;
  for (int shift = bits - 8; shift >= 0; shift -= 8) {
    out += static_cast<char>(static_cast<unsigned char>(state >> shift));
  }
  return out;
}

}  // namespace

std::string checksum_of(const std::string& algorithm, std::string_view bytes) {
  if (algorithm == "CRC32") return crc(bytes, 0xedb88320u, 32);
  if (algorithm == "CRC32C") return crc(bytes, 0x82f63b78u, 32);
  if (algorithm == "CRC64NVME") return crc(bytes, 0x9a6c9329ac4bc9b5u, 64);
  if (algorithm == "SHA256") return sha256(bytes);
  return "";
}

bool from_base64(const std::string& text, std::string& out) {
  if (text.empty() || text.size() % 4 != 0) return false;
  std::string decoded(text.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  if (length < 0) return false;
  const auto padding = static_cast<size_t>(std::count(text.end() - 2, text.end(), '='));
  out = decoded.substr(0, decoded.size() - padding);
  return base64(out) == text;
}

std::string checksum_header(const std::string& algorithm) {
  std::string out = "x-amz-checksum-";
  for (const char c : algorithm) {
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

Refusal claimed_checksum(const HttpRequest& request, std::string& algorithm, std::string& value) {
  for (const char* known : kAlgorithms) {
    const std::string given = request.header(checksum_header(known));
    if (given.empty()) continue;
    if (!algorithm.empty()) {
      return {"InvalidRequest", "Expecting a single x-amz-checksum- header."};
    }
    algorithm = known;
    value = given;
  }
  const std::string told = request.header("x-amz-sdk-checksum-algorithm");
  if (!told.empty() && told != algorithm) {
    return {"InvalidRequest",
            "x-amz-sdk-checksum-algorithm specified, but no corresponding "
            "x-amz-checksum-* or x-amz-trailer headers were found."};
  }
  std::string raw;
  if (!algorithm.empty() &&
      (!from_base64(value, raw) || raw.size() != checksum_of(algorithm, "").size())) {
    return {"InvalidRequest",
            fmt::format("Value for {} header is invalid.", checksum_header(algorithm))};
  }
  return {};
}

}  // namespace sluice::s3fake
