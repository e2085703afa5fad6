// What a store understands (s3/dialect.h), found out by asking it; together with the rights that an
// export needs (store/probe.h).
//
//   PATH STYLE        in which of both ways the prefix can be listed
//   SIGNED PAYLOAD    whether an unsigned one is refused, where it may be unsigned
//   CHECKSUM          the first whose wrong value is refused and whose right value is taken
//   CONDITIONAL PUT   whether a second put with If-None-Match: * is refused
//   MAX PARTS         whether part 10,000 is taken, or else part 1,000
//   EQUAL PARTS       whether an upload is completed whose second part is a byte longer
//
// What could not be undone is not tried, and what was not clear is not found. The last one sends
// 10 MiB. Nothing of all this stays.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "s3/dialect.h"
#include "store/probe.h"

namespace sluice::s3 {
class Client;
}  // namespace sluice::s3

namespace sluice::store {

struct FoundProperty {
  std::string property;  // PATH STYLE
  std::string value;     // true
  bool operator==(const FoundProperty&) const = default;
};

struct Probed {
  std::vector<ProbedRight> rights;
  std::vector<FoundProperty> found;  // in the order above
};

struct AskedStore {
  std::string bucket;
  std::string prefix;  // without slashes around it; empty: the bucket
  s3::Dialect dialect;
  std::set<std::string> given;   // properties that are not asked for: the user has said them
  bool may_be_unsigned = false;  // payloads: Endpoint::is_private()
};

// A client that speaks this dialect. It is used on this thread.
using Connect = std::function<Result<std::unique_ptr<s3::Client>>(const s3::Dialect& dialect)>;

// kCancelled when it is stopped: then too what it has made is removed. Waits for the network.
Result<Probed> probe_store(const Connect& connect, const AskedStore& asked, std::stop_token stop);

}  // namespace sluice::store
