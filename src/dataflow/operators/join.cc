#include "dataflow/operators/join.h"

#include <algorithm>
#include <duckdb/planner/expression/bound_comparison_expression.hpp>
#include <duckdb/planner/expression/bound_reference_expression.hpp>

#include "arrangement/hash.h"

namespace sluice::dataflow {
namespace {

// Whether the answer of a mark join may depend on a NULL in a way that its key index cannot tell.
bool needs_comparing(const Join& node) {
  if (node.join != JoinKind::kMark) return false;
  size_t strict = 0;
  for (const Join::Key& key : node.keys) strict += key.null_safe ? 0 : 1;
  if (strict == 0 && !node.residual) return false;
  return node.residual || node.keys.size() > 1;
}

// The columns of one side that are its key.
std::vector<size_t> key_columns(const Join& node, size_t side) {
  std::vector<size_t> columns;
  columns.reserve(node.keys.size());
  for (const Join::Key& key : node.keys) {
    if (needs_comparing(node) && !key.null_safe) continue;
    columns.push_back(side == kLeft ? key.left : key.right);
  }
  return columns;
}

constexpr size_t kWorthPrefetching = 8;

std::string whole_row(const arrangement::Arrangement::RowView& row) {
  std::string bytes(row.key);
  bytes.append(row.payload);
  return bytes;
}

}  // namespace

JoinOperator::JoinOperator(duckdb::ClientContext& context, const Join& node)
    : node_(node),
      output_(node),
      sides_{Side(node.inputs[kLeft]->types, key_columns(node, kLeft)),
             Side(node.inputs[kRight]->types, key_columns(node, kRight))} {
  for (const size_t side : {kLeft, kRight}) sides_[side].kept = output_.keeps(side);
  std::vector<const duckdb::Expression*> conditions;
  const bool compares = needs_comparing(node);
  for (size_t i = 0, place = 0; i < node.keys.size(); ++i) {
    const Join::Key& key = node.keys[i];
    if (!compares || key.null_safe) {
      if (!key.null_safe) strict_.push_back(place);
      ++place;
      continue;
    }
    const auto& type = node.inputs[kLeft]->types[key.left];
    comparisons_.push_back(duckdb::make_uniq<duckdb::BoundComparisonExpression>(
        duckdb::ExpressionType::COMPARE_EQUAL,
        duckdb::make_uniq<duckdb::BoundReferenceExpression>(type, key.left),
        duckdb::make_uniq<duckdb::BoundReferenceExpression>(type,
                                                            output_.width(kLeft) + key.right)));
    conditions.push_back(comparisons_.back().get());
  }
  three_valued_ = compares;
  plain_mark_ = node.join == JoinKind::kMark && !compares && !strict_.empty();
  if (node.residual) conditions.push_back(node.residual.get());
  if (conditions.empty()) return;
  condition_ = std::make_unique<Condition>(
      context, conditions,
      three_valued_ ? Condition::Values::kThree : Condition::Values::kTrueOrNot);
}

OperatorState JoinOperator::state() const {
  OperatorState state;
  for (const Side& side : sides_) {
    state.rows += side.rows.rows();
    state.bytes += side.rows.bytes() + side.matches.bytes() + side.unknown.bytes();
  }
  return state;
}

Delta JoinOperator::step(std::span<const Delta* const> inputs) {
  Delta out;
  if (!inputs[kRight]->empty()) phase(kRight, *inputs[kRight], into(out));
  if (!inputs[kLeft]->empty()) phase(kLeft, *inputs[kLeft], into(out));
  return out;
}

// Pairs go out as they are met: with the rows that the other side has by now. What is a row's look
// is certain once the other side has ended, or where nothing can match it.
void JoinOperator::fill(size_t side, const BatchPtr& batch, const Emit& emit) {
  Side& own = sides_[side];
  if (!own.started) {
    own.started = true;
    own.looks_wait = own.kept && !sides_[1 - side].ended;
  }
  Encoded encoded;
  encode(own, batch->rows, encoded);
  if (!condition_) {
    meet_by_key(side, *batch, encoded, emit);
    keep(side, *batch, encoded, {}, nullptr);
    return;
  }
  TouchedRows touched;
  meet_by_condition(side, *batch, encoded, touched, emit);
  if (!sides_[1 - side].kept) return;
  for (const auto& [data, entry] : touched) add_matches(sides_[1 - side], entry);
}

void JoinOperator::finish_fill(const Emit& emit) {
  for (const size_t side : {kLeft, kRight}) {
    if (!sides_[side].looks_wait) continue;
    sides_[side].looks_wait = false;
    std::array<Looks, JoinOutput::kLooks> gathered;
    const auto give = [&](size_t which) {
      emit_kept(side, static_cast<Look>(which), gathered[which], emit);
      gathered[which] = {};
    };
    sides_[side].rows.for_each([&](const arrangement::Arrangement::RowView& row) {
      const bool null_key = !can_match(row.key);
      const auto which = static_cast<size_t>(look(side, matches_of(side, row), null_key));
      gathered[which].add(row, row.weight);
      if (gathered[which].keys.size() == kBatchRows) give(which);
    });
    for (size_t which = 0; which < gathered.size(); ++which) give(which);
  }
}

// How many of the other side's rows match a row that is kept, by what is known now.
JoinOperator::Matches JoinOperator::matches_of(size_t side,
                                               const arrangement::Arrangement::RowView& row) const {
  if (!condition_) {
    return {can_match(row.key) ? sides_[1 - side].rows.find(row.key).weight() : 0, 0};
  }
  const std::string whole = whole_row(row);
  const Side& own = sides_[side];
  return {own.matches.weight(whole, {}), three_valued_ ? own.unknown.weight(whole, {}) : 0};
}

void JoinOperator::encode(const Side& side, const engine::Chunk& rows, Encoded& to) const {
  side.codec.encode_keys(rows, to.keys);
  side.codec.encode_payloads(rows, to.payloads);
  to.hashes.reserve(rows.size());
  for (size_t row = 0; row < rows.size(); ++row) {
    to.hashes.push_back(arrangement::hash_bytes(to.keys[row]));
  }
}

bool JoinOperator::can_match(std::string_view key) const {
  uint32_t nulls = 0;
  for (const size_t place : strict_) nulls |= arrangement::is_null(key, place);
  return nulls == 0;
}

JoinOperator::Look JoinOperator::look(size_t side, Matches matches, bool null_key,
                                      Totals totals) const {
  if (node_.join != JoinKind::kMark) return output_.look(side, matches.pairs);
  if (matches.pairs > 0) return Look::kTrue;
  if (plain_mark_) {
    return (null_key ? totals.rows : totals.nulls) > 0 ? Look::kNull : Look::kFalse;
  }
  return matches.unknown > 0 ? Look::kNull : Look::kFalse;
}

void JoinOperator::phase(size_t side, const Delta& delta, const Emit& emit) {
  const Totals before = totals_;
  TouchedKeys touched_keys;
  TouchedRows touched_rows;
  std::vector<Encoded> encoded(delta.size());
  // First all comparisons, with the other side as it is; this side's rows change after that.
  for (size_t i = 0; i < delta.size(); ++i) {
    encode(sides_[side], delta[i]->rows, encoded[i]);
    if (condition_) {
      meet_by_condition(side, *delta[i], encoded[i], touched_rows, emit);
    } else {
      meet_by_key(side, *delta[i], encoded[i], emit);
      keep(side, *delta[i], encoded[i], {}, &touched_keys);
    }
  }
  if (plain_mark_ && side == kRight) {
    const auto flags = [](Totals totals) { return std::pair(totals.rows > 0, totals.nulls > 0); };
    if (flags(before) != flags(totals_)) return toggle_all(touched_keys, before, emit);
  }
  if (!sides_[1 - side].kept) return;
  if (condition_) {
    toggle_rows(1 - side, touched_rows, emit);
  } else {
    toggle_keys(1 - side, touched_keys, emit);
  }
}

// Without a residual: the rows of a key are its matches.
void JoinOperator::meet_by_key(size_t side, Batch& batch, const Encoded& rows, const Emit& emit) {
  const Side& own = sides_[side];
  const Side& other = sides_[1 - side];
  Pairs pairs;
  std::vector<Look> looks;
  if (own.kept) looks.reserve(batch.size());
  std::vector<Matches> unused;
  TouchedRows none;
  if (batch.size() >= kWorthPrefetching) other.rows.prefetch_rows(rows.hashes);
  for (uint32_t row = 0; row < batch.size(); ++row) {
    const bool matchable = can_match(rows.keys[row]);
    Matches matches;
    if (matchable) {
      const auto found = other.rows.find(rows.keys[row], rows.hashes[row]);
      if (own.kept) matches.pairs = found.weight();
      if (output_.has_pairs()) {
        for (const auto match : found) {
          pairs.changed.push_back(row);
          pairs.kept.push_back(match);
          if (pairs.kept.size() == kBatchRows) compare(side, batch, pairs, unused, none, emit);
        }
      }
    }
    if (!own.kept) continue;
    const bool waits = own.looks_wait && (matchable || plain_mark_);
    looks.push_back(waits ? Look::kNone : look(side, matches, !matchable));
  }
  compare(side, batch, pairs, unused, none, emit);
  if (own.kept) output_.give(side, batch, looks, emit, errors_);
}

// With a residual: each pair of a key is asked.
void JoinOperator::meet_by_condition(size_t side, Batch& batch, const Encoded& rows,
                                     TouchedRows& touched, const Emit& emit) {
  const Side& own = sides_[side];
  const Side& other = sides_[1 - side];
  Pairs pairs;
  std::vector<Matches> found(batch.size());
  if (batch.size() >= kWorthPrefetching) other.rows.prefetch_rows(rows.hashes);
  for (uint32_t row = 0; row < batch.size(); ++row) {
    if (!can_match(rows.keys[row])) continue;
    for (const auto match : other.rows.find(rows.keys[row], rows.hashes[row])) {
      pairs.changed.push_back(row);
      pairs.kept.push_back(match);
      if (pairs.kept.size() == kBatchRows) compare(side, batch, pairs, found, touched, emit);
    }
  }
  compare(side, batch, pairs, found, touched, emit);
  if (own.kept) {
    std::vector<Look> looks;
    looks.reserve(batch.size());
    for (uint32_t row = 0; row < batch.size(); ++row) {
      const bool waits = own.looks_wait && can_match(rows.keys[row]);
      looks.push_back(waits ? Look::kNone : look(side, found[row], false));
    }
    output_.give(side, batch, looks, emit, errors_);
  }
  keep(side, batch, rows, found, nullptr);
}

// Gives out the pairs that match, and counts them for both of each.
void JoinOperator::compare(size_t side, Batch& batch, Pairs& pairs,
                           std::vector<Matches>& of_changed, TouchedRows& touched,
                           const Emit& emit) {
  if (pairs.kept.empty()) return;
  const BatchPtr made = pair_batch(side, batch, pairs);
  if (!condition_) {
    emit(made);
    pairs = {};
    return;
  }
  std::vector<Truth> truths;
  std::vector<Failure> failures;
  condition_->evaluate(made->rows, truths, failures);
  for (const Failure& failure : failures) errors_.add(failure.error, made->weights[failure.row]);
  std::vector<uint32_t> chosen;
  for (uint32_t i = 0; i < truths.size(); ++i) {
    const uint32_t row = pairs.changed[i];
    const auto& kept = pairs.kept[i];
    if (truths[i] == Truth::kTrue) {
      chosen.push_back(i);
      of_changed[row].pairs += kept.weight;
    } else if (truths[i] == Truth::kNull && three_valued_) {
      of_changed[row].unknown += kept.weight;
    } else {
      continue;
    }
    if (!sides_[1 - side].kept) continue;
    Touched& other = touched.try_emplace(kept.key.data(), Touched{kept, {}}).first->second;
    (truths[i] == Truth::kTrue ? other.change.pairs : other.change.unknown) += batch.weights[row];
  }
  if (output_.has_pairs() && !chosen.empty()) {
    emit(chosen.size() == made->size() ? made : select_rows(*made, chosen));
  }
  pairs = {};
}

// Takes the rows of a batch over into the state.
void JoinOperator::keep(size_t side, const Batch& batch, const Encoded& rows,
                        const std::vector<Matches>& found, TouchedKeys* touched) {
  Side& own = sides_[side];
  const bool other_kept = sides_[1 - side].kept;
  for (size_t row = 0; row < batch.size(); ++row) {
    own.rows.prefetch_ahead(rows.hashes, row);
    const std::string_view key = rows.keys[row];
    const bool matchable = can_match(key);
    if (plain_mark_ && side == kRight) {
      totals_.rows += batch.weights[row];
      totals_.nulls += matchable ? 0 : batch.weights[row];
    }
    // What matches nothing will never be asked for, but for the left rows of a plain mark join.
    if (!matchable && !(plain_mark_ && side == kLeft)) continue;
    const auto change =
        own.rows.apply(key, rows.payloads[row], batch.weights[row], rows.hashes[row]);
    if (!condition_) {
      if (!other_kept || touched == nullptr) continue;
      const auto entry = touched->try_emplace(std::string(key), change.key_weight_before, 0).first;
      entry->second.second = change.key_weight_after;
    } else if (own.kept && (change.before == 0) != (change.after == 0)) {
      // A row that is new has as many matches as were found; one that goes loses what it had.
      std::string whole(key);
      whole.append(rows.payloads[row]);
      const bool appears = change.before == 0;
      own.matches.apply(whole, {}, appears ? found[row].pairs : -own.matches.weight(whole, {}));
      if (three_valued_) {
        own.unknown.apply(whole, {}, appears ? found[row].unknown : -own.unknown.weight(whole, {}));
      }
    }
  }
}

void JoinOperator::toggle_keys(size_t side, const TouchedKeys& touched, const Emit& emit) {
  std::array<Looks, JoinOutput::kLooks> gathered;
  const auto add = [&](Look look, const arrangement::Arrangement::RowView& row, int64_t weight) {
    gathered[static_cast<size_t>(look)].add(row, weight);
  };
  for (const auto& [key, weights] : touched) {
    const Look before = look(side, {weights.first, 0}, false);
    const Look after = look(side, {weights.second, 0}, false);
    if (before == after) continue;
    for (const auto row : sides_[side].rows.find(key)) {
      add(before, row, -row.weight);
      add(after, row, row.weight);
    }
  }
  for (size_t i = 0; i < gathered.size(); ++i) {
    emit_kept(side, static_cast<Look>(i), gathered[i], emit);
  }
}

std::pair<JoinOperator::Matches, JoinOperator::Matches> JoinOperator::add_matches(
    Side& side, const Touched& touched) const {
  const std::string whole = whole_row(touched.row);
  const auto pairs = side.matches.apply(whole, {}, touched.change.pairs);
  Matches before{pairs.before, 0};
  Matches after{pairs.after, 0};
  if (three_valued_) {
    const auto unknown = side.unknown.apply(whole, {}, touched.change.unknown);
    before.unknown = unknown.before;
    after.unknown = unknown.after;
  }
  return {before, after};
}

void JoinOperator::toggle_rows(size_t side, const TouchedRows& touched, const Emit& emit) {
  Side& kept = sides_[side];
  std::array<Looks, JoinOutput::kLooks> gathered;
  for (const auto& [data, entry] : touched) {
    const auto [before, after] = add_matches(kept, entry);
    const Look looks[] = {look(side, before, false), look(side, after, false)};
    if (looks[0] == looks[1]) continue;
    for (const int which : {0, 1}) {
      gathered[static_cast<size_t>(looks[which])].add(
          entry.row, which == 0 ? -entry.row.weight : entry.row.weight);
    }
  }
  for (size_t i = 0; i < gathered.size(); ++i) {
    emit_kept(side, static_cast<Look>(i), gathered[i], emit);
  }
}

// The right side of a plain mark join got its first row or NULL, or lost its last: every left row
// without a match may look otherwise now.
void JoinOperator::toggle_all(const TouchedKeys& touched, Totals totals_before, const Emit& emit) {
  std::array<Looks, JoinOutput::kLooks> gathered;
  sides_[kLeft].rows.for_each([&](const arrangement::Arrangement::RowView& row) {
    const bool null_key = !can_match(row.key);
    const int64_t now = null_key ? 0 : sides_[kRight].rows.find(row.key).weight();
    const auto found = touched.find(std::string(row.key));
    const int64_t then = found == touched.end() ? now : found->second.first;
    const Look before = look(kLeft, {then, 0}, null_key, totals_before);
    const Look after = look(kLeft, {now, 0}, null_key);
    if (before == after) return;
    for (const bool is_new : {false, true}) {
      gathered[static_cast<size_t>(is_new ? after : before)].add(row,
                                                                 is_new ? row.weight : -row.weight);
    }
  });
  for (size_t i = 0; i < gathered.size(); ++i) {
    emit_kept(kLeft, static_cast<Look>(i), gathered[i], emit);
  }
}

// ---- rows of the output

BatchPtr JoinOperator::pair_batch(size_t side, Batch& batch, const Pairs& pairs) const {
  std::vector<std::string_view> keys;
  std::vector<std::string_view> payloads;
  std::vector<int64_t> weights;
  keys.reserve(pairs.kept.size());
  payloads.reserve(pairs.kept.size());
  weights.reserve(pairs.kept.size());
  for (size_t i = 0; i < pairs.kept.size(); ++i) {
    keys.push_back(pairs.kept[i].key);
    payloads.push_back(pairs.kept[i].payload);
    weights.push_back(batch.weights[pairs.changed[i]] * pairs.kept[i].weight);
  }
  return output_.pairs(side, batch, pairs.changed, std::move(weights),
                       [&](engine::Chunk& to, size_t first_column) {
                         sides_[1 - side].codec.decode(keys, payloads, first_column, to);
                       });
}

void JoinOperator::emit_kept(size_t side, Look look, const Looks& rows, const Emit& emit) {
  const auto put = [&](engine::Chunk& to, size_t begin, size_t count) {
    sides_[side].codec.decode(std::span(rows.keys).subspan(begin, count),
                              std::span(rows.payloads).subspan(begin, count), 0, to);
  };
  output_.give(side, look, rows.weights, put, emit, errors_);
}

}  // namespace sluice::dataflow
