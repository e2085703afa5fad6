// The last line of defence at a client's edge: what escapes the layers below as an exception is a
// bug or a lack of memory. It becomes one request's error, never the server's end.
#pragma once

#include <new>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "base/result.h"

namespace sluice {

// Calls `call`, which returns a Status; `place` is for the log.
template <typename Call>
Status guarded(std::string_view place, Call&& call) {
  try {
    return std::forward<Call>(call)();
  } catch (const std::bad_alloc&) {
    return error(ErrorCode::kExhausted, "out of memory");
  } catch (const std::exception& exception) {
    log::error("unexpected exception in {}: {}", place, exception.what());
    return internal("internal error");
  }
}

}  // namespace sluice
