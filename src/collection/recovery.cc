#include "collection/recovery.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/log.h"
#include "collection/log.h"
#include "collection/sequencer.h"

namespace sluice::collection {
namespace {

constexpr std::string_view kFormat = "sluice data format 5\n";

Status restore_head(State& state, const Manifest& manifest, Recovered& recovered) {
  TRY_ASSIGN(Head head, read_head(state.files, state.paths, manifest.head));
  recovered.sequence = head.sequence;
  state.timeline.restore({head.upper}, {head.since});
  state.records.set(std::move(head.records), head.revision);
  state.notes.set(std::move(head.notes), 0);
  state.next_collection_id = head.next_collection_id;
  state.next_segment = head.next_segment;
  for (Head::Entry& entry : head.collections) {
    const auto row_ids = state.row_ids(entry.id);
    row_ids->store(entry.next_row_id);
    if (const auto listed = manifest.segments.find(entry.id.value);
        listed != manifest.segments.end()) {
      for (const SegmentInfo& info : listed->second) {
        TRY_ASSIGN(auto file,
                   SegmentFile::attach(state.engine, state.paths, info.number, state.graveyard));
        entry.capture.segments.push_back({info, std::move(file)});
      }
    }
    auto collection =
        std::make_shared<Collection>(entry.id, std::move(entry.spec), Time{entry.created}, row_ids);
    collection->restore(std::move(entry.capture));
    if (entry.retained) state.timeline.restore_retained(entry.id, *entry.retained);
    state.grow_tail(static_cast<int64_t>(collection->tail_bytes()));
    state.add(std::move(collection));
  }
  return ok();
}

Status replay_group(State& state, std::string_view payload) {
  ByteReader in(payload);
  const Time time{in.i64()};
  const uint64_t commits = in.count(32);
  for (uint64_t i = 0; i < commits; ++i) {
    TRY_ASSIGN(LoggedCommit commit, read_commit(in));
    TRY(apply_logged(state, time, std::move(commit)));
  }
  state.timeline.restore(time, {0});
  state.log_bytes += payload.size();
  return ok();
}

// A log that was begun and never written to says nothing about whether the one before it was
// finished: beginning it may have failed.
Result<bool> only_empty_logs_follow(State& state, const std::vector<uint64_t>& numbers,
                                    size_t index) {
  for (size_t i = index + 1; i < numbers.size(); ++i) {
    TRY_ASSIGN(const uint64_t bytes,
               state.files.size(state.paths.logs + "/" + log_name(numbers[i])));
    if (bytes > kEmptyLogBytes) return false;
  }
  return true;
}

Status replay_logs(State& state, const Manifest& manifest, Recovered& recovered) {
  TRY_ASSIGN(const auto names, state.files.list(state.paths.logs));
  std::vector<uint64_t> numbers;
  for (const std::string& name : names) {
    const auto number = log_number(name);
    if (number && *number >= manifest.log) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] != manifest.log + i) {
      return error(ErrorCode::kInternal, "{}/{} is missing", state.paths.logs,
                   log_name(manifest.log + i))
          .with_sqlstate("XX001")
          .with_hint("Restore the data directory from a copy.");
    }
    TRY_ASSIGN(const bool last, only_empty_logs_follow(state, numbers, i));
    TRY(replay_log(state.files, state.paths.logs, numbers[i], last, recovered.sequence,
                   [&](std::string_view payload) { return replay_group(state, payload); }));
  }
  if (numbers.empty() && !manifest.head.empty()) {
    log::warning("{}/{} is not there, so what was committed to it is not either", state.paths.logs,
                 log_name(manifest.log));
  }
  recovered.next_log = manifest.log + numbers.size();
  return ok();
}

// Files that a process was writing, or was about to remove, when it ended.
Status remove_leftovers(State& state, const Manifest& manifest) {
  std::set<std::string> wanted;
  for (const CollectionPtr& collection : state.all()) {
    for (const Segment& segment : collection->capture().segments) {
      wanted.insert(fmt::format("{}.segment", segment.info.number));
    }
  }
  TRY_ASSIGN(const auto segments, state.files.list(state.paths.segments));
  for (const std::string& name : segments) {
    if (!wanted.contains(name)) TRY(state.files.remove(state.paths.segments + "/" + name));
  }
  TRY_ASSIGN(const auto logs, state.files.list(state.paths.logs));
  for (const std::string& name : logs) {
    const auto number = log_number(name);
    if (number ? *number >= manifest.log : name == manifest.head) continue;
    TRY(state.files.remove(state.paths.logs + "/" + name));
  }
  // What bulk loads had spilled when the process was killed.
  TRY_ASSIGN(const auto spilled, state.files.list(state.paths.temporary));
  for (const std::string& name : spilled) {
    std::error_code ignored;
    std::filesystem::remove_all(state.paths.temporary + "/" + name, ignored);
  }
  return ok();
}

Status rebuild_indexes(State& state) {
  for (const CollectionPtr& collection : state.all()) {
    if (collection->spec.unique_keys.empty() || collection->dropped()) continue;
    const Collection::Capture capture = collection->capture();
    for (size_t key = 0; key < collection->spec.unique_keys.size(); ++key) {
      UniqueIndex& index = collection->indexes()[key];
      const auto& columns = collection->spec.unique_keys[key].columns;
      const auto enter = [&](const KeyedRow& keyed) {
        if (!capture.deletions.contains(keyed.row)) index.put(keyed.key, keyed.row);
      };
      for (const Segment& segment : capture.segments) {
        TRY(keyed_rows(state.engine, segment.table(), columns, "",
                       [&](std::span<const KeyedRow> rows) {
                         for (const KeyedRow& keyed : rows) enter(keyed);
                         return ok();
                       }));
      }
      for (const BatchPtr& batch : capture.tail) {
        TRY_ASSIGN(const engine::RowKeys keys, engine::row_keys(batch->rows, columns));
        for (size_t row = 0; row < batch->size(); ++row) {
          if (!keys.has_null[row]) enter({keys.keys[row], batch->row_ids[row]});
        }
      }
    }
  }
  return ok();
}

}  // namespace

Status prepare_directory(Files& files, const Paths& paths) {
  const std::string path = paths.root + "/FORMAT";
  if (files.exists(path)) {
    TRY_ASSIGN(const std::string found, files.read(path));
    if (found != kFormat) {
      const std::string_view first_line =
          std::string_view(found).substr(0, found.find_first_of('\n'));
      return invalid("{} has the data format \"{}\", not \"{}\"", paths.root, first_line,
                     kFormat.substr(0, kFormat.size() - 1))
          .with_hint("Start the version of the server that wrote it, or give an empty directory.");
    }
  } else {
    TRY_ASSIGN(const auto names, files.list(paths.root));
    for (const std::string& name : names) {
      // A process that never got to FORMAT may have left these; `spill` is the engine's.
      if (name == "LOCK" || name == "FORMAT.new" || name == "spill") continue;
      return invalid("{} is not empty and is no data directory (it holds {})", paths.root, name)
          .with_hint("Give a directory that is empty or does not exist yet.");
    }
    TRY(files.replace(paths.root, "FORMAT", kFormat));
  }
  TRY(files.make_directory(paths.logs));
  TRY(files.make_directory(paths.segments));
  TRY(files.make_directory(paths.temporary));
  return files.sync_directory(paths.root);
}

Result<Recovered> recover(State& state) {
  TRY_ASSIGN(const auto found, read_manifest(state.files, state.paths));
  const Manifest manifest = found.value_or(Manifest());
  Recovered recovered;
  if (!manifest.head.empty()) TRY(restore_head(state, manifest, recovered));
  TRY(replay_logs(state, manifest, recovered));
  TRY(remove_leftovers(state, manifest));
  TRY(rebuild_indexes(state));
  return recovered;
}

}  // namespace sluice::collection
