// When a file ends: at the largest size, or sooner, so that the last one of a writer is not a small
// rest.
//
// From half its size on a file is judged: if the next one would be the writer's last and less than
// half full, the two share what is to come evenly. How much that is is a guess from how far the
// query is and how many writers share it, so it is made again at five and at six eighths, and when
// the file has got its share. Without a guess files are filled, one by one.
//
// Threads: safe from any; a file by one at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "engine/reader.h"
#include "export/open_file.h"

namespace sluice::exports {

class SizeBalance {
 public:
  explicit SizeBalance(uint64_t largest_bytes) : largest_bytes_(largest_bytes) {}

  void watch(const engine::Reader& reader) { reader_ = &reader; }
  void writer_begins();
  void writer_ends() { --writers_; }
  void count(uint64_t rows) { rows_ += rows; }

  // To be called now and then, with more rows in the file each time.
  void judge(OpenFile& file) const;
  // Whether a file ends that has reached its target; else it got a new one.
  bool ends(OpenFile& file) const;

 private:
  // Bytes that the writer of this file will still get.
  std::optional<double> more_bytes(const OpenFile& file) const;

  const uint64_t largest_bytes_;
  const engine::Reader* reader_ = nullptr;
  std::atomic<uint64_t> rows_{0};
  std::atomic<int> writers_{0};
  std::atomic<double> done_at_first_{-1};  // of the query's work, before its first row
};

}  // namespace sluice::exports
