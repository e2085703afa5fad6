#include "webapi/request_stream.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace sluice::webapi {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";

using NameOf = int (*)(int, sockaddr*, socklen_t*);

void numeric_name(NameOf name_of, int fd, std::string& ip, int& port) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  char host[NI_MAXHOST] = "";
  char service[NI_MAXSERV] = "0";
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (name_of(fd, generic, &length) == 0) {
    ::getnameinfo(generic, length, host, sizeof host, service, sizeof service,
                  NI_NUMERICHOST | NI_NUMERICSERV);
  }
  ip = host;
  port = std::atoi(service);
}

}  // namespace

RequestStream::RequestStream(pgwire::Socket& socket, Limits limits)
    : socket_(socket), limits_(limits) {}

bool RequestStream::fill(pgwire::Deadline deadline) {
  if (failed_) return false;
  const auto got = socket_.read(buffer_, deadline);
  begin_ = 0;
  end_ = got.ok() ? *got : 0;
  failed_ = end_ == 0;
  return !failed_;
}

bool RequestStream::begin_request() {
  const auto now = std::chrono::steady_clock::now();
  if (failed_ || (begin_ == end_ && !fill(now + limits_.idle))) return false;
  deadline_ = std::chrono::steady_clock::now() + limits_.request;
  ending_ = head_bytes_ = body_bytes_ = 0;
  return true;
}

bool RequestStream::count(char byte) {
  if (ending_ == kHeadEnd.size()) return ++body_bytes_ <= limits_.body_bytes;
  if (byte == kHeadEnd[ending_]) {
    ++ending_;
  } else {
    ending_ = byte == kHeadEnd[0] ? 1 : 0;
  }
  return ++head_bytes_ <= limits_.head_bytes;
}

ssize_t RequestStream::read(char* to, size_t size) {
  if (failed_) return -1;
  if (begin_ == end_ && !fill(deadline_)) return -1;
  const size_t taken = std::min(size, end_ - begin_);
  for (size_t i = 0; i < taken; ++i) {
    if (!count(buffer_[begin_ + i])) {
      failed_ = true;
      return -1;
    }
  }
  std::memcpy(to, buffer_.data() + begin_, taken);
  begin_ += taken;
  return static_cast<ssize_t>(taken);
}

ssize_t RequestStream::write(const char* bytes, size_t size) {
  if (write_failed_ || !socket_.write({bytes, size}).ok()) {
    write_failed_ = failed_ = true;
    return -1;
  }
  return static_cast<ssize_t>(size);
}

void RequestStream::get_remote_ip_and_port(std::string& ip, int& port) const {
  numeric_name(&::getpeername, socket_.fd(), ip, port);
}

void RequestStream::get_local_ip_and_port(std::string& ip, int& port) const {
  numeric_name(&::getsockname, socket_.fd(), ip, port);
}

}  // namespace sluice::webapi
