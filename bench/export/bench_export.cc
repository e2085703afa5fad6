// How fast exports are: rows and bytes a second of whole runs to a store that discards, against
// DuckDB's own local COPY of the same rows to a folder in memory, in the same process and minute.
//
//   bench_export [ROWS=6000000] [ROUNDS=3] [THREADS=2] [FOLDER=/dev/shm]
//
// The rows are like TPC-H's lineitem: 4 integers, 4 decimals, 3 dates, 5 texts. Ours writes
// decimals of 38 digits, as its Parquet files have them; DuckDB writes those of 15 digits that the
// table has. Jobs are interleaved; a job's figures are of its best round by wall time. On a busy
// machine trust the processor seconds.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <duckdb.hpp>
#include <filesystem>
#include <map>

#include "export/export.h"
#include "format/parquet_types.h"

namespace sluice {
namespace {

class DiscardingWriter final : public store::ObjectWriter {
 public:
  explicit DiscardingWriter(std::string key) : key_(std::move(key)) {}
  Status append(std::span<const std::byte> bytes, std::stop_token) override {
    bytes_ += bytes.size();
    return ok();
  }
  Status close(std::stop_token) override { return ok(); }
  Result<store::ObjectInfo> complete(std::stop_token) override {
    return store::ObjectInfo{key_, bytes_, ""};
  }
  Status abort() override { return ok(); }
  uint64_t bytes() const override { return bytes_; }

 private:
  const std::string key_;
  uint64_t bytes_ = 0;
};

class DiscardingStore final : public store::ObjectStore {
 public:
  Result<store::Listing> list(const std::string&, int, std::stop_token) override {
    return store::Listing{};
  }
  Status put(const std::string&, std::span<const std::byte>, std::stop_token) override {
    return ok();
  }
  Status remove(const std::string&, std::stop_token) override { return ok(); }
  Result<std::string> get(const std::string& key, std::stop_token) override {
    return error(ErrorCode::kNotFound, "{}", key);
  }
  std::unique_ptr<store::ObjectWriter> writer(const std::string& key) override {
    return std::make_unique<DiscardingWriter>(key);
  }
  std::string url(const std::string& key) const override { return "discard://" + key; }
};

struct Options {
  uint64_t rows = 6'000'000;
  int rounds = 3;
  int threads = 2;
  std::filesystem::path folder = "/dev/shm";
};

struct Figures {
  double wall = 0;       // seconds
  double processor = 0;  // seconds
  uint64_t bytes = 0;
  uint64_t files = 1;
};

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <typename T>
T must(Result<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(1);
  }
  return std::move(result).value();
}

void must_run(duckdb::Connection& connection, const std::string& sql) {
  if (const auto result = connection.Query(sql); result->HasError()) {
    std::fprintf(stderr, "%s\n", result->GetError().c_str());
    std::exit(1);
  }
}

void create_lineitem(const std::filesystem::path& path, uint64_t rows) {
  duckdb::DuckDB database(path.string());
  duckdb::Connection connection(database);
  must_run(connection,
           fmt::format("CREATE TABLE lineitem AS SELECT "
                       "i // 4 AS l_orderkey, hash(i) % 200000 AS l_partkey, "
                       "(hash(i + 1) % 10000)::INTEGER AS l_suppkey, "
                       "(i % 4)::INTEGER AS l_linenumber, "
                       "(1 + hash(i + 2) % 50)::DECIMAL(15,2) AS l_quantity, "
                       "((hash(i + 3) % 10000000) / 100)::DECIMAL(15,2) AS l_extendedprice, "
                       "((hash(i + 4) % 11) / 100)::DECIMAL(15,2) AS l_discount, "
                       "((hash(i + 5) % 9) / 100)::DECIMAL(15,2) AS l_tax, "
                       "['A', 'N', 'R'][1 + (hash(i + 6) % 3)::INTEGER] AS l_returnflag, "
                       "['O', 'F'][1 + (i % 2)::INTEGER] AS l_linestatus, "
                       "DATE '1992-01-01' + (hash(i + 7) % 2500)::INTEGER AS l_shipdate, "
                       "DATE '1992-01-01' + (hash(i + 8) % 2500)::INTEGER AS l_commitdate, "
                       "DATE '1992-01-01' + (hash(i + 9) % 2500)::INTEGER AS l_receiptdate, "
                       "['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN']"
                       "[1 + (hash(i + 10) % 4)::INTEGER] AS l_shipinstruct, "
                       "['AIR', 'FOB', 'MAIL', 'RAIL', 'REG AIR', 'SHIP', 'TRUCK']"
                       "[1 + (hash(i + 11) % 7)::INTEGER] AS l_shipmode, "
                       "'final deposits ' || (hash(i + 12) % 100000) || ' wake' AS l_comment "
                       "FROM range({}) r(i)",
                       rows));
}

class Bench {
 public:
  explicit Bench(Options options) : options_(std::move(options)) {
    folder_ = options_.folder / fmt::format("bench_export.{}", getpid());
    std::filesystem::create_directories(folder_);
    create_lineitem(folder_ / "lineitem.duckdb", options_.rows);

    engine::Engine::Options settings;
    settings.memory_limit_bytes = uint64_t{2} << 30;
    settings.threads = options_.threads;
    settings.readable_directories = {folder_.string() + "/"};
    engine_ = must(engine::Engine::open(settings, {}));
    const Status attached = engine_->attach("data", (folder_ / "lineitem.duckdb").string());
    if (!attached.ok()) must(Result<int>(attached.error()));
    connection_ = must(engine_->connect());
  }
  ~Bench() {
    connection_.reset();
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }

  void run() {
    std::map<std::string, Figures> best;
    std::vector<std::string> order;
    const auto job = [&](const std::string& name, const std::function<Figures()>& work) {
      const double processor = processor_seconds();
      const auto begin = std::chrono::steady_clock::now();
      Figures figures = work();
      figures.wall =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      figures.processor = processor_seconds() - processor;
      if (!best.contains(name)) order.push_back(name);
      Figures& kept = best[name];
      if (kept.wall == 0 || figures.wall < kept.wall) kept = figures;
    };
    for (int round = 0; round < options_.rounds; ++round) {
      for (const auto format : {exports::FileFormat::kParquet, exports::FileFormat::kCsv}) {
        const std::string name = format == exports::FileFormat::kCsv ? "csv" : "parquet";
        job(name + " duckdb, ordered", [&] { return duckdb_copy(name, true); });
        job(name + " duckdb, order-free", [&] { return duckdb_copy(name, false); });
        job(name + " sluice", [&] { return sluice_export(format); });
      }
    }
    print(order, best);
  }

 private:
  Figures duckdb_copy(const std::string& format, bool ordered) {
    duckdb::DBConfig config;
    config.options.maximum_threads = static_cast<duckdb::idx_t>(options_.threads);
    config.options.access_mode = duckdb::AccessMode::READ_ONLY;
    // A second instance of the file in one process is refused under its own name.
    const auto copy = folder_ / "same.duckdb";
    if (!std::filesystem::exists(copy)) {
      std::filesystem::create_hard_link(folder_ / "lineitem.duckdb", copy);
    }
    duckdb::DuckDB database(copy.string(), &config);
    duckdb::Connection connection(database);
    const auto target = folder_ / ("out." + format);
    must_run(connection, fmt::format("COPY lineitem TO '{}' (FORMAT {}, PRESERVE_ORDER {})",
                                     target.string(), format, ordered));
    Figures figures;
    figures.bytes = std::filesystem::file_size(target);
    std::filesystem::remove(target);
    return figures;
  }

  Figures sluice_export(exports::FileFormat format) {
    exports::ExportSpec spec;
    spec.id = "t1";
    spec.prefix = "bench";
    spec.format = format;
    const auto shape =
        must(connection_->reader(parse("SELECT * FROM data.main.lineitem"), {}))->shape();
    spec.names = shape.names;
    for (const auto& type : shape.types) spec.types.push_back(types::from_engine(type));
    std::string columns;
    const auto file_columns = must(format::parquet_columns(spec.names, spec.types));
    for (const auto& column : file_columns) {
      const bool cast = format == exports::FileFormat::kParquet;
      columns += fmt::format("{}{}{}{}", columns.empty() ? "" : ", ", column.name, cast ? "::" : "",
                             cast ? column.type.ToString() : "");
    }
    const auto reader = must(
        connection_->reader(parse(fmt::format("SELECT {} FROM data.main.lineitem", columns)), {}));
    DiscardingStore store;
    exports::ExportProgress progress;
    const auto result = must(exports::run_export(spec, *engine_, *reader, store, progress, {}));
    CHECK(result.rows == options_.rows);
    return {0, 0, result.bytes, result.files.size()};
  }

  static engine::Query parse(const std::string& sql) { return must(engine::Query::parse(sql)); }

  void print(const std::vector<std::string>& order,
             const std::map<std::string, Figures>& best) const {
    fmt::print("{} rows, {} threads, best of {} rounds\n", options_.rows, options_.threads,
               options_.rounds);
    fmt::print("{:<28}{:>8}{:>8}{:>12}{:>9}{:>10}{:>7}{:>10}{:>10}\n", "", "wall s", "cpu s",
               "M rows/s", "MB/s", "MB", "files", "x by wall", "x by cpu");
    const double rows = static_cast<double>(options_.rows);
    for (const std::string& name : order) {
      const Figures& figures = best.at(name);
      const Figures& duckdb = best.at(name.substr(0, name.find(' ')) + " duckdb, ordered");
      const double megabytes = static_cast<double>(figures.bytes) / 1e6;
      fmt::print("{:<28}{:>8.2f}{:>8.2f}{:>12.2f}{:>9.0f}{:>10.0f}{:>7}{:>10.2f}{:>10.2f}\n", name,
                 figures.wall, figures.processor, rows / figures.wall / 1e6,
                 megabytes / figures.wall, megabytes, figures.files, duckdb.wall / figures.wall,
                 duckdb.processor / figures.processor);
    }
  }

  const Options options_;
  std::filesystem::path folder_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::Connection> connection_;
};

}  // namespace
}  // namespace sluice

int main(int count, char** arguments) {
  sluice::Options options;
  if (count > 1) options.rows = std::strtoull(arguments[1], nullptr, 10);
  if (count > 2) options.rounds = std::atoi(arguments[2]);
  if (count > 3) options.threads = std::atoi(arguments[3]);
  if (count > 4) options.folder = arguments[4];
  sluice::Bench(options).run();
  return 0;
}
