// Which ENDPOINTs the connections of SQL users may name, so that a statement can't have this server
// talk to whatever it can reach.
//
//   by default    every host, but for those that hold a machine's own credentials: link-local and
//                 unspecified addresses, metadata services by address or by name
//   with a list   the listed hosts alone: `host` (any port), `host:port`, `*.suffix` (hosts below
//   it)
//
// The names are checked here; what a name leads to, http::Client checks when it connects, and no
// list allows a metadata service.
//
// Immutable, so safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace sluice::server {

class AllowedEndpoints {
 public:
  // kInvalid: an entry is none of the three forms.
  static Result<AllowedEndpoints> parse(const std::vector<std::string>& entries);

  // kDenied (42501) for one that connections may not name; kInvalid where it is no endpoint at all.
  // Empty is AWS's own, and allowed.
  Status check(const std::string& endpoint) const;

 private:
  struct Entry {
    std::string host;  // lower case; of `*.suffix` the part from the dot on
    bool below = false;
    std::optional<uint16_t> port;
  };
  std::vector<Entry> entries_;  // empty: the default
};

}  // namespace sluice::server
