// The kinds of portals: rows pulled from the engine, commands, COPY in and out.
//
// Threads: one at a time, as their session.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "session/execution.h"
#include "session/session.h"

namespace sluice::session {

using ExecutionPtr = std::shared_ptr<Execution>;

// Rows of a running query.
class RowsPortal final : public Portal {
 public:
  RowsPortal(ExecutionPtr execution, RunningQuery running, std::vector<Column> columns);
  Kind kind() const override { return Kind::kRows; }
  const std::vector<Column>& columns() const override { return columns_; }
  Result<engine::Chunk*> next() override;
  // The same for another statement than the one that opened it.
  Result<engine::Chunk*> next(std::stop_token stop) { return running_.rows->next(std::move(stop)); }
  Status run() override;
  Result<bool> next_bytes(std::string& out) override;
  Status copy_data(std::span<const char> bytes) override;
  Status copy_done() override;
  void copy_fail(std::string_view reason) override;
  std::string tag() const override { return tag_; }
  void set_tag(std::string tag) { tag_ = std::move(tag); }

 private:
  const ExecutionPtr execution_;
  RunningQuery running_;
  const std::vector<Column> columns_;
  std::string tag_ = "SELECT";
};

// A few rows of text that are known already: SHOW.
std::unique_ptr<Portal> text_rows(std::vector<std::string> names,
                                  const std::vector<std::vector<std::string>>& rows,
                                  std::string tag);

// Does `work` at run() and keeps the tag it gives.
std::unique_ptr<Portal> command(ExecutionPtr execution, std::function<Result<std::string>()> work);

std::unique_ptr<Portal> empty_statement();

// A query: rows of `query` at the transaction's time, or at AS OF.
Result<std::unique_ptr<RowsPortal>> open_query(ExecutionPtr execution, sql::QueryPtr query,
                                               const std::optional<sql::AsOf>& as_of);
// The view that AS OF asks for; null without AS OF.
Result<std::shared_ptr<const collection::ReadView>> view_as_of(
    const Execution& execution, const std::optional<sql::AsOf>& as_of);

// COPY … TO STDOUT and COPY … FROM STDIN.
Result<std::unique_ptr<Portal>> open_copy_out(const ExecutionPtr& execution, const sql::Copy& copy);
Result<std::unique_ptr<Portal>> open_copy_in(ExecutionPtr execution, const sql::CopyFrom& copy,
                                             std::function<Status()> commit);

}  // namespace sluice::session
