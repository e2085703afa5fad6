// Bytes of a client -> frames -> messages: whatever comes, each ends as a message or as an Error.
#include <algorithm>
#include <cstring>
#include <string_view>

#include "pgwire/messages.h"
#include "pgwire/startup.h"

using namespace sluice;
using namespace sluice::pgwire;

namespace {

// Copies up to `most` bytes: small pieces find what large ones hide.
std::string_view feed(FrameReader& reader, std::string_view bytes, size_t most) {
  const auto room = reader.room();
  const size_t taken = std::min({room.size(), bytes.size(), most});
  std::memcpy(room.data(), bytes.data(), taken);
  reader.filled(taken);
  return bytes.substr(taken);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const size_t piece = data[0] + 1U;
  bool startup = data[1] % 2 == 0;
  FrameReader reader;
  while (true) {
    const auto frame = startup ? reader.startup_packet() : reader.message();
    if (!frame.ok()) return 0;
    if (!*frame) {
      if (bytes.empty()) return 0;
      bytes = feed(reader, bytes, piece);
      continue;
    }
    if (startup) {
      const auto packet = decode_startup(**frame);
      if (!packet.ok()) return 0;
      if (const auto* started = std::get_if<Startup>(&*packet)) {
        (void)login_request(*started);
        startup = false;
      }
    } else if (!decode(**frame).ok()) {
      return 0;
    }
  }
}
