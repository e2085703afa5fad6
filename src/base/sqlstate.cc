#include "base/sqlstate.h"

namespace sluice {

std::string_view sqlstate(const Error& error) {
  if (!error.sqlstate.empty()) return error.sqlstate;
  switch (error.code) {
    case ErrorCode::kInvalid:
      return "22023";
    case ErrorCode::kNotFound:
      return "42704";
    case ErrorCode::kExists:
      return "42710";
    case ErrorCode::kDenied:
      return "42501";
    case ErrorCode::kUnavailable:
      return "58030";
    case ErrorCode::kConflict:
      return "40001";
    case ErrorCode::kExhausted:
      return "53200";
    case ErrorCode::kUnknown:
      return "08007";
    case ErrorCode::kCancelled:
      return "57014";
    case ErrorCode::kInternal:
      break;
  }
  return "XX000";
}

}  // namespace sluice
