#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace sluice::http {
namespace {

using Bytes6 = std::array<uint8_t, 16>;

bool is_reserved_4(uint32_t address) {
  constexpr uint32_t kAlibaba = 0x646464c8;  // 100.100.100.200
  constexpr uint32_t kAzure = 0xa83f8110;    // 168.63.129.16
  return address >> 24 == 0 || address >> 16 == 0xa9fe || address == kAlibaba || address == kAzure;
}

bool starts_with(const Bytes6& address, std::initializer_list<uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.begin());
}

bool is_reserved_6(const Bytes6& address) {
  const bool is_loopback = starts_with(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  if (is_loopback) return false;
  if (address[0] == 0xfe && (address[1] & 0xc0U) == 0x80) return true;
  if (starts_with(address, {0xfd, 0x00, 0x0e, 0xc2})) return true;
  const bool holds_4 =
      starts_with(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}) ||   // mapped
      starts_with(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) ||         // compatible, ::
      starts_with(address, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0});  // NAT64
  if (!holds_4) return false;
  uint32_t inner = 0;
  std::memcpy(&inner, &address[12], sizeof inner);
  return is_reserved_4(ntohl(inner));
}

}  // namespace

bool is_reserved_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    return is_reserved_4(ntohl(in.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address, sizeof in);
    Bytes6 bytes;
    std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
    return is_reserved_6(bytes);
  }
  return false;
}

bool is_reserved_address(const std::string& host) {
  in_addr four{};
  if (inet_aton(host.c_str(), &four) != 0) return is_reserved_4(ntohl(four.s_addr));
  Bytes6 six;
  const std::string plain = host.substr(0, host.find('%'));  // without a zone
  return inet_pton(AF_INET6, plain.c_str(), six.data()) == 1 && is_reserved_6(six);
}

std::string text_of(const sockaddr& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
  } else if (address.sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address, sizeof in);
    inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text);
  }
  return text;
}

}  // namespace sluice::http
