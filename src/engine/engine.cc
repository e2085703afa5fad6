#include "engine/engine.h"

#include <duckdb.hpp>
#include <duckdb/parser/parser.hpp>
#include <duckdb/parser/sql_statement.hpp>

#include "engine/connection.h"
#include "engine/errors.h"
#include "engine/instances.h"
#include "engine/parameters.h"

namespace sluice::engine {
namespace {

class DuckEngine final : public Engine {
 public:
  DuckEngine(std::shared_ptr<Instances> instances, uint64_t memory_limit_bytes)
      : instances_(std::move(instances)), memory_limit_bytes_(memory_limit_bytes) {}

  Result<std::unique_ptr<Connection>> connect() override { return make_connection(instances_); }
  Registered add_rows(std::shared_ptr<const RowSource> rows) override {
    return instances_->rows->add(std::move(rows));
  }
  Registered add_filter(std::shared_ptr<const RowFilter> filter) override {
    return instances_->filters->add(std::move(filter));
  }
  Status attach(const std::string& name, const std::string& path) override {
    return instances_->attach(name, path);
  }
  Status detach(const std::string& name) override { return instances_->detach(name); }
  uint64_t memory_limit_bytes() const override { return memory_limit_bytes_; }
  uint64_t restarts() const override { return instances_->restarts(); }

 private:
  const std::shared_ptr<Instances> instances_;  // shared with connections
  const uint64_t memory_limit_bytes_;
};

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

Result<std::unique_ptr<Engine>> Engine::open(Options options, Registration registration) {
  const uint64_t memory_limit_bytes = options.memory_limit_bytes;
  auto instances = std::make_shared<Instances>(std::move(options), std::move(registration));
  TRY(instances->current());
  return std::unique_ptr<Engine>(
      std::make_unique<DuckEngine>(std::move(instances), memory_limit_bytes));
}

}  // namespace sluice::engine
