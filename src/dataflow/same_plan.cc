#include "dataflow/same_plan.h"

#include <algorithm>
#include <duckdb/planner/expression_iterator.hpp>
#include <functional>

namespace sluice::dataflow {

// DuckDB compares neither the type that a cast has, nor the sign of a zero; the text has the
// latter.
bool same_expression(const duckdb::Expression& a, const duckdb::Expression& b) {
  if (a.return_type != b.return_type || !a.Equals(b) || a.ToString() != b.ToString()) return false;
  std::vector<const duckdb::Expression*> children;
  duckdb::ExpressionIterator::EnumerateChildren(
      a, [&](const duckdb::Expression& child) { children.push_back(&child); });
  size_t next = 0;
  bool same = true;
  duckdb::ExpressionIterator::EnumerateChildren(b, [&](const duckdb::Expression& child) {
    same = same && next < children.size() && same_expression(*children[next], child);
    ++next;
  });
  return same && next == children.size();
}

namespace {

uint64_t mixed(uint64_t hash, uint64_t value) {
  return (hash ^ (value + 0x9e3779b97f4a7c15 + (hash << 6) + (hash >> 2))) * 0xff51afd7ed558ccd;
}

template <typename T>
bool same_pointers(const T& a, const T& b) {
  return (a == nullptr) == (b == nullptr) && (a == nullptr || same_expression(*a, *b));
}

template <typename List>
bool same_expressions(const List& a, const List& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return same_pointers(x, y); });
}

bool same_order(const std::vector<OrderKey>& a, const std::vector<OrderKey>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const OrderKey& x, const OrderKey& y) {
                      return x.column == y.column && x.descending == y.descending &&
                             x.nulls_first == y.nulls_first;
                    });
}

bool same_values(const std::vector<engine::Value>& a, const std::vector<engine::Value>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const engine::Value& x, const engine::Value& y) {
                      return x.type() == y.type() && x.IsNull() == y.IsNull() &&
                             duckdb::Value::NotDistinctFrom(x, y) && x.ToString() == y.ToString();
                    });
}

bool same_key(const Join::Key& a, const Join::Key& b) {
  return a.left == b.left && a.right == b.right && a.null_safe == b.null_safe;
}

bool same_bound(const TemporalFilter::Bound& a, const TemporalFilter::Bound& b) {
  return a.now_is == b.now_is && a.column == b.column;
}

bool same_call(const AggregateCall& a, const AggregateCall& b) {
  return a.arguments == b.arguments && a.distinct == b.distinct && a.filter == b.filter &&
         same_order(a.order, b.order) && same_pointers(a.bound, b.bound);
}

// What the two are but for their inputs.
bool same_alone(const Node& a, const Node& b) {
  switch (a.kind) {
    case NodeKind::kSource:
      return a.as<Source>().id == b.as<Source>().id &&
             a.as<Source>().columns == b.as<Source>().columns;
    case NodeKind::kConstant: {
      const auto &x = a.as<Constant>().rows, &y = b.as<Constant>().rows;
      return std::equal(x.begin(), x.end(), y.begin(), y.end(), same_values);
    }
    case NodeKind::kFilter:
      return same_expressions(a.as<Filter>().conditions, b.as<Filter>().conditions);
    case NodeKind::kTemporalFilter: {
      const auto &x = a.as<TemporalFilter>().bounds, &y = b.as<TemporalFilter>().bounds;
      return std::equal(x.begin(), x.end(), y.begin(), y.end(), same_bound);
    }
    case NodeKind::kProject:
      return same_expressions(a.as<Project>().expressions, b.as<Project>().expressions);
    case NodeKind::kJoin: {
      const auto &x = a.as<Join>(), &y = b.as<Join>();
      return x.join == y.join &&
             std::equal(x.keys.begin(), x.keys.end(), y.keys.begin(), y.keys.end(), same_key) &&
             same_pointers(x.residual, y.residual);
    }
    case NodeKind::kAggregate: {
      const auto &x = a.as<Aggregate>(), &y = b.as<Aggregate>();
      return x.groups == y.groups && x.sets == y.sets && x.groupings == y.groupings &&
             std::equal(x.calls.begin(), x.calls.end(), y.calls.begin(), y.calls.end(), same_call);
    }
    case NodeKind::kDistinct:
      return true;
    case NodeKind::kTopK: {
      const auto &x = a.as<TopK>(), &y = b.as<TopK>();
      return x.partition == y.partition && same_order(x.order, y.order) && x.limit == y.limit &&
             x.offset == y.offset;
    }
    case NodeKind::kSetOperation: {
      const auto &x = a.as<SetOperation>(), &y = b.as<SetOperation>();
      return x.operation == y.operation && x.all == y.all;
    }
    case NodeKind::kUnnest:
      return a.as<Unnest>().lists == b.as<Unnest>().lists;
    case NodeKind::kWindow:
      return a.as<Window>().partition == b.as<Window>().partition &&
             same_expressions(a.as<Window>().calls, b.as<Window>().calls);
  }
  return false;
}

}  // namespace

uint64_t Fingerprints::of(const Node& node) {
  const auto found = known_.find(&node);
  if (found != known_.end()) return found->second;
  auto hash = static_cast<uint64_t>(node.kind);
  if (node.kind == NodeKind::kSource) {
    hash = mixed(hash, node.as<Source>().id.value);
    for (const size_t column : node.as<Source>().columns) hash = mixed(hash, column);
  } else {
    // Its line in EXPLAIN tells nearly all; what that leaves out, SameNodes looks at.
    hash = mixed(hash, std::hash<std::string>()(describe(node)));
  }
  for (const NodePtr& input : node.inputs) hash = mixed(hash, of(*input));
  known_.emplace(&node, hash);
  return hash;
}

bool SameNodes::operator()(const Node& a, const Node& b) {
  if (&a == &b || known_.contains({&a, &b})) return true;
  if (a.kind != b.kind || a.types != b.types || a.inputs.size() != b.inputs.size()) return false;
  if (!same_alone(a, b)) return false;
  for (size_t i = 0; i < a.inputs.size(); ++i) {
    if (!(*this)(*a.inputs[i], *b.inputs[i])) return false;
  }
  known_.emplace(&a, &b);
  return true;
}

NodePtr with_same_nodes_once(const NodePtr& root) {
  Fingerprints fingerprints;
  SameNodes same;
  std::multimap<uint64_t, NodePtr> known;
  std::map<const Node*, NodePtr> chosen;
  std::vector<NodePtr> left;  // by whose addresses the others remember
  const std::function<NodePtr(const NodePtr&)> once = [&](const NodePtr& node) -> NodePtr {
    const auto before = chosen.find(node.get());
    if (before != chosen.end()) return before->second;
    // Made by the compiler a moment ago, const only for those that will read it.
    for (NodePtr& input : const_cast<Node&>(*node).inputs) {
      left.push_back(input);
      input = once(input);
    }
    const uint64_t fingerprint = fingerprints.of(*node);
    const auto [begin, end] = known.equal_range(fingerprint);
    for (auto at = begin; at != end; ++at) {
      if (same(*at->second, *node)) return chosen[node.get()] = at->second;
    }
    known.emplace(fingerprint, node);
    return chosen[node.get()] = node;
  };
  return once(root);
}

}  // namespace sluice::dataflow
