// A node of the dataflow at work: it turns the changes of its inputs into the changes of its
// output, and keeps what it must remember for that.
//
// The law of every operator: the sum of all changes that it gave out is the node's meaning (plan.h)
// applied to the sum of all changes that it took in, after every step.
//
// Errors are data. A row that cannot be evaluated is not in the output; its error is kept with the
// row's weight, so that it goes when the row does: error() tells of them. What is not a row's fault
// (no memory, a bug) leaves step() as an exception; the graph then is void.
//
// Threads: one at a time.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "dataflow/batch.h"

namespace sluice::dataflow {

// Errors with counts.
class ErrorSet {
 public:
  void add(const Error& error, int64_t weight) {
    const auto [entry, added] =
        errors_.try_emplace(error.sqlstate + '\0' + error.message, Counted{error, 0});
    if (added) bytes_ += bytes_of(error);
    if ((entry->second.weight += weight) != 0) return;
    bytes_ -= bytes_of(entry->second.error);
    errors_.erase(entry);
  }
  // The first in the order of their text; none: nullptr.
  const Error* first() const { return errors_.empty() ? nullptr : &errors_.begin()->second.error; }
  bool empty() const { return errors_.empty(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Counted {
    Error error;
    int64_t weight = 0;
  };
  static size_t bytes_of(const Error& error) {
    return sizeof(Counted) + 2 * error.message.size() + 96;
  }

  std::map<std::string, Counted> errors_;
  size_t bytes_ = 0;
};

struct OperatorState {
  size_t rows = 0;   // kept
  size_t bytes = 0;  // taken by them, indexes included
};

// Where an operator gives out batches as it makes them.
using Emit = std::function<void(BatchPtr)>;

inline Emit into(Delta& delta) {
  return [&delta](BatchPtr batch) { delta.push_back(std::move(batch)); };
}

class Operator {
 public:
  Operator() = default;
  virtual ~Operator() = default;
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;

  // The rows that are there while every input is empty: asked for once, before the first step.
  virtual Delta start() { return {}; }
  // inputs[i]: the changes of input i, any of them may be empty; all only when time is due.
  virtual Delta step(std::span<const Delta* const> inputs) = 0;

  // The time of the next step or filling: logical, in milliseconds since 1970. Never goes back.
  virtual void set_time(uint64_t /*now*/) {}
  // The time at which the output changes though no input does; none: never.
  virtual std::optional<uint64_t> next_due() const { return std::nullopt; }
  // How many rows change it by then; at least `most` where there are more.
  virtual size_t due_rows(uint64_t /*now*/, size_t /*most*/) const { return 0; }

  // Filling, in place of start() and of a step with all rows at once: each input's rows come in
  // any number of calls, in any order of the inputs. What goes out is the same in sum, but never
  // anything that is taken back later, unless what comes in is.
  //
  // Rows of an input; emits what is certain by now.
  virtual void fill(size_t input, const BatchPtr& rows, const Emit& emit);
  // No more of them will come. Every input has its end before finish_fill().
  virtual void end_input(size_t /*input*/) {}
  // Emits the rest; steps may follow.
  virtual void finish_fill(const Emit& emit);

  virtual OperatorState state() const { return {}; }

  // The first error of those that rows have, in the order of their text; none: nullptr.
  virtual const Error* error() const { return errors_.first(); }
  virtual size_t error_bytes() const { return errors_.bytes(); }

 protected:
  ErrorSet errors_;
};

// Right for operators that keep nothing: the output of a row is certain at once.
inline void Operator::fill(size_t /*input*/, const BatchPtr& rows, const Emit& emit) {
  const Delta delta = {rows};
  const Delta* const inputs[] = {&delta};
  for (BatchPtr& batch : step(inputs)) emit(std::move(batch));
}

inline void Operator::finish_fill(const Emit& emit) {
  for (BatchPtr& batch : start()) emit(std::move(batch));
}

}  // namespace sluice::dataflow
