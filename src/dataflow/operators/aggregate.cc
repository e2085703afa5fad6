#include "dataflow/operators/aggregate.h"

#include <algorithm>

#include "dataflow/operators/extreme.h"
#include "dataflow/operators/generic.h"
#include "engine/row_codec.h"

namespace sluice::dataflow {
namespace {

std::vector<engine::LogicalType> call_types(const Aggregate& node) {
  std::vector<engine::LogicalType> types;
  types.reserve(node.calls.size());
  for (const AggregateCall& call : node.calls) types.push_back(call.type());
  return types;
}

// `others`: those that were made before it.
std::unique_ptr<KeyedAggregate> keyed_aggregate(
    const AggregateCall& call, const std::vector<engine::LogicalType>& types,
    const std::vector<std::unique_ptr<KeyedAggregate>>& others) {
  if (!ExtremeAggregate::can_do(call)) return std::make_unique<GenericAggregate>(call, types);
  for (const auto& other : others) {
    const auto* extreme = dynamic_cast<const ExtremeAggregate*>(other.get());
    if (extreme != nullptr && extreme->does_for(call)) {
      return std::make_unique<ExtremeAggregate>(call, extreme);
    }
  }
  return std::make_unique<ExtremeAggregate>(call, nullptr);
}

// So many are in a core's own cache.
constexpr size_t kNearGroups = 1024;

// GROUPING(…): a bit for each argument that the set does not have, the last one lowest.
int64_t grouping(const std::vector<size_t>& arguments, const std::vector<size_t>& set) {
  int64_t bits = 0;
  for (const size_t argument : arguments) {
    const bool there = std::find(set.begin(), set.end(), argument) != set.end();
    bits = (bits << 1) | (there ? 0 : 1);
  }
  return bits;
}

}  // namespace

// ---- groups

GroupTable::Id GroupTable::find_or_add(std::string_view wanted, uint64_t full_hash) {
  const auto hash = static_cast<uint32_t>(full_hash);
  const Id found = index_.find(hash, [&](uint32_t id) { return key(id) == wanted; });
  if (found != 0) return found;
  const Id id = pool_.allocate(sizeof(Group) + words_ * sizeof(WideSum) + wanted.size());
  at(id) = {0, hash, static_cast<uint32_t>(wanted.size()), 0, 0};
  for (size_t i = 0; i < words_; ++i) words(id)[i] = WideSum();
  char* bytes = pool_.at(id) + sizeof(Group) + words_ * sizeof(WideSum);
  if (!wanted.empty()) std::memcpy(bytes, wanted.data(), wanted.size());
  index_.insert(hash, id);
  return id;
}

void GroupTable::remove(Id id) {
  take(id);
  index_.erase(at(id).hash, id);
  pool_.free(id);
}

std::string_view GroupTable::given(Id id) const {
  const char* block = pool_.at(at(id).given);
  uint32_t size;
  std::memcpy(&size, block, sizeof size);
  return {block + sizeof size, size};
}

void GroupTable::give(Id id, std::string_view bytes) {
  const auto size = static_cast<uint32_t>(bytes.size());
  if (at(id).given != 0 && given(id).size() == bytes.size()) {
    if (size > 0) std::memcpy(pool_.at(at(id).given) + sizeof size, bytes.data(), size);
    return;
  }
  take(id);
  const Id block = pool_.allocate(sizeof(uint32_t) + bytes.size());
  std::memcpy(pool_.at(block), &size, sizeof size);
  if (size > 0) std::memcpy(pool_.at(block) + sizeof size, bytes.data(), size);
  at(id).given = block;
}

void GroupTable::prefetch_given(std::span<const Id> groups) const {
  for (const Id id : groups) arrangement::prefetch(pool_.at(id));
  for (const Id id : groups) {
    if (at(id).given != 0) arrangement::prefetch(pool_.at(at(id).given));
  }
}

void GroupTable::take(Id id) {
  if (at(id).given != 0) pool_.free(at(id).given);
  at(id).given = 0;
}

std::vector<GroupTable::Id> GroupTable::all() const {
  std::vector<Id> groups;
  groups.reserve(size());
  index_.for_each([&](Id id) { groups.push_back(id); });
  return groups;
}

// ---- the operator

AggregateOperator::AggregateOperator(const Aggregate& node)
    : node_(node), values_(call_types(node), arrangement::Form::kExact) {
  size_t keyed = 0;
  for (const AggregateCall& call : node.calls) {
    Call& made = calls_.emplace_back(Call{LinearAggregate::of(call)});
    if (!made.linear) made.keyed = keyed++;
  }
  const auto& types = node.inputs[0]->types;
  for (const std::vector<size_t>& positions : node.sets) {
    std::vector<size_t> columns;
    std::vector<engine::LogicalType> key_types;
    for (const size_t position : positions) {
      columns.push_back(node.groups[position]);
      key_types.push_back(types[columns.back()]);
    }
    Set& set =
        sets_.emplace_back(Set{columns,
                               positions,
                               arrangement::RowCodec(std::move(key_types), arrangement::Form::kKey),
                               nullptr,
                               {},
                               {},
                               {}});
    for (size_t i = 0; i < node.calls.size(); ++i) {
      if (calls_[i].linear) continue;
      set.keyed.push_back(keyed_aggregate(node.calls[i], types, set.keyed));
    }
    if (&set == &sets_.front()) assign_words(set);
    set.groups = std::make_unique<GroupTable>(words_);
    for (const auto& arguments : node.groupings) {
      set.groupings.push_back(grouping(arguments, positions));
    }
  }
}

// Of all sets alike.
void AggregateOperator::assign_words(const Set& set) {
  for (size_t i = 0; i < calls_.size(); ++i) {
    if (calls_[i].linear) {
      if (!share_word(i)) calls_[i].word = words_++;
      continue;
    }
    const KeyedAggregate* values = set.keyed[calls_[i].keyed]->slot_owner();
    if (values == nullptr) continue;
    calls_[i].word = words_;
    for (size_t other = 0; other < i; ++other) {
      const bool owns = !calls_[other].linear && set.keyed[calls_[other].keyed].get() == values;
      if (owns) calls_[i].word = calls_[other].word;
    }
    if (calls_[i].word == words_) ++words_;
  }
}

// Takes the word of an earlier linear call, if one does for both.
bool AggregateOperator::share_word(size_t call) {
  for (size_t earlier = 0; earlier < call; ++earlier) {
    Call& one = calls_[earlier];
    Call& two = calls_[call];
    if (!one.linear || !one.adds || !one.linear->shares_word_with(*two.linear)) continue;
    two.word = one.word;
    two.adds = one.linear->only_counts() && !two.linear->only_counts();
    one.adds = !two.adds;
    return true;
  }
  return false;
}

bool AggregateOperator::adds_only(const Aggregate& node) {
  return std::all_of(node.calls.begin(), node.calls.end(), [](const AggregateCall& call) {
    return LinearAggregate::of(call).has_value();
  });
}

void AggregateOperator::absorb(AggregateOperator& other) {
  for (size_t i = 0; i < sets_.size(); ++i) {
    GroupTable& to = *sets_[i].groups;
    const GroupTable& from = *other.sets_[i].groups;
    for (const GroupTable::Id id : from.all()) {
      const GroupTable::Group& group = from.at(id);
      const GroupTable::Id mine = to.find_or_add(from.key(id), group.hash);
      to.at(mine).rows += group.rows;
      for (size_t word = 0; word < words_; ++word) to.words(mine)[word].add(from.words(id)[word]);
    }
    other.sets_[i].groups = std::make_unique<GroupTable>(words_);
  }
}

OperatorState AggregateOperator::state() const {
  OperatorState state;
  for (const Set& set : sets_) {
    state.rows += set.groups->size();
    state.bytes += set.groups->bytes();
    for (const auto& keyed : set.keyed) {
      const OperatorState kept = keyed->state();
      state.rows += kept.rows;
      state.bytes += kept.bytes;
    }
  }
  return state;
}

Delta AggregateOperator::start() {
  Delta out;
  for (Set& set : sets_) {
    if (!set.columns.empty()) continue;
    give_out(set, {set.groups->find_or_add({}, arrangement::hash_bytes({}))}, into(out));
  }
  return out;
}

Delta AggregateOperator::step(std::span<const Delta* const> inputs) {
  Delta out;
  for (Set& set : sets_) {
    std::vector<GroupTable::Id> touched;
    for (const BatchPtr& batch : *inputs[0]) take_in(set, *batch, &touched);
    give_out(set, touched, into(out));
  }
  return out;
}

void AggregateOperator::fill(size_t /*input*/, const BatchPtr& rows, const Emit& /*emit*/) {
  for (Set& set : sets_) take_in(set, *rows, nullptr);
}

void AggregateOperator::finish_fill(const Emit& emit) {
  for (Set& set : sets_) {
    if (set.columns.empty()) set.groups->find_or_add({}, arrangement::hash_bytes({}));
    give_out(set, set.groups->all(), emit);
  }
}

void AggregateOperator::take_in(Set& set, const Batch& batch,
                                std::vector<GroupTable::Id>* touched) {
  arrangement::ByteRows keys;
  set.keys.encode(batch.rows, set.columns, keys);
  std::vector<uint64_t> hashes(batch.size());
  std::vector<GroupTable::Id> groups(batch.size());
  for (size_t row = 0; row < batch.size(); ++row) hashes[row] = arrangement::hash_bytes(keys[row]);
  // Few groups are near enough.
  const bool are_far = set.groups->size() > kNearGroups;
  for (size_t row = 0; row < batch.size(); ++row) {
    constexpr size_t kAhead = 8;
    if (are_far && row + 2 * kAhead < batch.size()) {
      set.groups->prefetch_slot(hashes[row + 2 * kAhead]);
    }
    if (are_far && row + kAhead < batch.size()) set.groups->prefetch_group(hashes[row + kAhead]);
    groups[row] = set.groups->find_or_add(keys[row], hashes[row]);
    GroupTable::Group& group = set.groups->at(groups[row]);
    group.rows += batch.weights[row];
    if (touched != nullptr && group.touched == 0) {
      group.touched = 1;
      touched->push_back(groups[row]);
    }
  }
  std::vector<WideSum*> words(batch.size());
  for (size_t row = 0; row < batch.size(); ++row) words[row] = set.groups->words(groups[row]);
  size_t at = 0;
  for (const Call& call : calls_) {
    if (call.linear && !call.adds) continue;
    for (WideSum*& word : words) word = word - at + call.word;
    at = call.word;
    if (call.linear) {
      call.linear->add(batch, words);
    } else {
      set.keyed[call.keyed]->add(batch, {keys, hashes, words});
    }
  }
}

void AggregateOperator::give_out(Set& set, const std::vector<GroupTable::Id>& touched,
                                 const Emit& emit) {
  const std::span<const GroupTable::Id> all(touched);
  for (size_t begin = 0; begin < all.size(); begin += kBatchRows) {
    give_block(set, all.subspan(begin, std::min(kBatchRows, all.size() - begin)), emit);
  }
}

void AggregateOperator::give_block(Set& set, std::span<const GroupTable::Id> groups,
                                   const Emit& emit) {
  set.groups->prefetch_given(groups);
  std::vector<std::string_view> keys;
  keys.reserve(groups.size());
  for (const GroupTable::Id id : groups) keys.push_back(set.groups->key(id));
  engine::Chunk values;
  engine::initialize(values, values_.types(), groups.size());
  std::vector<const Error*> errors(groups.size(), nullptr);
  std::vector<Failure> failed;
  std::vector<const WideSum*> words(groups.size());
  for (size_t i = 0; i < calls_.size(); ++i) {
    const Call& call = calls_[i];
    for (size_t row = 0; row < groups.size(); ++row) {
      words[row] = set.groups->words(groups[row]) + call.word;
    }
    if (call.linear) {
      call.linear->finish(words, values.data[i], failed);
    } else {
      set.keyed[call.keyed]->finish({keys, words}, values.data[i], failed);
    }
  }
  values.SetCardinality(groups.size());
  for (const Failure& failure : failed) errors[failure.row] = &failure.error;
  arrangement::ByteRows made;
  values_.encode(values, all_columns(calls_.size()), made);
  std::vector<std::string_view> old_keys;
  std::vector<std::string_view> old_values;
  std::vector<std::string_view> new_keys;
  std::vector<std::string_view> new_values;
  for (size_t row = 0; row < groups.size(); ++row) {
    const GroupTable::Group& group = set.groups->at(groups[row]);
    const bool there = group.rows > 0 || set.columns.empty();
    const bool is_new = there && errors[row] == nullptr;
    if (group.given != 0 && is_new && set.groups->given(groups[row]) == made[row]) continue;
    if (group.given != 0) {
      old_keys.push_back(keys[row]);
      old_values.push_back(set.groups->given(groups[row]));
    }
    if (is_new) {
      new_keys.push_back(keys[row]);
      new_values.push_back(made[row]);
    }
  }
  if (!old_keys.empty()) emit(rows_of(set, old_keys, old_values, -1));
  if (!new_keys.empty()) emit(rows_of(set, new_keys, new_values, 1));
  for (size_t row = 0; row < groups.size(); ++row) {
    GroupTable::Group& group = set.groups->at(groups[row]);
    group.touched = 0;
    const bool there = group.rows > 0 || set.columns.empty();
    set_error(set, groups[row], there ? errors[row] : nullptr);
    if (there && errors[row] == nullptr) {
      if (group.given == 0 || set.groups->given(groups[row]) != made[row]) {
        set.groups->give(groups[row], made[row]);
      }
    } else if (group.rows == 0 && !set.columns.empty()) {
      forget(set, groups[row]);
    } else {
      set.groups->take(groups[row]);
    }
  }
}

void AggregateOperator::forget(Set& set, GroupTable::Id group) {
  for (const Call& call : calls_) {
    if (!call.linear) set.keyed[call.keyed]->forget(set.groups->words(group)[call.word]);
  }
  set.groups->remove(group);
}

void AggregateOperator::set_error(Set& set, GroupTable::Id group, const Error* error) {
  if (const auto old = set.failed.find(group); old != set.failed.end()) {
    errors_.add(old->second, -1);
    set.failed.erase(old);
  }
  if (error == nullptr) return;
  errors_.add(*error, 1);
  set.failed.emplace(group, *error);
}

BatchPtr AggregateOperator::rows_of(const Set& set, const std::vector<std::string_view>& keys,
                                    const std::vector<std::string_view>& values,
                                    int64_t weight) const {
  auto made = std::make_shared<Batch>();
  engine::initialize(made->rows, node_.types, keys.size());
  set.keys.decode(keys, set.positions, made->rows);
  std::vector<size_t> to = all_columns(calls_.size());
  for (size_t& column : to) column += node_.groups.size();
  values_.decode(values, to, made->rows);
  for (size_t position = 0; position < node_.groups.size(); ++position) {
    if (std::find(set.positions.begin(), set.positions.end(), position) != set.positions.end()) {
      continue;
    }
    made->rows.data[position].Reference(engine::Value(node_.types[position]));
  }
  for (size_t i = 0; i < set.groupings.size(); ++i) {
    const size_t column = node_.groups.size() + calls_.size() + i;
    made->rows.data[column].Reference(engine::Value::BIGINT(set.groupings[i]));
  }
  made->rows.SetCardinality(keys.size());
  made->weights.assign(keys.size(), weight);
  return made;
}

}  // namespace sluice::dataflow
