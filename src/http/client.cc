#include "http/client.h"

#include <curl/curl.h>
#include <strings.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <future>
#include <optional>

#include "http/address.h"
#include "secrets/wiping.h"

namespace sluice::http {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr long kUploadBufferBytes = 512 << 10;
constexpr long kDownloadBufferBytes = 128 << 10;
constexpr long kKeptConnections = 64;
constexpr size_t kKeptHandles = 64;
constexpr size_t kMaxHeaderBytes = 256 << 10;
constexpr size_t kMaxUrlBytes = 64 << 10;
constexpr milliseconds kLongestPoll{60'000};

void initialize_curl() {
  static const auto duplicate = [](const char* text) {
    const size_t bytes = std::strlen(text) + 1;
    void* const copy = std::malloc(bytes);
    return static_cast<char*>(copy == nullptr ? nullptr : std::memcpy(copy, text, bytes));
  };
  static const CURLcode code =
      curl_global_init_mem(CURL_GLOBAL_DEFAULT, std::malloc, secrets::wiping_free,
                           secrets::wiping_realloc, duplicate, std::calloc);
  CHECK(code == CURLE_OK);
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

// What libcurl would refuse later, or worse: a line break in a header would begin another one. No
// values in the text, since they may be secret.
Status check(const Request& request) {
  if (request.url.size() > kMaxUrlBytes)
    return invalid("the url is longer than {} bytes", kMaxUrlBytes);
  if (has_control_character(request.url)) return invalid("the url has a control character in it");
  for (const Header& header : request.headers) {
    if (header.value.size() > kMaxHeaderBytes || has_control_character(header.value)) {
      return invalid("the value for header {} is too long or has a control character in it",
                     header.name);
    }
  }
  return ok();
}

ErrorCode code_of(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return ErrorCode::kDenied;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return ErrorCode::kInvalid;
    case CURLE_OUT_OF_MEMORY:
      return ErrorCode::kExhausted;
    default:
      return ErrorCode::kUnavailable;
  }
}

}  // namespace

std::string_view Response::header(std::string_view name) const {
  for (const Header& header : headers) {
    if (equals_ignoring_case(header.name, name)) return header.value;
  }
  return {};
}

// One request under way. Lives on the loop's thread from begin() on.
struct Client::Transfer {
  Request request;
  std::stop_token stop;
  Done done;

  uint64_t id = 0;
  CURL* easy = nullptr;
  curl_slist* header_list = nullptr;
  char error_text[CURL_ERROR_SIZE] = {};
  size_t body_offset = 0;
  size_t header_bytes = 0;
  bool too_long = false;
  bool head_ended = false;      // its empty line has come
  std::string refused_address;  // that the url led to
  Response response;
  Steady::time_point last_progress;
  std::optional<std::stop_callback<std::function<void()>>> on_stop;

  ~Transfer() { curl_slist_free_all(header_list); }

  bool sends_body() const {
    return !request.body.empty() || request.method == "PUT" || request.method == "POST";
  }

  static size_t read(char* out, size_t size, size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const auto rest = transfer.request.body.subspan(transfer.body_offset);
    const size_t bytes = std::min(rest.size(), size * count);
    if (bytes > 0) std::memcpy(out, rest.data(), bytes);
    transfer.body_offset += bytes;
    transfer.last_progress = Steady::now();
    return bytes;
  }
  static int seek(void* self, curl_off_t offset, int origin) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (origin != SEEK_SET || offset < 0 ||
        static_cast<size_t>(offset) > transfer.request.body.size()) {
      return CURL_SEEKFUNC_FAIL;
    }
    transfer.body_offset = static_cast<size_t>(offset);
    return CURL_SEEKFUNC_OK;
  }
  static size_t write(char* in, size_t size, size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const size_t bytes = size * count;
    if (transfer.response.body.size() + bytes > transfer.request.max_response_bytes) {
      transfer.too_long = true;
      return 0;
    }
    transfer.response.body.append(in, bytes);
    transfer.last_progress = Steady::now();
    return bytes;
  }
  static size_t header(char* in, size_t size, size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::string_view line(in, size * count);
    transfer.last_progress = Steady::now();
    transfer.header_bytes += line.size();
    if (transfer.header_bytes > kMaxHeaderBytes) {
      transfer.too_long = true;
      return 0;
    }
    // A status line begins anew: what came before belonged to a 1xx answer.
    if (line.starts_with("HTTP/")) transfer.response.headers.clear();
    transfer.head_ended = trimmed(line).empty();
    const auto colon = line.find(':');
    if (colon != std::string_view::npos && !line.starts_with("HTTP/")) {
      transfer.response.headers.push_back({std::string(trimmed(line.substr(0, colon))),
                                           std::string(trimmed(line.substr(colon + 1)))});
    }
    return line.size();
  }

  // Before a connection is made: the address is known, and nothing was sent to it yet.
  static curl_socket_t open_socket(void* self, curlsocktype, curl_sockaddr* to) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (!transfer.request.may_reach_metadata && is_reserved_address(to->addr)) {
      transfer.refused_address = text_of(to->addr);
      return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
  }
  void set_up();
};

void Client::Transfer::set_up() {
  const auto set = [this](CURLoption option, auto value) {
    CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
  };
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_PATH_AS_IS, 1L);
  // Parallel parts are to travel on connections of their own.
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOSIGNAL, 1L);
  // Or ending a request would wait for a name server that does not answer.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  if (!request.ca_file.empty()) set(CURLOPT_CAINFO, request.ca_file.c_str());
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.total_timeout.count()));
  set(CURLOPT_BUFFERSIZE, kDownloadBufferBytes);
  set(CURLOPT_UPLOAD_BUFFERSIZE, kUploadBufferBytes);
  set(CURLOPT_ERRORBUFFER, error_text);
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::open_socket);
  set(CURLOPT_OPENSOCKETDATA, this);
  // Or a request that may not would find it open.
  if (request.may_reach_metadata) set(CURLOPT_FORBID_REUSE, 1L);
  if (request.send_at_most_once) set(CURLOPT_FRESH_CONNECT, 1L);
  if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (sends_body()) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_READFUNCTION, &Transfer::read);
    set(CURLOPT_READDATA, this);
    set(CURLOPT_SEEKFUNCTION, &Transfer::seek);
    set(CURLOPT_SEEKDATA, this);
  }
  if (request.method != "HEAD") set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  set(CURLOPT_WRITEFUNCTION, &Transfer::write);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_HEADERFUNCTION, &Transfer::header);
  set(CURLOPT_HEADERDATA, this);
  // libcurl would wait for a 100 Continue: a round trip for each part.
  header_list = curl_slist_append(header_list, "Expect:");
  for (const Header& one : request.headers) {
    // A header without a value is written with `;` for libcurl; with `:` it would be left out.
    const std::string line =
        one.value.empty() ? one.name + ";" : fmt::format("{}: {}", one.name, one.value);
    header_list = curl_slist_append(header_list, line.c_str());
  }
  set(CURLOPT_HTTPHEADER, header_list);
  last_progress = Steady::now();
}

// The multi handle keeps the connections; easy handles are used again since making one costs.
struct Client::Curl {
  CURLM* multi = nullptr;
  std::vector<CURL*> spare;

  Curl() {
    initialize_curl();
    multi = curl_multi_init();
    CHECK(multi != nullptr);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, kKeptConnections);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  }
  ~Curl() {
    for (CURL* easy : spare) curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  CURL* take() {
    if (spare.empty()) return curl_easy_init();
    CURL* easy = spare.back();
    spare.pop_back();
    return easy;
  }
  // A handle that has failed is not used again: libcurl leaves its buffers as they were, and then
  // refuses to have their size set. Neither is one whose buffers held secrets.
  void put_back(CURL* easy, bool to_drop) {
    if (to_drop || spare.size() >= kKeptHandles) return curl_easy_cleanup(easy);
    curl_easy_reset(easy);
    spare.push_back(easy);
  }
};

Client::Client() : curl_(std::make_unique<Curl>()), thread_([this] { loop(); }) {}

Client::~Client() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  curl_multi_wakeup(curl_->multi);
  thread_.join();
}

void Client::start(Request request, std::stop_token stop, Done done) {
  if (auto sound = check(request); !sound.ok()) return done(std::move(sound).error());
  auto transfer = std::make_unique<Transfer>();
  transfer->request = std::move(request);
  transfer->stop = std::move(stop);
  transfer->done = std::move(done);
  {
    std::unique_lock lock(mutex_);
    if (closing_) {
      lock.unlock();
      return transfer->done(cancelled());
    }
    incoming_.push_back(std::move(transfer));
  }
  curl_multi_wakeup(curl_->multi);
}

Result<Response> Client::run(Request request, std::stop_token stop) {
  CHECK(std::this_thread::get_id() != thread_.get_id());
  std::promise<Result<Response>> promise;
  auto answer = promise.get_future();
  start(std::move(request), std::move(stop),
        [&promise](Result<Response> result) { promise.set_value(std::move(result)); });
  return answer.get();
}

Counters Client::counters() const {
  return {.requests = counters_.requests,
          .failures = counters_.failures,
          .connections = counters_.connections,
          .bytes_sent = counters_.sent,
          .bytes_received = counters_.received,
          .running = counters_.running};
}

void Client::loop() {
  for (bool closing = false; !closing;) {
    std::vector<std::unique_ptr<Transfer>> incoming;
    {
      const std::lock_guard lock(mutex_);
      incoming.swap(incoming_);
      closing = closing_;
    }
    for (auto& transfer : incoming) begin(std::move(transfer));
    int still_running = 0;
    CHECK(curl_multi_perform(curl_->multi, &still_running) == CURLM_OK);
    finish_done();
    end_stopped_and_idle();
    if (std::exchange(secrets_ended_, false)) secrets::wipe_stack();
    if (!closing) curl_multi_poll(curl_->multi, nullptr, 0, poll_ms(), nullptr);
  }
  while (!running_.empty()) finish(running_.begin()->first, cancelled());
}

void Client::begin(std::unique_ptr<Transfer> transfer) {
  transfer->easy = curl_->take();
  CHECK(transfer->easy != nullptr);
  transfer->id = ++last_id_;
  transfer->set_up();
  counters_.requests++;
  counters_.running++;
  Transfer& begun = *transfer;
  running_.emplace(begun.id, std::move(transfer));
  CHECK(curl_multi_add_handle(curl_->multi, begun.easy) == CURLM_OK);
  // Runs at once if the stop came earlier.
  begun.on_stop.emplace(begun.stop, [this, id = begun.id] {
    {
      const std::lock_guard lock(mutex_);
      stopped_.push_back(id);
    }
    curl_multi_wakeup(curl_->multi);
  });
}

// libcurl has let go of the transfer before `done` runs, so that `done` may free the body.
void Client::finish(uint64_t id, Result<Response> result) {
  const auto found = running_.find(id);
  if (found == running_.end()) return;
  const std::unique_ptr<Transfer> transfer = std::move(found->second);
  running_.erase(found);
  transfer->on_stop.reset();
  long connections = 0;
  curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connections);
  counters_.connections += static_cast<uint64_t>(connections);
  counters_.sent += transfer->body_offset;
  curl_off_t received = 0;
  curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
  counters_.received += static_cast<uint64_t>(received);
  counters_.failures += result.ok() ? 0 : 1;
  counters_.running--;
  curl_multi_remove_handle(curl_->multi, transfer->easy);
  curl_->put_back(transfer->easy, !result.ok() || transfer->request.has_secrets);
  secrets_ended_ = secrets_ended_ || transfer->request.has_secrets;
  transfer->done(std::move(result));
}

void Client::finish_done() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(curl_->multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    void* pointer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &pointer);
    auto& transfer = *static_cast<Transfer*>(pointer);
    if (code == CURLE_OK && !transfer.head_ended) {
      // libcurl takes the end of the connection for the end of the head.
      finish(transfer.id, error(ErrorCode::kUnavailable, "the answer was cut within its head"));
    } else if (code == CURLE_OK) {
      long status = 0;
      curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
      transfer.response.status = static_cast<int>(status);
      finish(transfer.id, std::move(transfer.response));
    } else if (!transfer.refused_address.empty()) {
      finish(transfer.id,
             error(ErrorCode::kDenied,
                   "the url leads to {}, an address of metadata services, which is not allowed",
                   transfer.refused_address));
    } else if (transfer.too_long) {
      finish(transfer.id, error(ErrorCode::kExhausted, "the answer is longer than {} bytes",
                                transfer.request.max_response_bytes));
    } else {
      const std::string_view text =
          transfer.error_text[0] != 0 ? transfer.error_text : curl_easy_strerror(code);
      finish(transfer.id, error(code_of(code), "{}", trimmed(text)));
    }
  }
}

void Client::end_stopped_and_idle() {
  std::vector<uint64_t> ending;
  {
    const std::lock_guard lock(mutex_);
    ending.swap(stopped_);
  }
  for (const uint64_t id : ending) finish(id, cancelled());
  ending.clear();
  const auto now = Steady::now();
  for (const auto& [id, transfer] : running_) {
    if (now - transfer->last_progress >= transfer->request.idle_timeout) ending.push_back(id);
  }
  for (const uint64_t id : ending) {
    finish(id, error(ErrorCode::kUnavailable, "nothing sent or received for {} ms",
                     running_.at(id)->request.idle_timeout.count()));
  }
}

int Client::poll_ms() const {
  auto wait = kLongestPoll;
  const auto now = Steady::now();
  for (const auto& [id, transfer] : running_) {
    const auto idle_at = transfer->last_progress + transfer->request.idle_timeout;
    // One more, so that it is over by then.
    wait =
        std::min(wait, std::chrono::duration_cast<milliseconds>(idle_at - now) + milliseconds(1));
  }
  return static_cast<int>(std::max<milliseconds::rep>(wait.count(), 0));
}

}  // namespace sluice::http
