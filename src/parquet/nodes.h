// From the engine's vectors to a file's leaves: one node for each field. A
// field's values, lists and NULLs become definition and repetition levels on
// the way down.
//
//   slots     where values are, or are missing, one step further down; for
//   each: its levels so far,
//             and its index in the vector, or that nothing is there any more
//   struct    slot -> the same slot, for each child
//   list      slot -> a slot for each of its items, or one that says NULL or
//   empty leaf      slots -> levels and values of its column
//
// Threads: one at a time.
#pragma once

#include <memory>
#include <vector>

#include "engine/chunk.h"
#include "parquet/column.h"

namespace sluice::parquet {

struct Slots {
  static constexpr uint32_t kAbsent = UINT32_MAX;
  std::vector<uint8_t> definition, repetition;
  std::vector<uint32_t> index;

  size_t size() const { return index.size(); }
  // What is there then means nothing until it is set().
  void resize(size_t slots);
  void set(size_t slot, uint8_t slot_definition, uint8_t slot_repetition, uint32_t slot_index) {
    definition[slot] = slot_definition;
    repetition[slot] = slot_repetition;
    index[slot] = slot_index;
  }
  void push(uint8_t slot_definition, uint8_t slot_repetition, uint32_t slot_index) {
    definition.push_back(slot_definition);
    repetition.push_back(slot_repetition);
    index.push_back(slot_index);
  }
};

class Node {
 public:
  virtual ~Node() = default;
  // `rows` rows of a column at the top.
  virtual Status append_rows(engine::Vector& vector, size_t rows) = 0;
  // A vector of `count` values below the top, of which `slots` says which are
  // there.
  virtual Status append(engine::Vector& vector, size_t count, const Slots& slots, size_t rows) = 0;
};

// What a file's leaves become: makes their columns, which must outlive the
// nodes.
using MakeColumn = std::function<Column&(std::unique_ptr<ValueEncoder>)>;

// The node of `field`, whose values come as `source`, calling `make_column` for
// each of its leaves in order. `field` must outlive the node.
Result<std::unique_ptr<Node>> make_node(const Field& field, const engine::LogicalType& source,
                                        const MakeColumn& make_column);

}  // namespace sluice::parquet
