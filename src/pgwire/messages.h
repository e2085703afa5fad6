// The PostgreSQL protocol 3.0, from the client's side: bytes -> frames -> messages.
//
//   start-up packet   length(4) code(4) …            as long as no session is there
//   message           type(1) length(4) body         from then on; the length counts itself
//
// Every length is checked against a bound before it is believed; what does not fit is an Error
// (08P01, or 54000 past a bound on size) after which the connection has to end. Pure: no I/O.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace sluice::pgwire {

inline constexpr size_t kMaxStartupBytes = 10'000;
inline constexpr size_t kMaxStatementBytes = size_t{16} << 20;  // Query and Parse
inline constexpr size_t kMaxBindBytes = size_t{64} << 20;
inline constexpr size_t kMaxCopyDataBytes = size_t{64} << 20;
inline constexpr size_t kMaxSmallBytes = size_t{64} << 10;  // all others

// The packets that may come first.
struct SslRequest {};
struct GssRequest {};
struct CancelRequest {
  uint32_t process_id;
  uint32_t secret;
};
struct Startup {
  uint16_t major = 0;
  uint16_t minor = 0;
  std::vector<std::pair<std::string, std::string>> parameters;
};
using StartupPacket = std::variant<SslRequest, GssRequest, CancelRequest, Startup>;

// Messages. Their views point into the frame.
struct Query {
  std::string_view sql;
};
struct Parse {
  std::string_view name;
  std::string_view sql;
  std::vector<uint32_t> parameter_oids;
};
struct Bind {
  std::string_view portal;
  std::string_view statement;
  std::vector<int16_t> parameter_formats;
  std::vector<std::optional<std::string_view>> values;
  std::vector<int16_t> result_formats;
};
enum class Target : char { kStatement = 'S', kPortal = 'P' };
struct Describe {
  Target target;
  std::string_view name;
};
struct Close {
  Target target;
  std::string_view name;
};
struct Execute {
  std::string_view portal;
  int32_t max_rows;  // 0 or less: all
};
struct Flush {};
struct Sync {};
struct Terminate {};
struct CopyData {
  std::string_view bytes;
};
struct CopyDone {};
struct CopyFail {
  std::string_view reason;
};
using Message = std::variant<Query, Parse, Bind, Describe, Close, Execute, Flush, Sync, Terminate,
                             CopyData, CopyDone, CopyFail>;

struct Frame {
  char type = 0;  // 0: a start-up packet
  std::string_view body;
};

Result<StartupPacket> decode_startup(const Frame& frame);
Result<Message> decode(const Frame& frame);

// Cuts a stream of bytes into frames. Its buffer grows with the bytes that have come, not with the
// length that a header claims.
class FrameReader {
 public:
  // Where to put the next bytes; voids the last frame, and wipes what was consumed when nothing
  // else is there.
  std::span<char> room();
  void filled(size_t bytes) { end_ += bytes; }

  // The next frame, or nullopt when its bytes have not all come. Valid until room() is called.
  Result<std::optional<Frame>> startup_packet();
  Result<std::optional<Frame>> message();
  // Of a message that was refused for its size: what the client is still to send of it.
  size_t refused_bytes() const { return refused_bytes_; }

 private:
  size_t available() const { return end_ - begin_; }
  std::optional<Frame> cut(char type, size_t header, size_t body);

  std::vector<char> buffer_;
  size_t begin_ = 0;  // buffer_[begin_, end_) has come and is not consumed
  size_t end_ = 0;
  size_t wanted_ = 0;  // bytes of the frame that is under way
  size_t refused_bytes_ = 0;
};

}  // namespace sluice::pgwire
