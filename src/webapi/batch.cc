#include "webapi/batch.h"

#include <nlohmann/json.hpp>

#include "base/guarded.h"
#include "format/binary.h"
#include "types/sql_type.h"
#include "webapi/json.h"

namespace sluice::webapi {
namespace {

using Json = nlohmann::json;

// {"queries":[{"params":["1"]}]} and no deeper.
constexpr int kMaxDepth = 4;

Error bad_request(std::string_view what) {
  return invalid(
      "{}: the body must be {{\"query\": \"…\"}} or {{\"queries\": [{{\"query\": \"…\", "
      "\"params\": [\"…\", null]}}]}}",
      what);
}

Result<std::optional<std::string>> parameter(const Json& value) {
  if (value.is_null()) return std::optional<std::string>();
  if (value.is_string()) return std::optional(value.get<std::string>());
  if (value.is_number() || value.is_boolean()) return std::optional(value.dump());
  return bad_request("a parameter is a string, a number, a boolean or null");
}

Result<Request::Statement> statement_of(const Json& asked) {
  if (!asked.is_object() || !asked.contains("query") || !asked["query"].is_string()) {
    return bad_request("each of \"queries\" has a \"query\"");
  }
  Request::Statement statement;
  statement.sql = asked["query"].get<std::string>();
  if (!asked.contains("params")) return statement;
  if (!asked["params"].is_array()) return bad_request("\"params\" is an array");
  for (const Json& value : asked["params"]) {
    TRY_ASSIGN(auto text, parameter(value));
    statement.parameters.push_back(std::move(text));
  }
  return statement;
}

Error unsupported(std::string_view what) {
  return invalid("{} is unsupported via this API", what).with_sqlstate("0A000");
}

}  // namespace

Result<Request> parse_request(std::string_view body) {
  // Deeper things are dropped while reading: 16 MB of brackets would be a gigabyte in memory.
  const auto keep = [](int depth, Json::parse_event_t, Json&) { return depth <= kMaxDepth; };
  const Json document = Json::parse(body, keep, /*allow_exceptions=*/false);
  if (document.is_discarded()) return bad_request("not valid JSON");
  if (!document.is_object()) return bad_request("not an object");
  const bool has_script = document.contains("query");
  if (has_script == document.contains("queries")) {
    return bad_request("either \"query\" or \"queries\"");
  }
  Request request;
  if (has_script) {
    if (!document["query"].is_string()) return bad_request("\"query\" is a string");
    request.script = document["query"].get<std::string>();
    return request;
  }
  if (!document["queries"].is_array()) return bad_request("\"queries\" is an array");
  for (const Json& asked : document["queries"]) {
    TRY_ASSIGN(auto statement, statement_of(asked));
    request.statements.push_back(std::move(statement));
  }
  return request;
}

session::ClientCallbacks Batch::callbacks() {
  session::ClientCallbacks callbacks;
  callbacks.notice = [this](const session::Notice& notice) { notices_.push_back(notice); };
  callbacks.parameter_changed = [](const std::string&, const std::string&) {};
  return callbacks;
}

std::string Batch::run(const Request& request, session::Session& session) {
  session_ = &session;
  reply_ = "{\"results\":[";
  whole_ = reply_.size();
  const Status done = guarded("a request to /api/sql", [&] {
    return request.script ? run_script(*request.script) : run_statements(request.statements);
  });
  if (!done.ok()) {
    session.statement_failed();
    reply_.resize(whole_);
    begin_result();
    reply_ += "\"error\":";
    append_error(reply_, done.error());
    end_result();
    // Rolls the failed transaction back; there is nothing to commit that could fail.
    (void)guarded("a request to /api/sql", [&] { return session.end_implicit(); });
  }
  reply_ += "]}";
  session_ = nullptr;
  return std::move(reply_);
}

Status Batch::run_script(std::string_view sql) {
  TRY_ASSIGN(auto prepared, session_->parse(sql));
  std::erase_if(prepared, [](const auto& statement) { return statement->empty(); });
  for (size_t i = 0; i < prepared.size(); ++i) {
    TRY(run_one(*prepared[i], {}, i + 1 == prepared.size()));
  }
  return ok();
}

Status Batch::run_statements(const std::vector<Request::Statement>& statements) {
  for (size_t i = 0; i < statements.size(); ++i) {
    TRY_ASSIGN(const auto prepared, session_->prepare(statements[i].sql, {}));
    TRY_ASSIGN(auto parameters, parameters_of(statements[i], *prepared));
    TRY(run_one(*prepared, std::move(parameters), i + 1 == statements.size()));
  }
  return ok();
}

Result<std::vector<engine::Value>> Batch::parameters_of(const Request::Statement& statement,
                                                        const session::Prepared& prepared) const {
  const auto& types = prepared.parameters();
  if (types.size() != statement.parameters.size()) {
    return invalid("request supplied {} parameters, but the statement requires {}",
                   statement.parameters.size(), types.size())
        .with_sqlstate("08P01");
  }
  std::vector<engine::Value> values;
  for (size_t i = 0; i < types.size(); ++i) {
    if (!statement.parameters[i]) {
      values.emplace_back(types::to_engine(types[i]));
      continue;
    }
    TRY_ASSIGN(auto value,
               format::decode_text(types[i], *statement.parameters[i], session_->time_zone()));
    values.push_back(std::move(value));
  }
  return values;
}

Status Batch::run_one(const session::Prepared& prepared, std::vector<engine::Value> parameters,
                      bool last) {
  using Kind = session::Portal::Kind;
  TRY_ASSIGN(auto portal, session_->open(prepared, std::move(parameters)));
  const Kind kind = portal->kind();
  if (kind == Kind::kCopyOut) return unsupported("COPY TO STDOUT");
  if (kind == Kind::kCopyIn) return unsupported("COPY FROM STDIN");
  std::string tag;
  begin_result();
  if (kind == Kind::kRows) {
    TRY(append_rows(*portal));
    tag = fmt::format("{} {}", portal->tag(), rows_);
  } else if (kind == Kind::kCommand) {
    TRY(portal->run());
    tag = portal->tag();
  }
  portal.reset();
  // The tag promises that it is done: a commit that fails has to come before it.
  if (last) TRY(session_->end_implicit());
  reply_ += kind == Kind::kRows ? ",\"tag\":" : "\"ok\":";
  append_string(reply_, tag);
  end_result();
  return ok();
}

Status Batch::append_rows(session::Portal& portal) {
  const std::vector<session::Column>& columns = portal.columns();
  reply_ += "\"desc\":{\"columns\":[";
  for (size_t i = 0; i < columns.size(); ++i) {
    const types::SqlType& type = columns[i].type;
    reply_ += i > 0 ? ",{\"name\":" : "{\"name\":";
    append_string(reply_, columns[i].name);
    reply_ += fmt::format(",\"type_oid\":{},\"type_len\":{},\"type_mod\":{}}}", types::oid(type),
                          types::type_length(type), types::typmod(type));
  }
  reply_ += "]},\"rows\":[";
  rows_ = 0;
  columns_.resize(columns.size());
  while (true) {
    TRY_ASSIGN(engine::Chunk * chunk, portal.next());
    if (chunk == nullptr) break;
    TRY(append_chunk(*chunk, columns));
  }
  reply_ += ']';
  return ok();
}

Status Batch::append_chunk(engine::Chunk& chunk, const std::vector<session::Column>& columns) {
  format::TextOptions options;
  options.time_zone = session_->time_zone();
  for (size_t i = 0; i < columns.size(); ++i) {
    TRY(format::encode_text(columns[i].type, chunk.data[i], chunk.size(), options, columns_[i]));
  }
  for (size_t row = 0; row < chunk.size(); ++row, ++rows_) {
    TRY(check_size());
    reply_ += rows_ > 0 ? ",[" : "[";
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) reply_ += ',';
      if (columns_[i].null[row] != 0) {
        reply_ += "null";
      } else {
        append_string(reply_, columns_[i][row]);
      }
    }
    reply_ += ']';
  }
  return ok();
}

Status Batch::check_size() const {
  if (reply_.size() <= limits_.reply_bytes) return ok();
  return error(ErrorCode::kExhausted, "result exceeds max size of {} bytes", limits_.reply_bytes)
      .with_sqlstate("54000")
      .with_hint("Use COPY ... TO 's3://...', a cursor, or a client of the PostgreSQL protocol.");
}

void Batch::begin_result() {
  whole_ = reply_.size();
  reply_ += reply_.back() == '[' ? "{" : ",{";
}

void Batch::end_result() {
  reply_ += ",\"notices\":[";
  for (size_t i = 0; i < notices_.size(); ++i) {
    if (i > 0) reply_ += ',';
    append_notice(reply_, notices_[i]);
  }
  notices_.clear();
  reply_ += "]}";
  whole_ = reply_.size();
}

}  // namespace sluice::webapi
