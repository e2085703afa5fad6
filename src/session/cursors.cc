#include "session/cursors.h"

#include <algorithm>
#include <limits>

namespace sluice::session {
namespace {

class FetchPortal final : public Portal {
 public:
  FetchPortal(ExecutionPtr execution, std::shared_ptr<Cursor> cursor, size_t rows_left, bool move)
      : execution_(std::move(execution)),
        cursor_(std::move(cursor)),
        rows_left_(rows_left),
        move_(move) {}

  Kind kind() const override { return move_ ? Kind::kCommand : Kind::kRows; }
  const std::vector<Column>& columns() const override { return move_ ? none_ : cursor_->columns(); }
  Result<engine::Chunk*> next() override {
    if (rows_left_ == 0) return static_cast<engine::Chunk*>(nullptr);
    execution_->enter();
    piece_ = std::make_unique<engine::Chunk>();
    if (Status read = cursor_->next(rows_left_, execution_->stop, *piece_); !read.ok()) {
      return execution_->told(std::move(read).error());
    }
    rows_left_ = piece_->size() == 0 ? 0 : rows_left_ - piece_->size();
    moved_ += piece_->size();
    return piece_->size() == 0 ? nullptr : piece_.get();
  }
  Status run() override {
    while (true) {
      TRY_ASSIGN(const engine::Chunk* const rows, next());
      if (rows == nullptr) return ok();
    }
  }
  Result<bool> next_bytes(std::string&) override { return internal("FETCH gives rows"); }
  Status copy_data(std::span<const char>) override { return internal("FETCH takes no data"); }
  Status copy_done() override { return internal("FETCH takes no data"); }
  void copy_fail(std::string_view) override {}
  std::string tag() const override { return move_ ? fmt::format("MOVE {}", moved_) : "FETCH"; }

 private:
  const ExecutionPtr execution_;
  const std::shared_ptr<Cursor> cursor_;
  size_t rows_left_;
  const bool move_;
  const std::vector<Column> none_;
  std::unique_ptr<engine::Chunk> piece_;
  uint64_t moved_ = 0;
};

}  // namespace

Status Cursor::next(size_t limit, std::stop_token stop, engine::Chunk& out) {
  while (!ended_ && (chunk_ == nullptr || at_ == chunk_->size())) {
    TRY_ASSIGN(chunk_, rows_->next(stop));
    at_ = 0;
    ended_ = chunk_ == nullptr;
  }
  if (ended_) return ok();
  const size_t count = std::min(limit, chunk_->size() - at_);
  duckdb::SelectionVector selection(count);
  for (size_t i = 0; i < count; ++i) selection.set_index(i, at_ + i);
  out.InitializeEmpty(chunk_->GetTypes());
  for (size_t i = 0; i < chunk_->ColumnCount(); ++i) {
    out.data[i].Slice(chunk_->data[i], selection, count);
  }
  out.SetCardinality(count);
  at_ += count;
  return ok();
}

Status Cursors::open(const std::string& name, std::unique_ptr<RowsPortal> rows) {
  if (cursors_.contains(name)) {
    return Error(ErrorCode::kExists, fmt::format("cursor \"{}\" already exists", name))
        .with_sqlstate("42P03");
  }
  cursors_[name] = std::make_shared<Cursor>(std::move(rows));
  return ok();
}

Result<std::shared_ptr<Cursor>> Cursors::find(const std::string& name) const {
  const auto found = cursors_.find(name);
  if (found != cursors_.end()) return found->second;
  return Error(ErrorCode::kNotFound, fmt::format("cursor \"{}\" does not exist", name))
      .with_sqlstate("34000");
}

Result<std::unique_ptr<Portal>> Cursors::fetch(ExecutionPtr execution, const sql::Fetch& fetch) {
  TRY_ASSIGN(auto cursor, find(fetch.cursor.text));
  if (fetch.count && *fetch.count < 0) {
    return invalid("cursor can only scan forward").with_sqlstate("55000");
  }
  const size_t rows =
      fetch.count ? static_cast<size_t>(*fetch.count) : std::numeric_limits<size_t>::max();
  return std::unique_ptr<Portal>(
      std::make_unique<FetchPortal>(std::move(execution), std::move(cursor), rows, fetch.move));
}

Status Cursors::close(const std::string& name) {
  if (name.empty()) {
    cursors_.clear();
    return ok();
  }
  TRY(find(name));
  cursors_.erase(name);
  return ok();
}

}  // namespace sluice::session
