#include "secrets/key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

namespace sluice::secrets {
namespace {

constexpr std::string_view kFirstLine = "sluice secrets key 1";
constexpr std::string_view kHead =
    "# The key of this server's secrets: without it nobody reads them, this server neither.\n"
    "# Keep a copy, and keep it apart from copies of the data folder.\n";
constexpr size_t kMaxBytes = 64 << 10;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  const int number_;
};

std::string reason() { return std::strerror(errno); }

Error no_key_file(const std::string& path, std::string_view why) {
  return invalid("{} is no file of secrets' keys: {}", path, why)
      .with_hint("Restore it from its backup, or name the right one with --secrets-key-file.");
}

std::optional<unsigned> digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  return std::nullopt;
}

std::optional<SecretString> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const auto high = digit(text[i]), low = digit(text[i + 1]);
    if (!high || !low) return std::nullopt;
    bytes.push_back(static_cast<char>(*high * 16 + *low));
  }
  return SecretString(std::move(bytes));
}

// Appends to what was reserved, so that no copy is left behind.
void append_hex(std::string& text, std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
}

Result<Key> parse_key(const std::string& path, std::string_view line) {
  constexpr std::string_view kWord = "key ";
  const size_t blank = line.find(' ', kWord.size());
  if (!line.starts_with(kWord) || blank == std::string_view::npos)
    return no_key_file(path, "it has a line that is neither a key nor a comment");
  auto bytes = from_hex(line.substr(blank + 1));
  if (!bytes) return no_key_file(path, "a key is not hexadecimal");
  auto key = Key::from_bytes(std::move(*bytes));
  if (!key.ok()) return no_key_file(path, key.error().message);
  if (key->id() != line.substr(kWord.size(), blank - kWord.size()))
    return no_key_file(path, "an id is not that of its key, so one of them was changed");
  return key;
}

Result<Keyring> parse(const std::string& path, std::string_view text) {
  std::vector<Key> keys;
  bool first = true;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    if (first && line != kFirstLine)
      return no_key_file(path, fmt::format("it does not begin with '{}'", kFirstLine));
    if (!first) {
      TRY_ASSIGN(Key key, parse_key(path, line));
      keys.push_back(std::move(key));
    }
    first = false;
  }
  if (keys.empty()) return no_key_file(path, "it holds no key");
  return Keyring(std::move(keys));
}

Status check_private(const std::string& path, const struct stat& file) {
  if (!S_ISREG(file.st_mode)) return no_key_file(path, "it is not a regular file");
  if ((file.st_mode & 077) != 0)
    return error(ErrorCode::kDenied,
                 "{} may be read or changed by others than its owner (mode {:o})", path,
                 file.st_mode & 07777)
        .with_hint(fmt::format("Make it private: chmod 600 {}", path));
  if (static_cast<size_t>(file.st_size) > kMaxBytes) return no_key_file(path, "it is too large");
  return ok();
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return error(ErrorCode::kUnavailable, "{}", reason());
    text.remove_prefix(static_cast<size_t>(written));
  }
  if (::fsync(file) != 0) return error(ErrorCode::kUnavailable, "{}", reason());
  return ok();
}

std::string temporary_name(const std::string& path) { return path + ".new"; }

// The text of a file, wiped when it goes.
struct Text {
  std::string bytes;
  ~Text() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
};

Text text_of(const Keyring& keys) {
  constexpr size_t kLineBytes = 128;
  Text text;
  text.bytes.reserve(kHead.size() + kFirstLine.size() + 1 + keys.keys().size() * kLineBytes);
  text.bytes.append(kHead).append(kFirstLine).append("\n");
  for (const Key& key : keys.keys()) {
    text.bytes.append("key ").append(key.id()).append(" ");
    append_hex(text.bytes, key.bytes().view());
    text.bytes.append("\n");
  }
  return text;
}

// Fails with EEXIST where there is a file. One step, so that the key never has two names.
bool rename_to_new(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  // Not every file system knows that.
  if (::access(to.c_str(), F_OK) == 0) errno = EEXIST;
  return errno != EEXIST && ::rename(from.c_str(), to.c_str()) == 0;
}

// Under a name of its own, then moved to its place.
Status write_whole(const std::string& path, const std::string& temporary, std::string_view text,
                   bool replace) {
  const auto failed = [&] { return error(ErrorCode::kUnavailable, "{}", reason()); };
  if (::unlink(temporary.c_str()) != 0 && errno != ENOENT) return failed();
  {
    const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file.number() < 0) return failed();
    TRY(write_all(file.number(), text));
  }
  if (replace ? ::rename(temporary.c_str(), path.c_str()) != 0 : !rename_to_new(temporary, path)) {
    if (!replace && errno == EEXIST) return error(ErrorCode::kExists, "it is there already");
    return failed();
  }
  const Descriptor folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.number() < 0 || ::fsync(folder.number()) != 0) return failed();
  return ok();
}

}  // namespace

void remove_unfinished_key_file(const std::string& path) { ::unlink(temporary_name(path).c_str()); }

Result<Keyring> read_key_file(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number() < 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      return error(ErrorCode::kNotFound, "there is no file of secrets' keys {}", path);
    return error(ErrorCode::kDenied, "cannot read the file of secrets' keys {}: {}", path, reason())
        .with_hint("It has to be the server's own: chown it to the user that the server runs as.");
  }
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return no_key_file(path, reason());
  TRY(check_private(path, status));
  Text text;
  text.bytes.resize(kMaxBytes);
  size_t size = 0;
  while (size < kMaxBytes) {
    const ssize_t got = ::read(file.number(), text.bytes.data() + size, kMaxBytes - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return no_key_file(path, reason());
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  return parse(path, std::string_view(text.bytes).substr(0, size));
}

Status write_key_file(const std::string& path, const Keyring& keys, WriteKeyFile options) {
  const Text text = text_of(keys);
  const std::string temporary = temporary_name(path);
  Status written = write_whole(path, temporary, text.bytes, options.replace);
  if (written.ok()) return ok();
  ::unlink(temporary.c_str());
  return std::move(written).error().within(fmt::format("write the file of secrets' keys {}", path));
}

}  // namespace sluice::secrets
