// Whether an export could do its work below a prefix: each of its requests is made once, and
// nothing of them stays.
//
//   list              whether the prefix is empty
//   put               a small object
//   conditional put   the same with If-None-Match: a second one must be refused
//   multipart create, multipart upload, multipart abort
//   delete            the object
//
// What could not be undone is not done: without the right to delete no object is put, and without
// that and the right to abort no upload is begun.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::s3 {
class Client;
}  // namespace sluice::s3

namespace sluice::store {

// What is put where something has to be.
inline constexpr std::string_view kProbeContent =
    "This object is a probe of VALIDATE CONNECTION.\n";
// Removing what was made goes on for so long after a stop.
inline constexpr std::chrono::milliseconds kProbeCleanUpTime{5'000};

struct ProbedRight {
  enum class Outcome { kOk, kFailed, kSkipped };
  std::string check;
  Outcome outcome = Outcome::kSkipped;
  // What is missing and where, then the store's own words; why it was skipped. Empty where all is
  // well.
  std::string detail = {};
};
std::string_view name(ProbedRight::Outcome outcome);  // ok, failed, skipped

// In the order above. kCancelled when it is stopped: then too what it has made is removed. Waits
// for the network. `prefix` is without slashes around it; empty: the bucket.
Result<std::vector<ProbedRight>> probe(s3::Client& client, const std::string& bucket,
                                       const std::string& prefix, std::stop_token stop);

}  // namespace sluice::store
