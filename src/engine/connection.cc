#include "engine/connection.h"

#include <duckdb.hpp>
#include <duckdb/main/client_config.hpp>
#include <duckdb/main/pending_query_result.hpp>
#include <duckdb/main/stream_query_result.hpp>
#include <duckdb/planner/expression/bound_parameter_data.hpp>
#include <duckdb/planner/planner.hpp>
#include <map>

#include "engine/constant_rows.h"
#include "engine/errors.h"
#include "engine/push/push_copy.h"

namespace sluice::engine {
namespace {

using NamedValues = duckdb::case_insensitive_map_t<duckdb::BoundParameterData>;

// DuckDB knows $1 as the parameter named "1".
NamedValues named(std::vector<Value> parameters) {
  NamedValues values;
  for (size_t i = 0; i < parameters.size(); ++i) {
    values.emplace(std::to_string(i + 1), duckdb::BoundParameterData(std::move(parameters[i])));
  }
  return values;
}

class DuckStream final : public RowStream {
 public:
  DuckStream(duckdb::unique_ptr<duckdb::QueryResult> rows, duckdb::Connection& connection,
             std::vector<std::shared_ptr<const void>> keep)
      : keep_(std::move(keep)), connection_(connection), rows_(std::move(rows)) {
    shape_.names.assign(rows_->names.begin(), rows_->names.end());
    shape_.types.assign(rows_->types.begin(), rows_->types.end());
  }

  const Shape& shape() const override { return shape_; }

  Result<Chunk*> next(std::stop_token stop) override {
    if (stop.stop_requested()) return cancelled();
    if (!rows_) return static_cast<Chunk*>(nullptr);
    try {
      // The query has begun long ago, so an interrupt at any moment from here on is seen.
      const std::stop_callback interrupt(stop, [this] { connection_.Interrupt(); });
      chunk_ = rows_->Fetch();
      if (rows_->HasError()) return fail(engine_error(rows_->GetErrorObject()));
      if (!chunk_ || chunk_->size() == 0) {
        rows_.reset();
        return static_cast<Chunk*>(nullptr);
      }
      return chunk_.get();
    } catch (const std::exception& exception) {
      return fail(engine_error(exception));
    }
  }

 private:
  Error fail(Error error) {
    rows_.reset();
    return error;
  }

  Shape shape_;
  const std::vector<std::shared_ptr<const void>> keep_;  // goes after the result that reads it
  duckdb::Connection& connection_;
  duckdb::unique_ptr<duckdb::QueryResult> rows_;
  duckdb::unique_ptr<duckdb::DataChunk> chunk_;
};

// Rows that are there already.
class FinishedStream final : public RowStream {
 public:
  explicit FinishedStream(ConstantRows rows) : rows_(std::move(rows)) {}

  const Shape& shape() const override { return rows_.shape; }

  Result<Chunk*> next(std::stop_token stop) override {
    if (stop.stop_requested()) return cancelled();
    return std::exchange(given_, true) ? nullptr : rows_.rows.get();
  }

 private:
  const ConstantRows rows_;
  bool given_ = false;
};

class DuckConnection final : public Connection {
 public:
  explicit DuckConnection(std::shared_ptr<Instances> instances)
      : instances_(std::move(instances)) {}
  // To the instance that is in use now. Before each call; nothing of an earlier one runs any more.
  Status settle();

  Result<Description> describe(const Query& query) override;
  Result<std::unique_ptr<RowStream>> stream(Query query, std::vector<Value> parameters,
                                            std::stop_token stop) override;
  Result<std::unique_ptr<Reader>> reader(Query query, std::vector<Value> parameters) override;
  Result<std::vector<std::vector<Value>>> query(const std::string& sql,
                                                std::stop_token stop) override;
  Status set_time_zone(const std::string& name) override;
  duckdb::ClientContext& context() override { return *duckdb_->context; }

 private:
  void use_time_zone(std::string spelled);

  const std::shared_ptr<Instances> instances_;  // shared with the engine
  std::shared_ptr<duckdb::DuckDB> database_;    // shared: stays while this does
  std::unique_ptr<duckdb::Connection> duckdb_;
  std::optional<Value> time_zone_;
};

Status DuckConnection::settle() {
  if (database_ && !Instances::invalidated(*database_)) return ok();
  TRY_ASSIGN(auto database, instances_->current());
  try {
    duckdb_.reset();
    database_ = std::move(database);
    duckdb_ = std::make_unique<duckdb::Connection>(*database_);
    auto& config = duckdb::ClientConfig::GetConfig(*duckdb_->context);
    // What is computed ahead of a slow client: one chunk of each thread. Not more, since the engine
    // counts 16 bytes for a text of any length. (Shared out in tenths, so 1 would be none.)
    config.streaming_buffer_size = 4;
    if (time_zone_) config.set_variables["TimeZone"] = *time_zone_;
    return ok();
  } catch (const std::exception& exception) {
    database_.reset();
    return engine_error(exception);
  }
}

// One attempt: false when it could not be bound for want of parameters' types. `assumed` are NULLs
// of the types that some parameters are taken to have.
bool describe_once(duckdb::ClientContext& context, const Query& query,
                   const std::map<size_t, Value>& assumed, Description& description) {
  duckdb::Planner planner(context);
  for (const auto& [number, value] : assumed) {
    planner.parameter_data.emplace(std::to_string(number), duckdb::BoundParameterData(value));
  }
  planner.CreatePlan(query.statement().Copy());
  description.shape.names.assign(planner.names.begin(), planner.names.end());
  description.shape.types.assign(planner.types.begin(), planner.types.end());
  description.parameters.resize(query.statement().named_param_map.size(),
                                LogicalType(LogicalTypeId::UNKNOWN));
  for (const auto& [name, parameter] : planner.value_map) {
    const size_t number = static_cast<size_t>(std::strtoull(name.c_str(), nullptr, 10));
    if (number < 1 || number > UINT16_MAX || assumed.contains(number)) continue;
    if (number > description.parameters.size()) {
      description.parameters.resize(number, LogicalType(LogicalTypeId::UNKNOWN));
    }
    description.parameters[number - 1] = parameter->return_type;
  }
  return planner.plan != nullptr;
}

Result<Description> DuckConnection::describe(const Query& query) {
  TRY(settle());
  try {
    Description description;
    bool bound = false;
    duckdb_->context->RunFunctionInTransaction([&] {
      // DuckDB gives up at the first parameter without a type; as in PostgreSQL it is text then.
      std::map<size_t, Value> assumed;
      const size_t count = query.statement().named_param_map.size();
      for (size_t number = 0; number <= count && !bound; ++number) {
        if (number > 0) {
          const LogicalTypeId known = description.parameters[number - 1].id();
          if (known != LogicalTypeId::UNKNOWN && known != LogicalTypeId::INVALID) continue;
          assumed.emplace(number, Value(LogicalType::VARCHAR));
        }
        bound = describe_once(*duckdb_->context, query, assumed, description);
      }
      if (bound || count == 0) return;
      // A table function wants its arguments' values when it is bound: NULLs will do.
      for (size_t number = 1; number <= count; ++number) {
        assumed.emplace(number, Value(description.parameters[number - 1]));
      }
      bound = describe_once(*duckdb_->context, query, assumed, description);
    });
    if (bound) return description;
    return invalid("could not determine data type of a parameter").with_sqlstate("42P18");
  } catch (const std::exception& exception) {
    return engine_error(exception);
  }
}

Result<std::unique_ptr<RowStream>> DuckConnection::stream(Query query,
                                                          std::vector<Value> parameters,
                                                          std::stop_token stop) {
  if (stop.stop_requested()) return cancelled();
  TRY(settle());
  try {
    NamedValues values = named(std::move(parameters));
    {
      duckdb_->context->interrupted = false;  // as it may be since an earlier query
      const std::stop_callback interrupt(stop, [this] { duckdb_->Interrupt(); });
      if (auto rows = constant_rows(*duckdb_->context, query, values)) {
        return std::unique_ptr<RowStream>(std::make_unique<FinishedStream>(*std::move(rows)));
      }
    }
    auto pending = duckdb_->PendingQuery(query.statement().Copy(), values, true);
    if (pending->HasError()) return engine_error(pending->GetErrorObject());
    // Not earlier: DuckDB forgets an interrupt that comes before its query has begun. A stop
    // requested meanwhile is not lost, since this callback then runs at once.
    const std::stop_callback interrupt(stop, [this] { duckdb_->Interrupt(); });
    auto rows = pending->Execute();
    if (rows->HasError()) return engine_error(rows->GetErrorObject());
    return std::unique_ptr<RowStream>(
        std::make_unique<DuckStream>(std::move(rows), *duckdb_, std::move(query.keep)));
  } catch (const std::exception& exception) {
    return engine_error(exception);
  }
}

Result<std::unique_ptr<Reader>> DuckConnection::reader(Query query, std::vector<Value> parameters) {
  TRY(settle());
  return make_push_reader(*duckdb_, std::move(query), std::move(parameters));
}

Result<std::vector<std::vector<Value>>> DuckConnection::query(const std::string& sql,
                                                              std::stop_token stop) {
  if (stop.stop_requested()) return cancelled();
  TRY(settle());
  try {
    auto pending = duckdb_->PendingQuery(sql);
    if (pending->HasError()) return engine_error(pending->GetErrorObject());
    const std::stop_callback interrupt(stop, [this] { duckdb_->Interrupt(); });
    auto result = pending->Execute();
    if (result->HasError()) return engine_error(result->GetErrorObject());
    std::vector<std::vector<Value>> rows;
    while (auto chunk = result->Fetch()) {
      for (size_t row = 0; row < chunk->size(); ++row) {
        auto& values = rows.emplace_back();
        for (size_t column = 0; column < chunk->ColumnCount(); ++column) {
          values.push_back(chunk->GetValue(column, row));
        }
      }
    }
    return rows;
  } catch (const std::exception& exception) {
    return engine_error(exception);
  }
}

void DuckConnection::use_time_zone(std::string spelled) {
  time_zone_ = Value(std::move(spelled));
  duckdb::ClientConfig::GetConfig(*duckdb_->context).set_variables["TimeZone"] = *time_zone_;
}

Status DuckConnection::set_time_zone(const std::string& name) {
  TRY(settle());
  try {
    // Settings are locked for SQL; the client's own configuration is not. Nothing checks the name
    // there, so it is looked up first.
    if (auto known = instances_->known_time_zone(name)) {
      use_time_zone(std::move(*known));
      return ok();
    }
    duckdb::vector<Value> arguments{Value(name)};
    auto statement =
        duckdb_->Prepare("SELECT name FROM pg_timezone_names() WHERE lower(name) = lower($1)");
    if (statement->HasError()) return engine_error(statement->GetErrorObject());
    auto found = statement->Execute(arguments, false);
    if (found->HasError()) return engine_error(found->GetErrorObject());
    const auto chunk = found->Fetch();
    if (!chunk || chunk->size() == 0) {
      return invalid("invalid value for parameter \"TimeZone\": \"{}\"", name)
          .with_sqlstate("22023");
    }
    const std::string spelled = chunk->GetValue(0, 0).ToString();
    instances_->remember_time_zone(name, spelled);
    use_time_zone(spelled);
    return ok();
  } catch (const std::exception& exception) {
    return engine_error(exception);
  }
}

}  // namespace

Result<std::unique_ptr<Connection>> make_connection(std::shared_ptr<Instances> instances) {
  auto connection = std::make_unique<DuckConnection>(std::move(instances));
  TRY(connection->settle());
  return std::unique_ptr<Connection>(std::move(connection));
}

}  // namespace sluice::engine
