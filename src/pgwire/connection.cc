#include "pgwire/connection.h"

#include <cstring>
#include <utility>

#include "base/guarded.h"
#include "base/utf8.h"
#include "format/binary.h"
#include "pgwire/startup.h"
#include "types/sql_type.h"

namespace sluice::pgwire {
namespace {

constexpr size_t kPieceBytes = size_t{64} << 10;   // what is sent at once
constexpr size_t kEncodedBytes = size_t{1} << 20;  // what is encoded ahead of it, and a row
constexpr size_t kKeptBytes = size_t{1} << 20;
constexpr size_t kMaxStatements = 10'000;
constexpr size_t kMaxPortals = 1'000;

template <typename... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <typename... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

Status check_utf8(std::string_view text) {
  const size_t valid = valid_utf8_prefix(text);
  if (valid == text.size()) return ok();
  return invalid("invalid byte sequence for encoding \"UTF8\": 0x{:02x}",
                 static_cast<unsigned char>(text[valid]))
      .with_sqlstate("22021");
}

// Types whose binary form is their text.
bool is_text(const types::SqlType& type) {
  switch (type.id) {
    case types::TypeId::kText:
    case types::TypeId::kVarchar:
    case types::TypeId::kChar:
    case types::TypeId::kName:
    case types::TypeId::kUnknown:
    case types::TypeId::kJsonb:
      return true;
    default:
      return false;
  }
}

struct Reported {
  std::string_view name;
  std::string_view otherwise;  // where the session has no such setting
};
constexpr Reported kReported[] = {
    {"server_version", "9.5.0"}, {"server_encoding", "UTF8"},           {"client_encoding", "UTF8"},
    {"DateStyle", "ISO, MDY"},   {"IntervalStyle", "postgres"},         {"TimeZone", "UTC"},
    {"integer_datetimes", "on"}, {"standard_conforming_strings", "on"}, {"application_name", ""},
    {"is_superuser", "on"},
};

// What a cancelled statement or a waiting client is told when the server stops.
Error stopped_by_server(Error error) {
  error.code = ErrorCode::kCancelled;
  error.message = "terminating connection due to administrator command";
  error.sqlstate = "57P01";
  return error;
}

Error no_such(std::string_view what, std::string_view name, std::string_view sqlstate) {
  return invalid("{} \"{}\" does not exist", what, name).with_sqlstate(sqlstate);
}

}  // namespace

Connection::Connection(Socket socket, Clients& clients, session::SessionFactory& sessions)
    : socket_(std::move(socket)), clients_(clients), sessions_(sessions) {}

void Connection::run(std::chrono::milliseconds startup_timeout) {
  const Status served = guarded("a connection", [&]() -> Status {
    if (start_up(std::chrono::steady_clock::now() + startup_timeout)) {
      while (const auto message = receive()) {
        handle(*message);
        if (ended_) break;
      }
    }
    return ok();
  });
  if (!served.ok()) die(served.error());
  // The session ends before the goodbye is waited for: nothing of it is held up by the client.
  portals_.clear();
  statements_.clear();
  place_.reset();
  session_.reset();
  socket_.close_gently(reader_.refused_bytes());
}

// ---- start-up

bool Connection::start_up(Deadline deadline) {
  const auto startup = read_startup(deadline);
  if (!startup) return false;
  const Status logged_in = log_in(*startup);
  if (!logged_in.ok()) die(logged_in.error());
  return !ended_;
}

std::optional<Startup> Connection::read_startup(Deadline deadline) {
  // Each kind of encryption may be asked for once.
  for (int packets = 0; packets < 3; ++packets) {
    const auto frame = receive_frame(Phase::kStartup, deadline);
    if (!frame) return std::nullopt;
    auto packet = decode_startup(*frame);
    if (!packet.ok()) {
      die(packet.error());
      return std::nullopt;
    }
    if (const auto* cancel = std::get_if<CancelRequest>(&*packet)) {
      clients_.cancel({cancel->process_id, cancel->secret});
      return std::nullopt;
    }
    if (auto* startup = std::get_if<Startup>(&*packet)) return std::move(*startup);
    out_.push_back('N');
    if (!flush().ok()) return std::nullopt;
  }
  die(invalid("too many encryption requests").with_sqlstate("08P01"));
  return std::nullopt;
}

Status Connection::log_in(const Startup& startup) {
  TRY_ASSIGN(const LoginRequest request, login_request(startup));
  TRY_ASSIGN(place_, clients_.admit(socket_.fd()));
  session::ClientCallbacks callbacks;
  callbacks.notice = [this](const session::Notice& notice) { notice_response(out_, notice); };
  callbacks.parameter_changed = [this](const std::string& name, const std::string& value) {
    if (greeted_) parameter_status(out_, name, value);
  };
  callbacks.flush = [this] {
    if (greeted_) (void)flush();
  };
  session::SessionFactory::Login login = request.login;
  login.backend_pid = static_cast<int32_t>(place_->key().process_id);
  TRY_ASSIGN(session_, sessions_.login(login, std::move(callbacks)));
  for (const auto& [name, value] : request.settings) TRY(session_->set(name, value));
  place_->attach(*session_);
  greet(startup, request.unknown_protocol);
  return ok();
}

void Connection::greet(const Startup& startup, std::span<const std::string> unknown_protocol) {
  // Clients take no notice before they are let in.
  const std::string notices = std::exchange(out_, {});
  if (startup.minor > 0 || !unknown_protocol.empty()) {
    negotiate_protocol_version(out_, unknown_protocol);
  }
  authentication_ok(out_);
  for (const Reported& reported : kReported) {
    const auto value = session_->setting(reported.name);
    parameter_status(out_, reported.name, value ? std::string_view(*value) : reported.otherwise);
  }
  backend_key_data(out_, place_->key());
  out_ += notices;
  greeted_ = true;
  ready();
}

// ---- messages

std::optional<Frame> Connection::receive_frame(Phase phase, Deadline deadline) {
  while (!ended_) {
    auto frame = phase == Phase::kStartup ? reader_.startup_packet() : reader_.message();
    if (!frame.ok()) {
      die(frame.error());
      break;
    }
    if (*frame) return **frame;
    const std::span<char> room = reader_.room();
    const auto got = socket_.read(room, deadline);
    if (!got.ok() && got.error().code == ErrorCode::kCancelled) {
      die(stopped_by_server({}));
    }
    if (!got.ok() || *got == 0) {
      ended_ = true;
      break;
    }
    reader_.filled(*got);
  }
  return std::nullopt;
}

std::optional<Message> Connection::receive() {
  while (const auto frame = receive_frame(Phase::kMessages, {})) {
    if (skipping_ && frame->type != 'S' && frame->type != 'X') continue;
    auto message = decode(*frame);
    if (message.ok()) return std::move(*message);
    die(message.error());
  }
  return std::nullopt;
}

void Connection::handle(const Message& message) {
  std::visit(
      Overloaded{[&](const Query& asked) { query(std::string(asked.sql)); },
                 [&](const Sync&) {
                   skipping_ = false;
                   ready();
                 },
                 [&](const Flush&) { (void)flush(); }, [&](const Terminate&) { ended_ = true; },
                 // Left over from a COPY that has failed: the client could not know.
                 [](const CopyData&) {}, [](const CopyDone&) {}, [](const CopyFail&) {},
                 [&](const auto&) {
                   const Status done = guarded("a connection", [&] { return extended(message); });
                   if (done.ok()) return;
                   fail(done.error());
                   skipping_ = true;
                 }},
      message);
}

Status Connection::extended(const Message& message) {
  TRY(std::visit(Overloaded{[&](const Parse& asked) { return parse(asked); },
                            [&](const Bind& asked) { return bind(asked); },
                            [&](const Describe& asked) { return describe(asked); },
                            [&](const Execute& asked) { return execute(asked); },
                            [&](const Close& asked) { return close(asked), ok(); },
                            [](const auto&) { return ok(); }},
                 message));
  return out_.size() < kPieceBytes ? ok() : flush();
}

// ---- simple queries

void Connection::query(std::string sql) {
  portals_.erase("");
  statements_.erase("");
  const Status done = guarded("a connection", [&] { return run_statements(sql); });
  if (!done.ok()) fail(done.error());
  ::explicit_bzero(sql.data(), sql.size());  // it may have held a secret
  ready();
}

Status Connection::run_statements(std::string_view sql) {
  TRY(check_utf8(sql));
  TRY_ASSIGN(auto statements, session_->parse(sql));
  std::erase_if(statements, [](const auto& statement) { return statement->empty(); });
  if (statements.empty()) empty_query_response(out_);
  for (size_t i = 0; i < statements.size(); ++i) {
    TRY(run_statement(*statements[i], i + 1 == statements.size()));
  }
  return ok();
}

Status Connection::run_statement(const session::Prepared& prepared, bool last) {
  OpenPortal open;
  TRY_ASSIGN(open.portal, session_->open(prepared, {}));
  if (open.portal->kind() == session::Portal::Kind::kEmpty) {
    empty_query_response(out_);
    return ok();
  }
  if (open.portal->kind() == session::Portal::Kind::kRows) {
    const auto& columns = open.portal->columns();
    open.rows.emplace(columns, std::vector<Format>(columns.size(), Format::kText));
    row_description(out_, columns, {});
  }
  TRY_ASSIGN(const std::string tag, run(open));
  open.rows.reset();
  open.portal.reset();
  // The tag promises that it is done: a commit that fails has to come before it.
  if (last) TRY(end_implicit());
  command_complete(out_, tag);
  return ok();
}

// ---- extended queries

Status Connection::parse(const Parse& parse) {
  if (parse.name.empty()) statements_.erase("");
  TRY(check_utf8(parse.name));
  TRY(check_utf8(parse.sql));
  if (statements_.contains(parse.name)) {
    return error(ErrorCode::kExists, "prepared statement \"{}\" already exists", parse.name)
        .with_sqlstate("42P05");
  }
  if (statements_.size() >= kMaxStatements) {
    return error(ErrorCode::kExhausted, "too many prepared statements").with_sqlstate("54000");
  }
  TRY_ASSIGN(auto prepared, session_->prepare(parse.sql, parse.parameter_oids));
  statements_.emplace(parse.name, std::move(prepared));
  parse_complete(out_);
  return ok();
}

Status Connection::bind(const Bind& bind) {
  if (bind.portal.empty()) portals_.erase("");
  const auto found = statements_.find(bind.statement);
  if (found == statements_.end()) {
    return no_such("prepared statement", bind.statement, "26000");
  }
  if (portals_.contains(bind.portal)) {
    return error(ErrorCode::kExists, "portal \"{}\" already exists", bind.portal)
        .with_sqlstate("42P03");
  }
  if (portals_.size() >= kMaxPortals) {
    return error(ErrorCode::kExhausted, "too many portals").with_sqlstate("54000");
  }
  TRY(check_utf8(bind.portal));
  OpenPortal open;
  open.prepared = found->second;
  TRY_ASSIGN(auto parameters, parameters_of(bind, *open.prepared));
  TRY_ASSIGN(open.portal, session_->open(*open.prepared, std::move(parameters)));
  if (open.portal->kind() == session::Portal::Kind::kRows) {
    TRY_ASSIGN(auto formats, column_formats(bind.result_formats, open.portal->columns()));
    open.rows.emplace(open.portal->columns(), std::move(formats));
  }
  portals_.emplace(bind.portal, std::move(open));
  bind_complete(out_);
  return ok();
}

Result<std::vector<engine::Value>> Connection::parameters_of(
    const Bind& bind, const session::Prepared& prepared) const {
  const auto& types = prepared.parameters();
  const auto& formats = bind.parameter_formats;
  if (formats.size() > 1 && formats.size() != bind.values.size()) {
    return invalid("bind message has {} parameter formats but {} parameters", formats.size(),
                   bind.values.size())
        .with_sqlstate("08P01");
  }
  if (bind.values.size() != types.size()) {
    return invalid("bind message supplies {} parameters, but prepared statement \"{}\" requires {}",
                   bind.values.size(), bind.statement, types.size())
        .with_sqlstate("08P01");
  }
  std::vector<engine::Value> values;
  values.reserve(types.size());
  for (size_t i = 0; i < types.size(); ++i) {
    const int16_t format = formats.empty() ? int16_t{0} : formats[formats.size() == 1 ? 0 : i];
    if (format != 0 && format != 1) {
      return invalid("unsupported format code: {}", format).with_sqlstate("22023");
    }
    if (!bind.values[i]) {
      values.emplace_back(types::to_engine(types[i]));
      continue;
    }
    const std::string_view bytes = *bind.values[i];
    if (format == 0 || is_text(types[i])) TRY(check_utf8(bytes));
    if (format == 0) {
      TRY_ASSIGN(auto value, format::decode_text(types[i], bytes, session_->time_zone()));
      values.push_back(std::move(value));
    } else {
      TRY_ASSIGN(auto value, format::decode_binary(
                                 types[i], std::as_bytes(std::span(bytes.data(), bytes.size()))));
      values.push_back(std::move(value));
    }
  }
  return values;
}

Status Connection::describe(const Describe& describe) {
  if (describe.target == Target::kStatement) {
    const auto found = statements_.find(describe.name);
    if (found == statements_.end()) return no_such("prepared statement", describe.name, "26000");
    const session::Prepared& prepared = *found->second;
    parameter_description(out_, prepared.parameters());
    if (prepared.columns().empty()) {
      no_data(out_);
    } else {
      row_description(out_, prepared.columns(), {});
    }
    return ok();
  }
  const auto found = portals_.find(describe.name);
  if (found == portals_.end()) return no_such("portal", describe.name, "34000");
  const OpenPortal& open = found->second;
  if (open.rows) {
    row_description(out_, open.portal->columns(), open.rows->formats());
  } else {
    no_data(out_);
  }
  return ok();
}

Status Connection::execute(const Execute& execute) {
  const auto found = portals_.find(execute.portal);
  if (found == portals_.end()) return no_such("portal", execute.portal, "34000");
  OpenPortal& open = found->second;
  if (open.rows) {
    const uint64_t max_rows = execute.max_rows > 0 ? static_cast<uint64_t>(execute.max_rows) : 0;
    TRY_ASSIGN(const auto tag, send_rows(open, max_rows));
    if (tag) {
      command_complete(out_, *tag);
    } else {
      portal_suspended(out_);
    }
    return ok();
  }
  if (open.portal->kind() == session::Portal::Kind::kEmpty) {
    empty_query_response(out_);
    return ok();
  }
  if (open.done) {
    return invalid("portal \"{}\" cannot be run", execute.portal).with_sqlstate("55000");
  }
  open.done = true;
  const bool in_transaction = session_->transaction_state() != session::TransactionState::kIdle;
  // From here on `execute` may be void: a COPY FROM STDIN reads on.
  TRY_ASSIGN(const std::string tag, run(open));
  command_complete(out_, tag);
  // Portals end with their transaction.
  if (in_transaction && session_->transaction_state() == session::TransactionState::kIdle) {
    portals_.clear();
  }
  return ok();
}

void Connection::close(const Close& close) {
  if (close.target == Target::kStatement) {
    const auto found = statements_.find(close.name);
    if (found != statements_.end()) statements_.erase(found);
  } else {
    const auto found = portals_.find(close.name);
    if (found != portals_.end()) portals_.erase(found);
  }
  close_complete(out_);
}

// ---- portals

Result<std::string> Connection::run(OpenPortal& open) {
  switch (open.portal->kind()) {
    case session::Portal::Kind::kRows: {
      TRY_ASSIGN(auto tag, send_rows(open, 0));
      return *std::move(tag);
    }
    case session::Portal::Kind::kCommand:
      TRY(open.portal->run());
      return open.portal->tag();
    case session::Portal::Kind::kCopyIn:
      return copy_in(*open.portal);
    case session::Portal::Kind::kCopyOut:
      return copy_out(*open.portal);
    case session::Portal::Kind::kEmpty:
      break;
  }
  return internal("an empty portal was run");
}

Result<std::optional<std::string>> Connection::send_rows(OpenPortal& open, uint64_t max_rows) {
  const uint64_t limit = max_rows > 0 ? max_rows : UINT64_MAX;
  format::TextOptions options;
  options.time_zone = session_->time_zone();
  uint64_t sent = 0;
  while (true) {
    while (!open.rows->at_end() && sent < limit) {
      TRY_ASSIGN(const uint64_t taken, open.rows->take({limit - sent, kPieceBytes}, out_));
      sent += taken;
      if (out_.size() >= kPieceBytes) TRY(flush());
    }
    if (sent == limit) return std::optional<std::string>();
    if (open.done) break;
    if (engine::Chunk* const piece = open.pieces ? open.pieces->next() : nullptr) {
      TRY(open.rows->encode(*piece, options));
      continue;
    }
    TRY_ASSIGN(engine::Chunk * chunk, open.portal->next());
    if (chunk == nullptr) {
      open.done = true;
    } else {
      open.pieces.emplace(*chunk, kEncodedBytes);
    }
  }
  return std::optional(fmt::format("{} {}", open.portal->tag(), sent));
}

Result<std::string> Connection::copy_in(session::Portal& portal) {
  copy_in_response(out_, portal.columns().size());
  TRY(flush());
  const auto with_context = [&](Status status) {
    if (!status.ok()) error_context_ = portal.context();
    return status;
  };
  while (true) {
    const auto message = receive();
    if (!message || std::holds_alternative<Terminate>(*message)) {
      ended_ = true;
      portal.copy_fail("the client has gone");
      return error(ErrorCode::kUnavailable, "connection to client lost").with_sqlstate("08006");
    }
    if (const auto* data = std::get_if<CopyData>(&*message)) {
      TRY(with_context(portal.copy_data({data->bytes.data(), data->bytes.size()})));
    } else if (std::holds_alternative<CopyDone>(*message)) {
      TRY(with_context(portal.copy_done()));
      return portal.tag();
    } else if (const auto* failed = std::get_if<CopyFail>(&*message)) {
      portal.copy_fail(failed->reason);
      return error(ErrorCode::kCancelled, "COPY from stdin failed: {}", failed->reason);
    } else if (!std::holds_alternative<Flush>(*message) &&
               !std::holds_alternative<Sync>(*message)) {
      portal.copy_fail("unexpected message");
      return invalid("unexpected message type during COPY from stdin").with_sqlstate("08P01");
    }
  }
}

Result<std::string> Connection::copy_out(session::Portal& portal) {
  copy_out_response(out_, portal.columns().size());
  std::string bytes;
  while (true) {
    bytes.clear();
    TRY_ASSIGN(const bool more, portal.next_bytes(bytes));
    if (!bytes.empty()) copy_data(out_, bytes);
    if (out_.size() >= kPieceBytes) TRY(flush());
    if (!more) break;
  }
  copy_done(out_);
  return portal.tag();
}

// ---- ends

Status Connection::end_implicit() {
  if (session_->transaction_state() != session::TransactionState::kOpen) portals_.clear();
  return session_->end_implicit();
}

void Connection::ready() {
  const Status committed = guarded("a connection", [&] { return end_implicit(); });
  if (!committed.ok()) {
    error_response(out_, committed.error(), Severity::kError);
    session_->statement_failed();
  }
  ready_for_query(out_, session_->transaction_state());
  (void)flush();  // a failure has set ended_
}

void Connection::fail(const Error& error) {
  // A failed transaction's portals can give nothing more. The session hears of it whatever becomes
  // of the connection: what has been written half would be committed with the next ready().
  portals_.clear();
  session_->statement_failed();
  const std::string context = std::exchange(error_context_, {});
  // Nobody who asked has cancelled it.
  if (error.code == ErrorCode::kCancelled && socket_.server_stops()) {
    return die(stopped_by_server(error));
  }
  error_response(out_, error, Severity::kError, context);
}

void Connection::die(const Error& error) {
  if (ended_) return;
  error_response(out_, error, Severity::kFatal);
  // A libpq that has sent a statement to its end tells its user of the last thing that happened:
  // let that be this error, and not the end of the connection.
  if (reader_.refused_bytes() > 0) {
    ready_for_query(out_, session::TransactionState::kIdle);
  }
  (void)flush();
  ended_ = true;
}

Status Connection::flush() {
  if (ended_) return error(ErrorCode::kUnavailable, "connection to client lost");
  Status sent = socket_.write(out_);
  if (!sent.ok()) ended_ = true;
  out_.clear();
  if (out_.capacity() > kKeptBytes) out_.shrink_to_fit();
  return sent;
}

}  // namespace sluice::pgwire
