// One figure of the export benchmark in a process of its own, so that its processor time and its
// peak of memory are nobody else's. bench/export.py runs it.
//
//   export_job create TABLE ROWS FILE                           lineitem, nested or wide, in a file
//   export_job duckdb FILE FORMAT CODEC THREADS TARGET          DuckDB's own COPY to a local file
//   export_job sluice FILE FORMAT CODEC THREADS BUCKET PREFIX   an export, over S3_ENDPOINT
//
// From the environment: EXPORT_KEEP, and DuckDB's file stays; for an export S3_CA_FILE and
// S3_CHECKSUM; EXPORT_PROFILE, else it is what a COPY without PROFILE takes; EXPORT_MEMORY_MB,
// which is divided as a server divides --memory-limit; EXPORT_RUNS, exports at once, whose slowest
// and fastest are told apart; EXPORT_WARM, another export before.
//
// A job prints one line of JSON. Its times are of the export alone: from a database that is open
// and has been read from disk to files that are published.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <duckdb.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "bench/must.h"
#include "export/export.h"
#include "http/client.h"
#include "parquet/mapping.h"
#include "store/s3_store.h"

namespace sluice {
namespace {

using bench::must;

// Nearly as a server with --memory-limit 2GB divides it.
constexpr uint64_t kEngineBytes = uint64_t{1} << 30;
constexpr size_t kPartPoolBytes = size_t{128} << 20;

[[noreturn]] void die(const std::string& text) {
  std::fprintf(stderr, "export_job: %s\n", text.c_str());
  std::exit(1);
}

void must_run(duckdb::Connection& connection, const std::string& sql) {
  if (const auto result = connection.Query(sql); result->HasError()) die(result->GetError());
}

std::string environment_or(const char* name, const char* otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

std::string environment(const char* name) {
  std::string value = environment_or(name, "");
  if (value.empty()) die(fmt::format("{} is not set", name));
  return value;
}

// The rows are like TPC-H's lineitem: 4 integers, 4 decimals, 3 dates, 5 texts.
constexpr char kLineitem[] =
    "i // 4 AS l_orderkey, (hash(i) % 200000)::BIGINT AS l_partkey, "
    "(hash(i + 1) % 10000)::INTEGER AS l_suppkey, (i % 4)::INTEGER AS l_linenumber, "
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
    "'final deposits ' || (hash(i + 12) % 100000) || ' wake' AS l_comment";

// Lists, lists of lists and maps: the nested types that exports take.
constexpr char kNested[] =
    "i AS id, list_transform(range((i % 9)::BIGINT), x -> (hash(i + x) % 1000)::INTEGER) AS "
    "numbers, "
    "list_transform(range((i % 4)::BIGINT), x -> 'tag' || (hash(i * x) % 500)) AS tags, "
    "list_transform(range((i % 3)::BIGINT), "
    "x -> list_transform(range((i % 5)::BIGINT), y -> (x * y + i)::BIGINT)) AS matrix, "
    "map_from_entries(list_transform(range((i % 5)::BIGINT), "
    "x -> {'k': 'key' || x, 'v': (hash(i - x) % 100000)::BIGINT})) AS properties";

// Mostly texts and JSON, 600 bytes a row.
constexpr char kWide[] =
    "i AS id, md5(i::VARCHAR) AS digest, 'customer ' || (hash(i) % 50000) AS customer, "
    "'the quick brown fox ' || (hash(i + 1) % 1000) || ' jumps over the lazy dog ' || i AS note, "
    "repeat('lorem ipsum ' || (hash(i + 2) % 97) || ' ', 6) AS body, "
    "'{\"id\":' || i || ',\"tags\":[\"a\",\"b\",\"' || (hash(i + 3) % 300) || '\"],\"score\":' || "
    "(hash(i + 4) % 10000) / 100 || ',\"name\":\"user ' || (hash(i + 5) % 9999) || '\"}' AS "
    "document, "
    "'{\"path\":\"/var/log/' || md5((i // 7)::VARCHAR) || '\",\"agent\":\"Mozilla/5.0 (X11; Linux "
    "x86_64) ' || (hash(i + 6) % 40) || '\"}' AS request, "
    "'https://example.com/items/' || (hash(i + 7) % 1000000) || '?page=' || i % 20 AS url, "
    "TIMESTAMP '2020-01-01 00:00:00' + to_microseconds(i * 1000003) AS at";

std::string columns_of(const std::string& table) {
  if (table == "lineitem") return kLineitem;
  if (table == "nested") return kNested;
  if (table == "wide") return kWide;
  die("no table " + table);
}

void create(const std::string& table, const std::string& rows, const std::string& path) {
  std::filesystem::remove(path);
  duckdb::DuckDB database(path);
  duckdb::Connection connection(database);
  must_run(connection, fmt::format("CREATE TABLE data AS SELECT {} FROM range({}) r(i)",
                                   columns_of(table), rows));
}

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

struct Outcome {
  uint64_t rows = 0;
  uint64_t bytes = 0;
  uint64_t files = 0;
  double fastest = 0;  // of several exports at once, in seconds
};

void measure(const std::function<Outcome()>& work) {
  const double processor = processor_seconds();
  const auto begin = std::chrono::steady_clock::now();
  const Outcome outcome = work();
  const double wall = seconds_since(begin);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print(
      "{{\"wall\":{:.4f},\"cpu\":{:.4f},\"rows\":{},\"bytes\":{},\"files\":{},\"peak\":{},"
      "\"fastest\":{:.4f}}}\n",
      wall, processor_seconds() - processor, outcome.rows, outcome.bytes, outcome.files,
      uint64_t(usage.ru_maxrss) * 1024, outcome.fastest == 0 ? wall : outcome.fastest);
}

struct Job {
  std::string file, format, codec;
  int threads = 2;
};

void run_duckdb(const Job& job, const std::string& target) {
  duckdb::DBConfig config;
  config.options.maximum_threads = static_cast<duckdb::idx_t>(job.threads);
  config.options.access_mode = duckdb::AccessMode::READ_ONLY;
  duckdb::DuckDB database(job.file, &config);
  duckdb::Connection connection(database);
  must_run(connection, "SELECT count(*) FROM data");
  const std::string compression = job.codec.empty() ? "" : ", COMPRESSION " + job.codec;
  const std::string copy =
      fmt::format("COPY data TO '{}' (FORMAT {}{})", target, job.format, compression);
  measure([&] {
    const auto result = connection.Query(copy);
    if (result->HasError()) die(result->GetError());
    return Outcome{result->GetValue(0, 0).GetValue<uint64_t>(), std::filesystem::file_size(target),
                   1};
  });
  if (environment_or("EXPORT_KEEP", "").empty()) std::filesystem::remove(target);
}

engine::Query parse(const std::string& sql) { return must(engine::Query::parse(sql)); }

exports::ExportSpec spec_of(const Job& job, engine::Connection& connection,
                            const std::string& prefix) {
  exports::ExportSpec spec;
  spec.id = "t1";
  spec.prefix = prefix;
  spec.format = job.format == "csv" ? exports::FileFormat::kCsv : exports::FileFormat::kParquet;
  if (!job.codec.empty()) {
    if (job.format == "csv") {
      spec.csv_compression = must(format::Compression::named(job.codec, 0));
    } else {
      spec.parquet_compression = must(parquet::Compression::named(job.codec));
    }
  }
  const auto shape = must(connection.reader(parse("SELECT * FROM data.main.data"), {}))->shape();
  spec.profile = must(parquet::Profile::named(environment_or("EXPORT_PROFILE", "materialize")));
  spec.names = shape.names;
  for (const auto& type : shape.types) spec.types.push_back(types::from_engine(type));
  return spec;
}

// The rows with the types that the files have, as a session casts them.
std::string query_of(const exports::ExportSpec& spec) {
  std::string columns;
  for (const auto& column : must(parquet::map_columns(spec.names, spec.types, spec.profile))) {
    const bool cast = spec.format == exports::FileFormat::kParquet;
    columns += fmt::format("{}\"{}\"{}{}", columns.empty() ? "" : ", ", column.name,
                           cast ? "::" : "", cast ? column.input.ToString() : "");
  }
  return fmt::format("SELECT {} FROM data.main.data", columns);
}

store::S3Store::Options store_options(const std::string& bucket) {
  store::S3Store::Options options;
  options.bucket = bucket;
  options.client.endpoint.url = environment("S3_ENDPOINT");
  options.client.region = environment("AWS_REGION");
  options.client.ca_file = environment_or("S3_CA_FILE", "");
  const auto checksum = s3::checksum_named(environment_or("S3_CHECKSUM", "NONE"));
  if (!checksum) die("no such checksum");
  options.client.dialect.checksum = *checksum;
  return options;
}

// Several exports at once, each on a connection of its own, as sessions have them.
Outcome run_exports(const Job& job, engine::Engine& engine, store::ObjectStore& store,
                    const std::string& prefix, size_t runs) {
  std::vector<Outcome> outcomes(runs);
  {
    std::vector<std::jthread> threads;
    for (size_t run = 0; run < runs; ++run) {
      threads.emplace_back([&, run] {
        const auto begin = std::chrono::steady_clock::now();
        const auto connection = must(engine.connect());
        const auto spec = spec_of(job, *connection, fmt::format("{}-{}", prefix, run));
        const auto reader = must(connection->reader(parse(query_of(spec)), {}));
        exports::ExportProgress progress;
        const auto result = must(exports::run_export(spec, engine, *reader, store, progress, {}));
        outcomes[run] = {result.rows, result.bytes, result.files.size(), seconds_since(begin)};
      });
    }
  }
  Outcome all;
  all.fastest = outcomes[0].fastest;
  for (const Outcome& outcome : outcomes) {
    all.rows += outcome.rows;
    all.bytes += outcome.bytes;
    all.files += outcome.files;
    all.fastest = std::min(all.fastest, outcome.fastest);
  }
  return all;
}

// 100 MB of csv: a server that runs has its buffers, threads and connections already.
void warm_up(engine::Engine& engine, store::ObjectStore& store, const std::string& prefix) {
  const auto connection = must(engine.connect());
  const auto reader = must(
      connection->reader(parse("SELECT i, repeat('x', 1000) AS t FROM range(100000) r(i)"), {}));
  exports::ExportSpec spec;
  spec.id = "t0";
  spec.prefix = prefix + "-warm-up";
  spec.format = exports::FileFormat::kCsv;
  spec.names = reader->shape().names;
  for (const auto& type : reader->shape().types) spec.types.push_back(types::from_engine(type));
  exports::ExportProgress progress;
  must(exports::run_export(spec, engine, *reader, store, progress, {}));
}

void run_sluice(const Job& job, const std::string& bucket, const std::string& prefix) {
  const auto folder = std::filesystem::path(job.file).parent_path().string() + "/";
  const uint64_t memory = std::stoull(environment_or("EXPORT_MEMORY_MB", "0")) << 20;
  auto engine =
      must(engine::Engine::open({.memory_limit_bytes = memory == 0 ? kEngineBytes : memory / 2,
                                 .threads = job.threads,
                                 .temp_directory = folder + "spill",
                                 .readable_directories = {folder}},
                                {}));
  must(engine->attach("data", job.file));
  must(must(engine->connect())->query("SELECT count(*) FROM data.main.data"));
  http::Client http;
  s3::PartPool pool(memory == 0 ? kPartPoolBytes : memory / 12);
  const auto store = must(store::S3Store::make(
      http, pool,
      s3::fixed_credentials(
          {environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY"), "", {}}),
      store_options(bucket)));
  const size_t runs = std::stoull(environment_or("EXPORT_RUNS", "1"));
  if (!environment_or("EXPORT_WARM", "").empty()) warm_up(*engine, *store, prefix);
  measure([&] { return run_exports(job, *engine, *store, prefix, runs); });
}

}  // namespace
}  // namespace sluice

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  if (words.size() == 4 && words[0] == "create") {
    sluice::create(words[1], words[2], words[3]);
    return 0;
  }
  const bool is_sluice = words.size() == 7 && words[0] == "sluice";
  if (!is_sluice && !(words.size() == 6 && words[0] == "duckdb")) {
    sluice::die("see the head of export_job.cc; bench/export.py runs it");
  }
  const sluice::Job job{words[1], words[2], words[3], std::atoi(words[4].c_str())};
  if (is_sluice) {
    sluice::run_sluice(job, words[5], words[6]);
  } else {
    sluice::run_duckdb(job, words[5]);
  }
  return 0;
}
