#include "dataflow/operators/extreme.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "arrangement/prefetch.h"
#include "dataflow/operators/function_states.h"
#include "dataflow/sort_keys.h"
#include "engine/engine.h"
#include "engine/row_codec.h"

namespace sluice::dataflow {
namespace {

using duckdb::PhysicalType;

constexpr uint64_t kTopBit = uint64_t{1} << 63;

// ---- values with counts, in order

template <typename Key>
struct Counted {
  Key key;
  int64_t count;
};

template <typename Key>
using Piece = std::vector<Counted<Key>>;  // sorted

// A count below 0 is of a value that is not there.
template <typename Iterator>
auto first_there(Iterator begin, Iterator end) -> decltype(&begin->key) {
  for (; begin != end; ++begin) {
    if (begin->count > 0) return &begin->key;
  }
  return nullptr;
}

template <typename Key>
int64_t rows_there(const Piece<Key>& piece) {
  int64_t rows = 0;
  for (const Counted<Key>& value : piece) rows += std::max<int64_t>(value.count, 0);
  return rows;
}

// The value of the row at `rank`, from 0, of those that are there.
template <typename Key>
const Key* row_at(const Piece<Key>& piece, int64_t rank) {
  for (const Counted<Key>& value : piece) {
    rank -= std::max<int64_t>(value.count, 0);
    if (rank < 0) return &value.key;
  }
  return nullptr;
}

// Returns by how many the values grew: -1, 0 or 1.
template <typename Key>
int add_to(Piece<Key>& piece, Key key, int64_t weight) {
  const auto place = std::lower_bound(
      piece.begin(), piece.end(), key,
      [](const Counted<Key>& value, const Key& wanted) { return value.key < wanted; });
  if (place == piece.end() || place->key != key) {
    piece.insert(place, {std::move(key), weight});
    return 1;
  }
  if ((place->count += weight) != 0) return 0;
  piece.erase(place);
  return -1;
}

// Many values: sorted pieces of some hundreds, and the last key of each. A look-up goes to two
// places in memory, and not to as many as a tree has levels.
template <typename Key>
class Pieces {
 public:
  explicit Pieces(Piece<Key> all) { put(0, std::move(all)); }

  int add(Key&& key, int64_t weight) {
    const auto found = std::lower_bound(lasts_.begin(), lasts_.end(), key);
    const size_t number = std::min(static_cast<size_t>(found - lasts_.begin()), pieces_.size() - 1);
    const int grown = add_to(pieces_[number], std::move(key), weight);
    mend(number);
    return grown;
  }
  const std::vector<Piece<Key>>& all() const { return pieces_; }
  int64_t rows() const { return std::accumulate(rows_.begin(), rows_.end(), int64_t{0}); }
  const Key* at_rank(int64_t rank) const {
    for (size_t number = 0; number < pieces_.size(); ++number) {
      if (rank < rows_[number]) return row_at(pieces_[number], rank);
      rank -= rows_[number];
    }
    return nullptr;
  }
  size_t bytes() const {
    return sizeof *this + lasts_.capacity() * sizeof(Key) + rows_.capacity() * sizeof(int64_t) +
           pieces_.capacity() * sizeof(Piece<Key>) + pieces_.size() * kRoom * sizeof(Counted<Key>);
  }

 private:
  static constexpr size_t kRoom = 256;

  void put(size_t number, Piece<Key> piece) {
    piece.reserve(kRoom);
    const auto at = static_cast<std::ptrdiff_t>(number);
    lasts_.insert(lasts_.begin() + at, piece.back().key);
    rows_.insert(rows_.begin() + at, rows_there(piece));
    pieces_.insert(pieces_.begin() + at, std::move(piece));
  }
  void drop(size_t number) {
    const auto at = static_cast<std::ptrdiff_t>(number);
    pieces_.erase(pieces_.begin() + at);
    lasts_.erase(lasts_.begin() + at);
    rows_.erase(rows_.begin() + at);
  }
  // After a change: none is empty but an only one, none has no room.
  void mend(size_t number) {
    rows_[number] = rows_there(pieces_[number]);
    if (pieces_[number].empty()) {
      if (pieces_.size() > 1) drop(number);
      return;
    }
    lasts_[number] = pieces_[number].back().key;
    if (pieces_[number].size() == kRoom) {
      Piece<Key>& full = pieces_[number];
      const auto half = full.begin() + kRoom / 2;
      Piece<Key> lower(std::make_move_iterator(full.begin()), std::make_move_iterator(half));
      full.erase(full.begin(), half);
      rows_[number] = rows_there(full);
      put(number, std::move(lower));
    } else if (number + 1 < pieces_.size() &&
               pieces_[number].size() + pieces_[number + 1].size() < kRoom / 4) {
      Piece<Key>& next = pieces_[number + 1];
      next.insert(next.begin(), std::make_move_iterator(pieces_[number].begin()),
                  std::make_move_iterator(pieces_[number].end()));
      rows_[number + 1] += rows_[number];
      drop(number);
    }
  }

  std::vector<Key> lasts_;
  std::vector<int64_t> rows_;  // how many each piece has
  std::vector<Piece<Key>> pieces_;
};

// The values of a group.
template <typename Key>
class Counts {
 public:
  int add(Key&& key, int64_t weight) {
    if (many_) return many_->add(std::move(key), weight);
    const int grown = add_to(few_, std::move(key), weight);
    if (few_.size() > kFew) {
      many_ = std::make_unique<Pieces<Key>>(std::move(few_));
      few_ = {};
    }
    return grown;
  }
  const Key* least() const {
    if (!many_) return first_there(few_.begin(), few_.end());
    for (auto piece = many_->all().begin(); piece != many_->all().end(); ++piece) {
      if (const Key* found = first_there(piece->begin(), piece->end())) return found;
    }
    return nullptr;
  }
  const Key* greatest() const {
    if (!many_) return first_there(few_.rbegin(), few_.rend());
    for (auto piece = many_->all().rbegin(); piece != many_->all().rend(); ++piece) {
      if (const Key* found = first_there(piece->rbegin(), piece->rend())) return found;
    }
    return nullptr;
  }
  int64_t rows() const { return many_ ? many_->rows() : rows_there(few_); }
  const Key* at_rank(int64_t rank) const {
    return many_ ? many_->at_rank(rank) : row_at(few_, rank);
  }
  bool empty() const {
    return many_ ? many_->all().size() == 1 && many_->all()[0].empty() : few_.empty();
  }
  void prefetch() const { arrangement::prefetch(few_.data()); }
  // Beside this object, and beside what keys have outside themselves.
  size_t bytes() const { return many_ ? many_->bytes() : few_.capacity() * sizeof(Counted<Key>); }

 private:
  static constexpr size_t kFew = 64;

  Piece<Key> few_;
  std::unique_ptr<Pieces<Key>> many_;  // all of them, once they were many
};

template <typename Key>
const Key* chosen(const Counts<Key>& counts, Choice choice) {
  if (choice == Choice::kLeast) return counts.least();
  if (choice == Choice::kGreatest) return counts.greatest();
  const int64_t rows = counts.rows();
  if (choice == Choice::kSecondMiddle && rows % 2 != 0) return nullptr;
  return counts.at_rank(choice == Choice::kSecondMiddle ? rows / 2 : (rows - 1) / 2);
}

// ---- values as keys that compare as they do

bool is_word(PhysicalType type) {
  switch (type) {
    case PhysicalType::BOOL:
    case PhysicalType::INT8:
    case PhysicalType::INT16:
    case PhysicalType::INT32:
    case PhysicalType::INT64:
    case PhysicalType::UINT8:
    case PhysicalType::UINT16:
    case PhysicalType::UINT32:
    case PhysicalType::UINT64:
    case PhysicalType::FLOAT:
    case PhysicalType::DOUBLE:
      return true;
    default:
      return false;
  }
}

template <typename T>
T value_at(const duckdb::data_t* data, size_t row) {
  T value;
  std::memcpy(&value, data + row * sizeof(T), sizeof value);
  return value;
}

uint64_t ordered(int64_t value) { return static_cast<uint64_t>(value) ^ kTopBit; }

uint64_t ordered(double value) {
  // NaN is greater than all, and there is one 0.
  if (std::isnan(value)) return std::numeric_limits<uint64_t>::max();
  const auto bits = std::bit_cast<uint64_t>(value == 0 ? 0.0 : value);
  return (bits & kTopBit) != 0 ? ~bits : bits ^ kTopBit;
}

double number_of(uint64_t word) {
  if (word == std::numeric_limits<uint64_t>::max()) return std::numeric_limits<double>::quiet_NaN();
  return std::bit_cast<double>((word & kTopBit) != 0 ? word ^ kTopBit : ~word);
}

uint64_t word_at(PhysicalType type, const duckdb::data_t* data, size_t row) {
  switch (type) {
    case PhysicalType::INT8:
      return ordered(int64_t{value_at<int8_t>(data, row)});
    case PhysicalType::INT16:
      return ordered(int64_t{value_at<int16_t>(data, row)});
    case PhysicalType::INT32:
      return ordered(int64_t{value_at<int32_t>(data, row)});
    case PhysicalType::INT64:
      return ordered(value_at<int64_t>(data, row));
    case PhysicalType::UINT16:
      return value_at<uint16_t>(data, row);
    case PhysicalType::UINT32:
      return value_at<uint32_t>(data, row);
    case PhysicalType::UINT64:
      return value_at<uint64_t>(data, row);
    case PhysicalType::FLOAT:
      return ordered(double{value_at<float>(data, row)});
    case PhysicalType::DOUBLE:
      return ordered(value_at<double>(data, row));
    default:
      return data[row];
  }
}

void put_word(uint64_t word, PhysicalType type, engine::Vector& result, size_t row) {
  auto* data = duckdb::FlatVector::GetData(result);
  if (type == PhysicalType::DOUBLE) {
    const double value = number_of(word);
    std::memcpy(data + row * sizeof value, &value, sizeof value);
  } else if (type == PhysicalType::FLOAT) {
    const auto value = static_cast<float>(number_of(word));
    std::memcpy(data + row * sizeof value, &value, sizeof value);
  } else {
    const bool is_signed = type == PhysicalType::INT8 || type == PhysicalType::INT16 ||
                           type == PhysicalType::INT32 || type == PhysicalType::INT64;
    const uint64_t value = is_signed ? word ^ kTopBit : word;
    // The low bytes of a word come first.
    const size_t width = duckdb::GetTypeIdSize(type);
    std::memcpy(data + row * width, &value, width);
  }
}

// A value to order by, and the bits of what is to be given for it.
struct WordPair {
  uint64_t order = 0;
  uint64_t given = 0;
  auto operator<=>(const WordPair&) const = default;
};

// A column of a batch, row by row.
class Column {
 public:
  Column(const Batch& batch, size_t column)
      : reference_(batch.rows.data[column].GetType(), nullptr) {
    reference_.Reference(batch.rows.data[column]);
    reference_.ToUnifiedFormat(batch.size(), format_);
  }
  bool is_null(size_t row) const {
    return !format_.validity.RowIsValid(format_.sel->get_index(row));
  }
  uint64_t word(size_t row) const {
    return word_at(reference_.GetType().InternalType(), format_.data, format_.sel->get_index(row));
  }
  // The bytes as they are, of a type whose values fit a word.
  uint64_t bits(size_t row) const {
    const size_t width = duckdb::GetTypeIdSize(reference_.GetType().InternalType());
    uint64_t bits = 0;
    std::memcpy(&bits, format_.data + format_.sel->get_index(row) * width, width);
    return bits;
  }

 private:
  engine::Vector reference_;
  duckdb::UnifiedVectorFormat format_;
};

// The keys of the values of each group, with counts. A group's slot is the number of its counts,
// from 1.
template <typename Key>
class KeysByGroup : public OrderedValues {
 public:
  void forget(WideSum& slot) override {
    if (slot.low == 0) return;
    bytes_ -= at(slot.low).bytes();
    at(slot.low) = Counts<Key>();
    free_.push_back(slot.low);
    slot.low = 0;
  }

  OperatorState state() const override {
    return {values_, bytes_ + slabs_.size() * kSlab * sizeof(Counts<Key>) +
                         free_.capacity() * sizeof(uint64_t)};
  }

 protected:
  // What all rows will need, in two rounds, since the second is found in the first.
  template <typename Slots>
  void prefetch(const Slots& slots) const {
    if (slots.size() < 8) return;
    for (const auto* slot : slots) {
      if (slot->low != 0) arrangement::prefetch(&at(slot->low));
    }
    for (const auto* slot : slots) {
      if (slot->low != 0) at(slot->low).prefetch();
    }
  }

  void add_one(WideSum& slot, Key key, int64_t weight) {
    if (slot.low == 0) slot.low = new_slot();
    Counts<Key>& counts = at(slot.low);
    const size_t outside = bytes_outside(key);
    const size_t before = counts.bytes();
    const int grown = counts.add(std::move(key), weight);
    bytes_ += counts.bytes() - before;
    if (grown > 0) ++values_, bytes_ += outside;
    if (grown < 0) --values_, bytes_ -= outside;
    if (counts.empty()) forget(slot);
  }

  // Null: the group has none.
  const Key* choose(const WideSum& slot, Choice choice) const {
    return slot.low == 0 ? nullptr : chosen(at(slot.low), choice);
  }

 private:
  static constexpr size_t kSlab = 1024;
  using Slab = std::array<Counts<Key>, kSlab>;

  static size_t bytes_outside(const Key& key) {
    if constexpr (std::is_same_v<Key, std::string>) {
      return key.size() > 15 ? key.size() + 17 : 0;
    } else {
      return 0;
    }
  }
  Counts<Key>& at(uint64_t slot) { return (*slabs_[(slot - 1) / kSlab])[(slot - 1) % kSlab]; }
  const Counts<Key>& at(uint64_t slot) const {
    return (*slabs_[(slot - 1) / kSlab])[(slot - 1) % kSlab];
  }

  uint64_t new_slot() {
    if (free_.empty()) {
      free_.reserve(kSlab);
      slabs_.push_back(std::make_unique<Slab>());
      for (size_t i = kSlab; i > 0; --i) free_.push_back((slabs_.size() - 1) * kSlab + i);
    }
    const uint64_t slot = free_.back();
    free_.pop_back();
    return slot;
  }

  std::vector<std::unique_ptr<Slab>> slabs_;
  std::vector<uint64_t> free_;
  size_t values_ = 0;
  size_t bytes_ = 0;
};

// A value's key is a word where it fits one, else its sort key.
template <typename Key>
class ValuesOf final : public KeysByGroup<Key> {
 public:
  void add(const Batch& batch, const AggregateCall& call,
           const std::vector<WideSum*>& slots) override {
    const std::vector<int64_t> weights = counted_weights(batch, call);
    const Column values(batch, call.arguments[0]);
    std::vector<std::string> sorted;
    if constexpr (!kWords) sorted = sort_keys(batch.rows, {{call.arguments[0]}});
    this->prefetch(slots);
    for (size_t row = 0; row < batch.size(); ++row) {
      if (weights[row] == 0 || values.is_null(row)) continue;
      if constexpr (kWords) {
        this->add_one(*slots[row], values.word(row), weights[row]);
      } else {
        this->add_one(*slots[row], std::move(sorted[row]), weights[row]);
      }
    }
  }

  void put(const std::vector<const WideSum*>& slots, Choice choice,
           engine::Vector& result) const override {
    this->prefetch(slots);
    for (size_t row = 0; row < slots.size(); ++row) {
      const Key* const key = this->choose(*slots[row], choice);
      if (key == nullptr) {
        duckdb::FlatVector::SetNull(result, row, true);
      } else if constexpr (kWords) {
        put_word(*key, result.GetType().InternalType(), result, row);
      } else {
        decode_sort_key(*key, {}, result, row);
      }
    }
  }

 private:
  static constexpr bool kWords = std::is_same_v<Key, uint64_t>;
};

// Where to order by, and what to give, fit a word each.
class ArgumentWords final : public KeysByGroup<WordPair> {
 public:
  explicit ArgumentWords(bool greatest) : flipped_(greatest ? ~uint64_t{0} : 0) {}

  void add(const Batch& batch, const AggregateCall& call,
           const std::vector<WideSum*>& slots) override {
    const std::vector<int64_t> weights = counted_weights(batch, call);
    const Column given(batch, call.arguments[0]);
    const Column order(batch, call.arguments[1]);
    prefetch(slots);
    for (size_t row = 0; row < batch.size(); ++row) {
      if (weights[row] == 0 || given.is_null(row) || order.is_null(row)) continue;
      add_one(*slots[row], {order.word(row) ^ flipped_, given.bits(row)}, weights[row]);
    }
  }
  void put(const std::vector<const WideSum*>& slots, Choice choice,
           engine::Vector& result) const override {
    prefetch(slots);
    auto* const data = duckdb::FlatVector::GetData(result);
    const size_t width = duckdb::GetTypeIdSize(result.GetType().InternalType());
    for (size_t row = 0; row < slots.size(); ++row) {
      const WordPair* const key = choose(*slots[row], choice);
      if (key == nullptr) {
        duckdb::FlatVector::SetNull(result, row, true);
      } else {
        std::memcpy(data + row * width, &key->given, width);
      }
    }
  }

 private:
  const uint64_t flipped_;  // so that the greatest comes first
};

// The others: a sort key, of which none is the beginning of another, then the exact bytes of what
// is to be given, then how many these are.
class ArgumentBytes final : public KeysByGroup<std::string> {
 public:
  ArgumentBytes(bool greatest, const engine::LogicalType& given)
      : greatest_(greatest), codec_({given}, arrangement::Form::kExact) {}

  void add(const Batch& batch, const AggregateCall& call,
           const std::vector<WideSum*>& slots) override {
    const std::vector<int64_t> weights = counted_weights(batch, call);
    const Column given(batch, call.arguments[0]);
    const Column order(batch, call.arguments[1]);
    std::vector<std::string> keys = sort_keys(batch.rows, {{call.arguments[1], greatest_}});
    arrangement::ByteRows bytes;
    codec_.encode(batch.rows, {&call.arguments[0], 1}, bytes);
    prefetch(slots);
    for (size_t row = 0; row < batch.size(); ++row) {
      if (weights[row] == 0 || given.is_null(row) || order.is_null(row)) continue;
      const auto size = static_cast<uint32_t>(bytes[row].size());
      keys[row].append(bytes[row]).append(reinterpret_cast<const char*>(&size), sizeof size);
      add_one(*slots[row], std::move(keys[row]), weights[row]);
    }
  }
  void put(const std::vector<const WideSum*>& slots, Choice choice,
           engine::Vector& result) const override {
    prefetch(slots);
    engine::Chunk one;
    engine::initialize(one, codec_.types(), 1);
    for (size_t row = 0; row < slots.size(); ++row) {
      const std::string* const key = choose(*slots[row], choice);
      if (key == nullptr) {
        duckdb::FlatVector::SetNull(result, row, true);
        continue;
      }
      uint32_t size;
      std::memcpy(&size, key->data() + key->size() - sizeof size, sizeof size);
      const std::string_view bytes(key->data() + key->size() - sizeof size - size, size);
      one.Reset();
      codec_.decode({&bytes, 1}, all_columns(1), one);
      one.SetCardinality(1);
      duckdb::VectorOperations::Copy(one.data[0], result, 1, 0, row);
    }
  }

 private:
  const bool greatest_;
  const arrangement::RowCodec codec_;
};

// 1: the argument of the greatest; -1: of the least; 0: another function.
int argument_of(const AggregateCall& call) {
  const std::string& name = call.name();
  if (name == "arg_max" || name == "argmax" || name == "max_by") return 1;
  if (name == "arg_min" || name == "argmin" || name == "min_by") return -1;
  return 0;
}

// Whether equal values of the type may stand for each other in a median, which computes with them.
bool has_middle(const engine::LogicalType& type) {
  if (type.id() == duckdb::LogicalTypeId::TIME_TZ) return false;
  const bool floating =
      type.id() == duckdb::LogicalTypeId::FLOAT || type.id() == duckdb::LogicalTypeId::DOUBLE;
  return floating || !arrangement::has_equal_values_that_differ(type);
}

}  // namespace

bool ExtremeAggregate::can_do(const AggregateCall& call) {
  if (argument_of(call) != 0) {
    return call.arguments.size() == 2 && call.bound->children.size() == 2 && call.order.empty() &&
           call.bound->children[0]->return_type == call.type() &&
           !call.bound->children[1]->return_type.IsNested();
  }
  if (call.arguments.size() != 1 || call.bound->children.size() != 1) return false;
  const auto& type = call.bound->children[0]->return_type;
  if (type.IsNested()) return false;
  if (call.name() == "median") return !call.distinct && call.order.empty() && has_middle(type);
  return (call.name() == "min" || call.name() == "max") && type == call.type();
}

ExtremeAggregate::ExtremeAggregate(const AggregateCall& call, const ExtremeAggregate* other)
    : call_(call), owner_(other == nullptr ? this : other->owner_) {
  if (other != nullptr) {
    values_ = other->values_;
    return;
  }
  const auto& type = call.bound->children[0]->return_type;
  if (const int wanted = argument_of(call); wanted != 0) {
    if (is_word(type.InternalType()) &&
        is_word(call.bound->children[1]->return_type.InternalType())) {
      own_ = std::make_unique<ArgumentWords>(wanted > 0);
    } else {
      own_ = std::make_unique<ArgumentBytes>(wanted > 0, type);
    }
  } else if (is_word(type.InternalType())) {
    own_ = std::make_unique<ValuesOf<uint64_t>>();
  } else {
    own_ = std::make_unique<ValuesOf<std::string>>();
  }
  values_ = own_.get();
}

bool ExtremeAggregate::does_for(const AggregateCall& call) const {
  return argument_of(call) == argument_of(call_) && can_do(call) &&
         call.arguments == call_.arguments && call.filter == call_.filter;
}

void ExtremeAggregate::add(const Batch& batch, const Groups& groups) {
  if (!own_) return;
  own_->add(batch, call_, groups.slots);
}

void ExtremeAggregate::finish(const FinishedGroups& groups, engine::Vector& result,
                              std::vector<Failure>& failed) const {
  if (call_.name() == "median") return median(groups.slots, 0, result, failed);
  const bool greatest = call_.name() == "max";
  values_->put(groups.slots, greatest ? Choice::kGreatest : Choice::kLeast, result);
}

// Of the one or two values in the middle the function makes what it makes of all of them.
void ExtremeAggregate::median(const std::vector<const WideSum*>& slots, size_t begin,
                              engine::Vector& result, std::vector<Failure>& failed) const {
  try {
    FunctionStates states(call_, slots.size());
    std::vector<duckdb::data_ptr_t> targets;
    for (size_t i = 0; i < slots.size(); ++i) targets.push_back(states.at(i));
    for (const Choice choice : {Choice::kFirstMiddle, Choice::kSecondMiddle}) {
      engine::Chunk values;
      engine::initialize(values, {call_.bound->children[0]->return_type}, slots.size());
      values_->put(slots, choice, values.data[0]);
      values.SetCardinality(slots.size());
      states.update(values, targets);
    }
    states.finalize(result, begin);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& exception) {
    if (slots.size() == 1) {
      failed.push_back({static_cast<uint32_t>(begin), engine::engine_error(exception)});
      return;
    }
    for (size_t i = 0; i < slots.size(); ++i) median({slots[i]}, begin + i, result, failed);
  }
}

void ExtremeAggregate::forget(WideSum& slot) {
  if (own_) own_->forget(slot);
}

}  // namespace sluice::dataflow
