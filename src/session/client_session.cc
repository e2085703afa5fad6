#include "session/client_session.h"

#include "format/binary.h"
#include "session/changes.h"
#include "session/connections.h"
#include "session/definitions.h"
#include "session/export_copy.h"
#include "session/export_explain.h"
#include "session/index_definition.h"
#include "session/query_explain.h"
#include "session/view_explain.h"
#include "sql/declared_types.h"
#include "sql/dml.h"
#include "sql/front/parse.h"
#include "sql/query_trees.h"
#include "sql/show.h"

namespace sluice::session {
namespace {

// How often a change whose commit conflicts is tried again before the client hears of it.
constexpr int kTries = 20;

Error not_supported(std::string_view what) {
  return invalid("{} is not supported", what).with_sqlstate("0A000");
}

// What the session finds out itself, and may have to ask AWS for.
bool shows_policy(const sql::Show& show) {
  return show.what == sql::Show::What::kIamPolicy || show.what == sql::Show::What::kTrustPolicy;
}

Status check_writable(const Execution& execution, const char* statement) {
  if (!execution.settings.read_only()) return ok();
  return invalid("cannot execute {} in a read-only transaction", statement).with_sqlstate("25006");
}

bool ends_transaction(const sql::Statement& statement) {
  return std::holds_alternative<sql::Commit>(statement.node) ||
         std::holds_alternative<sql::Rollback>(statement.node);
}

}  // namespace

class ClientSession::PreparedStatement final : public Prepared {
 public:
  bool empty() const override { return !statement; }
  const std::vector<types::SqlType>& parameters() const override { return parameters_; }
  const std::vector<Column>& columns() const override { return columns_; }

  std::optional<sql::Statement> statement;
  std::vector<types::SqlType> parameters_;
  std::vector<Column> columns_;
  bool last = false;  // its implicit transaction ends with it
};

ClientSession::ClientSession(Database& database, const SessionFactory::Login& login,
                             ClientCallbacks callbacks)
    : database_(database),
      client_(std::move(callbacks)),
      user_(login.user.empty() ? std::string(sql::kDefaultUser) : login.user),
      backend_pid_(login.backend_pid) {
  static_cast<void>(settings_.set("application_name", login.application_name));
  settings_.reported = client_.parameter_changed;
}

ClientSession::~ClientSession() = default;

Result<std::vector<std::unique_ptr<Prepared>>> ClientSession::parse(std::string_view sql) {
  TRY_ASSIGN(std::vector<sql::Statement> statements, sql::parse(sql));
  std::vector<std::unique_ptr<Prepared>> all;
  const bool alone = statements.size() == 1;
  for (sql::Statement& statement : statements) {
    auto prepared = std::make_unique<PreparedStatement>();
    prepared->statement = std::move(statement);
    prepared->last = alone;
    all.push_back(std::move(prepared));
  }
  return all;
}

Result<std::unique_ptr<Prepared>> ClientSession::prepare(std::string_view sql,
                                                         std::span<const uint32_t> parameter_oids) {
  TRY_ASSIGN(std::vector<sql::Statement> statements, sql::parse(sql));
  if (statements.size() > 1) {
    return invalid("cannot insert multiple commands into a prepared statement")
        .with_sqlstate("42601");
  }
  auto prepared = std::make_unique<PreparedStatement>();
  if (statements.empty()) return std::unique_ptr<Prepared>(std::move(prepared));
  prepared->statement = std::move(statements[0]);
  if (failed_ && !ends_transaction(*prepared->statement)) {
    return invalid(
               "current transaction is aborted, commands ignored until end of transaction block")
        .with_sqlstate("25P02");
  }
  for (const uint32_t oid : parameter_oids) {
    const auto type = types::from_oid(oid);
    prepared->parameters_.push_back(type.value_or(types::make(types::TypeId::kUnknown)));
  }
  prepared->parameters_.resize(
      std::max<size_t>(prepared->parameters_.size(),
                       static_cast<size_t>(prepared->statement->parameter_count)),
      types::make(types::TypeId::kUnknown));
  TRY(describe(*prepared));
  for (types::SqlType& type : prepared->parameters_) {
    if (type.id == types::TypeId::kUnknown) type = types::make(types::TypeId::kText);
  }
  return std::unique_ptr<Prepared>(std::move(prepared));
}

// Finds the columns of what gives rows, and the types of parameters.
Status ClientSession::describe(PreparedStatement& prepared) {
  // Read as of now, under the open transaction's changes; nothing runs.
  auto execution = std::make_shared<Execution>(Execution{
      .database = database_,
      .settings = settings_,
      .client = client_,
      .transaction = transaction_ ? transaction_ : std::make_shared<Transaction>(database_, false),
      .user = user_,
      .statement_time = std::chrono::system_clock::now(),
      .describing = true});
  sql::Statement& statement = *prepared.statement;
  sql::QueryPtr query;
  std::optional<sql::Resolved> resolved;
  std::vector<std::optional<types::SqlType>> declared;
  bool rows = true;
  if (auto* select = std::get_if<sql::Select>(&statement.node)) {
    sql::declare_parameters(*select->query, prepared.parameters_);
    query = sql::Query(select->query).release();
  } else if (auto* copy = std::get_if<sql::Copy>(&statement.node)) {
    if (copy->target) return ok();
    query = copy->object ? sql::select_all(*copy->object) : sql::Query(copy->query).release();
    rows = false;
  } else if (auto* validate = std::get_if<sql::ValidateConnection>(&statement.node)) {
    if (!validate->with.empty()) prepared.columns_ = text_rows(kRightColumns, {}, "")->columns();
    return ok();
  } else if (auto* explain = std::get_if<sql::Explain>(&statement.node)) {
    if (explain->copy)
      prepared.columns_ = text_rows(export_description_columns(), {}, "")->columns();
    if (explain->query) prepared.columns_ = text_rows(kQueryPlanColumns, {}, "")->columns();
    if (explain->materialized) prepared.columns_ = text_rows(kViewPlanColumns, {}, "")->columns();
    return ok();
  } else if (auto* shown = std::get_if<sql::Show>(&statement.node)) {
    if (shows_policy(*shown)) {
      prepared.columns_ = text_rows(kPolicyColumns, {}, "")->columns();
      return ok();
    }
    TRY_ASSIGN(auto portal, show(execution, *shown));
    prepared.columns_ = portal->columns();
    return ok();
  } else if (prepared.parameters_.empty()) {
    return ok();
  } else {
    rows = false;
    if (auto* insert = std::get_if<sql::Insert>(&statement.node)) {
      if (insert->query) sql::declare_parameters(*insert->query, prepared.parameters_);
      TRY_ASSIGN(resolved, insert_query(*execution, *insert));
    } else if (auto* update = std::get_if<sql::Update>(&statement.node)) {
      TRY_ASSIGN(resolved, update_query(*execution, *update));
    } else if (auto* erase = std::get_if<sql::Delete>(&statement.node)) {
      TRY_ASSIGN(resolved, delete_query(*execution, *erase));
    } else {
      return ok();
    }
  }
  if (query) {
    TRY_ASSIGN(const sql::ResolveContext context, execution->context());
    declared = sql::declared_types(*query, *context.catalog, context.search_path);
    TRY_ASSIGN(resolved, sql::resolve(std::move(query), context));
  }
  TRY_ASSIGN(auto connection, execution->connect());
  TRY_ASSIGN(const engine::Description description, connection->describe(resolved->query));
  for (size_t i = 0; i < prepared.parameters_.size() && i < description.parameters.size(); ++i) {
    types::SqlType& type = prepared.parameters_[i];
    if (type.id == types::TypeId::kUnknown) type = types::from_engine(description.parameters[i]);
  }
  if (!rows) return ok();
  const engine::Shape& shape = description.shape;
  const bool known = declared.size() == shape.names.size();
  for (size_t i = 0; i < shape.names.size(); ++i) {
    prepared.columns_.push_back(
        {shape.names[i], sql::result_type(shape.types[i], known ? declared[i] : std::nullopt)});
  }
  return ok();
}

ExecutionPtr ClientSession::begin_statement(std::vector<engine::Value> parameters, bool last) {
  std::stop_source source;
  running_.set(source);
  if (!transaction_) {
    transaction_ = std::make_shared<Transaction>(database_, false);
    settings_.begin_transaction();
    again_ = nullptr;
    statements_ = 0;
  }
  ++statements_;
  std::shared_ptr<const Deadlines::Guard> deadline;
  if (const int64_t timeout = settings_.statement_timeout_ms(); timeout > 0) {
    deadline = database_.deadlines().arm(source, std::chrono::milliseconds(timeout));
  }
  return std::make_shared<Execution>(
      Execution{.database = database_,
                .settings = settings_,
                .client = client_,
                .transaction = transaction_,
                .user = user_,
                .backend_pid = backend_pid_,
                .statement_time = std::chrono::system_clock::now(),
                .stop = source.get_token(),
                .stop_source = source,
                .running = &running_,
                .deadline = std::move(deadline),
                .parameters = std::move(parameters),
                // Not if something came before it in the same implicit transaction: that would be
                // lost when this statement is run again.
                .last = last && !transaction_->block() && statements_ == 1,
                .first = !transaction_->is_used(),
                .number = statements_});
}

Result<std::unique_ptr<Portal>> ClientSession::open(const Prepared& prepared,
                                                    std::vector<engine::Value> parameters) {
  const auto& own = static_cast<const PreparedStatement&>(prepared);
  if (!own.statement) return empty_statement();
  ++database_.counters().statements;
  if (failed_ && !ends_transaction(*own.statement)) {
    return invalid(
               "current transaction is aborted, commands ignored until end of transaction block")
        .with_sqlstate("25P02");
  }
  ExecutionPtr execution = begin_statement(std::move(parameters), own.last);
  auto portal = when_readable<std::unique_ptr<Portal>>(
      *execution, [&] { return open_statement(execution, *own.statement); });
  if (!portal.ok()) return execution->told(std::move(portal).error());
  if (!own.columns_.empty() && own.columns_ != (*portal)->columns()) {
    return invalid("cached plan must not change result type")
        .with_sqlstate("0A000")
        .with_hint("What the statement reads has changed: prepare it again.");
  }
  return portal;
}

// One overload a kind of statement.
struct ClientSession::Opener {
  ClientSession& session;
  ExecutionPtr execution;
  const sql::Statement& statement;
  using Opened = Result<std::unique_ptr<Portal>>;

  // The statement lives on in its Prepared, but the protocol may drop that before the portal.
  template <typename Node>
  Opened change(const char* name, Result<std::string> (*run)(const Execution&, const Node&),
                const Node& node) const {
    auto kept = std::make_shared<const Node>(node);
    return session.change(execution, [name, run, kept](const Execution& at) -> Result<std::string> {
      TRY(check_writable(at, name));
      return run(at, *kept);
    });
  }
  Opened simple(std::function<Result<std::string>()> work) const {
    return command(
        execution,
        [&to = session, at = execution, work = std::move(work)]() -> Result<std::string> {
          TRY(to.check_current(*at));
          return work();
        });
  }

  Opened operator()(const sql::Select& select) const {
    TRY_ASSIGN(auto rows,
               open_query(execution, sql::Query(select.query).release(), statement.as_of));
    return std::unique_ptr<Portal>(std::move(rows));
  }
  Opened operator()(const sql::Show& show) const { return session.show(execution, show); }
  Opened operator()(const sql::Insert& node) const { return change("INSERT", run_insert, node); }
  Opened operator()(const sql::Update& node) const { return change("UPDATE", run_update, node); }
  Opened operator()(const sql::Delete& node) const { return change("DELETE", run_delete, node); }
  Opened operator()(const sql::Truncate& node) const {
    return change("TRUNCATE", run_truncate, node);
  }
  Opened operator()(const sql::CreateSchema& node) const {
    return change("CREATE SCHEMA", run_create_schema, node);
  }
  Opened operator()(const sql::CreateTable& node) const {
    return change("CREATE TABLE", run_create_table, node);
  }
  Opened operator()(const sql::CreateView& node) const {
    return change("CREATE VIEW", run_create_view, node);
  }
  Opened operator()(const sql::CreateMaterializedView& node) const {
    return change("CREATE MATERIALIZED VIEW", run_create_materialized_view, node);
  }
  Opened operator()(const sql::CreateIndex& node) const {
    return change("CREATE INDEX", run_create_index, node);
  }
  Opened operator()(const sql::CreateSecret& node) const {
    return change("CREATE SECRET", run_create_secret, node);
  }
  Opened operator()(const sql::AlterSecret& node) const {
    return change("ALTER SECRET", run_alter_secret, node);
  }
  Opened operator()(const sql::CreateConnection& node) const {
    return change("CREATE CONNECTION", run_create_connection, node);
  }
  Opened operator()(const sql::AlterConnection& node) const {
    return change("ALTER CONNECTION", run_alter_connection, node);
  }
  Opened operator()(const sql::Drop& node) const { return change("DROP", run_drop, node); }
  Opened operator()(const sql::AlterRetainHistory& node) const {
    return change("ALTER", run_alter_retain_history, node);
  }
  Opened operator()(const sql::Rename& node) const { return change("ALTER", run_rename, node); }
  Opened operator()(const sql::ValidateConnection& node) const {
    if (!node.with.empty()) {
      TRY_ASSIGN(const auto rows, probe_connection(*execution, node));
      return text_rows(kRightColumns, rows, "VALIDATE CONNECTION");
    }
    return simple([at = execution, node] { return run_validate_connection(*at, node); });
  }
  Opened operator()(const sql::Copy& copy) const {
    if (!copy.target) return open_copy_out(execution, copy);
    auto kept = std::make_shared<const sql::Copy>(copy);
    return simple([&to = session, at = execution, kept, text = sql::redacted(statement)] {
      return to.when_readable<std::string>(*at, [&] { return run_export_copy(*at, *kept, text); });
    });
  }
  Opened operator()(const sql::CopyFrom& copy) const {
    TRY(check_writable(*execution, "COPY FROM"));
    const bool last = execution->last;
    return open_copy_in(execution, copy, [&to = session, at = execution, last]() -> Status {
      TRY(to.check_current(*at));
      return last ? to.commit(at->stop) : ok();
    });
  }
  Opened operator()(const sql::SetVariable& set) const {
    return simple([&to = session, set]() -> Result<std::string> {
      TRY(to.set_variable(set));
      return std::string("SET");
    });
  }
  Opened operator()(const sql::ResetVariable& reset) const {
    return simple([&to = session, reset]() -> Result<std::string> {
      if (reset.name.empty()) {
        to.settings_.reset_all();
      } else {
        TRY(to.settings_.reset(reset.name));
      }
      return std::string("RESET");
    });
  }
  Opened operator()(const sql::Begin& node) const {
    return simple([&to = session, node] { return to.begin_block(node); });
  }
  Opened operator()(const sql::Commit&) const {
    return simple([&to = session, at = execution] { return to.commit_block(*at); });
  }
  Opened operator()(const sql::Rollback&) const {
    return simple([&to = session]() -> Result<std::string> { return to.roll_back(); });
  }
  Opened operator()(const sql::SetTransaction& node) const {
    return simple([&to = session, node] { return to.set_transaction(node); });
  }
  Opened operator()(const sql::Prepare& node) const {
    return simple([&to = session, node]() -> Result<std::string> {
      if (to.prepared_.contains(node.name.text)) {
        return Error(ErrorCode::kExists,
                     fmt::format("prepared statement \"{}\" already exists", node.name.text))
            .with_sqlstate("42P05");
      }
      auto prepared = std::make_unique<PreparedStatement>();
      prepared->statement = *node.statement;
      for (const sql::Name& name : node.types) {
        TRY_ASSIGN(types::SqlType type, types::parse_type_name(name.text));
        prepared->parameters_.push_back(std::move(type));
      }
      prepared->parameters_.resize(
          std::max<size_t>(prepared->parameters_.size(),
                           static_cast<size_t>(node.statement->parameter_count)),
          types::make(types::TypeId::kUnknown));
      TRY(to.describe(*prepared));
      to.prepared_[node.name.text] = std::move(prepared);
      return std::string("PREPARE");
    });
  }
  Opened operator()(const sql::Execute& node) const {
    const auto found = session.prepared_.find(node.name.text);
    if (found == session.prepared_.end()) {
      return Error(ErrorCode::kNotFound,
                   fmt::format("prepared statement \"{}\" does not exist", node.name.text))
          .with_sqlstate("26000")
          .at(node.name.position);
    }
    const auto& prepared = static_cast<const PreparedStatement&>(*found->second);
    if (prepared.parameters_.size() != node.arguments.size()) {
      return invalid("wrong number of parameters for prepared statement \"{}\"", node.name.text)
          .with_sqlstate("42601")
          .with_detail(fmt::format("Expected {} parameters but got {}.",
                                   prepared.parameters_.size(), node.arguments.size()));
    }
    // Not given to the execution one by one: an argument has no parameters itself.
    std::vector<engine::Value> values;
    for (size_t i = 0; i < node.arguments.size(); ++i) {
      TRY_ASSIGN(engine::Value value,
                 execution->evaluate(sql::Expression(node.arguments[i]).release(), true));
      TRY_ASSIGN(value, parameter(value, prepared.parameters_[i]));
      values.push_back(std::move(value));
    }
    execution->parameters = std::move(values);
    return session.open_statement(execution, *prepared.statement);
  }
  static Result<engine::Value> parameter(const engine::Value& value, const types::SqlType& type) {
    if (type.id == types::TypeId::kUnknown) return value;
    if (value.IsNull()) return engine::Value(types::to_engine(type));
    TRY_ASSIGN(const std::string text, format::text_of(types::from_engine(value.type()), value));
    return format::decode_text(type, text);
  }
  Opened operator()(const sql::Deallocate& node) const {
    return simple([&to = session, node]() -> Result<std::string> {
      if (node.name.empty()) {
        to.prepared_.clear();
        return std::string("DEALLOCATE ALL");
      }
      if (to.prepared_.erase(node.name) == 0) {
        return Error(ErrorCode::kNotFound,
                     fmt::format("prepared statement \"{}\" does not exist", node.name))
            .with_sqlstate("26000");
      }
      return std::string("DEALLOCATE");
    });
  }
  Opened operator()(const sql::Discard& node) const {
    return simple([&to = session, node]() -> Result<std::string> {
      if (node.what == "ALL") {
        to.prepared_.clear();
        to.settings_.reset_all();
      } else if (node.what == "PLANS") {
        // Plans are never kept.
      }
      return "DISCARD " + node.what;
    });
  }
  Opened operator()(const sql::Explain& explain) const {
    if (explain.copy && explain.copy->target) {
      TRY_ASSIGN(const auto rows, explain_export_copy(*execution, *explain.copy));
      return text_rows(export_description_columns(), rows, "EXPLAIN");
    }
    if (explain.materialized) {
      TRY_ASSIGN(const auto rows, explain_materialized_view(*execution, *explain.view));
      return text_rows(kViewPlanColumns, rows, "EXPLAIN");
    }
    if (explain.query) {
      TRY_ASSIGN(const auto rows, explain_query(*execution, explain, statement.as_of));
      return text_rows(kQueryPlanColumns, rows, "EXPLAIN");
    }
    return not_supported("EXPLAIN").with_hint(
        "Run the query itself: \\timing in psql tells how long it takes.");
  }
  Opened operator()(const sql::DeclareCursor& node) const {
    if (node.hold) return not_supported("WITH HOLD");
    if (!session.transaction_->block()) {
      return invalid("DECLARE CURSOR can only be used in transaction blocks")
          .with_sqlstate("25P01");
    }
    const auto* select = std::get_if<sql::Select>(&node.statement->node);
    if (select == nullptr) return not_supported("DECLARE for anything but a query");
    TRY_ASSIGN(auto rows,
               open_query(execution, sql::Query(select->query).release(), node.statement->as_of));
    TRY(session.cursors_.open(node.name.text, std::move(rows)));
    return simple([]() -> Result<std::string> { return std::string("DECLARE CURSOR"); });
  }
  Opened operator()(const sql::Fetch& node) const {
    return session.cursors_.fetch(execution, node);
  }
  Opened operator()(const sql::Close& node) const {
    return simple([&to = session, node]() -> Result<std::string> {
      TRY(to.cursors_.close(node.cursor));
      return std::string("CLOSE CURSOR");
    });
  }
};

Result<std::unique_ptr<Portal>> ClientSession::open_statement(ExecutionPtr execution,
                                                              const sql::Statement& statement) {
  return std::visit(Opener{*this, std::move(execution), statement}, statement.node);
}

std::unique_ptr<Portal> ClientSession::change(
    const ExecutionPtr& execution,
    const std::function<Result<std::string>(const Execution&)>& work) {
  return command(execution, [this, execution, work] { return run_change(*execution, work); });
}

template <typename Done>
Result<Done> ClientSession::when_readable(const Execution& execution,
                                          const std::function<Result<Done>()>& work) {
  while (true) {
    auto done = work();
    Transaction& transaction = *execution.transaction;
    if (done.ok() || done.error().code != ErrorCode::kUnavailable || !transaction.awaited() ||
        !execution.first || execution.number != statements_ || transaction.writes()) {
      return done;
    }
    TRY(database_.live_views().wait(*transaction.awaited(), execution.stop));
    transaction.start_over();
  }
}

Result<std::string> ClientSession::run_change(
    Execution& execution, const std::function<Result<std::string>(const Execution&)>& change) {
  TRY(check_current(execution));
  const auto work = [this, change](const Execution& at) {
    return when_readable<std::string>(at, [&] { return change(at); });
  };
  const auto once = [this, &execution, &work]() -> Result<std::string> {
    TRY_ASSIGN(std::string tag, work(execution));
    if (execution.last) TRY(commit(execution.stop));
    return tag;
  };
  if (!execution.last) {
    // Kept for end_implicit(), which commits; it may try again if this is the only change.
    auto kept = std::make_shared<Execution>(execution);
    again_ = [work, kept, this]() {
      kept->transaction = transaction_;
      return work(*kept);
    };
    auto tag = work(execution);
    if (tag.ok()) told_tag_ = *tag;
    return tag;
  }
  for (int tries = 1;; ++tries) {
    auto tag = once();
    if (tag.ok() || tag.error().code != ErrorCode::kConflict || tries == kTries) return tag;
    transaction_ = std::make_shared<Transaction>(database_, false);
    execution.transaction = transaction_;
  }
}

Status ClientSession::commit(std::stop_token stop) {
  CHECK(transaction_ != nullptr);
  return transaction_->commit(std::move(stop));
}

void ClientSession::end_transaction(bool committed) {
  transaction_.reset();
  cursors_.clear();
  again_ = nullptr;
  failed_ = false;
  settings_.end_transaction(committed);
}

void ClientSession::statement_failed() {
  ++database_.counters().failed_statements;
  if (transaction_ && transaction_->block()) {
    failed_ = true;
  } else {
    end_transaction(false);
  }
}

Status ClientSession::end_implicit() {
  if (!transaction_ || transaction_->block()) return ok();
  // Ends with an exception too, or its rows would go into the next commit.
  struct Ending {
    ClientSession& session;
    bool committed = false;
    ~Ending() { session.end_transaction(committed); }
  } ending{*this};
  Status committed = ok();
  for (int tries = 1; transaction_->writes(); ++tries) {
    committed = commit({});
    const bool conflict = !committed.ok() && committed.error().code == ErrorCode::kConflict;
    if (!conflict || statements_ != 1 || !again_ || tries == kTries) break;
    transaction_ = std::make_shared<Transaction>(database_, false);
    auto tag = again_();
    if (!tag.ok()) {
      committed = std::move(tag).error();
      break;
    }
    if (*tag != told_tag_) {
      // The client was told of other rows than would be changed now.
      committed = error(ErrorCode::kConflict, "could not serialize access due to concurrent update")
                      .with_sqlstate("40001")
                      .with_hint("Nothing was changed. Run the statement again.");
      break;
    }
  }
  ending.committed = committed.ok();
  return committed;
}

TransactionState ClientSession::transaction_state() const {
  if (failed_) return TransactionState::kFailed;
  return transaction_ && transaction_->block() ? TransactionState::kOpen : TransactionState::kIdle;
}

void ClientSession::request_cancel() { running_.request(); }

Status ClientSession::check_current(const Execution& execution) const {
  if (transaction_ && execution.transaction == transaction_) return ok();
  return invalid("the portal's transaction has ended")
      .with_sqlstate("34000")
      .with_hint("Bind the statement again.");
}

std::optional<std::string> ClientSession::setting(std::string_view name) const {
  return settings_.get(name);
}

Status ClientSession::set(std::string_view name, std::string_view value) {
  return set_checked(database_, settings_, name, value);
}

Result<std::string> ClientSession::begin_block(const sql::Begin& begin) {
  if (transaction_->block()) warn("25001", "there is already a transaction in progress");
  // What the same query has done before BEGIN becomes part of the block, as in PostgreSQL.
  transaction_->make_block();
  again_ = nullptr;
  TRY(set_modes(begin.modes));
  return std::string(begin.start ? "START TRANSACTION" : "BEGIN");
}

Result<std::string> ClientSession::set_transaction(const sql::SetTransaction& set) {
  if (!set.session && !transaction_->block()) {
    warn("25P01", "SET TRANSACTION can only be used in transaction blocks");
  } else if (!set.session) {
    TRY(set_modes(set.modes));
  } else if (set.modes.read_only) {
    TRY(settings_.set("default_transaction_read_only", *set.modes.read_only ? "on" : "off"));
  }
  return std::string("SET");
}

// Every isolation level is given what the strictest promises.
Status ClientSession::set_modes(const sql::TransactionModes& modes) {
  if (!modes.read_only) return ok();
  return settings_.set("transaction_read_only", *modes.read_only ? "on" : "off");
}

Result<std::string> ClientSession::commit_block(const Execution& execution) {
  if (failed_) return roll_back();
  if (!transaction_->block()) warn("25P01", "there is no transaction in progress");
  Status committed = commit(execution.stop);
  end_transaction(committed.ok());
  if (!committed.ok() && committed.error().code == ErrorCode::kConflict) {
    return std::move(committed).error().with_sqlstate("40001").with_hint(
        "Nothing was changed. Run the transaction again.");
  }
  if (!committed.ok()) return std::move(committed).error();
  return std::string("COMMIT");
}

std::string ClientSession::roll_back() {
  if (!failed_ && !transaction_->block()) warn("25P01", "there is no transaction in progress");
  end_transaction(false);
  return "ROLLBACK";
}

Status ClientSession::set_variable(const sql::SetVariable& set) {
  const auto at = [&set](Error error) { return std::move(error).at(set.position); };
  if (set.local) {
    if (!transaction_->block()) {
      warn("25P01", "SET LOCAL can only be used in transaction blocks");
      return ok();
    }
    settings_.set_local(set.name);
  }
  if (set.values.empty()) {
    Status done = settings_.reset(set.name);
    return done.ok() ? ok() : Status(at(std::move(done).error()));
  }
  std::string value;
  for (const std::string& part : set.values) {
    if (!value.empty()) value += ", ";
    value += set.name == "search_path" ? sql::quote_identifier(part) : part;
  }
  Status done = this->set(set.name, value);
  return done.ok() ? ok() : Status(at(std::move(done).error()));
}

Result<std::unique_ptr<Portal>> ClientSession::show(ExecutionPtr execution, const sql::Show& show) {
  if (show.what == sql::Show::What::kSetting) {
    const auto value = settings_.get(show.setting);
    if (!value) {
      return Error(ErrorCode::kNotFound,
                   fmt::format("unrecognized configuration parameter \"{}\"", show.setting))
          .with_sqlstate("42704");
    }
    return text_rows({show.setting}, {{*value}}, "SHOW");
  }
  if (show.what == sql::Show::What::kAllSettings) {
    std::vector<std::vector<std::string>> rows;
    for (const Settings::Shown& one : settings_.all()) {
      rows.push_back({one.name, one.value, one.description});
    }
    return text_rows({"name", "setting", "description"}, rows, "SHOW");
  }
  if (shows_policy(show)) {
    TRY_ASSIGN(const std::string policy, policy_of(*execution, show));
    return text_rows(kPolicyColumns, {{policy}}, "SHOW");
  }
  TRY_ASSIGN(const sql::ResolveContext context, execution->context());
  TRY_ASSIGN(auto query, sql::show_query(show, context));
  TRY_ASSIGN(auto rows, open_query(std::move(execution), std::move(query), {}));
  rows->set_tag("SHOW");
  return std::unique_ptr<Portal>(std::move(rows));
}

void ClientSession::warn(std::string_view sqlstate, std::string message) {
  if (client_.notice)
    client_.notice({"WARNING", std::string(sqlstate), std::move(message), "", ""});
}

}  // namespace sluice::session
