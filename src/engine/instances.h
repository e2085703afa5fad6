// The serving DuckDB instance, and all that it takes to make another one like it.
//
// An internal or fatal error of DuckDB's invalidates its whole instance: every later query on it
// fails. Nothing durable lies in it, so it is replaced then:
//
//   instance 1 ── statement A meets an error ──> invalidated
//                 other running statements: at their next step 40001, "run it again"
//   instance 2 <─ made by whoever asks next: settings, functions, attached files, the same names
//
// Rows and filters that SQL refers to by number belong to no instance, so what was read through
// instance 1 goes on through instance 2. Instance 1 goes when its last statement has.
//
// Threads: safe from any.
#pragma once

#include <map>

#include "engine/registry.h"

namespace sluice::engine {

class Instances {
 public:
  Instances(Engine::Options options, Engine::Registration registration);

  // The one to use now. Makes it when there is none or it is invalidated; waits for who does.
  Result<std::shared_ptr<duckdb::DuckDB>> current();
  // Whether `database` answers nothing any more.
  static bool invalidated(const duckdb::DuckDB& database);

  Status attach(const std::string& name, const std::string& path);
  Status detach(const std::string& name);
  uint64_t restarts() const { return restarts_; }

  // Names of time zones that were looked up before, as they were given, and as the engine spells
  // them. Looking one up takes milliseconds, and each statement sets its session's.
  std::optional<std::string> known_time_zone(const std::string& name) const;
  void remember_time_zone(const std::string& name, std::string spelled);

  // Shared with tokens, which may be dropped after the engine.
  const std::shared_ptr<Registry<RowSource>> rows = std::make_shared<Registry<RowSource>>();
  const std::shared_ptr<Registry<RowFilter>> filters = std::make_shared<Registry<RowFilter>>();

 private:
  Result<std::shared_ptr<duckdb::DuckDB>> current_locked();
  Result<std::shared_ptr<duckdb::DuckDB>> make() const;
  Status lock_settings(duckdb::DuckDB& database) const;

  // Clients choose the spelling, so there is a bound.
  static constexpr size_t kMostTimeZones = 1'000;

  const Engine::Options options_;
  const Engine::Registration registration_;
  std::atomic<uint64_t> restarts_ = 0;
  mutable std::mutex time_zones_mutex_;
  std::map<std::string, std::string> time_zones_;  // guarded by the above
  std::mutex mutex_;
  uint64_t made_ = 0;
  std::map<std::string, std::string> attached_;  // path by name
  std::shared_ptr<duckdb::DuckDB> database_;     // shared with connections
};

}  // namespace sluice::engine
