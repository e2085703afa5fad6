// What files, programs and metadata services may say, however wrong: it is read without harm, and
// what is read from it is whole.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "aws/credential_process.h"
#include "aws/profiles.h"
#include "aws/timestamps.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::aws;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0: {
      Profiles profiles;
      const auto kind = data[0] > 127 ? ProfileFile::kConfig : ProfileFile::kCredentials;
      if (profiles.read(text, kind).ok()) (void)profiles.find("default");
      break;
    }
    case 1: {
      const auto credentials = credentials_from_json(text);
      if (credentials.ok() && credentials->secret_access_key.empty()) std::abort();
      break;
    }
    default:
      (void)parse_timestamp(text);
      (void)parse_http_date(text);
  }
  return 0;
}
