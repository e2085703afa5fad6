#include "engine/instances.h"

#include <duckdb.hpp>
#include <duckdb/main/valid_checker.hpp>
#include <filesystem>

#include "base/log.h"
#include "engine/allocations.h"
#include "engine/errors.h"
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

Status run(duckdb::DuckDB& database, const std::string& sql) {
  try {
    duckdb::Connection connection(database);
    const auto result = connection.Query(sql);
    if (result->HasError()) return engine_error(result->GetErrorObject());
    return ok();
  } catch (const std::exception& exception) {
    return engine_error(exception);
  }
}

Status attach_to(duckdb::DuckDB& database, const std::string& name, const std::string& path) {
  return run(database,
             "ATTACH " + quoted(path, '\'') + " AS " + quoted(name, '"') + " (READ_ONLY)");
}

}  // namespace

Instances::Instances(Engine::Options options, Engine::Registration registration)
    : options_(std::move(options)), registration_(std::move(registration)) {
  if (options_.temp_directory.empty()) return;
  // What a process that was killed has spilled is of no use to anybody.
  std::error_code ignored;
  std::filesystem::remove_all(options_.temp_directory, ignored);
  std::filesystem::create_directories(options_.temp_directory, ignored);
}

bool Instances::invalidated(const duckdb::DuckDB& database) {
  return duckdb::ValidChecker::IsInvalidated(*database.instance);
}

Result<std::shared_ptr<duckdb::DuckDB>> Instances::current() {
  const std::lock_guard lock(mutex_);
  return current_locked();
}

Result<std::shared_ptr<duckdb::DuckDB>> Instances::current_locked() {
  if (database_ && !invalidated(*database_)) return database_;
  ++made_;
  TRY_ASSIGN(auto made, make());
  for (const auto& [name, path] : attached_) TRY(attach_to(*made, name, path));
  if (database_) {
    ++restarts_;
    log::warning(
        "the engine was started anew with {} segments; statements that ran are to be run "
        "again, nothing that was committed is lost",
        attached_.size());
  }
  database_ = std::move(made);
  return database_;
}

Result<std::shared_ptr<duckdb::DuckDB>> Instances::make() const {
  std::shared_ptr<duckdb::DuckDB> database;
  try {
    duckdb::DBConfig config;
    config.options.maximum_threads = static_cast<duckdb::idx_t>(std::max(1, options_.threads));
    config.options.maximum_memory = options_.memory_limit_bytes;
    config.allocator = counting_allocator();
    if (!options_.temp_directory.empty()) {
      // One for each instance: they give their files the same names.
      config.options.temporary_directory = fmt::format("{}/{}", options_.temp_directory, made_);
    }
    config.SetOptionByName("autoload_known_extensions", Value::BOOLEAN(false));
    config.SetOptionByName("autoinstall_known_extensions", Value::BOOLEAN(false));
    database = std::make_shared<duckdb::DuckDB>(nullptr, &config);
    register_row_source_scan(*database->instance, rows);
    register_row_filter(*database->instance, filters);
    register_push(*database->instance);
    if (registration_) registration_(*database->instance);
  } catch (const std::exception& exception) {
    return engine_error(exception);
  }
  TRY(lock_settings(*database));
  lend_memory_of(database->instance);
  return database;
}

Status Instances::lock_settings(duckdb::DuckDB& database) const {
  // Order is kept only where a query asks for it (ORDER BY): half the memory, and parallel.
  TRY(run(database, "SET preserve_insertion_order = false"));
  TRY(run(database, "SET GLOBAL TimeZone = 'UTC'"));
  std::string directories = "'sluice://'";
  for (const std::string& directory : options_.readable_directories) {
    directories += ", " + quoted(directory, '\'');
  }
  TRY(run(database, "SET allowed_directories = [" + directories + "]"));
  TRY(run(database, "SET enable_external_access = false"));
  return run(database, "SET lock_configuration = true");
}

Status Instances::attach(const std::string& name, const std::string& path) {
  const std::lock_guard lock(mutex_);
  TRY_ASSIGN(const auto database, current_locked());
  Status attached = attach_to(*database, name, path);
  if (!attached.ok() && invalidated(*database)) {
    // By somebody else's statement, just now.
    TRY_ASSIGN(const auto next, current_locked());
    attached = attach_to(*next, name, path);
  }
  if (attached.ok()) attached_[name] = path;
  return attached;
}

Status Instances::detach(const std::string& name) {
  const std::lock_guard lock(mutex_);
  attached_.erase(name);
  // The next instance won't have it.
  if (!database_ || invalidated(*database_)) return ok();
  return run(*database_, "DETACH " + quoted(name, '"'));
}

std::optional<std::string> Instances::known_time_zone(const std::string& name) const {
  const std::lock_guard lock(time_zones_mutex_);
  const auto found = time_zones_.find(name);
  if (found == time_zones_.end()) return std::nullopt;
  return found->second;
}

void Instances::remember_time_zone(const std::string& name, std::string spelled) {
  const std::lock_guard lock(time_zones_mutex_);
  if (time_zones_.size() < kMostTimeZones) time_zones_.emplace(name, std::move(spelled));
}

}  // namespace sluice::engine
