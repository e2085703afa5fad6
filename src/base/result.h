// Result<T> and Error: how every call that can go wrong for outside reasons says so.
//
// What only a bug can cause is a CHECK (base/check.h) instead. Errors gain context on the way up,
// outermost first: `export 12: write s3://lake/a.parquet: upload part 7: 503 SlowDown`.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"

namespace sluice {

// Codes say what the caller can do about it, not where it went wrong.
enum class ErrorCode : uint8_t {
  kInvalid,      // the statement or its input is wrong: trying again changes nothing
  kNotFound,     // the named thing is not there
  kExists,       // the named thing is there already
  kDenied,       // credentials or rights
  kUnavailable,  // try again later: timeout, throttling, 5xx, lost connection
  kConflict,     // another transaction came first: run the statement again at a newer time
  kExhausted,    // a limit of memory, disk or count is reached
  kUnknown,      // may or may not have happened: look before trying again
  kCancelled,    // somebody asked us to stop
  kInternal,     // a bug, ours or a library's
};

std::string_view name(ErrorCode code);

// What went wrong, in words for the user. SQL fields are empty where the meaning is not known yet;
// the protocols then map the code.
struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string sqlstate;
  std::string detail;
  std::string hint;
  int32_t position = 0;  // character in the statement's text, from 1; 0: none

  Error() = default;
  Error(ErrorCode error_code, std::string text) : code(error_code), message(std::move(text)) {}

  Error&& with_sqlstate(std::string_view state) && { return sqlstate = state, std::move(*this); }
  Error&& with_detail(std::string text) && { return detail = std::move(text), std::move(*this); }
  Error&& with_hint(std::string text) && { return hint = std::move(text), std::move(*this); }
  Error&& at(int32_t character) && { return position = character, std::move(*this); }

  // Puts what the caller was doing in front.
  Error&& within(std::string_view what) && {
    message = fmt::format("{}: {}", what, message);
    return std::move(*this);
  }
};

template <typename... Args>
Error invalid(fmt::format_string<Args...> text, Args&&... args) {
  return {ErrorCode::kInvalid, fmt::format(text, std::forward<Args>(args)...)};
}
template <typename... Args>
Error internal(fmt::format_string<Args...> text, Args&&... args) {
  return {ErrorCode::kInternal, fmt::format(text, std::forward<Args>(args)...)};
}
template <typename... Args>
Error error(ErrorCode code, fmt::format_string<Args...> text, Args&&... args) {
  return {code, fmt::format(text, std::forward<Args>(args)...)};
}
// The one error of everything that was asked to stop.
Error cancelled();

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}          // NOLINT: implicit
  Result(Error failure) : state_(std::in_place_index<1>, std::move(failure)) {}  // NOLINT: implicit
  template <typename U>
  requires std::is_convertible_v<U, T> &&
      (!std::is_same_v<std::decay_t<U>, Error>)&&(!std::is_same_v<std::decay_t<U>, T>)&&(
          !std::is_same_v<std::decay_t<U>, Result>)Result(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT: implicit

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return CHECK(ok()), std::get<0>(state_); }
  const T& value() const& { return CHECK(ok()), std::get<0>(state_); }
  T&& value() && { return CHECK(ok()), std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  Error& error() & { return CHECK(!ok()), std::get<1>(state_); }
  const Error& error() const& { return CHECK(!ok()), std::get<1>(state_); }
  Error&& error() && { return CHECK(!ok()), std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error failure) : error_(std::move(failure)) {}  // NOLINT: implicit

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  Error& error() & { return CHECK(!ok()), *error_; }
  const Error& error() const& { return CHECK(!ok()), *error_; }
  Error&& error() && { return CHECK(!ok()), std::move(*error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;
inline Status ok() { return {}; }

}  // namespace sluice

// TRY(call) returns the call's error from the enclosing function; TRY_ASSIGN(auto x, call) also
// keeps the value. Both work wherever the enclosing function returns some Result.
#define SLUICE_JOIN2(a, b) a##b
#define SLUICE_JOIN(a, b) SLUICE_JOIN2(a, b)
#define TRY(...)                                                                                 \
  do {                                                                                           \
    if (auto try_status = (__VA_ARGS__); !try_status.ok()) return std::move(try_status).error(); \
  } while (false)
#define TRY_ASSIGN(declaration, ...) \
  TRY_ASSIGN_NAMED(SLUICE_JOIN(try_result_, __LINE__), declaration, __VA_ARGS__)
#define TRY_ASSIGN_NAMED(result, declaration, ...)    \
  auto result = (__VA_ARGS__);                        \
  if (!result.ok()) return std::move(result).error(); \
  declaration = std::move(result).value()
