#include "dataflow/operators/equi_join.h"

#include <algorithm>

#include "engine/row_codec.h"

namespace sluice::dataflow {
namespace {

std::vector<size_t> columns_of_key(const Join& node, size_t side) {
  std::vector<size_t> columns;
  columns.reserve(node.keys.size());
  for (const Join::Key& key : node.keys) columns.push_back(side == kLeft ? key.left : key.right);
  return columns;
}

std::vector<engine::LogicalType> types_of_key(const Join& node) {
  std::vector<engine::LogicalType> types;
  types.reserve(node.keys.size());
  for (const Join::Key& key : node.keys) types.push_back(node.inputs[kLeft]->types[key.left]);
  return types;
}

}  // namespace

bool EquiJoinOperator::does(const Join& node) {
  if (node.residual || node.join == JoinKind::kMark) return false;
  for (const size_t side : {kLeft, kRight}) {
    if (!arrangement::ColumnRows::can_keep(node.inputs[side]->types, columns_of_key(node, side))) {
      return false;
    }
  }
  return true;
}

EquiJoinOperator::EquiJoinOperator(const Join& node)
    : node_(node),
      output_(node),
      sides_{Side(node.inputs[kLeft]->types, columns_of_key(node, kLeft)),
             Side(node.inputs[kRight]->types, columns_of_key(node, kRight))},
      key_codec_(types_of_key(node), arrangement::Form::kKey) {
  for (const size_t side : {kLeft, kRight}) sides_[side].kept = output_.keeps(side);
  for (size_t i = 0; i < node.keys.size(); ++i) {
    if (!node.keys[i].null_safe) strict_.push_back(i);
  }
}

OperatorState EquiJoinOperator::state() const {
  OperatorState state;
  for (const Side& side : sides_) {
    state.rows += side.rows.rows();
    state.bytes += side.rows.bytes();
  }
  return state;
}

bool EquiJoinOperator::can_match(const ColumnRows::Keys& keys, size_t row) const {
  return std::none_of(strict_.begin(), strict_.end(),
                      [&](size_t column) { return keys.is_null(column, row); });
}

// ---- ticks

Delta EquiJoinOperator::step(std::span<const Delta* const> inputs) {
  Delta out;
  if (!inputs[kRight]->empty()) phase(kRight, *inputs[kRight], into(out));
  if (!inputs[kLeft]->empty()) phase(kLeft, *inputs[kLeft], into(out));
  return out;
}

void EquiJoinOperator::phase(size_t side, const Delta& delta, const Emit& emit) {
  std::vector<ColumnRows::Keys> keys;
  keys.reserve(delta.size());
  TouchedKeys touched;
  for (size_t batch = 0; batch < delta.size(); ++batch) {
    keys.push_back(ColumnRows::keys_of(delta[batch]->rows, sides_[side].key));
    meet(side, *delta[batch], keys.back(), emit);
    if (sides_[1 - side].kept) {
      keep(side, delta, batch, keys.back(), touched);
    } else {
      keep(side, *delta[batch], keys.back());
    }
  }
  toggle(1 - side, touched, keys, emit);
}

// Pairs with the other side as it is, and the looks that it makes of this side's rows.
void EquiJoinOperator::meet(size_t side, Batch& batch, const ColumnRows::Keys& keys,
                            const Emit& emit) {
  const Side& own = sides_[side];
  const ColumnRows& other = sides_[1 - side].rows;
  std::vector<Id> firsts;
  if (other.rows() > 0) other.find(keys, firsts);
  Pairs pairs;
  std::vector<Look> looks;
  if (own.kept) looks.reserve(batch.size());
  for (uint32_t row = 0; row < batch.size(); ++row) {
    const bool matchable = can_match(keys, row);
    const Id first = matchable && !firsts.empty() ? firsts[row] : 0;
    if (own.kept) {
      const bool waits = own.looks_wait && matchable;
      looks.push_back(waits ? Look::kNone : output_.look(side, other.key_weight(first)));
    }
    if (!output_.has_pairs()) continue;
    for (Id id = first; id != 0; id = other.next(id)) {
      other.prefetch_values(id);
      pairs.changed.push_back(row);
      pairs.kept.push_back(id);
      if (pairs.kept.size() == kBatchRows) give(side, batch, pairs, emit);
    }
  }
  give(side, batch, pairs, emit);
  if (own.kept) output_.give(side, batch, looks, emit, errors_);
}

void EquiJoinOperator::give(size_t side, Batch& batch, Pairs& pairs, const Emit& emit) const {
  if (pairs.kept.empty()) return;
  const ColumnRows& other = sides_[1 - side].rows;
  std::vector<int64_t> weights;
  weights.reserve(pairs.kept.size());
  for (size_t i = 0; i < pairs.kept.size(); ++i) {
    weights.push_back(batch.weights[pairs.changed[i]] * other.weight(pairs.kept[i]));
  }
  emit(output_.pairs(
      side, batch, pairs.changed, std::move(weights),
      [&](engine::Chunk& to, size_t first_column) { other.gather(pairs.kept, to, first_column); }));
  pairs.changed.clear();
  pairs.kept.clear();
}

void EquiJoinOperator::keep(size_t side, Batch& batch, const ColumnRows::Keys& keys) {
  Side& own = sides_[side];
  const ColumnRows::Vectors rows = ColumnRows::vectors_of(batch.rows, own.all);
  if (std::all_of(strict_.begin(), strict_.end(),
                  [&](size_t column) { return keys.columns[column].validity.AllValid(); })) {
    return own.rows.add_all(rows, keys, batch.weights);
  }
  // What matches nothing will never be asked for.
  std::vector<uint32_t> chosen;
  for (uint32_t row = 0; row < batch.size(); ++row) {
    if (can_match(keys, row)) chosen.push_back(row);
  }
  own.rows.add_all(rows, keys, batch.weights, &chosen);
}

void EquiJoinOperator::keep(size_t side, const Delta& delta, size_t batch,
                            const ColumnRows::Keys& keys, TouchedKeys& touched) {
  Side& own = sides_[side];
  Batch& changes = *delta[batch];
  const ColumnRows::Vectors rows = ColumnRows::vectors_of(changes.rows, own.all);
  arrangement::ByteRows names;
  key_codec_.encode(changes.rows, own.key, names);
  for (size_t row = 0; row < changes.size(); ++row) {
    if (!can_match(keys, row)) continue;
    const auto added = own.rows.add(rows, keys, row, changes.weights[row]);
    const auto entry =
        touched.try_emplace(std::string(names[row]), Touched{batch, row, added.key_weight_before})
            .first;
    entry->second.weight_after = own.rows.key_weight(added.first);
  }
}

// What the other side's keys had and have now, for the rows of this one.
void EquiJoinOperator::toggle(size_t side, const TouchedKeys& touched,
                              const std::vector<ColumnRows::Keys>& keys, const Emit& emit) {
  if (touched.empty()) return;
  const ColumnRows& own = sides_[side].rows;
  struct Looks {
    std::vector<Id> rows;
    std::vector<int64_t> weights;
  };
  std::array<Looks, JoinOutput::kLooks> gathered;
  const auto add = [&](Look look, Id row, int64_t weight) {
    Looks& of_look = gathered[static_cast<size_t>(look)];
    of_look.rows.push_back(row);
    of_look.weights.push_back(weight);
  };
  for (const auto& [name, key] : touched) {
    const Look before = output_.look(side, key.weight_before);
    const Look after = output_.look(side, key.weight_after);
    if (before == after) continue;
    for (Id row = own.find(keys[key.batch], key.row); row != 0; row = own.next(row)) {
      add(before, row, -own.weight(row));
      add(after, row, own.weight(row));
    }
  }
  for (size_t i = 0; i < gathered.size(); ++i) {
    const Looks& looks = gathered[i];
    const auto put = [&](engine::Chunk& to, size_t begin, size_t count) {
      own.gather(std::span(looks.rows).subspan(begin, count), to, 0);
    };
    output_.give(side, static_cast<Look>(i), looks.weights, put, emit, errors_);
  }
}

// ---- filling

// Pairs go out as they are met: with the rows that the other side has by now. What is a row's look
// is certain once the other side has ended, or where nothing can match it.
void EquiJoinOperator::fill(size_t side, const BatchPtr& batch, const Emit& emit) {
  Side& own = sides_[side];
  if (!own.started) {
    own.started = true;
    own.looks_wait = own.kept && !sides_[1 - side].ended;
  }
  const ColumnRows::Keys keys = ColumnRows::keys_of(batch->rows, own.key);
  meet(side, *batch, keys, emit);
  keep(side, *batch, keys);
}

void EquiJoinOperator::finish_fill(const Emit& emit) {
  for (const size_t side : {kLeft, kRight}) {
    Side& own = sides_[side];
    if (!own.looks_wait) continue;
    own.looks_wait = false;
    std::vector<Id> ids;
    const auto give_looks = [&] {
      Batch batch;
      engine::initialize(batch.rows, node_.inputs[side]->types, ids.size());
      own.rows.gather(ids, batch.rows, 0);
      batch.rows.SetCardinality(ids.size());
      for (const Id id : ids) batch.weights.push_back(own.rows.weight(id));
      const ColumnRows::Keys keys = ColumnRows::keys_of(batch.rows, own.key);
      const ColumnRows& other = sides_[1 - side].rows;
      std::vector<Id> firsts;
      other.find(keys, firsts);
      std::vector<Look> looks;
      looks.reserve(ids.size());
      for (const Id first : firsts) looks.push_back(output_.look(side, other.key_weight(first)));
      output_.give(side, batch, looks, emit, errors_);
      ids.clear();
    };
    own.rows.for_each([&](Id id) {
      ids.push_back(id);
      if (ids.size() == kBatchRows) give_looks();
    });
    if (!ids.empty()) give_looks();
  }
}

}  // namespace sluice::dataflow
