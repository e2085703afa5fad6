#include "pgwire/messages.h"

#include <algorithm>
#include <cstring>

#include "secrets/wiping.h"

namespace sluice::pgwire {
namespace {

constexpr uint32_t kSslRequest = 80877103;
constexpr uint32_t kGssRequest = 80877104;
constexpr uint32_t kCancelRequest = 80877102;
constexpr size_t kReadBytes = size_t{64} << 10;
constexpr size_t kKeptBytes = size_t{1} << 20;
// PostgreSQL's own limit: no client means a longer message, it is out of step.
constexpr size_t kMaxSaneBytes = 0x3FFFFFFF;

Error malformed(std::string_view what) { return invalid("{}", what).with_sqlstate("08P01"); }

uint32_t big_endian_32(const char* bytes) {
  uint32_t value = 0;
  std::memcpy(&value, bytes, 4);
  return __builtin_bswap32(value);
}

uint16_t big_endian_16(const char* bytes) {
  uint16_t value = 0;
  std::memcpy(&value, bytes, 2);
  return __builtin_bswap16(value);
}

// Reads a body from the front. The first thing that does not fit makes it fail; from then on all it
// gives is empty.
class BodyReader {
 public:
  explicit BodyReader(std::string_view body) : rest_(body) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  // Whether `count` things of at least `bytes` each can still be there.
  bool can_hold(size_t count, size_t bytes) {
    if (count > rest_.size() / bytes) ok_ = false;
    return ok_;
  }

  std::string_view take(size_t bytes) {
    if (!ok_ || bytes > rest_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }
  char byte() {
    const auto taken = take(1);
    return ok_ ? taken[0] : '\0';
  }
  uint16_t u16() {
    const auto taken = take(2);
    return ok_ ? big_endian_16(taken.data()) : uint16_t{0};
  }
  uint32_t u32() {
    const auto taken = take(4);
    return ok_ ? big_endian_32(taken.data()) : 0;
  }
  std::string_view text() {
    const size_t zero = rest_.find('\0');
    if (zero == std::string_view::npos) ok_ = false;
    const auto taken = take(ok_ ? zero + 1 : 0);
    return ok_ ? taken.substr(0, zero) : std::string_view{};
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

std::vector<int16_t> formats(BodyReader& body) {
  std::vector<int16_t> codes;
  const size_t count = body.u16();
  if (!body.can_hold(count, 2)) return codes;
  codes.reserve(count);
  for (size_t i = 0; i < count; ++i) codes.push_back(static_cast<int16_t>(body.u16()));
  return codes;
}

Parse decode_parse(BodyReader& body) {
  Parse parse;
  parse.name = body.text();
  parse.sql = body.text();
  const size_t count = body.u16();
  if (!body.can_hold(count, 4)) return parse;
  for (size_t i = 0; i < count; ++i) parse.parameter_oids.push_back(body.u32());
  return parse;
}

Bind decode_bind(BodyReader& body) {
  Bind bind;
  bind.portal = body.text();
  bind.statement = body.text();
  bind.parameter_formats = formats(body);
  const size_t count = body.u16();
  if (!body.can_hold(count, 4)) return bind;
  bind.values.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const auto length = static_cast<int32_t>(body.u32());
    if (length == -1) {
      bind.values.emplace_back(std::nullopt);
    } else {
      // Any other negative length is past every body.
      bind.values.emplace_back(body.take(static_cast<uint32_t>(length)));
    }
  }
  bind.result_formats = formats(body);
  return bind;
}

template <typename Named>
Result<Message> decode_target(BodyReader& body, std::string_view what) {
  const char kind = body.byte();
  const std::string_view name = body.text();
  if (body.ok() && kind != 'S' && kind != 'P') {
    return malformed(fmt::format("invalid {} message subtype {}", what, static_cast<int>(kind)));
  }
  return Message(Named{static_cast<Target>(kind), name});
}

Result<Message> decode_body(char type, BodyReader& body, size_t bytes) {
  switch (type) {
    case 'Q':
      return Message(Query{body.text()});
    case 'P':
      return Message(decode_parse(body));
    case 'B':
      return Message(decode_bind(body));
    case 'D':
      return decode_target<Describe>(body, "DESCRIBE");
    case 'C':
      return decode_target<Close>(body, "CLOSE");
    case 'E': {
      const std::string_view portal = body.text();
      return Message(Execute{portal, static_cast<int32_t>(body.u32())});
    }
    case 'H':
      return Message(Flush{});
    case 'S':
      return Message(Sync{});
    case 'X':
      return Message(Terminate{});
    case 'd':
      return Message(CopyData{body.take(bytes)});
    case 'c':
      return Message(CopyDone{});
    case 'f':
      return Message(CopyFail{body.text()});
    default:
      return malformed(fmt::format("invalid frontend message type {}",
                                   static_cast<int>(static_cast<unsigned char>(type))));
  }
}

struct Bound {
  size_t bytes;
  bool on_size;  // a client may well meet it: 54000, not a broken protocol
};

std::optional<Bound> bound_of(char type) {
  switch (type) {
    case 'Q':
    case 'P':
      return Bound{kMaxStatementBytes, true};
    case 'B':
      return Bound{kMaxBindBytes, true};
    case 'd':
      return Bound{kMaxCopyDataBytes, true};
    case 'D':
    case 'C':
    case 'E':
    case 'H':
    case 'S':
    case 'X':
    case 'c':
    case 'f':
    case 'p':  // a password nobody asked for, and
    case 'F':  // a function call: cut, then refused by decode()
      return Bound{kMaxSmallBytes, false};
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<StartupPacket> decode_startup(const Frame& frame) {
  BodyReader body(frame.body);
  const uint32_t code = body.u32();
  if (code == kSslRequest && body.at_end()) return StartupPacket(SslRequest{});
  if (code == kGssRequest && body.at_end()) return StartupPacket(GssRequest{});
  if (code == kCancelRequest) {
    const uint32_t process_id = body.u32();
    const uint32_t secret = body.u32();
    if (!body.ok() || !body.at_end()) return malformed("invalid length of cancel request packet");
    return StartupPacket(CancelRequest{process_id, secret});
  }
  Startup startup;
  startup.major = static_cast<uint16_t>(code >> 16);
  startup.minor = static_cast<uint16_t>(code & 0xFFFF);
  // Other versions may have other packets: their parameters are not looked at.
  if (startup.major != 3) return StartupPacket(std::move(startup));
  while (true) {
    const std::string_view name = body.text();
    if (!body.ok() || name.empty()) break;
    const std::string_view value = body.text();
    startup.parameters.emplace_back(name, value);
  }
  if (!body.ok() || !body.at_end()) {
    return malformed("invalid startup packet layout: expected terminator as last byte");
  }
  return StartupPacket(std::move(startup));
}

Result<Message> decode(const Frame& frame) {
  BodyReader body(frame.body);
  if (frame.type == 'F') {
    return invalid("function calls of the protocol are not supported").with_sqlstate("0A000");
  }
  TRY_ASSIGN(Message message, decode_body(frame.type, body, frame.body.size()));
  if (!body.ok()) return malformed("insufficient data left in message");
  if (!body.at_end()) return malformed("invalid message format");
  return message;
}

std::span<char> FrameReader::room() {
  if (begin_ == end_) {
    // It may have been a secret, and an idle client would keep it here.
    if (end_ > 0) {
      ::explicit_bzero(buffer_.data(), end_);
      secrets::wipe_stack();
    }
    begin_ = end_ = 0;
    // One large message does not make an idle connection large for ever.
    if (buffer_.size() > kKeptBytes && wanted_ <= kReadBytes) std::vector<char>().swap(buffer_);
  } else if (begin_ > 0 && begin_ + std::max(wanted_, available() + 1) > buffer_.size()) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, available());
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) {
    // Doubling follows the bytes that came; the frame's own length only ends it early.
    const size_t doubled = std::max(kReadBytes, buffer_.size() * 2);
    buffer_.resize(std::max(buffer_.size() + 1, std::min(doubled, std::max(wanted_, kReadBytes))));
  }
  return {buffer_.data() + end_, buffer_.size() - end_};
}

std::optional<Frame> FrameReader::cut(char type, size_t header, size_t body) {
  wanted_ = header + body;
  if (available() < wanted_) return std::nullopt;
  const Frame frame{type, {buffer_.data() + begin_ + header, body}};
  begin_ += wanted_;
  wanted_ = 0;
  return frame;
}

Result<std::optional<Frame>> FrameReader::startup_packet() {
  if (available() < 4) return std::optional<Frame>();
  const size_t length = big_endian_32(buffer_.data() + begin_);
  // The code behind the length is always there.
  if (length < 8 || length > kMaxStartupBytes) return malformed("invalid length of startup packet");
  return cut('\0', 4, length - 4);
}

Result<std::optional<Frame>> FrameReader::message() {
  if (available() < 1) return std::optional<Frame>();
  const char type = buffer_[begin_];
  const auto bound = bound_of(type);
  if (!bound) {
    return malformed(fmt::format("invalid frontend message type {}",
                                 static_cast<int>(static_cast<unsigned char>(type))));
  }
  if (available() < 5) return std::optional<Frame>();
  const size_t length = big_endian_32(buffer_.data() + begin_ + 1);
  if (length < 4 || length > kMaxSaneBytes) return malformed("invalid message length");
  if (length - 4 > bound->bytes) {
    if (!bound->on_size) return malformed("invalid message length");
    refused_bytes_ = 1 + length - std::min(available(), 1 + length);
    return error(ErrorCode::kExhausted, "message of {} bytes is larger than the limit of {} bytes",
                 length - 4, bound->bytes)
        .with_sqlstate("54000");
  }
  return cut(type, 5, length - 4);
}

}  // namespace sluice::pgwire
