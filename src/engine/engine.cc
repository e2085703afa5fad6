#include "engine/engine.h"

#include <duckdb.hpp>
#include <duckdb/main/attached_database.hpp>
#include <duckdb/parser/parser.hpp>
#include <duckdb/parser/sql_statement.hpp>
#include <filesystem>

#include "engine/connection.h"
#include "engine/errors.h"
#include "engine/parameters.h"
#include "engine/push/push_copy.h"
#include "engine/row_filter.h"
#include "engine/row_source_scan.h"

namespace sluice::engine {
namespace {

std::string quoted(const std::string& text, char quote) {
  std::string out(1, quote);
  for (const char c : text) out.append(c == quote ? 2 : 1, c);
  return out + quote;
}

class DuckEngine final : public Engine {
 public:
  Status start(const Options& options, const Registration& registration);

  Result<std::unique_ptr<Connection>> connect() override { return make_connection(database_); }
  Registered add_rows(std::shared_ptr<const RowSource> rows) override {
    return rows_->add(std::move(rows));
  }
  Registered add_filter(std::shared_ptr<const RowFilter> filter) override {
    return filters_->add(std::move(filter));
  }
  Status attach(const std::string& name, const std::string& path) override {
    return run("ATTACH " + quoted(path, '\'') + " AS " + quoted(name, '"') + " (READ_ONLY)");
  }
  Status detach(const std::string& name) override { return run("DETACH " + quoted(name, '"')); }
  duckdb::DatabaseInstance& instance() override { return *database_->instance; }

 private:
  Status run(const std::string& sql);
  Status lock_settings(const Options& options);

  // Shared with connections and tokens, which may be dropped after the engine.
  const std::shared_ptr<Registry<RowSource>> rows_ = std::make_shared<Registry<RowSource>>();
  const std::shared_ptr<Registry<RowFilter>> filters_ = std::make_shared<Registry<RowFilter>>();
  std::shared_ptr<duckdb::DuckDB> database_;
};

Status DuckEngine::run(const std::string& sql) {
  try {
    duckdb::Connection connection(*database_);
    const auto result = connection.Query(sql);
    if (result->HasError()) return engine_error(result->GetErrorObject());
    return ok();
  } catch (const std::exception& exception) {
    return engine_error(exception);
  }
}

Status DuckEngine::start(const Options& options, const Registration& registration) {
  if (!options.temp_directory.empty()) {
    // What a process that was killed has spilled is of no use to anybody.
    std::error_code ignored;
    std::filesystem::remove_all(options.temp_directory, ignored);
    std::filesystem::create_directories(options.temp_directory, ignored);
  }
  try {
    duckdb::DBConfig config;
    config.options.maximum_threads = static_cast<duckdb::idx_t>(std::max(1, options.threads));
    config.options.maximum_memory = options.memory_limit_bytes;
    config.options.temporary_directory = options.temp_directory;
    config.SetOptionByName("autoload_known_extensions", Value::BOOLEAN(false));
    config.SetOptionByName("autoinstall_known_extensions", Value::BOOLEAN(false));
    database_ = std::make_shared<duckdb::DuckDB>(nullptr, &config);
    register_row_source_scan(instance(), rows_);
    register_row_filter(instance(), filters_);
    register_push(instance());
    if (registration) registration(instance());
  } catch (const std::exception& exception) {
    return engine_error(exception);
  }
  return lock_settings(options);
}

Status DuckEngine::lock_settings(const Options& options) {
  // Order is kept only where a query asks for it (ORDER BY): half the memory, and parallel.
  TRY(run("SET preserve_insertion_order = false"));
  TRY(run("SET GLOBAL TimeZone = 'UTC'"));
  std::string directories = "'sluice://'";
  for (const std::string& directory : options.readable_directories) {
    directories += ", " + quoted(directory, '\'');
  }
  TRY(run("SET allowed_directories = [" + directories + "]"));
  TRY(run("SET enable_external_access = false"));
  return run("SET lock_configuration = true");
}

}  // namespace

Query::Query() = default;
Query::Query(std::unique_ptr<duckdb::SQLStatement> statement) : statement_(std::move(statement)) {
  number_parameters(*statement_);
}
Query::Query(Query&&) noexcept = default;
Query& Query::operator=(Query&&) noexcept = default;
Query::~Query() = default;

Result<Query> Query::parse(const std::string& sql) {
  try {
    duckdb::Parser parser;
    parser.ParseQuery(sql);
    if (parser.statements.size() != 1) return internal("expected one statement: {}", sql);
    return Query(std::move(parser.statements[0]));
  } catch (const std::exception& exception) {
    return engine_error(exception);
  }
}

Query Query::copy() const {
  Query copied;
  if (statement_) copied.statement_ = statement_->Copy();
  copied.keep = keep;
  return copied;
}

Result<std::unique_ptr<Engine>> Engine::open(Options options, const Registration& registration) {
  auto engine = std::make_unique<DuckEngine>();
  TRY(engine->start(options, registration));
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace sluice::engine
