#include "views/view.h"

#include <limits>

#include "engine/row_codec.h"
#include "views/reading.h"

namespace sluice::views {
namespace {

using collection::RowId;
using dataflow::Delta;

// Calls `what(bytes of the row, batch, row number, weight)`.
template <typename What>
Status for_each_row(const arrangement::RowCodec& codec, const Delta& delta, const What& what) {
  const std::vector<size_t> columns = dataflow::all_columns(codec.types().size());
  arrangement::ByteRows bytes;
  for (const dataflow::BatchPtr& batch : delta) {
    bytes.clear();
    codec.encode(batch->rows, columns, bytes);
    for (uint32_t row = 0; row < batch->size(); ++row) {
      TRY(what(bytes[row], batch->rows, row, batch->weights[row]));
    }
  }
  return ok();
}

// Rows of a batch, some of them many times, as chunks.
class Chosen {
 public:
  void add(uint32_t row, int64_t times) {
    rows_.insert(rows_.end(), static_cast<size_t>(times), row);
  }
  size_t size() const { return rows_.size(); }

  // Calls `take(chunk)` with all of them, which are forgotten.
  template <typename Take>
  Status give(engine::Chunk& from, const std::vector<engine::LogicalType>& types,
              const Take& take) {
    for (size_t begin = 0; begin < rows_.size(); begin += dataflow::kBatchRows) {
      const size_t count = std::min(dataflow::kBatchRows, rows_.size() - begin);
      duckdb::SelectionVector selection(count);
      for (size_t i = 0; i < count; ++i) selection.set_index(i, rows_[begin + i]);
      auto chunk = std::make_unique<engine::Chunk>();
      engine::initialize(*chunk, types, count);
      engine::append_rows(from, *chunk, &selection, count);
      TRY(take(std::move(chunk)));
    }
    rows_.clear();
    return ok();
  }

 private:
  std::vector<uint32_t> rows_;
};

}  // namespace

// Rows that come and go in the view's collection, until they are committed.
class View::Writing {
 public:
  explicit Writing(View& view) : view_(view) {}

  Status append(engine::Chunk& rows, const std::stop_token& stop) {
    if (!load_) {
      TRY_ASSIGN(load_, view_.around_.store.load(view_.id(), view_.definition_.shape));
    }
    return load_->append(rows, stop);
  }
  Status erase(RowId row) {
    if (!overlay_) {
      TRY_ASSIGN(overlay_, view_.around_.store.overlay(view_.id()));
    }
    return overlay_->erase({&row, 1});
  }
  Status commit(const std::stop_token& stop) {
    if (!load_ && !overlay_) return ok();
    collection::Commit::Write write{view_.id(), std::move(overlay_), {}};
    if (load_) {
      TRY_ASSIGN(auto rows, load_->finish(stop));
      write.loads.push_back(std::move(rows));
    }
    collection::Commit commit;
    commit.writes.push_back(std::move(write));
    TRY(view_.around_.store.commit(std::move(commit), stop));
    return view_.read_ids(view_.rows_, stop);
  }

 private:
  View& view_;
  std::unique_ptr<collection::BulkLoad> load_;
  std::shared_ptr<collection::Overlay> overlay_;  // shared with the commit
};

View::View(Surroundings around, Definition definition)
    : around_(around),
      definition_(std::move(definition)),
      codec_(definition_.shape.types, arrangement::Form::kKey) {}

void View::empty() {
  flow_.reset();
  rows_ = LiveRows();
  last_row_id_ = {0};
  later_.clear();
  held_.reset();
}

Status View::build(const collection::ReadView& at) {
  std::vector<dataflow::SourceTable> tables;
  tables.reserve(definition_.inputs.size());
  input_rows_ = 0;
  for (const Input& input : definition_.inputs) {
    TRY_ASSIGN(const auto snapshot, at.snapshot(input.id));
    tables.push_back({input.name, input.shape, source_of(input.id), snapshot->row_count()});
    input_rows_ += snapshot->row_count();
  }
  TRY_ASSIGN(dataflow::Plan plan, around_.planner.compile(definition_.query, tables));
  if (plan.root->types.size() != definition_.shape.types.size()) {
    return internal("the query of {} has {} columns, its rows {}", definition_.name,
                    plan.root->types.size(), definition_.shape.types.size());
  }
  for (size_t i = 0; i < plan.root->types.size(); ++i) {
    if (plan.root->types[i] == definition_.shape.types[i]) continue;
    return internal("column {} of {} is {}, its query gives {}", i + 1, definition_.name,
                    definition_.shape.types[i].ToString(), plan.root->types[i].ToString());
  }
  TRY_ASSIGN(auto graph, dataflow::Graph::make(std::move(plan)));
  flow_ = std::make_unique<Flow>(std::move(graph), definition_.inputs);
  return ok();
}

Status View::fill_graph(const collection::ReadView& at, const Progress& progress,
                        const std::stop_token& stop) {
  uint64_t filled = 0;
  uint64_t rows_before = 0;  // of sources that have ended
  progress(filled, input_rows_);
  dataflow::Graph& graph = flow_->graph();
  for (const dataflow::SourceId source : graph.fill_order()) {
    const auto input = std::find_if(definition_.inputs.begin(), definition_.inputs.end(),
                                    [&](const Input& one) { return source_of(one.id) == source; });
    CHECK(input != definition_.inputs.end());
    TRY_ASSIGN(const auto snapshot, at.snapshot(input->id));
    const auto take = [&](const dataflow::BatchPtr& batch) -> Status {
      TRY(graph.fill(source, {batch}));
      filled += batch->size();
      progress(filled, input_rows_);
      return ok();
    };
    const std::vector<std::string> names = column_names(input->shape.types.size());
    const auto condition =
        graph.scan_condition(source, [&](size_t column) { return names.at(column); });
    TRY(read_columns(around_.engine, *snapshot, input->shape.types, graph.columns_read(source),
                     condition, take, stop));
    TRY(graph.end(source));
    // Those that the scan left out are done with, too.
    filled = rows_before += snapshot->row_count();
    progress(filled, input_rows_);
  }
  return graph.finish_fill();
}

// Enters the ids of the stored rows that are newer than all before.
Status View::read_ids(LiveRows& to, const std::stop_token& stop) {
  const auto view = around_.store.read();
  TRY_ASSIGN(const auto snapshot, view->snapshot(id()));
  const size_t width = definition_.shape.types.size();
  RowId last = last_row_id_;
  const auto take = [&](engine::Chunk& chunk) -> Status {
    duckdb::UnifiedVectorFormat ids;
    chunk.data[width].ToUnifiedFormat(chunk.size(), ids);
    const auto* values = reinterpret_cast<const int64_t*>(ids.data);
    const auto enter = [&](std::string_view bytes, const engine::Chunk&, uint32_t row,
                           int64_t) -> Status {
      const RowId row_id{values[ids.sel->get_index(row)]};
      to.put(bytes, row_id);
      last = std::max(last, row_id);
      return ok();
    };
    TRY(for_each_row(codec_, {referring(chunk, definition_.shape.types, 1)}, enter));
    return check_room(to.bytes());
  };
  TRY(read_snapshot(around_.engine, *snapshot, width, last_row_id_, take, stop));
  last_row_id_ = last;
  return ok();
}

// What is filled may have as many rows of its own as its inputs have, and their ids take memory,
// too.
Status View::check_room(uint64_t ids) const {
  if (limit_bytes_ == 0 || ids + flow_->bytes() <= limit_bytes_) return ok();
  return sluice::error(ErrorCode::kExhausted, "out of memory")
      .with_sqlstate("53200")
      .with_detail(fmt::format("The ids of its rows take {} bytes.", ids));
}

Status View::fill(std::shared_ptr<const collection::ReadView> at, const Progress& progress,
                  std::stop_token stop) {
  empty();
  TRY(build(*at));
  flow_->set_limit(limit_bytes_);
  // What is stored already stays where it is right.
  LiveRows stored;
  if (Status read = read_ids(stored, stop); !read.ok()) {
    empty();
    return read;
  }
  Writing writing(*this);
  Chosen added;
  const auto sink = [&](const Delta& answer) -> Status {
    for (const dataflow::BatchPtr& batch : answer) {
      const auto compare = [&](std::string_view bytes, const engine::Chunk&, uint32_t row,
                               int64_t weight) -> Status {
        for (; weight > 0; --weight) {
          const auto id = stored.take(bytes);
          if (!id) break;
          rows_.put(bytes, *id);
        }
        if (weight > 0) added.add(row, weight);
        return ok();
      };
      TRY(for_each_row(codec_, {batch}, compare));
      TRY(added.give(batch->rows, definition_.shape.types,
                     [&](auto chunk) { return writing.append(*chunk, stop); }));
    }
    return check_room(rows_.bytes() + stored.bytes());
  };
  const auto work = [&]() -> Status {
    TRY(flow_->graph().begin_fill(sink, stop, now_at(at->time())));
    TRY(fill_graph(*at, progress, stop));
    Status erased;
    stored.for_each([&](RowId row) {
      if (erased.ok()) erased = writing.erase(row);
    });
    TRY(std::move(erased));
    return writing.commit(stop);
  };
  if (Status done = work(); !done.ok()) {
    empty();
    return done;
  }
  hold(std::move(at));
  return ok();
}

Result<std::optional<dataflow::Graph::Changes>> View::changes_until(const collection::ReadView& to,
                                                                    size_t most,
                                                                    std::stop_token stop) const {
  flow_->set_limit(limit_bytes_);
  TRY_ASSIGN(const bool brought, flow_->bring_parts(around_.engine, to, held_->time(), most, stop));
  if (!brought) return std::optional<dataflow::Graph::Changes>();
  dataflow::Graph::Changes all;
  for (const Input& input : flow_->direct_inputs()) {
    TRY_ASSIGN(const auto changes, to.changes(input.id, held_->time()));
    Delta delta;
    TRY_ASSIGN(const bool whole,
               read_changes(around_.engine, *changes, input.shape.types, most, delta, stop));
    if (!whole) return std::optional<dataflow::Graph::Changes>();
    most -= std::min(most, dataflow::row_count(delta));
    if (!delta.empty()) all[source_of(input.id)] = std::move(delta);
  }
  return std::optional<dataflow::Graph::Changes>(std::move(all));
}

size_t View::rows_to_follow(const dataflow::Graph::Changes& changes) const {
  size_t rows = flow_->rows_to_take();
  for (const auto& [source, delta] : changes) rows += dataflow::row_count(delta);
  return rows;
}

Result<RowId> View::take_row(std::string_view row) {
  if (const auto id = rows_.take(row)) return *id;
  return internal("{} has lost a row that it is to give up", definition_.name);
}

Status View::catch_up(const dataflow::Graph::Changes& changes,
                      std::shared_ptr<const collection::ReadView> to, std::stop_token stop) {
  TRY_ASSIGN(const Delta followed, catch_up_flow(changes, to->time()));
  const Delta delta = with_later(followed);
  Writing writing(*this);
  Chosen added;
  for (const dataflow::BatchPtr& batch : delta) {
    const auto take = [&](std::string_view bytes, const engine::Chunk&, uint32_t row,
                          int64_t weight) -> Status {
      if (weight > 0) added.add(row, weight);
      for (; weight < 0; ++weight) {
        TRY_ASSIGN(const RowId id, take_row(bytes));
        TRY(writing.erase(id));
      }
      return ok();
    };
    TRY(for_each_row(codec_, {batch}, take));
    TRY(added.give(batch->rows, definition_.shape.types,
                   [&](auto chunk) { return writing.append(*chunk, stop); }));
  }
  TRY(writing.commit(stop));
  later_.clear();
  hold(std::move(to));
  return ok();
}

Delta View::with_later(const Delta& delta) const {
  if (later_.empty()) return delta;
  Delta all = delta;
  all.insert(all.end(), later_.begin(), later_.end());
  return dataflow::consolidate(all, definition_.shape.types);
}

Status View::follow_later(const dataflow::Graph::Changes& changes, collection::Time time) {
  TRY_ASSIGN(const Delta delta, catch_up_flow(changes, time));
  // The result refers to the changes, which go.
  later_ = copied(with_later(delta));
  return ok();
}

Result<Delta> View::follow(const dataflow::Graph::Changes& changes, collection::Time time) {
  flow_->set_limit(limit_bytes_);
  const auto due = next_due();
  if (changes.empty() && (!due || time < *due)) return Delta();
  return flow_->follow(changes, time);
}

Result<Delta> View::catch_up_flow(const dataflow::Graph::Changes& changes, collection::Time time) {
  flow_->set_limit(limit_bytes_);
  const auto due = next_due();
  if (rows_to_follow(changes) == 0 && (!due || time < *due)) return Delta();
  return flow_->catch_up(changes, time);
}

void View::set_followed(bool followed) {
  if (flow_) flow_->set_followed(followed);
}

void View::share_with(const std::vector<View*>& others, collection::Time time) {
  std::vector<Flow*> flows;
  for (const View* other : others) {
    if (other->flow_) flows.push_back(other->flow_.get());
  }
  flow_->share_with(flows, time);
}

std::vector<PartPtr> View::parts() const { return flow_ ? flow_->parts() : std::vector<PartPtr>(); }

std::optional<collection::Time> View::next_due() const {
  const auto due = flow_ ? flow_->graph().next_due() : std::nullopt;
  // Later than any time that is given.
  constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!due || *due > kMost) return std::nullopt;
  return collection::Time{static_cast<int64_t>(*due)};
}

bool View::has_due(collection::Time time, size_t more_than) const {
  return flow_ && flow_->graph().due_rows(now_at(time), more_than + 1) > more_than;
}

Result<collection::DerivedChange> View::emit(const Delta& delta,
                                             const collection::Derivation::Reserve& reserve) {
  const Delta all = with_later(delta);
  collection::DerivedChange change;
  change.id = id();
  int64_t coming = 0;
  for (const dataflow::BatchPtr& batch : all) {
    for (const int64_t weight : batch->weights) coming += std::max<int64_t>(weight, 0);
  }
  change.first_row_id = reserve(id(), static_cast<size_t>(coming));
  RowId next = change.first_row_id;
  // What goes first: a row that comes may be equal to one that goes, and yet differ.
  const auto take = [&](std::string_view bytes, const engine::Chunk&, uint32_t,
                        int64_t weight) -> Status {
    for (; weight < 0; ++weight) {
      TRY_ASSIGN(const RowId id, take_row(bytes));
      change.erased.push_back(id);
    }
    return ok();
  };
  TRY(for_each_row(codec_, all, take));
  Chosen added;
  for (const dataflow::BatchPtr& batch : all) {
    const auto put = [&](std::string_view bytes, const engine::Chunk&, uint32_t row,
                         int64_t weight) -> Status {
      if (weight > 0) added.add(row, weight);
      for (; weight > 0; --weight) rows_.put(bytes, {next.value++});
      return ok();
    };
    TRY(for_each_row(codec_, {batch}, put));
    TRY(added.give(batch->rows, definition_.shape.types, [&](auto chunk) {
      change.added.push_back(std::move(chunk));
      return ok();
    }));
  }
  later_.clear();
  last_row_id_ = std::max(last_row_id_, RowId{next.value - 1});
  return change;
}

uint64_t View::bytes() const { return rows_.bytes() + (flow_ ? flow_->bytes() : 0); }

std::vector<OperatorInfo> View::operators() const {
  return flow_ ? flow_->operators() : std::vector<OperatorInfo>();
}

}  // namespace sluice::views
