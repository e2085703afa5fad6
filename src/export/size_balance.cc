#include "export/size_balance.h"

#include <algorithm>
#include <cmath>

namespace sluice::exports {
namespace {

// Rows that a thread may have taken in hand and not given yet: the engine counts them as done.
constexpr double kRowsInHand = 122'880;
// With more to come the last file is large enough without any sharing.
constexpr double kSharedBelow = 1.5;
// At this many eighths of its size, from four on: of several writers one may get more than its
// part.
constexpr uint64_t kJudged = 3;
// Less than this of the work says nothing about the rest.
constexpr double kLeastDone = 0.02;

}  // namespace

void SizeBalance::writer_begins() {
  ++writers_;
  if (done_at_first_ >= 0 || reader_ == nullptr) return;
  const auto progress = reader_->progress();
  double unset = -1;
  done_at_first_.compare_exchange_strong(unset, progress ? progress->done : 0);
}

std::optional<double> SizeBalance::more_bytes(const OpenFile& file) const {
  const auto progress = reader_ == nullptr ? std::nullopt : reader_->progress();
  if (!progress || file.rows == 0) return std::nullopt;
  const double rows = static_cast<double>(rows_);
  const double writers = std::max(1, writers_.load());
  const double before = std::min(0.99, std::max(0.0, done_at_first_.load()));
  const double done = (progress->done - before) / (1 - before);
  if (done < kLeastDone) return std::nullopt;
  double all = rows / std::min(done, 1.0);
  // What the planner has expected is exact where nothing is filtered; then it agrees with what is
  // seen, which is only about right.
  const double expected = static_cast<double>(progress->expected_rows);
  if (expected >= rows && std::abs(all - expected) <= expected / 4 + writers * kRowsInHand) {
    all = expected;
  }
  const double row_bytes = static_cast<double>(file.bytes()) / static_cast<double>(file.rows);
  return std::max(0.0, all - rows) / writers * row_bytes;
}

void SizeBalance::judge(OpenFile& file) const {
  const uint64_t bytes = file.bytes();
  if (file.judged == kJudged || bytes < largest_bytes_ / 8 * (4 + file.judged)) return;
  ++file.judged;
  const auto more = more_bytes(file);
  if (!more) return;
  const double all = static_cast<double>(bytes) + *more;
  const double largest = static_cast<double>(largest_bytes_);
  if (all <= largest || all >= kSharedBelow * largest) return;
  file.target_bytes = std::clamp(static_cast<uint64_t>(all / 2), bytes, largest_bytes_);
}

bool SizeBalance::ends(OpenFile& file) const {
  if (file.target_bytes >= largest_bytes_) return true;
  const auto more = more_bytes(file);
  if (!more) return true;
  const double all = static_cast<double>(file.bytes()) + *more;
  if (all > static_cast<double>(largest_bytes_)) return true;
  file.target_bytes = largest_bytes_;
  return false;
}

}  // namespace sluice::exports
