// RETAIN HISTORY FOR 'interval' of a table or a materialized view: how long its rows of earlier
// times can be read.
//
// Threads: pure functions.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"

namespace sluice::sql {

struct RetainHistory {
  std::string text;  // as it was written
  std::chrono::milliseconds time;
};

// 22023 for what is no interval, not positive, or longer than a thousand years. A month is 30 days.
Result<RetainHistory> read_retain_history(const std::string& text);

}  // namespace sluice::sql
