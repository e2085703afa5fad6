// JSON written by hand: replies are mostly rows, and a document in memory would be many times them.
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "session/session.h"

namespace sluice::webapi {

// With its quotes. What is not UTF-8 becomes U+FFFD.
void append_string(std::string& out, std::string_view text);
// {"message":…,"code":…} with detail, hint and position where there are any.
void append_error(std::string& out, const Error& error);
void append_notice(std::string& out, const session::Notice& notice);

}  // namespace sluice::webapi
