// Collections: durable commits, what others feel of a bulk load, scans against a plain DuckDB
// table, restart. Prints figures, ratios and whether each target is met; exit code 0 if all are.
//
//   bench_collections [DIRECTORY [MILLIONS_OF_ROWS]]      default: a new one in the temp folder,
//   10; the log that is read back is of 100 MB for each million
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <duckdb.hpp>
#include <duckdb/main/appender.hpp>
#include <filesystem>
#include <thread>

#include "bench/must.h"
#include "collection/store.h"

namespace sluice::collection {
namespace {

using bench::must;
using Seconds = std::chrono::duration<double>;
double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return Seconds(std::chrono::steady_clock::now() - begin).count();
}

// Of all threads together: unlike wall time it stays comparable on a machine with other work.
double cpu_seconds_of(const std::function<void()>& work) {
  const std::clock_t begin = std::clock();
  work();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

bool all_met = true;
void report(const std::string& what, double value, const std::string& unit, double target = 0) {
  fmt::print("{:<62} {:>12.2f} {}", what, value, unit);
  if (target > 0) {
    const bool met = value >= target;
    all_met = all_met && met;
    fmt::print("   {} (at least {})", met ? "PASS" : "FAIL", target);
  }
  fmt::print("\n");
  std::fflush(stdout);
}

const engine::Shape kShape = {{"id", "k", "v", "s"},
                              {engine::LogicalType::BIGINT, engine::LogicalType::INTEGER,
                               engine::LogicalType::BIGINT, engine::LogicalType::VARCHAR}};
const std::vector<std::string> kNames = kShape.names;

void fill(engine::Chunk& chunk, int64_t first, size_t rows) {
  chunk.Reset();
  auto* ids = duckdb::FlatVector::GetData<int64_t>(chunk.data[0]);
  auto* keys = duckdb::FlatVector::GetData<int32_t>(chunk.data[1]);
  auto* values = duckdb::FlatVector::GetData<int64_t>(chunk.data[2]);
  auto* texts = duckdb::FlatVector::GetData<duckdb::string_t>(chunk.data[3]);
  for (size_t row = 0; row < rows; ++row) {
    const int64_t id = first + static_cast<int64_t>(row);
    const uint64_t mixed = static_cast<uint64_t>(id) * 0x9E3779B97F4A7C15ULL;
    ids[row] = id;
    keys[row] = static_cast<int32_t>(mixed >> 54);
    values[row] = static_cast<int64_t>(mixed >> 40);
    texts[row] =
        duckdb::StringVector::AddString(chunk.data[3], fmt::format("text {}", mixed >> 50));
  }
  chunk.SetCardinality(rows);
}
void prepare(engine::Chunk& chunk) {
  chunk.Initialize(duckdb::Allocator::DefaultAllocator(),
                   {kShape.types.begin(), kShape.types.end()});
}

// Opens, and opens again, one store.
class Bench {
 public:
  explicit Bench(std::string directory) : directory_(std::move(directory)) { open(); }
  void open(uint64_t limit_bytes = 0) {
    store.reset();
    connection.reset();
    engine.reset();
    engine::Engine::Options options;
    options.memory_limit_bytes = uint64_t{4} << 30;
    options.readable_directories = {directory_};
    engine = must(engine::Engine::open(options, {}));
    connection = must(engine->connect());
    Store::Options store_options;
    store_options.directory = directory_;
    if (limit_bytes > 0)
      store_options.tail_limit_bytes = store_options.log_limit_bytes = limit_bytes;
    store = must(Store::open(store_options, *engine));
  }
  CollectionId create(bool keyed = false) {
    Commit commit;
    const CollectionId id = store->new_collection_id();
    CollectionSpec spec{kShape, {}};
    if (keyed) spec.unique_keys.push_back({"t_pkey", {0}});
    commit.created.push_back({id, spec});
    must(store->commit(std::move(commit), {}));
    return id;
  }
  void insert(CollectionId id, engine::Chunk& rows) {
    std::shared_ptr<Overlay> overlay = must(store->overlay(id));
    must(overlay->append(rows));
    Commit commit;
    commit.writes.push_back({id, overlay, {}});
    must(store->commit(std::move(commit), {}));
  }
  void load(CollectionId id, int64_t first, int64_t rows) {
    auto load = must(store->load(id, kShape));
    engine::Chunk chunk;
    prepare(chunk);
    for (int64_t at = 0; at < rows; at += STANDARD_VECTOR_SIZE) {
      fill(chunk, first + at,
           static_cast<size_t>(std::min<int64_t>(STANDARD_VECTOR_SIZE, rows - at)));
      must(load->append(chunk, {}));
    }
    Commit commit;
    commit.writes.push_back({id, nullptr, {must(load->finish({}))}});
    must(store->commit(std::move(commit), {}));
  }

  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<engine::Connection> connection;
  std::unique_ptr<Store> store;

 private:
  const std::string directory_;
};

double commits_per_second(Bench& bench, CollectionId id, int connections, double seconds) {
  std::atomic<uint64_t> done = 0;
  const double took = seconds_of([&] {
    std::vector<std::jthread> threads;
    threads.reserve(static_cast<size_t>(connections));
    for (int i = 0; i < connections; ++i) {
      threads.emplace_back([&] {
        engine::Chunk row;
        prepare(row);
        const auto end = std::chrono::steady_clock::now() + Seconds(seconds);
        while (std::chrono::steady_clock::now() < end) {
          fill(row, static_cast<int64_t>(done), 1);
          bench.insert(id, row);
          ++done;
        }
      });
    }
  });
  return static_cast<double>(done) / took;
}

double syncs_per_second(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
  const std::string bytes(150, 'x');
  int count = 0;
  const double took = seconds_of([&] {
    for (; count < 2000; ++count) {
      if (::write(file, bytes.data(), bytes.size()) < 0 || ::fdatasync(file) != 0) break;
    }
  });
  ::close(file);
  std::filesystem::remove(path);
  return count / took;
}

double duckdb_commits_per_second(const std::string& path) {
  duckdb::DBConfig config;
  config.options.checkpoint_wal_size = uint64_t{1} << 40;
  int count = 0;
  double took = 0;
  {
    duckdb::DuckDB database(path, &config);
    duckdb::Connection connection(database);
    connection.Query("CREATE TABLE t(id BIGINT, k INTEGER, v BIGINT, s VARCHAR)");
    engine::Chunk row;
    prepare(row);
    took = seconds_of([&] {
      for (; count < 1500; ++count) {
        fill(row, count, 1);
        duckdb::Appender appender(connection, "t");
        appender.AppendDataChunk(row);
        appender.Close();
      }
    });
  }
  std::filesystem::remove(path);
  return count / took;
}

void bench_commits(Bench& bench, const std::string& directory) {
  const CollectionId id = bench.create();
  const double syncs = syncs_per_second(directory + "/sync");
  const double one = commits_per_second(bench, id, 1, 4);
  const double sixteen = commits_per_second(bench, id, 16, 4);
  const double duckdb = duckdb_commits_per_second(directory + "/plain.db");
  report("appends + fdatasync of 150 bytes, alone", syncs, "/s");
  report("durable single-row commits, 1 connection", one, "/s", 1000);
  report("durable single-row commits, 16 connections", sixteen, "/s", 4000);
  report("  DuckDB: one-row Appender transactions, 1 connection", duckdb, "/s");
  report("  ratio to DuckDB, 1 connection", one / duckdb, "x");
}

CollectionId bench_load(Bench& bench, int64_t rows, bool keyed) {
  const CollectionId small = bench.create(), large = bench.create(keyed);
  std::atomic<bool> loading = true;
  std::vector<double> latencies;
  std::jthread other([&] {
    engine::Chunk row;
    prepare(row);
    for (int64_t i = 0; loading; ++i) {
      fill(row, i, 1);
      latencies.push_back(seconds_of([&] { bench.insert(small, row); }) * 1000);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  });
  const double took = seconds_of([&] { bench.load(large, 0, rows); });
  loading = false;
  other.join();
  std::sort(latencies.begin(), latencies.end());
  report(keyed ? "bulk load into a table with a PRIMARY KEY" : "bulk load",
         static_cast<double>(rows) / took / 1e6, "M rows/s");
  report("  another connection's commit meanwhile, median", latencies[latencies.size() / 2], "ms");
  report("  the same, 99 of 100 within", latencies[latencies.size() * 99 / 100], "ms");
  report("  the same, longest", latencies.back(), "ms");
  return large;
}

struct Scan {
  const char* name;
  const char* select;
  const char* rest;
};
constexpr Scan kScans[] = {
    {"3 aggregates", "count(*), sum(v), max(s)", ""},
    {"sum by int key", "k, sum(v)", "GROUP BY k"},
    {"selective filter", "count(*), sum(v)", "WHERE id BETWEEN 1000000 AND 1100000"},
};

// CPU seconds of the best of some runs, taken in turns so that both feel the same machine.
std::vector<double> best_of(const std::vector<std::function<void()>>& works, int runs = 7) {
  std::vector<double> best(works.size(), 1e9);
  for (int run = 0; run < runs; ++run) {
    for (size_t i = 0; i < works.size(); ++i) best[i] = std::min(best[i], cpu_seconds_of(works[i]));
  }
  return best;
}

void bench_scans(Bench& bench, CollectionId large, int64_t rows, const std::string& directory) {
  // The plain table is in a database of its own, with the same rows in the same order, opened for
  // writing as usual.
  duckdb::DBConfig config;
  config.options.maximum_threads = 2;
  duckdb::DuckDB plain(directory + "/table.db", &config);
  duckdb::Connection direct(plain);
  direct.Query("CREATE TABLE t(id BIGINT, k INTEGER, v BIGINT, s VARCHAR)");
  {
    duckdb::Appender appender(direct, "t");
    engine::Chunk chunk;
    prepare(chunk);
    for (int64_t at = 0; at < rows; at += STANDARD_VECTOR_SIZE) {
      fill(chunk, at, static_cast<size_t>(std::min<int64_t>(STANDARD_VECTOR_SIZE, rows - at)));
      appender.AppendDataChunk(chunk);
    }
    appender.Close();
  }
  direct.Query("CHECKPOINT");
  const CollectionId many = bench.create();
  for (int64_t part = 0; part < 10; ++part) bench.load(many, part * (rows / 10), rows / 10);

  const auto sql = [&](const Snapshot& snapshot, const Scan& scan) {
    return fmt::format("SELECT {} FROM {} t {}", scan.select, snapshot.table_sql(kNames, {}),
                       scan.rest);
  };
  const auto run = [&](const std::string& text) {
    return [&bench, text] { must(bench.connection->query(text)); };
  };
  const auto run_plain = [&](const Scan& scan) {
    return [&direct, text = fmt::format("SELECT {} FROM t {}", scan.select, scan.rest)] {
      auto result = direct.Query(text);
      if (result->HasError()) fmt::print(stderr, "{}\n", result->GetError()), std::exit(2);
    };
  };
  const auto view = bench.store->read();
  const auto whole = must(view->snapshot(large)), parts = must(view->snapshot(many));
  for (const Scan& scan : kScans) {
    const auto times = best_of({run_plain(scan), run(sql(*whole, scan)), run(sql(*parts, scan))});
    fmt::print("{}: plain {:.1f} ms of CPU\n", scan.name, times[0] * 1000);
    report("  no deletions, of a plain table's speed", times[0] / times[1], "x", 0.9);
    report("  the same in 10 segments", times[0] / times[2], "x");
  }

  std::shared_ptr<Overlay> overlay = must(bench.store->overlay(large));
  std::vector<RowId> erased;
  for (const auto& row : must(bench.connection->query(fmt::format(
           "SELECT rid FROM {} t WHERE hash(id) % 100 = 0", whole->table_sql(kNames, "rid"))))) {
    erased.push_back({row[0].GetValue<int64_t>()});
  }
  must(overlay->erase(erased));
  Commit commit;
  commit.writes.push_back({large, overlay, {}});
  must(bench.store->commit(std::move(commit), {}));
  direct.Query("DELETE FROM t WHERE hash(id) % 100 = 0");
  direct.Query("CHECKPOINT");
  const auto after = bench.store->read();
  const auto holed = must(after->snapshot(large));  // `view` holds, so nothing is folded
  // What an anti join would cost instead, on the same rows.
  duckdb::Connection other(plain);
  other.Query("CREATE TABLE deleted AS SELECT id FROM range(" + std::to_string(rows) +
              ") r(id) WHERE hash(id) % 100 = 0");
  for (const Scan& scan : kScans) {
    const auto anti = [&, text = fmt::format("SELECT {} FROM (SELECT * FROM t ANTI JOIN deleted "
                                             "USING (id)) t {}",
                                             scan.select, scan.rest)] { direct.Query(text); };
    const auto times = best_of({run_plain(scan), run(sql(*holed, scan)), anti});
    report(fmt::format("{}: 1 % deleted, of a plain table's speed", scan.name), times[0] / times[1],
           "x", 0.5);
    report("  the same by ANTI JOIN", times[0] / times[2], "x");
  }
}

void bench_restart(Bench& bench, int64_t megabytes_of_log) {
  // So that no pass of maintenance makes the log short before it is read.
  bench.open(uint64_t{8} << 30);
  const CollectionId id = bench.create();
  engine::Chunk rows;
  prepare(rows);
  const uint64_t before = bench.store->stats().log_bytes;
  const uint64_t most = before + static_cast<uint64_t>(megabytes_of_log) * 1'000'000;
  for (int64_t i = 0; bench.store->stats().log_bytes < most; ++i) {
    fill(rows, i * 2048, 2048);
    bench.insert(id, rows);
  }
  const double megabytes = static_cast<double>(bench.store->stats().log_bytes - before) / 1e6;
  const double took = seconds_of([&] { bench.open(uint64_t{8} << 30); });
  report("restart", took, "s");
  report("  log read back", megabytes, "MB");
}

}  // namespace
}  // namespace sluice::collection

int main(int argc, char** argv) {
  using namespace sluice::collection;
  const std::string directory =
      argc > 1 ? argv[1]
               : (std::filesystem::temp_directory_path() / "sluice-bench-collections").string();
  const int64_t rows = (argc > 2 ? std::atoll(argv[2]) : 10) * 1'000'000;
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory + "/other");
  {
    Bench bench(directory + "/data");
    bench_commits(bench, directory + "/other");
    const CollectionId large = bench_load(bench, rows, false);
    bench_load(bench, rows, true);
    bench_scans(bench, large, rows, directory + "/other");
    bench_restart(bench, rows / 10'000);
  }
  std::filesystem::remove_all(directory);
  return all_met ? 0 : 1;
}
