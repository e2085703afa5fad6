#include "engine/push/push_copy.h"

#include <atomic>
#include <duckdb/catalog/catalog.hpp>
#include <duckdb/catalog/catalog_entry/copy_function_catalog_entry.hpp>
#include <duckdb/catalog/catalog_transaction.hpp>
#include <duckdb/execution/execution_context.hpp>
#include <duckdb/execution/executor.hpp>
#include <duckdb/execution/progress_data.hpp>
#include <duckdb/function/copy_function.hpp>
#include <duckdb/main/connection.hpp>
#include <duckdb/main/pending_query_result.hpp>
#include <duckdb/parallel/pipeline.hpp>
#include <duckdb/parser/parsed_data/create_copy_function_info.hpp>
#include <duckdb/parser/statement/copy_statement.hpp>
#include <duckdb/parser/statement/select_statement.hpp>
#include <duckdb/planner/binder.hpp>
#include <duckdb/planner/operator/logical_copy_to_file.hpp>
#include <duckdb/planner/planner.hpp>
#include <map>
#include <mutex>
#include <thread>

#include "base/background.h"
#include "engine/allocations.h"
#include "engine/errors.h"
#include "engine/push/stream_file_system.h"

namespace sluice::engine {
namespace {

constexpr char kFormat[] = "sluice_push";
using NamedValues = duckdb::case_insensitive_map_t<duckdb::BoundParameterData>;

// One run of a reader, shared by the threads that produce.
class PushRun {
 public:
  PushRun(ChunkSink& sink, const duckdb::ClientContext& context)
      : sink_(sink), context_(context), path_(fmt::format("sluice://push/{}", next_stream_id())) {}

  const std::string& path() const { return path_; }
  bool belongs_to(const duckdb::ClientContext& context) const { return &context == &context_; }
  std::stop_token stop() const { return stop_.get_token(); }
  void request_stop() { stop_.request_stop(); }

  // Owned here and not by the engine's operator states, so that all are gone when the run returns.
  Result<LocalSink*> open_local() {
    TRY_ASSIGN(std::unique_ptr<LocalSink> local, sink_.open_local());
    const std::lock_guard lock(mutex_);
    return locals_.emplace_back(std::move(local)).get();
  }

  // Keeps the first error and wakes the sinks of other threads. DuckDB gets an exception that ends
  // its query; its text is never seen.
  [[noreturn]] void fail(Error error) {
    {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::move(error);
    }
    stop_.request_stop();
    throw duckdb::IOException("the sink has failed");
  }

  bool failed() {
    const std::lock_guard lock(mutex_);
    return error_.has_value();
  }
  // Drops the local sinks; nothing of the run works any more.
  void end() {
    const std::lock_guard lock(mutex_);
    locals_.clear();
  }
  std::optional<Error> take_error() {
    const std::lock_guard lock(mutex_);
    return std::exchange(error_, std::nullopt);
  }

  std::atomic<uint64_t> rows{0};
  std::atomic<uint64_t> expected_rows{0};

 private:
  ChunkSink& sink_;
  const duckdb::ClientContext& context_;
  const std::string path_;
  std::stop_source stop_;
  std::mutex mutex_;  // for the rest
  std::vector<std::unique_ptr<LocalSink>> locals_;
  std::optional<Error> error_;
};

// The way from a statement's path back to its run.
class Runs {
 public:
  void add(std::shared_ptr<PushRun> run) {
    const std::lock_guard lock(mutex_);
    const std::string path = run->path();
    runs_.emplace(path, std::move(run));
  }
  void remove(const std::string& path) {
    const std::lock_guard lock(mutex_);
    runs_.erase(path);
  }
  std::shared_ptr<PushRun> find(const std::string& path, const duckdb::ClientContext& context) {
    const std::lock_guard lock(mutex_);
    const auto entry = runs_.find(path);
    if (entry == runs_.end() || !entry->second->belongs_to(context)) return nullptr;
    return entry->second;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<PushRun>> runs_;
};

Runs& runs() {
  static Runs runs;
  return runs;
}

// Shared, since DuckDB copies bind data as it likes.
struct PushBindData final : duckdb::FunctionData {
  explicit PushBindData(std::shared_ptr<PushRun> push_run) : run(std::move(push_run)) {}
  duckdb::unique_ptr<FunctionData> Copy() const override {
    return duckdb::make_uniq<PushBindData>(run);
  }
  bool Equals(const FunctionData& other) const override {
    return run == other.Cast<PushBindData>().run;
  }
  const std::shared_ptr<PushRun> run;
};

struct PushLocalState final : duckdb::LocalFunctionData {
  LocalSink* sink = nullptr;  // from the first row on
};

// Whether the query's own last word is an order. Deeper ones need not be kept.
bool is_ordered(const duckdb::LogicalOperator& plan) {
  switch (plan.type) {
    case duckdb::LogicalOperatorType::LOGICAL_ORDER_BY:
    case duckdb::LogicalOperatorType::LOGICAL_TOP_N:
      return true;
    case duckdb::LogicalOperatorType::LOGICAL_PROJECTION:
    case duckdb::LogicalOperatorType::LOGICAL_LIMIT:
      return is_ordered(*plan.children[0]);
    case duckdb::LogicalOperatorType::LOGICAL_MATERIALIZED_CTE:
      return is_ordered(*plan.children[1]);
    default:
      return false;
  }
}

// In place of DuckDB's own binding of COPY, which asks file systems about the path.
duckdb::BoundStatement plan_push(duckdb::Binder& binder, duckdb::CopyStatement& statement) {
  auto run = runs().find(statement.info->file_path, binder.context);
  if (!run) throw duckdb::PermissionException("FORMAT %s is not for statements", kFormat);
  auto select = binder.Bind(*statement.info->select_statement->Copy());

  auto& entry =
      duckdb::Catalog::GetSystemCatalog(binder.context)
          .GetEntry<duckdb::CopyFunctionCatalogEntry>(binder.context, DEFAULT_SCHEMA, kFormat);
  auto copy = duckdb::make_uniq<duckdb::LogicalCopyToFile>(
      entry.function, duckdb::make_uniq<PushBindData>(std::move(run)), statement.info->Copy());
  copy->file_path = statement.info->file_path;
  copy->use_tmp_file = false;
  copy->overwrite_mode = duckdb::CopyOverwriteMode::COPY_OVERWRITE_OR_IGNORE;
  copy->per_thread_output = false;
  copy->rotate = false;
  copy->return_type = duckdb::CopyFunctionReturnType::CHANGED_ROWS;
  copy->partition_output = false;
  copy->write_partition_columns = false;
  copy->preserve_order = is_ordered(*select.plan) ? duckdb::PreserveOrderType::PRESERVE_ORDER
                                                  : duckdb::PreserveOrderType::DONT_PRESERVE_ORDER;
  copy->names = select.names;
  copy->expected_types = select.types;
  copy->AddChild(std::move(select.plan));

  duckdb::BoundStatement bound;
  bound.names = duckdb::GetCopyFunctionReturnNames(copy->return_type);
  bound.types = duckdb::GetCopyFunctionReturnLogicalTypes(copy->return_type);
  bound.plan = std::move(copy);
  return bound;
}

duckdb::CopyFunctionExecutionMode execution_mode(bool ordered, bool /*batch_index*/) {
  return ordered ? duckdb::CopyFunctionExecutionMode::REGULAR_COPY_TO_FILE
                 : duckdb::CopyFunctionExecutionMode::PARALLEL_COPY_TO_FILE;
}

duckdb::unique_ptr<duckdb::GlobalFunctionData> begin_run(duckdb::ClientContext&,
                                                         duckdb::FunctionData&,
                                                         const std::string&) {
  return duckdb::make_uniq<duckdb::GlobalFunctionData>();
}

duckdb::unique_ptr<duckdb::LocalFunctionData> begin_thread(duckdb::ExecutionContext&,
                                                           duckdb::FunctionData&) {
  // Runs within execute(), or on one of DuckDB's own threads.
  allocations_of_worker_may_fail();
  become_background_thread();
  return duckdb::make_uniq<PushLocalState>();
}

// What the planner thinks of the query's rows: exact for whole tables.
uint64_t expected_rows(duckdb::ExecutionContext& context) {
  if (!context.pipeline) return 0;
  const auto sink = context.pipeline->GetSink();
  if (!sink || sink->children.empty()) return 0;
  return sink->children[0].get().estimated_cardinality;
}

void push(duckdb::ExecutionContext& context, duckdb::FunctionData& bind_data,
          duckdb::GlobalFunctionData&, duckdb::LocalFunctionData& state, duckdb::DataChunk& chunk) {
  if (chunk.size() == 0) return;
  PushRun& run = *bind_data.Cast<PushBindData>().run;
  auto& local = state.Cast<PushLocalState>();
  if (local.sink == nullptr) {
    auto opened = run.open_local();
    if (!opened.ok()) run.fail(std::move(opened).error());
    local.sink = *opened;
    run.expected_rows = expected_rows(context);
  }
  // Counted before, as the sink may take the chunk apart.
  run.rows += chunk.size();
  if (Status status = local.sink->append(chunk, run.stop()); !status.ok()) {
    run.fail(std::move(status).error());
  }
}

void finish_thread(duckdb::ExecutionContext& context, duckdb::FunctionData& bind_data,
                   duckdb::GlobalFunctionData&, duckdb::LocalFunctionData& state) {
  PushRun& run = *bind_data.Cast<PushBindData>().run;
  auto& local = state.Cast<PushLocalState>();
  if (local.sink == nullptr || run.failed()) return;
  if (context.pipeline && context.pipeline->executor.HasError()) return;
  if (Status status = local.sink->finish(run.stop()); !status.ok()) {
    run.fail(std::move(status).error());
  }
}

void finish_run(duckdb::ClientContext&, duckdb::FunctionData&, duckdb::GlobalFunctionData&) {}

class PushReader final : public Reader {
 public:
  PushReader(duckdb::Connection& connection, Query query, NamedValues values, Shape shape)
      : connection_(connection),
        query_(std::move(query)),
        values_(std::move(values)),
        shape_(std::move(shape)) {}

  const Shape& shape() const override { return shape_; }

  std::optional<Progress> progress() const override {
    const std::shared_ptr<PushRun> run = run_.lock();
    if (!run) return std::nullopt;
    duckdb::ProgressData all;
    connection_.context->GetExecutor().GetPipelinesProgress(all);
    if (!all.IsValid() || all.total <= 0) return std::nullopt;
    return Progress{all.done / all.total, run->expected_rows};
  }

  Status run(ChunkSink& sink, std::stop_token stop) override {
    if (stop.stop_requested()) return cancelled();
    auto run = std::make_shared<PushRun>(sink, *connection_.context);
    run_ = run;
    runs().add(run);
    Status status = cancelled();
    // On a thread of its own, since this one answers a client again afterwards.
    std::thread([&] {
      become_background_thread();
      status = execute(*run, stop);
    }).join();
    runs().remove(run->path());
    run->end();
    if (status.ok()) return status;
    if (stop.stop_requested()) return cancelled();
    // A sink's error is the cause of whatever DuckDB has said after it.
    if (std::optional<Error> error = run->take_error()) return std::move(*error);
    return status;
  }

 private:
  duckdb::unique_ptr<duckdb::CopyStatement> copy_statement(const std::string& path) const {
    auto copy = duckdb::make_uniq<duckdb::CopyStatement>();
    copy->info->is_from = false;
    copy->info->format = kFormat;
    copy->info->is_format_auto_detected = false;
    copy->info->file_path = path;
    copy->info->select_statement = query_.statement().Cast<duckdb::SelectStatement>().node->Copy();
    copy->named_param_map = query_.statement().named_param_map;
    return copy;
  }

  Status execute(PushRun& run, const std::stop_token& stop) {
    const AllocationsMayFail may_fail;
    try {
      NamedValues values = values_;
      auto pending = connection_.context->PendingQuery(copy_statement(run.path()), values, false);
      if (pending->HasError()) return engine_error(pending->GetErrorObject());
      // Not earlier: DuckDB forgets an interrupt that comes before its query has begun. The run's
      // own stop wakes sinks that wait for the network, where no interrupt reaches them.
      const std::stop_callback interrupt(stop, [&] {
        run.request_stop();
        connection_.Interrupt();
      });
      auto result = pending->Execute();
      if (result->HasError()) return engine_error(result->GetErrorObject());
      const auto chunk = result->Fetch();
      const uint64_t copied = chunk ? chunk->GetValue(0, 0).GetValue<uint64_t>() : 0;
      if (copied != run.rows) {
        return internal("the engine counted {} rows, its threads pushed {}", copied,
                        run.rows.load());
      }
      return ok();
    } catch (const std::exception& exception) {
      return engine_error(exception);
    }
  }

  duckdb::Connection& connection_;
  const Query query_;
  const NamedValues values_;
  const Shape shape_;
  std::weak_ptr<PushRun> run_;  // set before any thread of the run is there
};

}  // namespace

void register_push(duckdb::DatabaseInstance& instance) {
  register_stream_file_system(instance);
  duckdb::CopyFunction function(kFormat);
  function.plan = plan_push;
  function.copy_to_initialize_global = begin_run;
  function.copy_to_initialize_local = begin_thread;
  function.copy_to_sink = push;
  function.copy_to_combine = finish_thread;
  function.copy_to_finalize = finish_run;
  function.execution_mode = execution_mode;
  function.extension = kFormat;
  duckdb::CreateCopyFunctionInfo info(function);
  duckdb::Catalog::GetSystemCatalog(instance).CreateCopyFunction(
      duckdb::CatalogTransaction::GetSystemTransaction(instance), info);
}

Result<std::unique_ptr<Reader>> make_push_reader(duckdb::Connection& connection, Query query,
                                                 std::vector<Value> parameters) {
  if (query.statement().type != duckdb::StatementType::SELECT_STATEMENT) {
    return internal("only a SELECT can be read");
  }
  NamedValues values;  // DuckDB knows $1 as the parameter named "1"
  for (size_t i = 0; i < parameters.size(); ++i) {
    values.emplace(std::to_string(i + 1), duckdb::BoundParameterData(std::move(parameters[i])));
  }
  Shape shape;
  try {
    duckdb::ClientContext& context = *connection.context;
    context.RunFunctionInTransaction([&] {
      duckdb::Planner planner(context);
      planner.parameter_data = values;
      planner.CreatePlan(query.statement().Copy());
      shape.names.assign(planner.names.begin(), planner.names.end());
      shape.types.assign(planner.types.begin(), planner.types.end());
    });
  } catch (const std::exception& exception) {
    return engine_error(exception);
  }
  return std::unique_ptr<Reader>(std::make_unique<PushReader>(connection, std::move(query),
                                                              std::move(values), std::move(shape)));
}

}  // namespace sluice::engine
