#include "collection/log.h"

#include "base/crc.h"
#include "base/log.h"
#include "collection/bytes.h"

namespace sluice::collection {
namespace {

constexpr std::string_view kMagic = "SLUICELOG1\n";
constexpr size_t kFileHead = kMagic.size() + sizeof(uint64_t);
static_assert(kFileHead == kEmptyLogBytes);
constexpr size_t kFrameHead = 16;
constexpr std::string_view kSuffix = ".log";

struct Frame {
  uint64_t sequence = 0;
  std::string_view payload;
};

uint32_t checksum(uint64_t sequence, std::string_view payload) {
  const uint32_t crc = crc32c(std::as_bytes(std::span(&sequence, 1)));
  return crc32c(std::as_bytes(std::span(payload)), crc);
}

// The frame that begins at `at`, if a whole one does.
std::optional<Frame> frame_at(std::string_view content, size_t at) {
  if (content.size() - at < kFrameHead) return std::nullopt;
  ByteReader head(content.substr(at, kFrameHead));
  const uint32_t length = head.u32();
  const uint32_t crc = head.u32();
  const Frame frame{head.u64(), content.substr(at + kFrameHead, length)};
  // A length of 0 never is: it would make a run of zeros a frame.
  if (length == 0 || frame.payload.size() != length) return std::nullopt;
  if (checksum(frame.sequence, frame.payload) != crc) return std::nullopt;
  return frame;
}

// Whether a whole frame later than `sequence` begins anywhere after `at`. Frames begin at any byte.
bool frame_follows(std::string_view content, size_t at, uint64_t sequence) {
  for (size_t from = at + 1; from + kFrameHead < content.size(); ++from) {
    uint64_t number;
    std::memcpy(&number, content.data() + from + 8, sizeof number);
    // Only plausible numbers are worth a checksum over what may be megabytes.
    if (number <= sequence || number > sequence + (uint64_t{1} << 32)) continue;
    if (frame_at(content, from)) return true;
  }
  return false;
}

Error damaged(const std::string& path, size_t at) {
  return error(ErrorCode::kInternal, "{} is damaged at byte {}", path, at)
      .with_sqlstate("XX001")
      .with_hint(
          "Committed rows lie behind the damage. Restore the data directory from a copy, or "
          "move this file away to go on without what it and later files hold.");
}

}  // namespace

std::string log_name(uint64_t number) { return fmt::format("{:012}{}", number, kSuffix); }

std::optional<uint64_t> log_number(std::string_view name) {
  if (!name.ends_with(kSuffix) || name.size() != 12 + kSuffix.size()) return std::nullopt;
  uint64_t number = 0;
  for (const char digit : name.substr(0, 12)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = number * 10 + static_cast<uint64_t>(digit - '0');
  }
  return number;
}

LogWriter::LogWriter(std::unique_ptr<File> file, uint64_t number)
    : file_(std::move(file)), number_(number) {}

Result<std::unique_ptr<LogWriter>> LogWriter::create(Files& files, const std::string& directory,
                                                     uint64_t number) {
  TRY_ASSIGN(auto file, files.create(directory + "/" + log_name(number)));
  ByteWriter head;
  head.raw(kMagic.data(), kMagic.size());
  head.u64(number);
  TRY(file->append(head.bytes()));
  TRY(file->sync());
  TRY(files.sync_directory(directory));
  auto log = std::unique_ptr<LogWriter>(new LogWriter(std::move(file), number));
  log->bytes_ = head.size();
  return log;
}

Status LogWriter::append(uint64_t sequence, std::string_view payload) {
  CHECK(!payload.empty());
  if (broken_) return error(ErrorCode::kExhausted, "the log is closed after an error");
  if (payload.size() > UINT32_MAX) {
    return error(ErrorCode::kExhausted, "a commit of {} bytes is too large", payload.size())
        .with_sqlstate("54000");
  }
  ByteWriter frame;
  frame.u32(static_cast<uint32_t>(payload.size()));
  frame.u32(checksum(sequence, payload));
  frame.u64(sequence);
  frame.raw(payload.data(), payload.size());
  if (auto written = file_->append(frame.bytes()); !written.ok()) {
    broken_ = true;
    return written;
  }
  if (auto synced = file_->sync(); !synced.ok()) {
    // The system may have dropped the pages and would report the next sync as good: never retried.
    broken_ = true;
    synced.error().code = ErrorCode::kUnknown;
    return synced;
  }
  bytes_ += frame.size();
  return ok();
}

Status LogWriter::cut_back() {
  TRY(file_->truncate(bytes_));
  return file_->sync();
}

Status replay_log(Files& files, const std::string& directory, uint64_t number, bool last,
                  uint64_t& sequence,
                  const std::function<Status(std::string_view payload)>& apply) {
  const std::string path = directory + "/" + log_name(number);
  TRY_ASSIGN(const std::string content, files.read(path));
  ByteWriter head;
  head.raw(kMagic.data(), kMagic.size());
  head.u64(number);
  if (content.substr(0, kFileHead) != head.bytes()) {
    // The process ended while it began the file, before anything could be written behind.
    if (last && content.size() <= kFileHead) return ok();
    return damaged(path, 0);
  }
  size_t at = kFileHead;
  while (at < content.size()) {
    const auto frame = frame_at(content, at);
    if (!frame) {
      if (!last || frame_follows(content, at, sequence)) return damaged(path, at);
      log::info("{}: {} bytes of a commit that was not finished are cut off", path,
                content.size() - at);
      return files.truncate(path, at);
    }
    if (frame->sequence != sequence + 1) return damaged(path, at);
    TRY(apply(frame->payload));
    sequence = frame->sequence;
    at += kFrameHead + frame->payload.size();
  }
  return ok();
}

}  // namespace sluice::collection
