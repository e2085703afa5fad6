// A node of the dataflow at work: it turns the changes of its inputs into the changes of its
// output, and keeps what it must remember for that.
//
// The law of every operator: the sum of all changes that it gave out is the node's meaning (plan.h)
// applied to the sum of all changes that it took in, after every step.
//
// Errors are data. A row that cannot be evaluated is not in the output; its error is kept with the
// row's weight in errors(), so that it goes when the row does. What is not a row's fault (no
// memory, a bug) leaves step() as an exception; the graph then is void.
//
// Threads: one at a time.
#pragma once

#include <map>
#include <span>
#include <string>

#include "base/result.h"
#include "dataflow/batch.h"

namespace sluice::dataflow {

// Errors with counts.
class ErrorSet {
 public:
  void add(const Error& error, int64_t weight) {
    auto& entry = errors_[error.sqlstate + '\0' + error.message];
    if ((entry.weight += weight) == 0) {
      errors_.erase(error.sqlstate + '\0' + error.message);
    } else if (entry.error.message.empty()) {
      entry.error = error;
    }
  }
  // The first in the order of their text; none: nullptr.
  const Error* first() const { return errors_.empty() ? nullptr : &errors_.begin()->second.error; }
  bool empty() const { return errors_.empty(); }

 private:
  struct Counted {
    Error error;
    int64_t weight = 0;
  };
  std::map<std::string, Counted> errors_;
};

struct OperatorState {
  size_t rows = 0;   // kept
  size_t bytes = 0;  // taken by them, indexes included
};

class Operator {
 public:
  Operator() = default;
  virtual ~Operator() = default;
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;

  // The rows that are there while every input is empty: asked for once, before the first step.
  virtual Delta start() { return {}; }
  // inputs[i]: the changes of input i, any of them may be empty, not all.
  virtual Delta step(std::span<const Delta* const> inputs) = 0;
  virtual OperatorState state() const { return {}; }

  const ErrorSet& errors() const { return errors_; }

 protected:
  ErrorSet errors_;
};

}  // namespace sluice::dataflow
