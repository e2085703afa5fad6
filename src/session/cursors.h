// DECLARE's cursors: a query that FETCH reads piece by piece, until its transaction ends.
//
// Threads: one at a time, as their session.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "session/portals.h"

namespace sluice::session {

// An open query and how far it has been read.
class Cursor {
 public:
  explicit Cursor(std::unique_ptr<RowsPortal> rows) : rows_(std::move(rows)) {}
  const std::vector<Column>& columns() const { return rows_->columns(); }
  // At most `limit` rows in `out`, which refers to the cursor's own; none: the end.
  Status next(size_t limit, std::stop_token stop, engine::Chunk& out);

 private:
  const std::unique_ptr<RowsPortal> rows_;
  engine::Chunk* chunk_ = nullptr;  // what has been pulled, and is read from `at_` on
  size_t at_ = 0;
  bool ended_ = false;
};

class Cursors {
 public:
  // 42P03 when the name is taken.
  Status open(const std::string& name, std::unique_ptr<RowsPortal> rows);
  // The next `count` rows (nothing: all that are left) as a portal. 34000 for an unknown name.
  Result<std::unique_ptr<Portal>> fetch(ExecutionPtr execution, const sql::Fetch& fetch);
  Status close(const std::string& name);  // empty: all
  void clear() { cursors_.clear(); }

 private:
  Result<std::shared_ptr<Cursor>> find(const std::string& name) const;

  // Shared with the portal that is fetching: the client may close the cursor meanwhile.
  std::map<std::string, std::shared_ptr<Cursor>> cursors_;
};

}  // namespace sluice::session
