// A session for tests of the protocols: its statements are words, its effects are recorded.
//
//   rows N          N rows (n integer, t text): (0, NULL), (1, "v1"), (2, "v2") …
//   rows N fail     the same, then an error 22012
//   endless         rows until cancelled
//   echo            the parameters $1 integer and $2 text as a row
//   insert          INSERT 0 1
//   wait            runs until cancelled
//   begin, commit, rollback
//   broken          its implicit transaction cannot be committed (40001)
//   fail            42P01 with all the fields
//   throw           an exception, as a bug would raise it
//   notice, set     tell the client something
//   copy in         FakeSessions::copied gets the bytes; a byte '!' is refused (22P04)
//   copy out N      N lines
//   ;               parts statements;  "syntax" anywhere: 42601
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "session/session.h"

namespace sluice::session {

// What all sessions of a test have done. Safe from any thread.
struct FakeSessions final : SessionFactory {
  Result<std::unique_ptr<Session>> login(const Login& login, ClientCallbacks callbacks) override;

  void record(std::string what) {
    const std::lock_guard lock(mutex);
    events.push_back(std::move(what));
    changed.notify_all();
  }
  // Waits until `what` was recorded; false after ten seconds.
  bool wait_for(const std::string& what) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(10), [&] {
      for (const auto& event : events) {
        if (event == what) return true;
      }
      return false;
    });
  }
  bool has(const std::string& what) {
    const std::lock_guard lock(mutex);
    for (const auto& event : events) {
      if (event == what) return true;
    }
    return false;
  }
  ptrdiff_t times(const std::string& what) {
    const std::lock_guard lock(mutex);
    return std::count(events.begin(), events.end(), what);
  }
  std::string copied_bytes() {
    const std::lock_guard lock(mutex);
    return copied;
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> events;  // "begin waiting", "cancelled", "commit", "copy failed: …"
  std::string copied;
  std::atomic<uint64_t> rows_made = 0;
};

namespace fake {

struct Statement final : Prepared {
  explicit Statement(std::string text) : sql(std::move(text)) {
    if (sql == "echo") {
      parameter_types = {types::make(types::TypeId::kInteger), types::make(types::TypeId::kText)};
    }
    if (sql == "echo" || sql.starts_with("rows") || sql == "endless") {
      result = {{"n", types::make(types::TypeId::kInteger)},
                {"t", types::make(types::TypeId::kText)}};
    }
  }
  bool empty() const override { return sql.empty(); }
  const std::vector<types::SqlType>& parameters() const override { return parameter_types; }
  const std::vector<Column>& columns() const override { return result; }

  const std::string sql;
  std::vector<types::SqlType> parameter_types;
  std::vector<Column> result;
};

// Shared by a session and its portals, which may stand when the test cancels.
struct State {
  explicit State(FakeSessions& its_sessions) : sessions(its_sessions) {}

  Status wait_for_cancel() {
    std::unique_lock lock(mutex);
    running = true;
    sessions.record("begin waiting");
    changed.wait(lock, [&] { return is_cancelled; });
    running = is_cancelled = false;
    sessions.record("cancelled");
    return Error(ErrorCode::kCancelled, "canceling statement due to user request");
  }
  void cancel() {
    const std::lock_guard lock(mutex);
    if (running) is_cancelled = true;
    changed.notify_all();
  }

  FakeSessions& sessions;
  ClientCallbacks callbacks;
  TransactionState transaction = TransactionState::kIdle;
  bool broken = false;
  std::mutex mutex;
  std::condition_variable changed;
  bool running = false;
  bool is_cancelled = false;
};

class Execution final : public Portal {
 public:
  Execution(const Statement& statement, std::vector<engine::Value> parameters,
            std::shared_ptr<State> state)
      : sql_(statement.sql),
        columns_(statement.result),
        parameters_(std::move(parameters)),
        state_(std::move(state)) {
    std::istringstream words(sql_);
    std::string word;
    words >> word;
    if (word == "copy") words >> word;
    words >> rows_;
    if (sql_ == "echo") rows_ = 1;
    if (sql_ == "endless") rows_ = UINT64_MAX;
    if (sql_.starts_with("copy")) columns_.resize(2, {"c", types::make(types::TypeId::kText)});
    if (sql_ == "endless") {
      const std::lock_guard lock(state_->mutex);
      state_->running = true;
    }
  }

  Kind kind() const override {
    if (sql_.empty()) return Kind::kEmpty;
    if (sql_ == "copy in") return Kind::kCopyIn;
    if (sql_.starts_with("copy out")) return Kind::kCopyOut;
    return columns_.empty() ? Kind::kCommand : Kind::kRows;
  }
  const std::vector<Column>& columns() const override { return columns_; }

  Result<engine::Chunk*> next() override {
    if (sql_ == "endless") {
      const std::lock_guard lock(state_->mutex);
      if (state_->is_cancelled) {
        state_->sessions.record("cancelled");
        return Error(ErrorCode::kCancelled, "canceling statement due to user request");
      }
    }
    if (made_ == rows_) {
      if (sql_.ends_with("fail")) return invalid("division by zero").with_sqlstate("22012");
      return nullptr;
    }
    make_chunk();
    return chunk_.get();
  }

  Status run() override {
    if (sql_ == "wait") return state_->wait_for_cancel();
    if (sql_ == "throw") throw std::runtime_error("a bug");
    if (sql_ == "notice") {
      state_->callbacks.notice({"NOTICE", "00000", "take note", "a detail", "a hint"});
    }
    if (sql_ == "set") state_->callbacks.parameter_changed("TimeZone", "Europe/Vienna");
    if (sql_ == "broken") state_->broken = true;
    if (sql_ == "begin") state_->transaction = TransactionState::kOpen;
    if (sql_ == "commit" || sql_ == "rollback") state_->transaction = TransactionState::kIdle;
    return ok();
  }

  Result<bool> next_bytes(std::string& out) override {
    for (int i = 0; i < 1000 && made_ < rows_; ++i) out += fmt::format("line {}\n", made_++);
    return made_ < rows_;
  }

  Status copy_data(std::span<const char> bytes) override {
    const std::string_view text(bytes.data(), bytes.size());
    if (text.find('!') != std::string_view::npos) {
      return invalid("extra data after last expected column").with_sqlstate("22P04");
    }
    const std::lock_guard lock(state_->sessions.mutex);
    state_->sessions.copied += text;
    return ok();
  }
  Status copy_done() override { return state_->sessions.record("copy done"), ok(); }
  void copy_fail(std::string_view reason) override {
    state_->sessions.record(fmt::format("copy failed: {}", reason));
  }

  std::string tag() const override {
    if (sql_ == "insert" || sql_ == "broken") return "INSERT 0 1";
    if (sql_.starts_with("copy")) return "COPY 2";
    if (kind() == Kind::kRows) return "SELECT";
    std::string upper = sql_;
    for (char& letter : upper) letter = static_cast<char>(std::toupper(letter));
    return upper;
  }

 private:
  void make_chunk() {
    constexpr uint64_t kChunkRows = 1000;
    const uint64_t rows = std::min(kChunkRows, rows_ - made_);
    chunk_ = std::make_unique<engine::Chunk>();
    chunk_->InitializeEmpty({engine::LogicalType::INTEGER, engine::LogicalType::VARCHAR});
    engine::Vector numbers(engine::LogicalType::INTEGER, rows);
    engine::Vector texts(engine::LogicalType::VARCHAR, rows);
    for (uint64_t i = 0; i < rows; ++i, ++made_) {
      const auto number = static_cast<int32_t>(made_ & 0x7FFFFFFF);
      numbers.SetValue(i, sql_ == "echo" ? parameters_[0] : engine::Value::INTEGER(number));
      if (sql_ == "echo") {
        texts.SetValue(i, parameters_[1]);
      } else if (number == 0) {
        texts.SetValue(i, engine::Value(engine::LogicalType::VARCHAR));
      } else {
        texts.SetValue(i, engine::Value(fmt::format("v{}", number)));
      }
    }
    chunk_->data[0].Reference(numbers);
    chunk_->data[1].Reference(texts);
    chunk_->SetCardinality(rows);
    state_->sessions.rows_made += rows;
  }

  const std::string sql_;
  std::vector<Column> columns_;
  const std::vector<engine::Value> parameters_;
  const std::shared_ptr<State> state_;
  uint64_t rows_ = 0;
  uint64_t made_ = 0;
  std::unique_ptr<engine::Chunk> chunk_;
};

class FakeSession final : public Session {
 public:
  FakeSession(FakeSessions& sessions, ClientCallbacks callbacks)
      : state_(std::make_shared<State>(sessions)) {
    state_->callbacks = std::move(callbacks);
  }
  ~FakeSession() override { state_->sessions.record("session ended"); }

  Result<std::vector<std::unique_ptr<Prepared>>> parse(std::string_view sql) override {
    if (const size_t at = sql.find("syntax"); at != std::string_view::npos) {
      return invalid("syntax error at or near \"syntax\"")
          .with_sqlstate("42601")
          .at(static_cast<int32_t>(at + 1));
    }
    std::vector<std::unique_ptr<Prepared>> statements;
    std::istringstream pieces{std::string(sql)};
    for (std::string piece; std::getline(pieces, piece, ';');) {
      piece.erase(0, piece.find_first_not_of(' '));
      statements.push_back(std::make_unique<Statement>(piece));
    }
    return statements;
  }

  Result<std::unique_ptr<Prepared>> prepare(std::string_view sql,
                                            std::span<const uint32_t> oids) override {
    TRY(parse(sql).ok() ? ok() : Status(parse(sql).error()));
    if (oids.size() > 2) return invalid("too many types").with_sqlstate("42P18");
    return std::unique_ptr<Prepared>(std::make_unique<Statement>(std::string(sql)));
  }

  Result<std::unique_ptr<Portal>> open(const Prepared& prepared,
                                       std::vector<engine::Value> parameters) override {
    const auto& statement = dynamic_cast<const Statement&>(prepared);
    if (state_->transaction == TransactionState::kFailed && statement.sql != "rollback") {
      return invalid("current transaction is aborted").with_sqlstate("25P02");
    }
    if (statement.sql == "fail") {
      return error(ErrorCode::kNotFound, "relation \"t\" does not exist")
          .with_sqlstate("42P01")
          .with_detail("a detail")
          .with_hint("a hint")
          .at(5);
    }
    if (parameters.size() != statement.parameter_types.size()) {
      return invalid("there is no parameter ${}", parameters.size() + 1).with_sqlstate("42P02");
    }
    return std::unique_ptr<Portal>(
        std::make_unique<Execution>(statement, std::move(parameters), state_));
  }

  void statement_failed() override {
    if (state_->transaction == TransactionState::kOpen) {
      state_->transaction = TransactionState::kFailed;
    }
    state_->sessions.record("failed");
  }
  Status end_implicit() override {
    if (!std::exchange(state_->broken, false)) return ok();
    return error(ErrorCode::kConflict, "could not serialize access");
  }
  TransactionState transaction_state() const override { return state_->transaction; }
  void request_cancel() override { state_->cancel(); }

  std::optional<std::string> setting(std::string_view name) const override {
    for (const auto& [known, value] : settings_) {
      if (known == name) return value;
    }
    return std::nullopt;
  }
  Status set(std::string_view name, std::string_view value) override {
    if (name == "unheard_of") {
      return error(ErrorCode::kNotFound, "unrecognized configuration parameter \"{}\"", name);
    }
    settings_.emplace_back(name, value);
    return ok();
  }
  const std::string& time_zone() const override { return zone_; }

 private:
  std::shared_ptr<State> state_;  // shared with portals
  std::vector<std::pair<std::string, std::string>> settings_;
  const std::string zone_ = "UTC";
};

}  // namespace fake

inline Result<std::unique_ptr<Session>> FakeSessions::login(const Login& login,
                                                            ClientCallbacks callbacks) {
  if (login.database != "materialize") {
    return error(ErrorCode::kNotFound, "database \"{}\" does not exist", login.database)
        .with_sqlstate("3D000");
  }
  record("login " + login.user);
  return std::unique_ptr<Session>(std::make_unique<fake::FakeSession>(*this, std::move(callbacks)));
}

}  // namespace sluice::session
