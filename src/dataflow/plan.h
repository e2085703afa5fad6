// The plan of an incremental dataflow: what a SELECT becomes (planner.h), and what the operators
// are built from.
//
//   Source ── Filter ── Project ──┐
//                                 ├── Join ── Aggregate ── TopK
//   Source ── Project ────────────┘
//
// A plan is a graph without cycles: a node with several readers (a CTE, the left side of a
// correlated subquery) is one shared node, to be built once. Every node is a function from
// multisets of rows to a multiset of rows: there is no order between rows, and a node knows the
// types of its rows.
//
// Expressions are DuckDB's bound ones. A column reference in them is a BoundReferenceExpression,
// an index into the row that the node reads (for a join: the left row, then the right). They stand
// in Filter, Project and Join::residual only; all other nodes name columns of their input by index,
// and what is to be computed for them is computed by a Project below them. Aggregate and Window
// keep DuckDB's bound call besides, whose references are into the node's input, too.
//
// Threads: immutable once made. An expression is read by any number of executors at a time.
#pragma once

#include <duckdb/planner/expression.hpp>
#include <duckdb/planner/expression/bound_aggregate_expression.hpp>
#include <duckdb/planner/expression/bound_window_expression.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "engine/chunk.h"

namespace duckdb {
class DuckDB;
}

namespace sluice::dataflow {

using ExpressionPtr = duckdb::unique_ptr<duckdb::Expression>;

// A collection whose changes flow in: a table or another view. The number is its maker's.
struct SourceId {
  uint64_t value = 0;
  auto operator<=>(const SourceId&) const = default;
};

enum class NodeKind : uint8_t {
  kSource,
  kConstant,
  kFilter,
  kTemporalFilter,
  kProject,
  kJoin,
  kAggregate,
  kDistinct,
  kTopK,
  kSetOperation,
  kUnnest,
  kWindow,
};

struct Node {
  virtual ~Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  // The node as what its kind says it is.
  template <typename T>
  const T& as() const {
    CHECK(kind == T::kKind);
    return static_cast<const T&>(*this);
  }

  const NodeKind kind;
  std::vector<engine::LogicalType> types;           // of its rows; never empty
  std::vector<std::shared_ptr<const Node>> inputs;  // shared, since a node may have many readers

 protected:
  explicit Node(NodeKind of_kind) : kind(of_kind) {}
};

using NodePtr = std::shared_ptr<const Node>;

template <NodeKind K>
struct NodeOf : Node {
  static constexpr NodeKind kKind = K;
  NodeOf() : Node(K) {}
};

// Some columns of a collection, by their index in it, in the order of `types`.
struct Source final : NodeOf<NodeKind::kSource> {
  SourceId id;
  std::vector<size_t> columns;
  std::string name;                // for people, as are the next
  std::vector<std::string> names;  // of `columns`
};

// Rows that never change; may be none.
struct Constant final : NodeOf<NodeKind::kConstant> {
  std::vector<std::vector<engine::Value>> rows;
};

// The rows for which every condition is true; NULL is not.
struct Filter final : NodeOf<NodeKind::kFilter> {
  std::vector<ExpressionPtr> conditions;
};

// How the time at which a view is asked (mz_now()) compares with a row's.
enum class TimeComparison : uint8_t { kAtLeast, kGreater, kAtMost, kLess };

// The rows for which the time of the tick is within all bounds; a bound that is NULL never holds.
// Time is logical: milliseconds since 1970.
struct TemporalFilter final : NodeOf<NodeKind::kTemporalFilter> {
  struct Bound {
    TimeComparison now_is;
    size_t column = 0;  // of physical type UINT64
  };
  std::vector<Bound> bounds;
};

// One expression for each output column.
struct Project final : NodeOf<NodeKind::kProject> {
  std::vector<ExpressionPtr> expressions;
};

// A pair of a left and a right row *matches* when all its keys are equal and its residual is true.
//
//   kInner                  left ++ right of each match
//   kLeft, kRight, kFull    the same, and NULLs for the other side where a row has no match
//   kSemi, kAnti            left, where there is a match, or none; as often as it is in the input
//   kMark                   left ++ BOOLEAN: whether some right row matches, in SQL's three values:
//                           with a match as keys AND residual, each of which may be NULL, it is
//                           TRUE if one is TRUE; else NULL if one is NULL; else FALSE
//   kSingle                 as kLeft; two matches for one left row are an error (21000)
enum class JoinKind : uint8_t {
  kInner,
  kLeft,
  kRight,
  kFull,
  kSemi,
  kAnti,
  kMark,
  kSingle,
};

struct Join final : NodeOf<NodeKind::kJoin> {
  // Of one type. Two NULLs are equal where the key is null safe; else a NULL is equal to nothing.
  struct Key {
    size_t left = 0;   // column of inputs[0]
    size_t right = 0;  // column of inputs[1]
    bool null_safe = false;
  };
  JoinKind join = JoinKind::kInner;
  std::vector<Key> keys;   // none: every pair is compared by the residual
  ExpressionPtr residual;  // over left ++ right, BOOLEAN; null: none
};

// A column to order by. Strings compare as bytes: a collation is part of the column's expression.
struct OrderKey {
  size_t column = 0;
  bool descending = false;
  bool nulls_first = false;
};

struct AggregateCall {
  // DuckDB's function and what it was bound to. Its children, filter and order refer to columns of
  // the node's input, those that are told below.
  duckdb::unique_ptr<duckdb::BoundAggregateExpression> bound;
  std::vector<size_t> arguments;
  bool distinct = false;
  std::optional<size_t> filter;  // BOOLEAN: only rows where it is true count
  std::vector<OrderKey> order;   // the order in which the function is to see its rows

  const std::string& name() const { return bound->function.name; }
  const engine::LogicalType& type() const { return bound->return_type; }
};

// Output: the groups, then the calls, then the grouping functions (BIGINT). For each grouping set,
// one row for each combination of its groups' values (NULL is a value like any other here); groups
// that are not in the set are NULL. A set without groups has one row even when the input is empty.
struct Aggregate final : NodeOf<NodeKind::kAggregate> {
  std::vector<size_t> groups;  // columns
  std::vector<AggregateCall> calls;
  std::vector<std::vector<size_t>> sets;  // at least one; positions in `groups`, ascending
  // GROUPING(a, b): positions in `groups`. The value has a bit for each, the last one lowest: set
  // where the row's set does not have that group.
  std::vector<std::vector<size_t>> groupings;
};

// Each row once.
struct Distinct final : NodeOf<NodeKind::kDistinct> {};

// Of each partition, the rows from number `offset` (from 0) on, at most `limit`, in the given
// order. Rows that tie are ordered by all their columns, ascending, NULLs last, so that a result is
// one.
struct TopK final : NodeOf<NodeKind::kTopK> {
  std::vector<size_t> partition;  // columns; NULL is a value
  std::vector<OrderKey> order;
  std::optional<uint64_t> limit;
  uint64_t offset = 0;
};

// How often a row is in the output, from how often it is in the inputs (l and r for two).
//   union       the sum (UNION without ALL has a Distinct above)
//   except      ALL: max(l - r, 0)    else: 1 if l > 0 and r = 0
//   intersect   ALL: min(l, r)        else: 1 if l > 0 and r > 0
enum class SetOperationKind : uint8_t { kUnion, kExcept, kIntersect };

struct SetOperation final : NodeOf<NodeKind::kSetOperation> {
  SetOperationKind operation = SetOperationKind::kUnion;
  bool all = true;  // always for a union, which has two inputs or more; the others have two
};

// For each row, one row for each element of its longest list: the row, then an element of each
// list, NULL where a list is shorter. Empty or NULL lists only: no row.
struct Unnest final : NodeOf<NodeKind::kUnnest> {
  std::vector<size_t> lists;  // columns of type LIST
};

// Output: the input's row, then a column for each call, computed over the rows of its partition.
struct Window final : NodeOf<NodeKind::kWindow> {
  std::vector<size_t> partition;  // columns; all calls have the same
  // Every column reference is one into the input; `partitions` are those columns.
  std::vector<duckdb::unique_ptr<duckdb::BoundWindowExpression>> calls;
};

// Owns its nodes. Expressions point into functions of the DuckDB instance that planned them, which
// therefore lives as long; executors take their ClientContext from a connection to it.
struct Plan {
  std::shared_ptr<duckdb::DuckDB> instance;  // shared with the planner and its other plans
  NodePtr root;
  std::vector<std::string> names;     // of the root's columns
  std::map<SourceId, uint64_t> rows;  // about how many each source had when it was planned
};

// The plan as a tree, a node a line, inputs indented; a node with several readers is told once.
std::string explain(const Plan& plan);

// Its line there, without what says that it is shared. Begins with the kind's name.
std::string describe(const Node& node);

// Each node once, inputs before their readers.
std::vector<const Node*> in_order(const Plan& plan);

}  // namespace sluice::dataflow
