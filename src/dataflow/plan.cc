#include "dataflow/plan.h"

#include <fmt/format.h>

#include <map>
#include <set>

namespace sluice::dataflow {
namespace {

std::string_view word(JoinKind kind) {
  switch (kind) {
    case JoinKind::kInner:
      return "inner";
    case JoinKind::kLeft:
      return "left";
    case JoinKind::kRight:
      return "right";
    case JoinKind::kFull:
      return "full";
    case JoinKind::kSemi:
      return "semi";
    case JoinKind::kAnti:
      return "anti";
    case JoinKind::kMark:
      return "mark";
    case JoinKind::kSingle:
      return "single";
  }
  return "?";
}

std::string column(size_t index) { return fmt::format("#{}", index); }

// What `print` makes of each item, with commas.
template <typename Items, typename Print>
std::string listed(const Items& items, const Print& print) {
  std::string out;
  for (const auto& item : items) {
    if (!out.empty()) out += ", ";
    out += print(item);
  }
  return out;
}

std::string columns(const std::vector<size_t>& indexes) { return listed(indexes, column); }

// On one line: texts within may have several.
std::string expression(const ExpressionPtr& item) {
  std::string text = item->ToString();
  for (char& c : text) c = c == '\n' ? ' ' : c;
  return text;
}

std::string expressions(const std::vector<ExpressionPtr>& items) {
  return listed(items, expression);
}

std::string orders(const std::vector<OrderKey>& keys) {
  return listed(keys, [](const OrderKey& key) {
    return fmt::format("{}{}{}", column(key.column), key.descending ? " desc" : "",
                       key.nulls_first ? " nulls first" : "");
  });
}

std::string line(const Source& node) {
  return fmt::format("Source {} ({})", node.name,
                     listed(node.names, [](const std::string& name) { return name; }));
}

std::string line(const Constant& node) {
  const auto row = [](const std::vector<engine::Value>& values) {
    return fmt::format(
        "({})", listed(values, [](const engine::Value& value) { return value.ToSQLString(); }));
  };
  constexpr size_t kShown = 5;
  if (node.rows.size() > kShown) return fmt::format("Constant {} rows", node.rows.size());
  return fmt::format("Constant{}{}", node.rows.empty() ? " without rows" : " ",
                     listed(node.rows, row));
}

std::string line(const Filter& node) { return "Filter " + expressions(node.conditions); }

std::string_view word(TimeComparison comparison) {
  switch (comparison) {
    case TimeComparison::kAtLeast:
      return ">=";
    case TimeComparison::kGreater:
      return ">";
    case TimeComparison::kAtMost:
      return "<=";
    case TimeComparison::kLess:
      return "<";
  }
  return "?";
}

std::string line(const TemporalFilter& node) {
  return "TemporalFilter " + listed(node.bounds, [](const TemporalFilter::Bound& bound) {
           return fmt::format("mz_now() {} {}", word(bound.now_is), column(bound.column));
         });
}

std::string line(const Project& node) { return "Project " + expressions(node.expressions); }

std::string line(const Join& node) {
  const std::string keys = listed(node.keys, [](const Join::Key& key) {
    return fmt::format("{} {} {}", column(key.left), key.null_safe ? "is" : "=", column(key.right));
  });
  return fmt::format("Join {}{}{}{}", word(node.join), keys.empty() ? "" : " on ", keys,
                     node.residual ? " if " + expression(node.residual) : "");
}

std::string call(const AggregateCall& call) {
  return fmt::format("{}({}{}{}{}){}", call.name(), call.distinct ? "distinct " : "",
                     columns(call.arguments), call.order.empty() ? "" : " order by ",
                     orders(call.order), call.filter ? " filter " + column(*call.filter) : "");
}

std::string line(const Aggregate& node) {
  std::string out = "Aggregate " + listed(node.calls, call);
  if (!node.groups.empty()) {
    out += fmt::format("{}by {}", node.calls.empty() ? "" : " ", columns(node.groups));
  }
  const auto set = [&](const std::vector<size_t>& positions) {
    return fmt::format(
        "({})", listed(positions, [&](size_t position) { return column(node.groups[position]); }));
  };
  if (node.sets.size() > 1 || node.sets[0].size() != node.groups.size()) {
    out += " sets " + listed(node.sets, set);
  }
  if (!node.groupings.empty()) out += " grouping " + listed(node.groupings, set);
  return out;
}

std::string line(const Distinct&) { return "Distinct"; }

std::string line(const TopK& node) {
  std::string out = "TopK";
  if (node.limit) out += fmt::format(" {}", *node.limit);
  if (node.offset > 0) out += fmt::format(" from {}", node.offset);
  if (!node.order.empty()) out += " order " + orders(node.order);
  if (!node.partition.empty()) out += " by " + columns(node.partition);
  return out;
}

std::string line(const SetOperation& node) {
  const std::string_view all = node.all ? " all" : "";
  switch (node.operation) {
    case SetOperationKind::kUnion:
      return fmt::format("Union{}", all);
    case SetOperationKind::kExcept:
      return fmt::format("Except{}", all);
    case SetOperationKind::kIntersect:
      return fmt::format("Intersect{}", all);
  }
  return "?";
}

std::string line(const Unnest& node) { return "Unnest " + columns(node.lists); }

std::string line(const Window& node) {
  return "Window " + listed(node.calls, [](const auto& call) { return call->ToString(); });
}

std::string line(const Node& node) {
  switch (node.kind) {
    case NodeKind::kSource:
      return line(node.as<Source>());
    case NodeKind::kConstant:
      return line(node.as<Constant>());
    case NodeKind::kFilter:
      return line(node.as<Filter>());
    case NodeKind::kTemporalFilter:
      return line(node.as<TemporalFilter>());
    case NodeKind::kProject:
      return line(node.as<Project>());
    case NodeKind::kJoin:
      return line(node.as<Join>());
    case NodeKind::kAggregate:
      return line(node.as<Aggregate>());
    case NodeKind::kDistinct:
      return line(node.as<Distinct>());
    case NodeKind::kTopK:
      return line(node.as<TopK>());
    case NodeKind::kSetOperation:
      return line(node.as<SetOperation>());
    case NodeKind::kUnnest:
      return line(node.as<Unnest>());
    case NodeKind::kWindow:
      return line(node.as<Window>());
  }
  return "?";
}

// Prints a tree whose shared parts are numbered in the order in which they are met.
class Printer {
 public:
  explicit Printer(const Plan& plan) {
    for (const Node* node : in_order(plan)) {
      for (const NodePtr& input : node->inputs) ++readers_[input.get()];
    }
  }

  void print(const Node& node, size_t depth) {
    out_.append(2 * depth, ' ');
    if (const auto known = shared_.find(&node); known != shared_.end()) {
      out_ += fmt::format("again [{}]\n", known->second);
      return;
    }
    out_ += line(node);
    if (readers_[&node] > 1) {
      const size_t number = shared_.size() + 1;
      shared_.emplace(&node, number);
      out_ += fmt::format(" [{}]", number);
    }
    out_ += '\n';
    for (const NodePtr& input : node.inputs) print(*input, depth + 1);
  }

  std::string take() && { return std::move(out_); }

 private:
  std::map<const Node*, size_t> readers_;
  std::map<const Node*, size_t> shared_;
  std::string out_;
};

void visit(const Node* node, std::set<const Node*>& seen, std::vector<const Node*>& out) {
  if (!seen.insert(node).second) return;
  for (const NodePtr& input : node->inputs) visit(input.get(), seen, out);
  out.push_back(node);
}

}  // namespace

std::string explain(const Plan& plan) {
  Printer printer(plan);
  printer.print(*plan.root, 0);
  return std::move(printer).take();
}

std::string describe(const Node& node) { return line(node); }

std::vector<const Node*> in_order(const Plan& plan) {
  std::set<const Node*> seen;
  std::vector<const Node*> out;
  visit(plan.root.get(), seen, out);
  return out;
}

}  // namespace sluice::dataflow
