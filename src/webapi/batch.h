// One request to /api/sql: its statements, run in one session, and the reply.
//
// Threads: one at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "format/text.h"
#include "session/session.h"

namespace sluice::webapi {

struct Request {
  struct Statement {
    std::string sql;
    std::vector<std::optional<std::string>> parameters;  // texts; nullopt: NULL
  };
  // One text of any number of statements without parameters; or single statements with theirs.
  std::optional<std::string> script;
  std::vector<Statement> statements;
};

// The error says what a well-formed request looks like.
Result<Request> parse_request(std::string_view body);

class Batch {
 public:
  struct Limits {
    size_t reply_bytes;
  };
  explicit Batch(Limits limits) : limits_(limits) {}

  // For the login of the session that run() gets.
  session::ClientCallbacks callbacks();

  // {"results":[…]}: what failed is in it.
  std::string run(const Request& request, session::Session& session);

 private:
  Status run_script(std::string_view sql);
  Status run_statements(const std::vector<Request::Statement>& statements);
  Result<std::vector<engine::Value>> parameters_of(const Request::Statement& statement,
                                                   const session::Prepared& prepared) const;
  Status run_one(const session::Prepared& prepared, std::vector<engine::Value> parameters,
                 bool last);
  Status append_rows(session::Portal& portal);
  Status append_chunk(engine::Chunk& chunk, const std::vector<session::Column>& columns);
  Status check_size() const;

  void begin_result();
  void end_result();  // with the notices that came meanwhile

  const Limits limits_;
  session::Session* session_ = nullptr;  // during run()
  std::string reply_;
  size_t whole_ = 0;  // reply_ up to here is whole results
  std::vector<session::Notice> notices_;
  size_t rows_ = 0;                          // of the result being written
  std::vector<format::TextColumn> columns_;  // reused from chunk to chunk
};

}  // namespace sluice::webapi
