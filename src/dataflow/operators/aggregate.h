// GROUP BY with any functions and grouping sets, kept up to date.
//
//   state    for each grouping set and group: how many rows, the words of linear aggregates
//            (linear.h), the row given out last; for each other aggregate its rows (extreme.h,
//            generic.h)
//   output   for each group that a tick touched and whose row became another: the old one back, the
//            new one out
//
// A group whose row cannot be computed (a sum out of range) has its error instead.
#pragma once

#include <unordered_map>

#include "arrangement/block_pool.h"
#include "arrangement/id_index.h"
#include "arrangement/row_bytes.h"
#include "dataflow/operators/keyed_aggregate.h"
#include "dataflow/operators/linear.h"

namespace sluice::dataflow {

// The groups of one grouping set.
class GroupTable {
 public:
  using Id = arrangement::BlockPool::Id;
  struct Group {
    int64_t rows;
    uint32_t hash;
    uint32_t key_bytes;
    Id given;          // the bytes of the row given out last, 0: none
    uint32_t touched;  // in this tick
  };
  explicit GroupTable(size_t words) : words_(words) {}

  void prefetch_slot(uint64_t hash) const { index_.prefetch(static_cast<uint32_t>(hash)); }
  void prefetch_group(uint64_t hash) const {
    const Id id = index_.first(static_cast<uint32_t>(hash));
    if (id != 0) arrangement::prefetch(pool_.at(id));
  }
  Id find_or_add(std::string_view key, uint64_t hash);
  void remove(Id id);
  Group& at(Id id) { return *reinterpret_cast<Group*>(pool_.at(id)); }
  const Group& at(Id id) const { return *reinterpret_cast<const Group*>(pool_.at(id)); }
  WideSum* words(Id id) { return reinterpret_cast<WideSum*>(pool_.at(id) + sizeof(Group)); }
  const WideSum* words(Id id) const {
    return reinterpret_cast<const WideSum*>(pool_.at(id) + sizeof(Group));
  }
  std::string_view key(Id id) const {
    return {pool_.at(id) + sizeof(Group) + words_ * sizeof(WideSum), at(id).key_bytes};
  }
  std::string_view given(Id id) const;
  void prefetch_given(std::span<const Id> groups) const;
  void give(Id id, std::string_view bytes);
  void take(Id id);

  std::vector<Id> all() const;
  size_t size() const { return index_.size(); }
  size_t bytes() const { return pool_.bytes() + index_.bytes(); }

 private:
  const size_t words_;
  arrangement::BlockPool pool_;
  arrangement::IdIndex index_;
};

class AggregateOperator final : public Operator {
 public:
  explicit AggregateOperator(const Aggregate& node);
  Delta start() override;
  Delta step(std::span<const Delta* const> inputs) override;
  void fill(size_t input, const BatchPtr& rows, const Emit& emit) override;
  void finish_fill(const Emit& emit) override;
  OperatorState state() const override;

  // Whether a node's groups are sums and counts alone.
  static bool adds_only(const Aggregate& node);
  // What the other one has been filled with, as if this one had been; the other is empty then. For
  // groups that are sums alone, of the same node, before finish_fill().
  void absorb(AggregateOperator& other);

 private:
  struct Set {
    std::vector<size_t> columns;    // of the input
    std::vector<size_t> positions;  // the same, in node.groups
    arrangement::RowCodec keys;
    std::unique_ptr<GroupTable> groups;
    std::vector<std::unique_ptr<KeyedAggregate>> keyed;  // by Call::keyed
    std::unordered_map<GroupTable::Id, Error> failed;
    std::vector<int64_t> groupings;
  };
  struct Call {
    std::optional<LinearAggregate> linear;
    size_t keyed = 0;  // its place among those that are not linear
    size_t word = 0;   // of the group's, for a linear one and for one with a slot
    bool adds = true;  // a linear one: to its word, which others may share
  };

  void assign_words(const Set& set);
  bool share_word(size_t call);
  void forget(Set& set, GroupTable::Id group);
  // Which groups the batch touches first is added to `touched`, if it is there.
  void take_in(Set& set, const Batch& batch, std::vector<GroupTable::Id>* touched);
  void give_out(Set& set, const std::vector<GroupTable::Id>& touched, const Emit& emit);
  void give_block(Set& set, std::span<const GroupTable::Id> groups, const Emit& emit);
  BatchPtr rows_of(const Set& set, const std::vector<std::string_view>& keys,
                   const std::vector<std::string_view>& values, int64_t weight) const;
  void set_error(Set& set, GroupTable::Id group, const Error* error);

  const Aggregate& node_;
  std::vector<Call> calls_;
  size_t words_ = 0;
  arrangement::RowCodec values_;  // of the calls
  std::vector<Set> sets_;
};

}  // namespace sluice::dataflow
