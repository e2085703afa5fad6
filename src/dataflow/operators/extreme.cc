#include "dataflow/operators/extreme.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <unordered_map>

#include "dataflow/sort_keys.h"

namespace sluice::dataflow {
namespace {

using duckdb::PhysicalType;

constexpr uint64_t kTopBit = uint64_t{1} << 63;

// Values with counts, in order: few in one piece of memory, many in a tree.
template <typename Key>
class Counts {
 public:
  // Returns by how much its memory grew.
  int64_t add(Key key, int64_t weight) {
    const auto before = static_cast<int64_t>(bytes());
    if (many_) {
      const int64_t outside = memory_of(key);
      const auto [place, added] = many_->try_emplace(std::move(key), 0);
      if (added) many_bytes_ += kTreeBytes + outside;
      if ((place->second += weight) == 0) {
        many_->erase(place);
        many_bytes_ -= kTreeBytes + outside;
      }
      return static_cast<int64_t>(bytes()) - before;
    }
    const auto place = std::lower_bound(few_.begin(), few_.end(), key,
                                        [](const auto& a, const Key& b) { return a.first < b; });
    if (place == few_.end() || place->first != key) {
      few_bytes_ += memory_of(key);
      few_.insert(place, {std::move(key), weight});
      if (few_.size() > kFew) grow();
    } else if ((place->second += weight) == 0) {
      few_bytes_ -= memory_of(place->first);
      few_.erase(place);
    }
    return static_cast<int64_t>(bytes()) - before;
  }

  const Key* least() const {
    return many_ ? first_there(many_->begin(), many_->end())
                 : first_there(few_.begin(), few_.end());
  }
  const Key* greatest() const {
    return many_ ? first_there(many_->rbegin(), many_->rend())
                 : first_there(few_.rbegin(), few_.rend());
  }
  size_t size() const { return many_ ? many_->size() : few_.size(); }
  int64_t memory() const { return static_cast<int64_t>(bytes()); }

 private:
  static constexpr size_t kFew = 64;
  static constexpr int64_t kTreeBytes = 48 + sizeof(Key) + 8;

  static int64_t memory_of(const Key& key) {
    if constexpr (std::is_same_v<Key, std::string>) {
      return key.size() > 15 ? static_cast<int64_t>(key.size() + 17) : 0;
    } else {
      return 0;
    }
  }
  size_t bytes() const {
    return few_.capacity() * sizeof(few_[0]) + static_cast<size_t>(few_bytes_ + many_bytes_);
  }
  void grow() {
    many_ = std::make_unique<std::map<Key, int64_t>>();
    for (auto& [key, weight] : few_) {
      many_bytes_ += kTreeBytes + memory_of(key);
      many_->emplace_hint(many_->end(), std::move(key), weight);
    }
    few_ = {};
    few_bytes_ = 0;
  }
  // A count below 0 is of a value that is not there.
  template <typename Iterator>
  static const Key* first_there(Iterator begin, Iterator end) {
    for (; begin != end; ++begin) {
      if (begin->second > 0) return &begin->first;
    }
    return nullptr;
  }

  std::vector<std::pair<Key, int64_t>> few_;
  std::unique_ptr<std::map<Key, int64_t>> many_;
  int64_t few_bytes_ = 0;
  int64_t many_bytes_ = 0;
};

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

// Key is a word where a value fits one, else its sort key.
template <typename Key>
class ValuesOf final : public OrderedValues {
 public:
  void add(const Batch& batch, size_t column, const std::vector<int64_t>& weights,
           const std::vector<uint32_t>& groups) override {
    engine::Vector reference(batch.rows.data[column].GetType(), nullptr);
    reference.Reference(batch.rows.data[column]);
    duckdb::UnifiedVectorFormat format;
    reference.ToUnifiedFormat(batch.size(), format);
    const PhysicalType type = reference.GetType().InternalType();
    std::vector<std::string> sorted;
    if constexpr (!kWords) sorted = sort_keys(batch.rows, {{column}});
    for (size_t row = 0; row < batch.size(); ++row) {
      const size_t at = format.sel->get_index(row);
      const bool valid = format.validity.RowIsValid(at);
      if (weights[row] == 0 || !valid) continue;
      Counts<Key>& counts = groups_[groups[row]];
      const size_t before = counts.size();
      if constexpr (kWords) {
        bytes_ += counts.add(word_at(type, format.data, at), weights[row]);
      } else {
        bytes_ += counts.add(std::move(sorted[row]), weights[row]);
      }
      values_ += counts.size() - before;
      if (counts.size() == 0) forget(groups[row]);
    }
  }

  void put(uint32_t group, bool greatest, engine::Vector& result, size_t row) const override {
    const auto found = groups_.find(group);
    const Key* key = nullptr;
    if (found != groups_.end()) key = greatest ? found->second.greatest() : found->second.least();
    if (key == nullptr) {
      duckdb::FlatVector::SetNull(result, row, true);
    } else if constexpr (kWords) {
      put_word(*key, result.GetType().InternalType(), result, row);
    } else {
      decode_sort_key(*key, {}, result, row);
    }
  }

  OperatorState state() const override {
    return {values_, static_cast<size_t>(bytes_) + groups_.size() * (sizeof(Counts<Key>) + 32) +
                         groups_.bucket_count() * sizeof(void*)};
  }

 private:
  static constexpr bool kWords = std::is_same_v<Key, uint64_t>;

  void forget(uint32_t group) {
    const auto found = groups_.find(group);
    Counts<Key> gone = std::move(found->second);
    groups_.erase(found);
    bytes_ -= gone.memory();
  }

  std::unordered_map<uint32_t, Counts<Key>> groups_;
  size_t values_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace

bool ExtremeAggregate::can_do(const AggregateCall& call) {
  if (call.name() != "min" && call.name() != "max") return false;
  if (call.arguments.size() != 1 || call.bound->children.size() != 1) return false;
  const auto& type = call.bound->children[0]->return_type;
  return type == call.type() && !type.IsNested();
}

ExtremeAggregate::ExtremeAggregate(const AggregateCall& call, const ExtremeAggregate* other)
    : call_(call) {
  if (other != nullptr) {
    values_ = other->values_;
    return;
  }
  if (is_word(call.type().InternalType())) {
    own_ = std::make_unique<ValuesOf<uint64_t>>();
  } else {
    own_ = std::make_unique<ValuesOf<std::string>>();
  }
  values_ = own_.get();
}

bool ExtremeAggregate::does_for(const AggregateCall& call) const {
  return can_do(call) && call.arguments == call_.arguments && call.filter == call_.filter;
}

void ExtremeAggregate::add(const Batch& batch, const Groups& groups) {
  if (!own_) return;
  own_->add(batch, call_.arguments[0], counted_weights(batch, call_), groups.numbers);
}

void ExtremeAggregate::finish(std::span<const uint32_t> numbers,
                              const std::vector<std::string_view>&, engine::Vector& result,
                              std::vector<Failure>&) const {
  const bool greatest = call_.name() == "max";
  for (size_t i = 0; i < numbers.size(); ++i) values_->put(numbers[i], greatest, result, i);
}

}  // namespace sluice::dataflow
