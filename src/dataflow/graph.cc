#include "dataflow/graph.h"

#include <duckdb.hpp>

#include "dataflow/build.h"
#include "engine/engine.h"

namespace sluice::dataflow {

struct Graph::Step {
  const Node* node = nullptr;
  std::vector<size_t> inputs;  // steps
  std::unique_ptr<Operator> work;
  Delta out;  // of this tick
};

Graph::Graph(Plan plan) : plan_(std::move(plan)) {}

Graph::~Graph() = default;

Result<std::unique_ptr<Graph>> Graph::make(Plan plan) {
  try {
    std::unique_ptr<Graph> graph(new Graph(std::move(plan)));
    graph->connection_ = std::make_unique<duckdb::Connection>(*graph->plan_.instance);
    std::map<const Node*, size_t> numbers;
    for (const Node* node : in_order(graph->plan_)) {
      Step step;
      step.node = node;
      for (const NodePtr& input : node->inputs) step.inputs.push_back(numbers.at(input.get()));
      step.work = build_operator(*graph->connection_->context, *node);
      numbers.emplace(node, graph->steps_.size());
      graph->steps_.push_back(std::move(step));
    }
    return graph;
  } catch (const std::exception& exception) {
    return engine::engine_error(exception);
  }
}

Delta Graph::run(const Changes& changes) {
  for (Step& step : steps_) {
    if (!started_) step.out = step.work->start();
    std::vector<const Delta*> inputs;
    if (step.node->kind == NodeKind::kSource) {
      const auto found = changes.find(step.node->as<Source>().id);
      if (found == changes.end()) continue;
      inputs.push_back(&found->second);
    }
    for (const size_t input : step.inputs) inputs.push_back(&steps_[input].out);
    bool changed = false;
    for (const Delta* input : inputs) changed = changed || !input->empty();
    if (!changed) continue;
    Delta out = step.work->step(inputs);
    step.out.insert(step.out.end(), out.begin(), out.end());
  }
  started_ = true;
  return consolidate(steps_.back().out, plan_.root->types);
}

Result<Delta> Graph::tick(const Changes& changes) {
  if (void_) return *void_;
  try {
    Delta out = run(changes);
    for (Step& step : steps_) step.out.clear();
    return out;
  } catch (const std::bad_alloc&) {
    void_ = sluice::error(ErrorCode::kExhausted, "out of memory").with_sqlstate("53200");
  } catch (const std::exception& exception) {
    void_ = engine::engine_error(exception);
  }
  // What is left of the state is worth nothing, and its memory may be wanted.
  for (Step& step : steps_) step = Step();
  steps_.clear();
  return *void_;
}

std::optional<Error> Graph::error() const {
  if (void_) return void_;
  for (const Step& step : steps_) {
    if (const Error* found = step.work->errors().first()) return *found;
  }
  return std::nullopt;
}

std::vector<Graph::NodeState> Graph::states() const {
  std::vector<NodeState> result;
  result.reserve(steps_.size());
  for (const Step& step : steps_) {
    result.push_back({step.node, step.work->state(), !step.work->errors().empty()});
  }
  return result;
}

}  // namespace sluice::dataflow
