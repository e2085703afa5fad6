// How a benchmark ends when something fails that it only needs: with the error, and an exit code
// other than that of a missed target.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "base/result.h"

namespace sluice::bench {

inline void must(const Status& status) {
  if (status.ok()) return;
  fmt::print(stderr, "{} {}\n", status.error().message, status.error().detail);
  std::exit(2);
}

template <typename T>
T must(Result<T> result) {
  if (!result.ok()) must(Status(result.error()));
  return std::move(result).value();
}

}  // namespace sluice::bench
