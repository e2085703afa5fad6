#include "s3fake/http_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

namespace sluice::s3fake {
namespace {

constexpr size_t kMaxHeadBytes = 64 << 10;
constexpr size_t kReadBytes = 256 << 10;

void require(bool condition, const char* what) {
  if (condition) return;
  std::perror(what);
  std::abort();
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

std::optional<HttpRequest> parse_head(std::string_view head) {
  HttpRequest request;
  const auto line_end = head.find("\r\n");
  const std::string_view line = head.substr(0, line_end);
  const auto first = line.find(' ');
  const auto second = line.find(' ', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return std::nullopt;
  if (line.substr(second + 1) != "HTTP/1.1") return std::nullopt;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, second - first - 1);
  for (size_t at = line_end + 2; at < head.size();) {
    const auto end = head.find("\r\n", at);
    const std::string_view header = head.substr(at, end - at);
    if (header.empty()) break;
    const auto colon = header.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto name = lower(std::string(header.substr(0, colon)));
    if (!request.headers.emplace(name, trimmed(header.substr(colon + 1))).second) {
      return std::nullopt;  // a header twice
    }
    at = end + 2;
  }
  if (request.headers.count("transfer-encoding") > 0) return std::nullopt;
  const std::string length = request.header("content-length");
  if (length.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  if (!length.empty()) request.content_length = std::strtoull(length.c_str(), nullptr, 10);
  return request;
}

}  // namespace

std::string HttpRequest::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::string() : found->second;
}

// A key and a certificate signed by itself, made anew for each server.
struct HttpServer::Tls {
  SSL_CTX* context = nullptr;

  explicit Tls(std::string& ca_file) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    require(key != nullptr && certificate != nullptr, "certificate");
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600L * 24);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("s3fake"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name,
                            "DNS:localhost,DNS:s3.localhost,DNS:*.s3.localhost,IP:127.0.0.1");
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    require(X509_sign(certificate, key, EVP_sha256()) > 0, "X509_sign");
    context = SSL_CTX_new(TLS_server_method());
    require(SSL_CTX_use_certificate(context, certificate) == 1, "SSL_CTX_use_certificate");
    require(SSL_CTX_use_PrivateKey(context, key) == 1, "SSL_CTX_use_PrivateKey");
    require(SSL_CTX_set_ciphersuites(context,
                                     "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                     "TLS_CHACHA20_POLY1305_SHA256") == 1,
            "SSL_CTX_set_ciphersuites");
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    // Many records at once from the kernel.
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, kReadBytes);
    char path[] = "/tmp/s3fake-ca-XXXXXX";
    const int file = mkstemp(path);
    require(file >= 0, "mkstemp");
    FILE* stream = fdopen(file, "w");
    require(PEM_write_X509(stream, certificate) == 1, "PEM_write_X509");
    std::fclose(stream);
    ca_file = path;
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  ~Tls() { SSL_CTX_free(context); }
};

class HttpServer::Stream final : public Connection {
 public:
  Stream(int socket, Tls* tls) : socket_(socket) {
    if (tls == nullptr) return;
    ssl_ = SSL_new(tls->context);
    SSL_set_fd(ssl_, socket);
    usable_ = SSL_accept(ssl_) == 1;
  }
  ~Stream() override { SSL_free(ssl_); }

  bool read(std::string& out, size_t bytes) override {
    while (usable_ && buffer_.size() < bytes) fill();
    const size_t taken = std::min(bytes, buffer_.size());
    out.append(buffer_, 0, taken);
    buffer_.erase(0, taken);
    return taken == bytes;
  }

  bool drop(uint64_t bytes) override {
    const size_t read = std::min<uint64_t>(bytes, buffer_.size());
    buffer_.erase(0, read);
    bytes -= read;
    const std::unique_ptr<char[]> scratch(ssl_ != nullptr ? new char[kReadBytes] : nullptr);
    while (usable_ && bytes > 0) {
      const auto wanted = std::min<uint64_t>(bytes, ssl_ != nullptr ? kReadBytes : size_t{1} << 30);
      // Of what is not encrypted the kernel itself drops as much as has come.
      const auto got = ssl_ != nullptr ? SSL_read(ssl_, scratch.get(), static_cast<int>(wanted))
                                       : ::recv(socket_, nullptr, wanted, MSG_TRUNC);
      usable_ = got > 0;
      if (usable_) bytes -= static_cast<uint64_t>(got);
    }
    return bytes == 0;
  }

  // Up to and with the empty line; nothing when the client has gone.
  std::optional<std::string> read_head() {
    for (;;) {
      const auto end = buffer_.find("\r\n\r\n");
      if (end != std::string::npos) {
        std::string head = buffer_.substr(0, end + 4);
        buffer_.erase(0, end + 4);
        return head;
      }
      if (!usable_ || buffer_.size() > kMaxHeadBytes) return std::nullopt;
      fill();
    }
  }

  bool write(std::string_view bytes) override {
    while (usable_ && !bytes.empty()) {
      const auto sent = ssl_ != nullptr
                            ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                            : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        usable_ = false;
      } else {
        bytes.remove_prefix(static_cast<size_t>(sent));
      }
    }
    return usable_;
  }

  void reset() override {
    // With no time to linger, close() sends a reset instead of what is left.
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    usable_ = false;
  }

  void wait_for_close() override {
    while (usable_) {
      buffer_.clear();
      fill();
    }
  }

  bool usable() const { return usable_; }

 private:
  void fill() {
    char bytes[kReadBytes];
    const auto got = ssl_ != nullptr ? SSL_read(ssl_, bytes, sizeof(bytes))
                                     : ::recv(socket_, bytes, sizeof(bytes), 0);
    if (got <= 0) {
      usable_ = false;
    } else {
      buffer_.append(bytes, static_cast<size_t>(got));
    }
  }

  const int socket_;
  SSL* ssl_ = nullptr;
  bool usable_ = true;
  std::string buffer_;
};

HttpServer::HttpServer(Handler handler, bool tls, uint16_t port) : handler_(std::move(handler)) {
  if (tls) tls_ = std::make_unique<Tls>(ca_file_);
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require(listener_ >= 0, "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  require(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0, "bind");
  require(listen(listener_, 128) == 0, "listen");
  socklen_t length = sizeof(address);
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_loop(); });
}

HttpServer::~HttpServer() {
  std::list<std::thread> handlers;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    shutdown(listener_, SHUT_RDWR);
    for (const auto& [socket, open] : sockets_) shutdown(socket, SHUT_RDWR);
  }
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    handlers.swap(handlers_);
  }
  for (std::thread& thread : handlers) thread.join();
  close(listener_);
  if (!ca_file_.empty()) unlink(ca_file_.c_str());
}

size_t HttpServer::connections() const {
  const std::lock_guard lock(mutex_);
  return accepted_;
}

void HttpServer::accept_loop() {
  for (;;) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    const std::lock_guard lock(mutex_);
    if (closing_) {
      close(socket);
      return;
    }
    accepted_++;
    sockets_[socket] = true;
    handlers_.emplace_back([this, socket] { serve(socket); });
  }
}

void HttpServer::serve(int socket) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  {
    Stream stream(socket, tls_.get());
    while (stream.usable()) {
      const auto head = stream.read_head();
      if (!head) break;
      const auto request = parse_head(*head);
      if (!request) {
        stream.write(http_answer(400, {{"Connection", "close"}}, "malformed request"));
        break;
      }
      if (!handler_(*request, stream)) break;
    }
  }
  const std::lock_guard lock(mutex_);
  sockets_.erase(socket);
  close(socket);
}

std::string http_answer(int status, const std::map<std::string, std::string>& headers,
                        std::string_view body, bool head_only) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\n", status, status < 400 ? "OK" : "Error");
  for (const auto& [name, value] : headers) text += fmt::format("{}: {}\r\n", name, value);
  if (headers.count("Content-Length") == 0 && status != 204) {
    text += fmt::format("Content-Length: {}\r\n", body.size());
  }
  text += "\r\n";
  if (!head_only) text += body;
  return text;
}

}  // namespace sluice::s3fake
