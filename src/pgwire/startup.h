// What a start-up packet asks for.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "pgwire/messages.h"
#include "session/session.h"

namespace sluice::pgwire {

using Settings = std::vector<std::pair<std::string, std::string>>;

struct LoginRequest {
  session::SessionFactory::Login login;
  Settings settings;                          // in the packet's order, `options` first
  std::vector<std::string> unknown_protocol;  // _pq_.… options: to be refused by name
};

// 28000 without a user, 0A000 for another protocol or for replication.
Result<LoginRequest> login_request(const Startup& startup);

// `-c name=value --name=value`, words parted by blanks, a backslash before a character that would
// part them. 42601 for anything else.
Result<Settings> parse_options(std::string_view options);

}  // namespace sluice::pgwire
