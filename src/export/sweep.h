// Removes what a run has left at a store: one pass.
//
// The order matters. Uploads end first, so that none can become an object behind our back; then the
// data objects; and only when none of them is left the sentinel, whose end tells consumers to look.
// What the run has begun is known by the names on record; what it may have begun besides is looked
// for, where that is allowed.
//
// Threads: any; several requests travel at once.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/object_store.h"

namespace sluice::exports {

struct Swept {
  Status status;                    // the first error; ok: nothing of the run is left
  std::vector<std::string> left;    // known to be left: urls, and ids of uploads
  bool uploads_not_listed = false;  // for want of rights: one that is not on record would stay
};

struct RunTraces {
  std::string prefix;                      // its path
  std::string id;                          // in every name of its objects
  std::vector<store::OpenUpload> uploads;  // on record
  bool is_scattered = false;               // not all names begin with `{path}/mz-{id}-`
};
Swept sweep(store::ObjectStore& store, const RunTraces& traces, const std::stop_token& stop);

// Removes these objects, several at once; one that is not there is as good as removed. The first
// error.
Status remove_objects(store::ObjectStore& store, const std::vector<std::string>& keys,
                      const std::stop_token& stop);

// Whether the sentinel of a run is gone.
Result<bool> sentinel_is_gone(store::ObjectStore& store, const std::string& prefix,
                              const std::string& id, const std::stop_token& stop);

}  // namespace sluice::exports
