#include "aws/credential_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>

#include "aws/timestamps.h"

extern char** environ;

namespace sluice::aws {
namespace {

using Steady = std::chrono::steady_clock;

constexpr size_t kMaxOutputBytes = 64 << 10;
// How late a stop is seen, and the end of a process that has closed its output before.
constexpr int kLookEveryMs = 20;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  ~Descriptor() { close(); }
  int number() const { return number_; }
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_;
};

// The one that runs; killed with its group, and waited for, if it is still there.
class Process {
 public:
  explicit Process(pid_t id) : id_(id) {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (id_ <= 0) return;
    ::kill(-id_, SIGKILL);
    while (::waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  // Its status once it has ended.
  bool ended(int& status) {
    if (::waitpid(id_, &status, WNOHANG) != id_) return false;
    id_ = -1;
    return true;
  }

 private:
  pid_t id_;
};

// -1, or the process's id.
pid_t spawn(const std::string& command, int output) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, output, 1);
  posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  // This process blocks signals that the program should not have blocked.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::string shell = "sh", option = "-c", text = command;
  char* arguments[] = {shell.data(), option.data(), text.data(), nullptr};
  pid_t id = -1;
  const int failed = posix_spawn(&id, "/bin/sh", &files, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return failed == 0 ? id : -1;
}

// Reads to the end of the output and waits for the process's end.
Result<std::string> output_of(Process& process, int descriptor, Steady::time_point deadline,
                              const std::stop_token& stop) {
  std::string out;
  bool open = true;
  while (true) {
    if (stop.stop_requested()) return cancelled();
    if (Steady::now() >= deadline) {
      return error(ErrorCode::kUnavailable, "the program did not end in time");
    }
    int status = 0;
    if (!open && process.ended(status)) {
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return out;
      return error(ErrorCode::kDenied, "the program failed ({} {})",
                   WIFEXITED(status) ? "exit code" : "signal",
                   WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    }
    pollfd watched{.fd = open ? descriptor : -1, .events = POLLIN, .revents = 0};
    if (::poll(&watched, 1, kLookEveryMs) <= 0) continue;
    char buffer[4096];
    const ssize_t got = ::read(descriptor, buffer, sizeof(buffer));
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) {
      open = false;
      continue;
    }
    out.append(buffer, static_cast<size_t>(got));
    if (out.size() > kMaxOutputBytes) return invalid("the program prints too much");
  }
}

std::string text_of(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Result<s3::Credentials> credentials_from_json(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return invalid("what came is not a JSON object");
  s3::Credentials out;
  out.access_key_id = text_of(json, "AccessKeyId");
  out.secret_access_key = text_of(json, "SecretAccessKey");
  out.session_token = text_of(json, "SessionToken");
  if (out.session_token.empty()) out.session_token = text_of(json, "Token");
  if (out.access_key_id.empty() || out.secret_access_key.empty()) {
    return invalid("what came has no AccessKeyId or no SecretAccessKey");
  }
  if (const std::string expiration = text_of(json, "Expiration"); !expiration.empty()) {
    out.expiry = parse_timestamp(expiration);
    if (!out.expiry) return invalid("what came has an Expiration that is no time");
  }
  return out;
}

Result<s3::Credentials> run_credential_process(const std::string& command,
                                               std::chrono::milliseconds bound,
                                               std::stop_token stop) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return error(ErrorCode::kExhausted, "no pipe to the program could be made");
  }
  const Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  const pid_t id = spawn(command, writing.number());
  if (id < 0) return error(ErrorCode::kUnavailable, "the program could not be started");
  Process process(id);
  writing.close();
  TRY_ASSIGN(const std::string text,
             output_of(process, reading.number(), Steady::now() + bound, stop));
  return credentials_from_json(text);
}

}  // namespace sluice::aws
