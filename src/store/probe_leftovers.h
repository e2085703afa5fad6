// What a probe has made at a store, or may have made, and how it is removed at the end.
//
// A request that was cut off, by a stop or a lost connection, may be carried out after what it made
// was looked for. So where one was, it is looked for again a moment later, and once more.
//
// Threads: one.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "s3/client.h"

namespace sluice::store {

struct Leftovers {
  s3::ObjectName name;
  bool object = false;          // it is there, or may be
  bool unknown_upload = false;  // one whose id has not arrived
  std::vector<std::string> uploads = {};
};

struct LeftBehind {
  std::string what;  // s3://bucket/key, or upload ID of s3://bucket/key
  bool is_upload = false;
  Error error;
};

// Removes it, whatever has happened; forgets it, too: once is enough. `was_cut_off`: a request of
// the probe has ended without its answer. Waits for the network, up to kProbeCleanUpTime a request.
std::vector<LeftBehind> remove(s3::Client& client, Leftovers& leftovers, bool was_cut_off);

}  // namespace sluice::store
