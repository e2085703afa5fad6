// For tests: a disk that fails when it is told to.
#pragma once

#include <atomic>

#include "collection/files.h"

namespace sluice::collection {

// The real disk, until told to fail.
class FaultyFiles final : public Files {
 public:
  enum class Fault { kNone, kFull, kShortWrite, kSync, kSegments, kLargeSegments };
  static constexpr uint64_t kLargeBytes = 900'000;
  std::atomic<Fault> fault = Fault::kNone;
  std::atomic<int> failed_segments = 0;

  Result<std::unique_ptr<File>> create(const std::string& path) override {
    if (fault == Fault::kFull) return full();
    TRY_ASSIGN(auto file, real_.create(path));
    return std::unique_ptr<File>(std::make_unique<Faulty>(*this, std::move(file)));
  }
  Result<std::string> read(const std::string& path) override { return real_.read(path); }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    return real_.list(directory);
  }
  Result<uint64_t> size(const std::string& path) override { return real_.size(path); }
  bool exists(const std::string& path) override { return real_.exists(path); }
  Status make_directory(const std::string& path) override { return real_.make_directory(path); }
  Status rename(const std::string& from, const std::string& to) override {
    return real_.rename(from, to);
  }
  Status remove(const std::string& path) override { return real_.remove(path); }
  Status truncate(const std::string& path, uint64_t bytes) override {
    return real_.truncate(path, bytes);
  }
  Status sync_file(const std::string& path) override {
    const auto bytes = real_.size(path);
    const bool large = bytes.ok() && *bytes > kLargeBytes;
    const bool fails = fault == Fault::kSegments || (fault == Fault::kLargeSegments && large);
    if (!fails) return real_.sync_file(path);
    ++failed_segments;
    return full();
  }
  Status sync_directory(const std::string& path) override { return real_.sync_directory(path); }
  Result<std::shared_ptr<void>> lock(const std::string& path) override { return real_.lock(path); }

 private:
  static Error full() {
    return error(ErrorCode::kExhausted, "write: No space left on device").with_sqlstate("53100");
  }
  class Faulty final : public File {
   public:
    Faulty(FaultyFiles& files, std::unique_ptr<File> file)
        : files_(files), file_(std::move(file)) {}
    Status append(std::string_view bytes) override {
      if (files_.fault == Fault::kFull) return full();
      if (files_.fault == Fault::kShortWrite) {
        (void)file_->append(bytes.substr(0, bytes.size() / 2));
        return full();
      }
      return file_->append(bytes);
    }
    Status sync() override {
      if (files_.fault == Fault::kSync) {
        return error(ErrorCode::kUnavailable, "sync: Input/output error").with_sqlstate("58030");
      }
      return file_->sync();
    }
    Status truncate(uint64_t bytes) override { return file_->truncate(bytes); }

   private:
    FaultyFiles& files_;
    const std::unique_ptr<File> file_;
  };
  Files& real_ = Files::real();
};

}  // namespace sluice::collection
