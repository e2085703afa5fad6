// Which files make up the store: replaced atomically, so that there is always one whole answer.
//
//   manifest.json   {format, log, head, segments: [{collection, number, …}], crc32c}
//   log/…head       everything else that the logs before `log` have said: the catalog's records,
//                   notes, collections, deletions, rows not yet in segments
//
// The state at a start is the head, then the logs from `log` on. Files that neither lists are
// leftovers, and are removed; so a manifest has a sum: one that is damaged but can be read would
// have them removed for ever. Those of format 1 had none.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "collection/commit_codec.h"
#include "collection/state.h"

namespace sluice::collection {

struct Manifest {
  uint64_t log = 1;                                       // the first log to replay
  std::string head;                                       // a file among the logs; empty: none yet
  std::map<uint64_t, std::vector<SegmentInfo>> segments;  // by collection
};
// nullopt: there is none yet. XX001 if it is damaged.
Result<std::optional<Manifest>> read_manifest(Files& files, const Paths& paths);
Status write_manifest(Files& files, const Paths& paths, const Manifest& manifest);

// All that a head says. Collections come with their tails and deletions, without segments.
struct Head {
  uint64_t sequence = 0;
  int64_t upper = 0;
  int64_t since = 0;
  uint64_t next_collection_id = 1;
  uint64_t next_segment = 1;
  Records::Map records;
  Records::Map notes;
  uint64_t revision = 0;
  struct Entry {
    CollectionId id;
    CollectionSpec spec;
    int64_t created = 0;
    int64_t next_row_id = 1;
    std::optional<Timeline::Retained> retained;  // where it is not kept as others are
    Collection::Capture capture;
  };
  std::vector<Entry> collections;
};
Status write_head(Files& files, const Paths& paths, const std::string& name, const Head& head);
Result<Head> read_head(Files& files, const Paths& paths, const std::string& name);

}  // namespace sluice::collection
