// Segments: immutable database files with rows of one collection, attached for reading.
#pragma once

#include <functional>
#include <mutex>
#include <stop_token>

#include "collection/batch.h"
#include "collection/files.h"
#include "collection/store.h"
#include "engine/row_key.h"

namespace sluice::collection {

struct SegmentInfo {
  uint64_t number = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;
  int64_t first_time = 0;
  int64_t last_time = 0;
  bool has_times = false;  // a column added_at; without it all rows count as of last_time
  int64_t first_row_id = 0;
  int64_t last_row_id = 0;
  bool padded = false;  // with rows whose row_id is NULL, which are none (engine/segment_file.h)
};
void write_segment_info(ByteWriter& out, const SegmentInfo& info);
SegmentInfo read_segment_info(ByteReader& in);

// Where a store's files lie.
struct Paths {
  explicit Paths(const std::string& directory)
      : root(directory),
        logs(directory + "/log"),
        segments(directory + "/segments"),
        temporary(directory + "/temp") {}
  std::string segment(uint64_t number) const;
  std::string root, logs, segments, temporary;
};

// Segments that nobody reads any more, for the store to detach and, when obsolete, to remove.
// Whoever drops the last reference may hold locks or run in a query, so it only notes them here.
class Graveyard {
 public:
  struct Grave {
    std::string name;
    std::string path;
    bool obsolete = false;
  };
  void bury(Grave grave);
  std::vector<Grave> take();

 private:
  std::mutex mutex_;
  std::vector<Grave> graves_;
};

// An attached file; the last reference to go has it detached.
class SegmentFile {
 public:
  // The file is complete and in place.
  static Result<std::shared_ptr<SegmentFile>> attach(engine::Engine& engine, const Paths& paths,
                                                     uint64_t number,
                                                     std::shared_ptr<Graveyard> graveyard);
  SegmentFile(std::string name, std::string path, std::shared_ptr<Graveyard> graveyard);
  SegmentFile(const SegmentFile&) = delete;
  ~SegmentFile();
  // In SQL.
  std::string table() const { return "\"" + name_ + "\".main.rows"; }
  // No manifest will list it again: removed when the last reader is gone.
  void make_obsolete() { obsolete_ = true; }
  // The opposite, for a file that is removed unless something comes to list it.
  void keep() { obsolete_ = false; }

 private:
  const std::string name_;
  const std::string path_;
  const std::shared_ptr<Graveyard> graveyard_;  // shared: a snapshot may outlive the store
  std::atomic<bool> obsolete_ = false;
};

struct Segment {
  SegmentInfo info;
  std::shared_ptr<SegmentFile> file;  // shared with snapshots that read it
  // Its rows, to stand behind FROM.
  std::string table() const;
};

// Writes segment files for one collection: chunks go in, a synced file in its place comes out.
// One thread at a time.
class SegmentWriter {
 public:
  struct Options {
    bool has_times = false;
    uint64_t memory_limit_bytes = uint64_t{256} << 20;
  };
  static Result<std::unique_ptr<SegmentWriter>> create(Files& files, const Paths& paths,
                                                       uint64_t number, const engine::Shape& shape,
                                                       Options options);
  ~SegmentWriter();  // without a successful finish() the file goes away

  // As many ids (and times, when the segment has them) as rows.
  Status append(const engine::Chunk& rows, std::span<const int64_t> row_ids,
                std::span<const int64_t> times);
  uint64_t rows() const { return info_.rows; }
  Result<SegmentInfo> finish();

 private:
  struct Impl;
  SegmentWriter(Files& files, Paths paths, Options options, SegmentInfo info);

  Files& files_;
  const Paths paths_;
  const Options options_;
  SegmentInfo info_;
  std::unique_ptr<Impl> impl_;
};

// The keys and ids of a segment's rows, a few thousand at a time; `where` restricts them. Rows with
// a NULL in the key are left out.
struct KeyedRow {
  engine::RowKey key;
  int64_t row = 0;
};
Status keyed_rows(engine::Engine& engine, const std::string& table,
                  const std::vector<size_t>& columns, const std::string& where,
                  const std::function<Status(std::span<const KeyedRow>)>& visit,
                  std::stop_token stop = {});

}  // namespace sluice::collection
