#include "base/result.h"

#include <cstdio>
#include <cstdlib>

namespace sluice {

std::string_view name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return "invalid";
    case ErrorCode::kNotFound:
      return "not found";
    case ErrorCode::kExists:
      return "exists";
    case ErrorCode::kDenied:
      return "denied";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kExhausted:
      return "exhausted";
    case ErrorCode::kUnknown:
      return "unknown outcome";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

Error cancelled() {
  return Error(ErrorCode::kCancelled, "canceling statement due to user request")
      .with_sqlstate("57014");
}

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "sluice: bug: %s does not hold at %s:%d\n", condition, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace sluice
