#include "parquet/nodes.h"

#include "format/text.h"

namespace sluice::parquet {
namespace {

using duckdb::FlatVector;
using duckdb::ListVector;
using duckdb::PhysicalType;
using duckdb::StructVector;
using duckdb::UnifiedVectorFormat;
using engine::LogicalType;
using engine::Vector;

Error unexpected_null(const Field& field) {
  return internal("column {} has a NULL, where its file has none", field.name);
}

// ---- leaves ----

// Where a leaf's values are, whatever the vector's layout.
struct Source {
  const uint8_t* data = nullptr;
  const uint32_t* selection = nullptr;  // nullptr: value i is at i
  const duckdb::ValidityMask* validity = nullptr;

  uint32_t position(uint32_t index) const {
    return selection == nullptr ? index : selection[index];
  }
  bool is_valid(uint32_t position) const { return validity->RowIsValid(position); }
};

class LeafNode final : public Node {
 public:
  LeafNode(const Field& field, Column& column) : field_(field), column_(column) {}

  Status append_rows(Vector& vector, size_t rows) override {
    TRY(take(vector, rows));
    LeafBatch batch;
    batch.rows = batch.levels = batch.values = rows;
    batch.data = source_.data;
    batch.positions = source_.selection;
    batch.codes = codes_of(vector);
    if (source_.validity->AllValid()) return hand_over(batch);

    definition_.resize(rows);
    positions_.resize(rows);
    size_t values = 0;
    for (uint32_t row = 0; row < rows; ++row) {
      const uint32_t position = source_.position(row);
      const bool valid = source_.is_valid(position);
      definition_[row] = valid ? 1 : 0;
      positions_[values] = position;
      values += valid ? 1 : 0;
    }
    if (values < rows) {
      if (!field_.nullable) return unexpected_null(field_);
      batch.definition = definition_.data();
    }
    batch.positions = positions_.data();
    batch.values = values;
    return hand_over(batch);
  }

  Status append(Vector& vector, size_t count, const Slots& slots, size_t rows) override {
    TRY(take(vector, count));
    const size_t size = slots.size();
    const auto present = static_cast<uint8_t>(column_.leaf().max_definition);
    definition_.resize(size);
    positions_.resize(size);
    size_t values = 0;
    bool has_null = false;
    for (size_t i = 0; i < size; ++i) {
      const uint32_t index = slots.index[i];
      if (index == Slots::kAbsent) {
        definition_[i] = slots.definition[i];
        continue;
      }
      const uint32_t position = source_.position(index);
      const bool valid = source_.is_valid(position);
      has_null |= !valid;
      definition_[i] = static_cast<uint8_t>(present - (valid ? 0 : 1));
      positions_[values] = position;
      values += valid ? 1 : 0;
    }
    if (has_null && !field_.nullable) return unexpected_null(field_);
    LeafBatch batch;
    batch.rows = rows;
    batch.levels = size;
    batch.definition = definition_.data();
    batch.repetition = slots.repetition.data();
    batch.data = source_.data;
    batch.positions = positions_.data();
    batch.values = values;
    return hand_over(batch);
  }

 private:
  Status take(Vector& vector, size_t count) {
    if (field_.text_of) return take_texts(vector, count);
    vector.ToUnifiedFormat(count, format_);
    const bool is_identity = format_.sel == FlatVector::IncrementalSelectionVector();
    source_ = {format_.data, is_identity ? nullptr : format_.sel->data(), &format_.validity};
    if (source_.selection == nullptr && !is_identity) source_.selection = identity(count);
    return ok();
  }
  Status hand_over(const LeafBatch& batch) {
    if (field_.meaning == Meaning::kInterval) TRY(check_intervals(batch));
    if (field_.is_usual_year) TRY(check_years(batch));
    return column_.append(batch);
  }

  // As users know it: a leaf within it may be `element`.
  const std::string& column_name() const { return column_.leaf().path.front(); }

  Status check_years(const LeafBatch& batch) const {
    constexpr int64_t kFirstDay = -719'162, kLastDay = 2'932'896;
    constexpr int64_t kDayMicros = int64_t{86'400} * 1'000'000;
    const bool is_date = field_.meaning == Meaning::kDate;
    const int64_t least = is_date ? kFirstDay : kFirstDay * kDayMicros;
    const int64_t most = is_date ? kLastDay : (kLastDay + 1) * kDayMicros - 1;
    for (size_t i = 0; i < batch.values; ++i) {
      const size_t at = batch.positions == nullptr ? i : batch.positions[i];
      const int64_t value = is_date ? reinterpret_cast<const int32_t*>(batch.data)[at]
                                    : reinterpret_cast<const int64_t*>(batch.data)[at];
      if (value < least || value > most) return unusual_year(value);
    }
    return ok();
  }

  Status unusual_year(int64_t value) const {
    const bool is_date = field_.meaning == Meaning::kDate;
    TRY_ASSIGN(
        const std::string text,
        is_date ? format::text_of(types::make(types::TypeId::kDate),
                                  duckdb::Value::DATE(duckdb::date_t(static_cast<int32_t>(value))))
                : format::text_of(types::make(types::TypeId::kTimestamp),
                                  duckdb::Value::TIMESTAMP(duckdb::timestamp_t(value))));
    return invalid("column \"{}\": {} is not within the years 1 to 9999", column_name(), text)
        .with_sqlstate("22008")
        .with_detail(
            "The readers that the profile is for take no other dates, or other ones for it.")
        .with_hint("Leave such rows out, cast the column to text, or take PROFILE 'default'.");
  }

  // Parquet's have 32 bits for each of months, days and milliseconds, without a sign.
  Status check_intervals(const LeafBatch& batch) const {
    const auto* const values = reinterpret_cast<const duckdb::interval_t*>(batch.data);
    for (size_t i = 0; i < batch.values; ++i) {
      const auto& value = values[batch.positions == nullptr ? i : batch.positions[i]];
      const bool fits = value.months >= 0 && value.days >= 0 && value.micros >= 0 &&
                        value.micros % 1000 == 0 && value.micros / 1000 <= UINT32_MAX;
      if (fits) continue;
      TRY_ASSIGN(const std::string text, format::text_of(types::make(types::TypeId::kInterval),
                                                         duckdb::Value::INTERVAL(value)));
      return invalid("column \"{}\": interval {} is none of Parquet's", column_name(), text)
          .with_sqlstate("22008")
          .with_detail("It holds whole milliseconds, and nothing below zero.")
          .with_hint("Cast the column to text, or take PROFILE 'default', which writes texts.");
    }
    return ok();
  }

  // A selection that is the identity may have no array.
  const uint32_t* identity(size_t count) {
    for (auto i = static_cast<uint32_t>(identity_.size()); i < count; ++i) identity_.push_back(i);
    return identity_.data();
  }

  Status take_texts(Vector& vector, size_t count) {
    format::TextOptions options;
    options.spaced_json = false;
    TRY(format::encode_text(*field_.text_of, vector, count, options, texts_));
    strings_.resize(count);
    validity_.Reset(count);
    for (size_t i = 0; i < count; ++i) {
      const std::string_view text = texts_[i];
      strings_[i] = duckdb::string_t(text.data(), static_cast<uint32_t>(text.size()));
      if (texts_.null[i] != 0) validity_.SetInvalid(i);
    }
    source_ = {reinterpret_cast<const uint8_t*>(strings_.data()), nullptr, &validity_};
    return ok();
  }

  // The codes of the scan's own dictionary, where the vector still has it.
  const Codes* codes_of(const Vector& vector) {
    if (field_.text_of || vector.GetVectorType() != duckdb::VectorType::DICTIONARY_VECTOR) {
      return nullptr;
    }
    const auto size = duckdb::DictionaryVector::DictionarySize(vector);
    if (!size.IsValid()) return nullptr;
    codes_ = {size.GetIndex(), &duckdb::DictionaryVector::DictionaryId(vector)};
    return &codes_;
  }

  const Field& field_;
  Column& column_;
  UnifiedVectorFormat format_;
  Source source_;
  Codes codes_;
  std::vector<uint8_t> definition_;
  std::vector<uint32_t> positions_;
  std::vector<uint32_t> identity_;
  format::TextColumn texts_;
  std::vector<duckdb::string_t> strings_;
  duckdb::ValidityMask validity_;
};

// ---- groups ----

class GroupNode : public Node {
 public:
  GroupNode(const Field& field, std::vector<std::unique_ptr<Node>> children)
      : field_(field), children_(std::move(children)) {}

  Status append_rows(Vector& vector, size_t rows) override {
    // Each row is there, and its index is its number.
    if (rows_.size() != rows) {
      rows_.definition.assign(rows, 0);
      rows_.repetition.assign(rows, 0);
      rows_.index.resize(rows);
      for (uint32_t row = 0; row < rows; ++row) rows_.index[row] = row;
    }
    return append(vector, rows, rows_, rows);
  }

 protected:
  // The definition level of what is there, when its own slot has `level`.
  uint8_t defined(uint8_t level) const {
    return static_cast<uint8_t>(level + (field_.nullable ? 1 : 0));
  }

  const Field& field_;
  const std::vector<std::unique_ptr<Node>> children_;
  Slots below_;  // kept for its memory

 private:
  Slots rows_;
};

class StructNode final : public GroupNode {
 public:
  using GroupNode::GroupNode;
  Status append(Vector& vector, size_t count, const Slots& slots, size_t rows) override {
    vector.Flatten(count);
    const auto& validity = FlatVector::Validity(vector);
    below_.resize(slots.size());
    for (size_t i = 0; i < slots.size(); ++i) {
      const uint32_t index = slots.index[i];
      const uint8_t level = slots.definition[i];
      if (index == Slots::kAbsent || validity.RowIsValid(index)) {
        below_.set(i, index == Slots::kAbsent ? level : defined(level), slots.repetition[i], index);
      } else {
        if (!field_.nullable) return unexpected_null(field_);
        below_.set(i, level, slots.repetition[i], Slots::kAbsent);
      }
    }
    auto& entries = StructVector::GetEntries(vector);
    for (size_t i = 0; i < children_.size(); ++i) {
      TRY(children_[i]->append(*entries[i], count, below_, rows));
    }
    return ok();
  }
};

// Lists, and maps, whose items are structs of a key and a value.
class ListNode final : public GroupNode {
 public:
  ListNode(const Field& field, std::vector<std::unique_ptr<Node>> children, uint8_t level)
      : GroupNode(field, std::move(children)), repetition_(level) {}

  Status append(Vector& vector, size_t count, const Slots& slots, size_t rows) override {
    TRY(spread(vector, count, slots));
    Vector& items = ListVector::GetEntry(vector);
    const size_t item_count = ListVector::GetListSize(vector);
    if (field_.kind == FieldKind::kList) {
      return children_[0]->append(items, item_count, below_, rows);
    }
    items.Flatten(item_count);
    auto& entries = StructVector::GetEntries(items);
    TRY(children_[0]->append(*entries[0], item_count, below_, rows));
    return children_[1]->append(*entries[1], item_count, below_, rows);
  }

 private:
  Status spread(Vector& vector, size_t count, const Slots& slots) {
    UnifiedVectorFormat format;
    vector.ToUnifiedFormat(count, format);
    const auto* const lists = reinterpret_cast<const duckdb::list_entry_t*>(format.data);
    // A slot becomes one at least, for NULL and empty lists too.
    size_t most = slots.size();
    for (const uint32_t index : slots.index) {
      if (index == Slots::kAbsent) continue;
      const size_t position = format.sel->get_index(index);
      if (format.validity.RowIsValid(position)) most += lists[position].length;
    }
    below_.resize(most);
    size_t next = 0;
    for (size_t i = 0; i < slots.size(); ++i) {
      const uint8_t level = slots.definition[i], repetition = slots.repetition[i];
      if (slots.index[i] == Slots::kAbsent) {
        below_.set(next++, level, repetition, Slots::kAbsent);
        continue;
      }
      const size_t position = format.sel->get_index(slots.index[i]);
      if (!format.validity.RowIsValid(position)) {
        if (!field_.nullable) return unexpected_null(field_);
        below_.set(next++, level, repetition, Slots::kAbsent);
        continue;
      }
      const duckdb::list_entry_t list = lists[position];
      const uint8_t there = defined(level);
      if (list.length == 0) below_.set(next++, there, repetition, Slots::kAbsent);
      for (uint64_t k = 0; k < list.length; ++k) {
        below_.set(next++, static_cast<uint8_t>(there + 1), k == 0 ? repetition : repetition_,
                   static_cast<uint32_t>(list.offset + k));
      }
    }
    below_.resize(next);
    return ok();
  }

  const uint8_t repetition_;  // of an item that is not the first one of its list
};

// Arrays of some dimensions, whose values come as lists of lists.
class ArrayNode final : public GroupNode {
 public:
  // `children`: of an item, and of the number of dimensions. `level`: of an item's repetition.
  // `column`: the field at the top, in which this one may lie.
  ArrayNode(const Field& field, std::vector<std::unique_ptr<Node>> children, uint8_t level,
            const Field& column)
      : GroupNode(field, std::move(children)), repetition_(level), column_(column) {}

  Status append(Vector& vector, size_t count, const Slots& slots, size_t rows) override {
    Vector& items = open(vector, count);
    const size_t item_count = ListVector::GetListSize(*innermost_);
    reserve_dimensions(slots.size());
    of_arrays_.resize(slots.size());
    below_.resize(0);
    for (size_t i = 0; i < slots.size(); ++i) TRY(take(slots, i));
    TRY(children_[0]->append(items, item_count, below_, rows));
    return children_[1]->append(*dimensions_, slots.size(), of_arrays_, rows);
  }

 private:
  struct Level {
    UnifiedVectorFormat format;
    const duckdb::list_entry_t* lists = nullptr;
  };

  // The lists of each level; returns the vector of the items.
  Vector& open(Vector& vector, size_t count) {
    levels_.resize(field_.dimensions);
    Vector* lists = &vector;
    for (Level& level : levels_) {
      lists->ToUnifiedFormat(count, level.format);
      level.lists = reinterpret_cast<const duckdb::list_entry_t*>(level.format.data);
      innermost_ = lists;
      count = ListVector::GetListSize(*lists);
      lists = &ListVector::GetEntry(*lists);
    }
    return *lists;
  }

  Status take(const Slots& slots, size_t i) {
    const uint8_t level = slots.definition[i], repetition = slots.repetition[i];
    const auto is_absent = [&] {
      if (slots.index[i] == Slots::kAbsent) return true;
      const auto& format = levels_[0].format;
      return !format.validity.RowIsValid(format.sel->get_index(slots.index[i]));
    };
    if (is_absent()) {
      if (!field_.nullable && slots.index[i] != Slots::kAbsent) return unexpected_null(field_);
      of_arrays_.set(i, level, repetition, Slots::kAbsent);
      below_.push(level, repetition, Slots::kAbsent);
      return ok();
    }
    const size_t before = below_.size();
    lengths_.assign(field_.dimensions, kUnknown);
    first_repetition_ = repetition;
    there_ = defined(level);
    TRY(flatten(0, slots.index[i]));
    const bool is_empty = below_.size() == before;
    if (is_empty) below_.push(there_, repetition, Slots::kAbsent);
    of_arrays_.set(i, there_, repetition, static_cast<uint32_t>(i));
    FlatVector::GetData<uint8_t>(*dimensions_)[i] = is_empty ? 0 : field_.dimensions;
    return ok();
  }

  // The items of one list, and of the lists in it.
  Status flatten(size_t depth, uint32_t index) {
    const Level& level = levels_[depth];
    const size_t position = level.format.sel->get_index(index);
    if (!level.format.validity.RowIsValid(position)) return ragged();
    const duckdb::list_entry_t list = level.lists[position];
    if (lengths_[depth] == kUnknown) lengths_[depth] = list.length;
    if (lengths_[depth] != list.length) return ragged();
    for (uint64_t k = 0; k < list.length; ++k) {
      const auto item = static_cast<uint32_t>(list.offset + k);
      if (depth + 1 < levels_.size()) {
        TRY(flatten(depth + 1, item));
        continue;
      }
      below_.push(static_cast<uint8_t>(there_ + 1), first_repetition_, item);
      first_repetition_ = repetition_;
    }
    return ok();
  }

  Status ragged() const {
    return invalid("column \"{}\": arrays within an array must be of one length", column_.name)
        .with_sqlstate("2202E")
        .with_detail(
            "This profile writes the items of all of them as one list, and how many dimensions "
            "there are.")
        .with_hint("PROFILE 'default' writes lists of lists.");
  }

  void reserve_dimensions(size_t count) {
    if (dimensions_ && capacity_ >= count) return;
    capacity_ = std::max<size_t>(count, STANDARD_VECTOR_SIZE);
    dimensions_ = std::make_unique<Vector>(LogicalType::UTINYINT, capacity_);
  }

  static constexpr uint64_t kUnknown = UINT64_MAX;

  const uint8_t repetition_;  // of an item that is not the first one of its array
  const Field& column_;
  std::vector<Level> levels_;
  Vector* innermost_ = nullptr;
  Slots of_arrays_;
  std::unique_ptr<Vector> dimensions_;
  size_t capacity_ = 0;
  // The array at hand.
  std::vector<uint64_t> lengths_;  // for each level
  uint8_t first_repetition_ = 0, there_ = 0;
};

// ---- building ----

class Builder {
 public:
  Builder(const Field& column, const MakeColumn& make_column)
      : column_(column), make_column_(make_column) {}

  Result<std::unique_ptr<Node>> build(const Field& field, const LogicalType& source,
                                      uint8_t repetition) {
    switch (field.kind) {
      case FieldKind::kLeaf:
        return leaf(field, source);
      case FieldKind::kStruct:
        return structure(field, source, repetition);
      case FieldKind::kList:
        return list(field, source, static_cast<uint8_t>(repetition + 1));
      case FieldKind::kMap:
        return map(field, source, static_cast<uint8_t>(repetition + 1));
      case FieldKind::kArray:
        return array(field, source, static_cast<uint8_t>(repetition + 1));
    }
    return mismatch(field, source);
  }

 private:
  using Nodes = std::vector<std::unique_ptr<Node>>;

  static Error mismatch(const Field& field, const LogicalType& source) {
    return internal("column {}: {} has no such form in Parquet", field.name, source.ToString());
  }

  Result<std::unique_ptr<Node>> leaf(const Field& field, const LogicalType& source) {
    std::unique_ptr<ValueEncoder> values;
    if (field.text_of) {
      if (field.physical != Physical::kByteArray) return mismatch(field, source);
      values = make_text_encoder();
    } else {
      TRY_ASSIGN(values, make_value_encoder(field, source));
    }
    return std::unique_ptr<Node>(
        std::make_unique<LeafNode>(field, make_column_(std::move(values))));
  }

  Result<std::unique_ptr<Node>> structure(const Field& field, const LogicalType& source,
                                          uint8_t repetition) {
    if (source.InternalType() != PhysicalType::STRUCT) return mismatch(field, source);
    const auto& types = duckdb::StructType::GetChildTypes(source);
    if (types.size() != field.children.size()) return mismatch(field, source);
    Nodes children;
    for (size_t i = 0; i < types.size(); ++i) {
      TRY_ASSIGN(auto child, build(field.children[i], types[i].second, repetition));
      children.push_back(std::move(child));
    }
    return std::unique_ptr<Node>(std::make_unique<StructNode>(field, std::move(children)));
  }

  Result<std::unique_ptr<Node>> list(const Field& field, const LogicalType& source,
                                     uint8_t repetition) {
    if (source.id() != engine::LogicalTypeId::LIST || field.children.size() != 1) {
      return mismatch(field, source);
    }
    Nodes children;
    TRY_ASSIGN(auto item,
               build(field.children[0], duckdb::ListType::GetChildType(source), repetition));
    children.push_back(std::move(item));
    return std::unique_ptr<Node>(
        std::make_unique<ListNode>(field, std::move(children), repetition));
  }

  Result<std::unique_ptr<Node>> map(const Field& field, const LogicalType& source,
                                    uint8_t repetition) {
    if (source.id() != engine::LogicalTypeId::MAP || field.children.size() != 2) {
      return mismatch(field, source);
    }
    Nodes children;
    TRY_ASSIGN(auto key, build(field.children[0], duckdb::MapType::KeyType(source), repetition));
    TRY_ASSIGN(auto value,
               build(field.children[1], duckdb::MapType::ValueType(source), repetition));
    children.push_back(std::move(key));
    children.push_back(std::move(value));
    return std::unique_ptr<Node>(
        std::make_unique<ListNode>(field, std::move(children), repetition));
  }

  Result<std::unique_ptr<Node>> array(const Field& field, const LogicalType& source,
                                      uint8_t repetition) {
    if (field.dimensions == 0 || field.children.size() != 2) return mismatch(field, source);
    LogicalType item_source = source;
    for (uint8_t i = 0; i < field.dimensions; ++i) {
      if (item_source.id() != engine::LogicalTypeId::LIST) return mismatch(field, source);
      item_source = LogicalType(duckdb::ListType::GetChildType(item_source));
    }
    Nodes children;
    TRY_ASSIGN(auto item, build(field.children[0].children.at(0), item_source, repetition));
    TRY_ASSIGN(auto dimensions, build(field.children[1], LogicalType::UTINYINT, repetition));
    children.push_back(std::move(item));
    children.push_back(std::move(dimensions));
    return std::unique_ptr<Node>(
        std::make_unique<ArrayNode>(field, std::move(children), repetition, column_));
  }

  const Field& column_;
  const MakeColumn& make_column_;
};

}  // namespace

void Slots::resize(size_t slots) {
  definition.resize(slots);
  repetition.resize(slots);
  index.resize(slots);
}

Result<std::unique_ptr<Node>> make_node(const Field& field, const LogicalType& source,
                                        const MakeColumn& make_column) {
  return Builder(field, make_column).build(field, source, 0);
}

}  // namespace sluice::parquet
