#include "collection/checkpoint.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"

namespace sluice::collection {
namespace {

constexpr uint64_t kSmallSegmentRows = 1'000'000;
constexpr uint64_t kSmallSegmentBytes = uint64_t{64} << 20;
constexpr size_t kManySmallSegments = 8;
// Between tries to rewrite segments that cannot be.
constexpr std::chrono::seconds kFirstPause{10}, kLongestPause{600};

// A segment that is rewritten because of its deleted rows, in per cent of its rows.
bool worth_folding(uint64_t dead, uint64_t rows) { return dead > 0 && dead >= rows / 100; }

// Deleted rows that no reader can see any more.
DeletionSet dead_rows(const Collection::Capture& capture, Time since) {
  DeletionSet dead = capture.deletions;
  const Collection::Removals& removals = capture.removals;
  for (auto at = removals.few.rbegin(); at != removals.few.rend(); ++at) {
    if (at->first <= since.milliseconds) break;
    dead.erase(at->second);
  }
  for (auto at = removals.many.rbegin(); at != removals.many.rend(); ++at) {
    if (at->first <= since.milliseconds) break;
    dead.erase_all(at->second);
  }
  return dead;
}

std::vector<Segment> segments_to_rewrite(const Collection::Capture& capture,
                                         const DeletionSet& dead, uint64_t fold_from_rows) {
  std::vector<Segment> chosen, small;
  for (const Segment& segment : capture.segments) {
    const SegmentInfo& info = segment.info;
    const uint64_t dead_here = dead.count_between(info.first_row_id, info.last_row_id);
    if (dead.count() >= fold_from_rows && worth_folding(dead_here, info.rows)) {
      chosen.push_back(segment);
    } else if (info.rows < kSmallSegmentRows && info.bytes < kSmallSegmentBytes) {
      small.push_back(segment);
    }
  }
  if (small.size() >= kManySmallSegments) chosen.insert(chosen.end(), small.begin(), small.end());
  return chosen;
}

bool wants_rewriting(const Collection& collection, Time since, uint64_t fold_from_rows) {
  if (std::chrono::steady_clock::now() < collection.rewriting.until) return false;
  if (collection.deleted_rows() < fold_from_rows &&
      collection.segment_count() < kManySmallSegments) {
    return false;
  }
  const Collection::Capture capture = collection.capture();
  return !segments_to_rewrite(capture, dead_rows(capture, since), fold_from_rows).empty();
}

// What a pass does with one collection.
struct Work {
  CollectionPtr collection;
  Collection::Capture capture;
  bool flush = false;
  bool forget = false;  // dropped, and nobody can read it any more
  Time since{};         // before it nothing of it is read any more
  std::optional<Timeline::Retained> retained;
  DeletionSet dead;
  std::vector<Segment> rewritten;
  std::vector<Segment> added;
  std::vector<BatchPtr> kept;
  DeletionSet forgotten;
};

class DeadRows final : public engine::RowFilter {
 public:
  explicit DeadRows(const DeletionSet& dead) : dead_(dead) {}
  void test(std::span<const int64_t> ids, bool* live) const override { dead_.test(ids, live); }

 private:
  const DeletionSet dead_;
};

class Pass {
 public:
  Pass(State& state, Sequencer& sequencer) : state_(state), sequencer_(sequencer) {}
  Status run();

 private:
  Status cut();
  void choose_tails();
  Status write(Work& work);
  Status flush_tail(Work& work);
  void try_to_rewrite(Work& work);
  Status rewrite_segments(Work& work);
  Status copy_live(const Work& work, const Segment& segment, const std::string& live,
                   SegmentWriter& writer);
  Status note_dead(Work& work, const Segment& segment, const std::string& dead);
  void forget_keys(const Work& work, size_t key, std::span<const KeyedRow> rows);
  Status add_segment(Work& work, SegmentWriter& writer);
  Status switch_manifest();
  void publish();
  void give_up();
  void clean();
  SegmentWriter::Options writer_options(bool has_times) const {
    SegmentWriter::Options options;
    options.has_times = has_times;
    options.memory_limit_bytes = state_.options.load_memory_bytes;
    return options;
  }

  State& state_;
  Sequencer& sequencer_;
  Head head_;
  Time since_;
  uint64_t log_ = 0;
  uint64_t log_bytes_before_ = 0;
  uint64_t least_flushed_ = 0;
  std::string head_name_;
  std::vector<Work> works_;
};

Status Pass::run() {
  TRY(cut());
  choose_tails();
  Status status;
  for (Work& work : works_) {
    if (status = write(work); !status.ok()) break;
  }
  if (status.ok()) {
    for (Work& work : works_) try_to_rewrite(work);
  }
  if (status.ok()) status = switch_manifest();
  if (!status.ok()) {
    give_up();
    return status;
  }
  publish();
  clean();
  return ok();
}

Status Pass::cut() {
  Status status;
  sequencer_.run([&] {
    status = sequencer_.begin_log(sequencer_.log_number() + 1);
    if (!status.ok()) return;
    log_ = sequencer_.log_number();
    log_bytes_before_ = state_.log_bytes;
    since_ = state_.timeline.advance_since();
    head_.sequence = sequencer_.last_sequence();
    head_.upper = state_.timeline.upper().milliseconds;
    head_.since = since_.milliseconds;
    std::tie(head_.records, head_.revision) = state_.records.get();
    head_.notes = state_.notes.get().first;
    head_.next_collection_id = state_.next_collection_id;
    const auto retained = state_.timeline.retained();
    for (const CollectionPtr& collection : state_.all()) {
      Work& work = works_.emplace_back();
      work.collection = collection;
      work.capture = collection->begin_capture();
      const auto dropped = work.capture.dropped;
      work.forget = dropped && *dropped <= since_;
      work.since = state_.timeline.advance_since(collection->id);
      if (const auto found = retained.find(collection->id.value); found != retained.end()) {
        work.retained = {found->second.history, work.since};
      }
    }
  });
  head_name_ = fmt::format("{:012}.head", log_);
  return status;
}

// The largest first, until what stays in memory is a quarter of its limit.
void Pass::choose_tails() {
  // With very many collections their small tails together would pass the limit for ever.
  least_flushed_ = std::min(state_.options.segment_from_bytes,
                            state_.options.tail_limit_bytes / (4 * (works_.size() + 1)));
  std::vector<Work*> by_size;
  uint64_t left = 0;
  for (Work& work : works_) {
    by_size.push_back(&work);
    left += work.collection->tail_bytes();
  }
  std::sort(by_size.begin(), by_size.end(), [](const Work* a, const Work* b) {
    return a->collection->tail_bytes() > b->collection->tail_bytes();
  });
  for (Work* work : by_size) {
    const uint64_t bytes = work->collection->tail_bytes();
    if (bytes < least_flushed_ || left <= state_.options.tail_limit_bytes / 4) break;
    work->flush = true;
    left -= bytes;
  }
}

Status Pass::write(Work& work) {
  work.kept = work.capture.tail;
  if (work.forget) return ok();
  work.dead = dead_rows(work.capture, work.since);
  if (work.flush) TRY(flush_tail(work));
  return ok();
}

// Is good for reading, but nothing waits for it: what fails in it must not keep rows in memory.
void Pass::try_to_rewrite(Work& work) {
  if (work.forget || std::chrono::steady_clock::now() < work.collection->rewriting.until) return;
  const DeletionSet forgotten = work.forgotten;
  Collection::Postponed& postponed = work.collection->rewriting;
  if (const Status done = rewrite_segments(work); done.ok()) {
    postponed = {};
  } else {
    work.rewritten.clear();
    work.forgotten = forgotten;
    postponed.pause = std::clamp(2 * postponed.pause, kFirstPause, kLongestPause);
    postponed.until = std::chrono::steady_clock::now() + postponed.pause;
    log::warning("segments could not be rewritten, tried again in {} s: {}",
                 postponed.pause.count(), done.error().message);
  }
}

Status Pass::flush_tail(Work& work) {
  const auto& spec = work.collection->spec;
  for (const BatchPtr& batch : work.capture.tail) {
    std::vector<size_t> dead;
    for (size_t row = 0; row < batch->size(); ++row) {
      if (work.dead.contains(batch->row_ids[row])) dead.push_back(row);
    }
    if (dead.empty()) continue;
    for (const size_t row : dead) work.forgotten.insert(batch->row_ids[row]);
    for (size_t key = 0; key < spec.unique_keys.size(); ++key) {
      TRY_ASSIGN(const engine::RowKeys keys,
                 engine::row_keys(batch->rows, spec.unique_keys[key].columns));
      std::vector<KeyedRow> rows;
      for (const size_t row : dead) {
        if (!keys.has_null[row]) rows.push_back({keys.keys[row], batch->row_ids[row]});
      }
      forget_keys(work, key, rows);
    }
  }
  const auto live = packed(
      work.capture.tail, spec.shape.types,
      [&](const Batch& batch, size_t row) { return !work.dead.contains(batch.row_ids[row]); });
  uint64_t bytes = 0;
  for (const auto& batch : live) bytes += batch->bytes;
  if (bytes < least_flushed_) {
    work.kept.assign(live.begin(), live.end());
    return ok();
  }
  TRY_ASSIGN(const auto writer,
             SegmentWriter::create(state_.files, state_.paths, state_.next_segment.fetch_add(1),
                                   spec.shape, writer_options(true)));
  for (const auto& batch : live) TRY(writer->append(batch->rows, batch->row_ids, batch->times));
  TRY(add_segment(work, *writer));
  work.kept.clear();
  return ok();
}

Status Pass::add_segment(Work& work, SegmentWriter& writer) {
  if (writer.rows() == 0) return ok();
  TRY_ASSIGN(const SegmentInfo info, writer.finish());
  TRY_ASSIGN(auto file,
             SegmentFile::attach(state_.engine, state_.paths, info.number, state_.graveyard));
  work.added.push_back({info, std::move(file)});
  return ok();
}

Status Pass::rewrite_segments(Work& work) {
  work.rewritten = segments_to_rewrite(work.capture, work.dead, state_.options.fold_from_rows);
  if (work.rewritten.empty()) return ok();
  bool has_times = false;
  for (const Segment& segment : work.rewritten) {
    has_times = has_times || segment.info.last_time > work.since.milliseconds;
  }
  const auto filter = state_.engine.add_filter(std::make_shared<DeadRows>(work.dead));
  const std::string live = fmt::format("sluice_live({}, row_id)", filter.handle);
  TRY_ASSIGN(const auto writer,
             SegmentWriter::create(state_.files, state_.paths, state_.next_segment.fetch_add(1),
                                   work.collection->spec.shape, writer_options(has_times)));
  for (const Segment& segment : work.rewritten) {
    TRY(copy_live(work, segment, live, *writer));
    TRY(note_dead(work, segment, "NOT " + live));
  }
  return add_segment(work, *writer);
}

Status Pass::copy_live(const Work& work, const Segment& segment, const std::string& live,
                       SegmentWriter& writer) {
  const size_t columns = work.collection->spec.shape.types.size();
  const std::string time = segment.info.has_times
                               ? std::string("added_at")
                               : fmt::format("{}::BIGINT", segment.info.last_time);
  TRY_ASSIGN(auto query,
             engine::Query::parse(fmt::format(
                 "SELECT * EXCLUDE (row_id{}), row_id, {} FROM {} WHERE {}",
                 segment.info.has_times ? ", added_at" : "", time, segment.table(), live)));
  TRY_ASSIGN(const auto connection, state_.engine.connect());
  TRY_ASSIGN(const auto stream, connection->stream(std::move(query), {}, {}));
  while (true) {
    TRY_ASSIGN(engine::Chunk * chunk, stream->next({}));
    if (chunk == nullptr) return ok();
    const size_t count = chunk->size();
    const auto numbers = [&](size_t column) {
      chunk->data[column].Flatten(count);
      const auto* data = duckdb::FlatVector::GetData<int64_t>(chunk->data[column]);
      return std::vector<int64_t>(data, data + count);
    };
    const auto ids = numbers(columns);
    const auto times = numbers(columns + 1);
    engine::Chunk rows;
    if (columns > 0) {
      const auto types = chunk->GetTypes();
      rows.InitializeEmpty({types.begin(), types.begin() + static_cast<ptrdiff_t>(columns)});
    }
    for (size_t i = 0; i < columns; ++i) rows.data[i].Reference(chunk->data[i]);
    rows.SetCardinality(count);
    TRY(writer.append(rows, ids, times));
  }
}

Status Pass::note_dead(Work& work, const Segment& segment, const std::string& dead) {
  const auto& keys = work.collection->spec.unique_keys;
  for (size_t key = 0; key < keys.size(); ++key) {
    TRY(keyed_rows(state_.engine, segment.table(), keys[key].columns, dead,
                   [&](std::span<const KeyedRow> rows) {
                     forget_keys(work, key, rows);
                     return ok();
                   }));
  }
  TRY_ASSIGN(auto query, engine::Query::parse(
                             fmt::format("SELECT row_id FROM {} WHERE {}", segment.table(), dead)));
  TRY_ASSIGN(const auto connection, state_.engine.connect());
  TRY_ASSIGN(const auto stream, connection->stream(std::move(query), {}, {}));
  while (true) {
    TRY_ASSIGN(engine::Chunk * chunk, stream->next({}));
    if (chunk == nullptr) return ok();
    chunk->data[0].Flatten(chunk->size());
    const auto* ids = duckdb::FlatVector::GetData<int64_t>(chunk->data[0]);
    for (size_t row = 0; row < chunk->size(); ++row) work.forgotten.insert(ids[row]);
  }
}

// Before the pass has happened, and whether it will or not: an entry of a dead row says as much as
// none. After publish() nothing would say any more that its row is dead.
void Pass::forget_keys(const Work& work, size_t key, std::span<const KeyedRow> rows) {
  if (rows.empty()) return;
  sequencer_.run([&] {
    UniqueIndex& index = work.collection->indexes()[key];
    for (const KeyedRow& keyed : rows) index.remove(keyed.key, keyed.row);
  });
}

Status Pass::switch_manifest() {
  Manifest manifest;
  manifest.log = log_;
  manifest.head = head_name_;
  for (Work& work : works_) {
    if (work.forget) continue;
    Head::Entry& entry = head_.collections.emplace_back();
    entry.id = work.collection->id;
    entry.spec = work.collection->spec;
    entry.created = work.collection->created.milliseconds;
    entry.next_row_id = work.collection->row_ids->load();
    entry.retained = work.retained;
    entry.capture = work.capture;
    entry.capture.tail = work.kept;
    entry.capture.deletions.erase_all(work.forgotten);
    auto& listed = manifest.segments[entry.id.value];
    for (const Segment& segment : work.capture.segments) {
      const bool replaced = std::any_of(
          work.rewritten.begin(), work.rewritten.end(),
          [&](const Segment& other) { return other.info.number == segment.info.number; });
      if (!replaced) listed.push_back(segment.info);
    }
    for (const Segment& segment : work.added) listed.push_back(segment.info);
  }
  head_.next_segment = state_.next_segment;
  TRY(write_head(state_.files, state_.paths, head_name_, head_));
  return write_manifest(state_.files, state_.paths, manifest);
}

void Pass::publish() {
  sequencer_.run([&] {
    for (Work& work : works_) {
      if (work.forget) {
        state_.grow_tail(-static_cast<int64_t>(work.collection->tail_bytes()));
        state_.remove(work.collection->id);
        state_.timeline.forget(work.collection->id);
        continue;
      }
      std::vector<uint64_t> removed;
      for (const Segment& segment : work.rewritten) removed.push_back(segment.info.number);
      state_.grow_tail(
          work.collection->end_capture(removed, work.added, work.kept, work.forgotten));
    }
    state_.log_bytes -= log_bytes_before_;
  });
  for (Work& work : works_) {
    const auto& old = work.forget ? work.capture.segments : work.rewritten;
    for (const Segment& segment : old) segment.file->make_obsolete();
  }
}

void Pass::give_up() {
  sequencer_.run([&] {
    for (Work& work : works_) {
      state_.grow_tail(work.collection->end_capture({}, {}, work.capture.tail, {}));
    }
  });
  for (Work& work : works_) {
    for (const Segment& segment : work.added) segment.file->make_obsolete();
  }
  (void)state_.files.remove(state_.paths.logs + "/" + head_name_);
}

void Pass::clean() {
  const auto names = state_.files.list(state_.paths.logs);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    const auto number = log_number(name);
    if (number ? *number >= log_ : name == head_name_) continue;
    // What stays for now is removed at the next start.
    (void)state_.files.remove(state_.paths.logs + "/" + name);
  }
}

}  // namespace

bool memory_is_due(const State& state) {
  return state.tail_bytes > state.options.tail_limit_bytes ||
         state.log_bytes > state.options.log_limit_bytes;
}

bool checkpoint_is_due(const State& state) {
  if (memory_is_due(state)) return true;
  const Time since = state.timeline.since();  // of who is dropped
  for (const CollectionPtr& collection : state.all()) {
    const auto dropped = collection->dropped();
    const uint64_t fold_from = state.options.fold_from_rows;
    if (dropped ? *dropped <= since
                : wants_rewriting(*collection, state.timeline.since(collection->id), fold_from))
      return true;
  }
  return false;
}

Status checkpoint(State& state, Sequencer& sequencer) { return Pass(state, sequencer).run(); }

}  // namespace sluice::collection
