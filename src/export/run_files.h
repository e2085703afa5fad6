// The objects that one run creates: their names, their uploads, and their end, published or undone.
//
//   open() -> writing -> end() -> ended -> close() -> closed -> complete() -> complete
//                                                                    any state -> undo(): gone
//
// Threads: RunFiles is safe from any thread while the run writes; a RunFile serves one thread at a
// time. complete() and undo() are for the run's own thread, when all writers have ended.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "export/column_statistics.h"
#include "export/digest.h"
#include "export/export.h"
#include "export/names.h"
#include "store/object_store.h"

namespace sluice::exports {

// One object under way.
class RunFile {
 public:
  RunFile(std::string key, std::unique_ptr<store::ObjectWriter> writer, ExportProgress& progress)
      : key_(std::move(key)), writer_(std::move(writer)), progress_(progress) {}

  const std::string& key() const { return key_; }
  uint64_t bytes() const { return bytes_; }

  // What a manifest tells of a data file; kept only where there will be one.
  struct Facts {
    uint64_t rows = 0;
    Digest digest;  // of its bytes
    ColumnStatistics columns;
  };
  void keep_facts(const std::vector<types::SqlType>& types);
  Facts* facts() { return facts_.get(); }
  // From now on keeps what is appended, too, for whoever wants to read it again.
  void keep_tail() { keeps_tail_ = true; }
  std::string take_tail() {
    keeps_tail_ = false;
    return std::exchange(tail_, {});
  }

  // May wait for the network.
  Status append(std::span<const std::byte> bytes, std::stop_token stop);
  // No append() may follow. What is left of it travels while the next file is written.
  Status end(std::stop_token stop);
  // Waits for the end of the upload; nothing is visible yet.
  Status close(std::stop_token stop);
  // Publishes the file, and proves that the store has as many bytes as were written.
  Result<store::ObjectInfo> complete(std::stop_token stop);

 private:
  void count_parts();

  friend class RunFiles;
  enum class State { kWriting, kEnded, kClosed, kPublishing, kPublished };

  const std::string key_;
  const std::unique_ptr<store::ObjectWriter> writer_;
  ExportProgress& progress_;
  // Once it has ended, RunFiles' thread of the moment closes it.
  std::atomic<State> state_ = State::kWriting;
  uint64_t bytes_ = 0;
  uint64_t parts_ = 0;
  std::unique_ptr<Facts> facts_;
  bool keeps_tail_ = false;
  std::string tail_;
};

class RunFiles {
 public:
  // All must outlive the object.
  RunFiles(const ExportSpec& spec, store::ObjectStore& store, ExportProgress& progress, RunLog* log)
      : spec_(spec), store_(store), progress_(progress), log_(log) {}

  // A number for one producing thread, from 0.
  uint32_t next_batch();
  // A new object of the run; it lives as long as the RunFiles.
  RunFile& open(const std::string& key);
  // The same of one that is not data: it is in no numbers, and complete() leaves it out.
  RunFile& open_aside(const std::string& key);
  bool empty() const;
  // The first error of files that have ended, so that a run does not go on for hours after one.
  Status look_after_ended(const std::stop_token& stop);

  // All data files, in the order of their names. When all writers have ended.
  std::vector<RunFile*> data();
  // Waits until all data files are at the store, then publishes them in the order of their names.
  // After an error undo() is needed.
  Result<std::vector<store::ObjectInfo>> complete(std::stop_token stop);

  struct Leftovers {
    std::vector<std::string> urls;
    bool visible = false;  // a reader of the store may see some of them
    bool uploads = false;  // some are uploads, which nobody sees
  };
  // Ends every upload and removes every object, several at once. Goes on after errors, until
  // `stop`.
  Leftovers undo(std::stop_token stop);

 private:
  std::unique_ptr<RunFile> make(const std::string& key, ExportProgress& progress);
  // Whether nothing of the file is left.
  bool remove(RunFile& file, const std::stop_token& stop);

  const ExportSpec& spec_;
  store::ObjectStore& store_;
  ExportProgress& progress_;
  RunLog* const log_;         // may be null
  mutable std::mutex mutex_;  // for the rest
  uint32_t batches_ = 0;
  std::vector<std::unique_ptr<RunFile>> files_;
  size_t first_unclosed_ = 0;  // all before it are closed
  ExportProgress nobodys_progress_;
  std::vector<std::unique_ptr<RunFile>> aside_;
};

}  // namespace sluice::exports
