// The write-ahead log: what was committed since the manifest was written.
//
//   file    := magic "SLUICELOG1\n" number:u64  frame*
//   frame   := length:u32 crc:u32 sequence:u64 payload[length]     crc over sequence and payload
//
// A frame is one group of commits, written by one call and made durable by one sync before the
// next is written. So a torn frame can only be the last one, and was acknowledged to nobody: it is
// cut off. A broken frame with a whole one after it is damage, and refuses to open.
#pragma once

#include <functional>

#include "collection/files.h"

namespace sluice::collection {

std::string log_name(uint64_t number);
// The number of a log file of this name.
std::optional<uint64_t> log_number(std::string_view name);

// A log without any frame is at most this long.
inline constexpr uint64_t kEmptyLogBytes = 19;

// One thread at a time.
class LogWriter {
 public:
  static Result<std::unique_ptr<LogWriter>> create(Files& files, const std::string& directory,
                                                   uint64_t number);
  // Durable when ok. After an error the log takes nothing more. kUnknown: the group may be read
  // back at the next start (the sync failed); any other error: it will not be.
  Status append(uint64_t sequence, std::string_view payload);
  // After an append that failed otherwise: makes sure that a start finds nothing of it, so that the
  // next log may follow. Not to be tried again when it fails.
  Status cut_back();
  uint64_t number() const { return number_; }
  uint64_t bytes() const { return bytes_; }

 private:
  LogWriter(std::unique_ptr<File> file, uint64_t number);
  const std::unique_ptr<File> file_;
  const uint64_t number_;
  uint64_t bytes_ = 0;
  bool broken_ = false;
};

// Gives each whole frame to `apply`, in order. Sequences go up by one from frame to frame, over
// files as well: `sequence` is the last one before this file and is moved on. Only in the `last`
// file may the end be torn; it is cut off there.
Status replay_log(Files& files, const std::string& directory, uint64_t number, bool last,
                  uint64_t& sequence, const std::function<Status(std::string_view payload)>& apply);

}  // namespace sluice::collection
