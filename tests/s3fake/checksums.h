// S3's checksums on the server's side, apart from src/base/crc.cc.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "s3fake/http_server.h"
#include "s3fake/signature.h"

namespace sluice::s3fake {

// CRC32, CRC32C, CRC64NVME, SHA256: raw bytes; empty for another.
std::string checksum_of(const std::string& algorithm, std::string_view bytes);
// False: not what an encoder writes.
bool from_base64(const std::string& text, std::string& out);

// `algorithm` and `value` (base64) of the one x-amz-checksum-… header; both empty without one.
Refusal claimed_checksum(const HttpRequest& request, std::string& algorithm, std::string& value);
// x-amz-checksum-crc32c
std::string checksum_header(const std::string& algorithm);

}  // namespace sluice::s3fake
