// Whole exports against a strict S3 that fails their requests in every way: what comes out is all
// files and no sentinel, or an error that says which request failed and, when what is left has been
// swept, nothing at all; then the same path can be exported to. Half of the runs also write a
// manifest, put rows into partitions, or replace what is there: the old objects or the new ones.
//
// Every case has a number that decides all of it; a failure prints the number. SLUICE_FAULT_SEEDS
// gives how many there are (default 2,400), SLUICE_FAULT_SEED one to be run alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <duckdb.hpp>
#include <duckdb/parser/parser.hpp>
#include <duckdb/parser/sql_statement.hpp>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include "export/export.h"
#include "export/names.h"
#include "export/sweep.h"
#include "s3fake/server.h"
#include "store/s3_store.h"

namespace sluice::exports {
namespace {

using s3fake::Fault;
using std::chrono::milliseconds;
using testing::AnyOf;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kShards = 8;
constexpr uint64_t kPartBytes = 32 << 10;
constexpr uint64_t kFileBytes = 80 << 10;
constexpr int kRows = 6'000;
constexpr int kForGood = 1'000'000;
constexpr char kPrefix[] = "exports/day 1";
constexpr char kOldContent[] = "old";
const std::vector<std::string> kOldKeys = {"exports/day 1/mz-t0-batch-0000-0001.csv",
                                           "exports/day 1/mz-t0-manifest.json",
                                           "exports/day 1/part=9/mz-t0-batch-0001-0001.csv"};
constexpr char kOthersKey[] = "exports/day 10/mz-t0-batch-0000-0001.csv";

uint64_t environment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

std::string rows_sql(const std::string& more = "") {
  return fmt::format(
      "SELECT i AS id, md5(i::VARCHAR) AS hash, CASE WHEN i % 7 <> 0 THEN repeat('x', i % 60) END "
      "AS filler{} FROM range({}) r(i)",
      more, kRows);
}

constexpr uint64_t kLateSeeds = 5;
constexpr auto kLate = std::chrono::milliseconds(400);

// What may be told to do a run at once: where it goes wrong, and how.
struct Case {
  uint64_t seed = 0;
  FileFormat format = FileFormat::kCsv;
  bool manifest = false, partitions = false, replaces = false;
  bool is_late = false;  // an upload begins when its client has given up, and perhaps cleaned up
  std::vector<s3fake::FaultRule> rules;

  Case() = default;
  explicit Case(uint64_t number) : seed(number) {
    std::mt19937_64 random(number);
    const auto below = [&random](size_t n) { return static_cast<size_t>(random() % n); };
    static const std::vector<std::string> operations = {"ListObjectsV2",
                                                        "DeleteObject",
                                                        "PutObject",
                                                        "CreateMultipartUpload",
                                                        "UploadPart",
                                                        "UploadPart",
                                                        "CompleteMultipartUpload",
                                                        "AbortMultipartUpload",
                                                        "HeadObject",
                                                        "ListMultipartUploads",
                                                        ""};
    if (below(2) == 1) format = FileFormat::kParquet;
    const size_t count = 1 + below(3);
    for (size_t i = 0; i < count; ++i) {
      const auto& faults = s3fake::all_faults();
      s3fake::FaultRule rule;
      rule.operation = operations[below(operations.size())];
      rule.nth = 1 + static_cast<int>(below(5));
      rule.fault = faults[below(faults.size())];
      const size_t how_often = below(10);
      rule.count = how_often < 6 ? 1 : how_often < 8 ? 2 : kForGood;
      rules.push_back(rule);
    }
    is_late = number % 24 == kLateSeeds && hangs();
    if (below(2) == 0) return;
    manifest = below(2) == 0;
    partitions = below(2) == 0;
    replaces = below(2) == 0;
  }

  std::string text() const {
    std::string out = fmt::format("SLUICE_FAULT_SEED={} {}{}{}{}{}", seed,
                                  format == FileFormat::kCsv ? "csv" : "parquet",
                                  is_late ? " late" : "", manifest ? " manifest" : "",
                                  partitions ? " partitions" : "", replaces ? " replaces" : "");
    for (const auto& rule : rules) {
      out += fmt::format("; {} {} of {} from {} on", rule.count, s3fake::name(rule.fault),
                         rule.operation.empty() ? "any" : rule.operation, rule.nth);
    }
    return out;
  }
  bool hangs() const {
    return std::any_of(rules.begin(), rules.end(), [](const auto& rule) {
      return rule.fault == Fault::kHang || rule.fault == Fault::kHangAfter;
    });
  }
};

// What a run leaves on record, as the journal would keep it.
class Recorded final : public RunLog {
 public:
  Status upload_begun(const store::OpenUpload& upload, const std::stop_token&) override {
    const std::lock_guard lock(mutex_);
    uploads_.push_back(upload);
    return ok();
  }
  Status publishing(const std::stop_token&) override {
    is_open_ = true;
    return ok();
  }
  Status replacing(const std::vector<std::string>& keys, const std::stop_token& stop) override {
    replaced_ = keys;
    return publishing(stop);
  }
  Status failed(const Error&) override {
    is_open_ = false;
    return ok();
  }
  // What goes whatever happens, once the run is open; nothing: the run replaces nothing.
  const std::vector<std::string>& replaced() const { return replaced_; }
  // Whether the sentinel decides how the run has ended.
  bool is_open() const { return is_open_; }
  std::vector<store::OpenUpload> uploads() {
    const std::lock_guard lock(mutex_);
    return uploads_;
  }

 private:
  std::mutex mutex_;
  std::vector<store::OpenUpload> uploads_;
  std::vector<std::string> replaced_;
  bool is_open_ = false;
};

class ExportFaults : public testing::TestWithParam<int> {
 protected:
  ExportFaults() : reader_connection_(reader_database_) {
    engine::Engine::Options options;
    options.threads = 2;
    options.memory_limit_bytes = uint64_t{512} << 20;
    engine_ = engine::Engine::open(options, {}).value();
    connection_ = engine_->connect().value();
    folder_ = std::filesystem::temp_directory_path() /
              fmt::format("sluice_export_faults.{}.{}", getpid(), GetParam());
    std::filesystem::create_directories(folder_);
    reader_connection_.Query("CREATE TABLE expected AS " + rows_sql());
  }
  ~ExportFaults() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<store::S3Store> store_of(const s3fake::Server& server, const Case& c) {
    store::S3Store::Options options;
    options.bucket = server.options().bucket;
    options.client.endpoint.url = server.endpoint();
    options.client.region = server.options().region;
    options.client.retry.base = milliseconds(1);
    options.client.retry.cap = milliseconds(2);
    // Only a server that hangs is to be given up on quickly: a busy machine must not look like one.
    options.client.idle_timeout = milliseconds(c.hangs() ? 60 : 20'000);
    options.client.seed = c.seed + 1;
    options.writer.first_part_bytes = kPartBytes;
    options.writer.settle_bound = milliseconds(50);
    const auto& keys = server.options().keys;
    return store::S3Store::make(http_, pool_,
                                s3::fixed_credentials({keys.access_key, keys.secret_key, "", {}}),
                                std::move(options))
        .value();
  }

  Result<ExportResult> run(const std::string& id, const Case& c, store::ObjectStore& store,
                           RunLog& log) {
    duckdb::Parser parser;
    parser.ParseQuery(rows_sql(c.partitions ? ", (i % 3)::VARCHAR AS part" : ""));
    const auto reader =
        connection_->reader(engine::Query(std::move(parser.statements[0])), {}).value();
    ExportSpec spec;
    spec.id = id;
    spec.prefix = kPrefix;
    spec.format = c.format;
    spec.max_file_bytes = kFileBytes;
    spec.csv.header = true;
    spec.manifest = c.manifest;
    if (c.replaces) spec.overwrite = Overwrite::kReplace;
    spec.names = reader->shape().names;
    for (const auto& type : reader->shape().types) spec.types.push_back(types::from_engine(type));
    if (c.partitions) {
      spec.partition_names = {spec.names.back()};
      spec.names.pop_back();
      spec.types.pop_back();
      spec.max_open_files = 2;
    }
    ExportProgress progress;
    return run_export(spec, *engine_, *reader, store, progress, {}, &log);
  }

  // That the store holds all rows once, and nothing else.
  void expect_whole(const s3fake::Server& server, const Case& c) {
    const FileFormat format = c.format;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      std::filesystem::remove(entry.path());
    }
    auto objects = server.objects();
    EXPECT_EQ(objects.erase(kOthersKey), c.replaces ? 1U : 0U);
    const auto is_manifest = [](const auto& object) {
      return object.first.ends_with("-manifest.json") &&
             object.second.find(fmt::format("\"rows\": {}", kRows)) != std::string::npos;
    };
    EXPECT_EQ(std::erase_if(objects, is_manifest), c.manifest ? 1U : 0U);
    EXPECT_GE(objects.size(), 2U);
    for (const auto& [key, content] : objects) {
      EXPECT_THAT(key, AnyOf(testing::EndsWith(".csv"), testing::EndsWith(".parquet")));
      EXPECT_EQ(key.find("/part=") != std::string::npos, c.partitions) << key;
      std::ofstream(folder_ / key.substr(key.rfind('/') + 1), std::ios::binary) << content;
    }
    const std::string files = fmt::format("'{}/*'", folder_.string());
    const std::string exported =
        format == FileFormat::kParquet
            ? fmt::format("read_parquet({})", files)
            : fmt::format(
                  "read_csv({}, header = true, nullstr = '', allow_quoted_nulls = false, "
                  "columns = {{'id': 'BIGINT', 'hash': 'VARCHAR', 'filler': 'VARCHAR'}})",
                  files);
    const auto rows = reader_connection_.Query(fmt::format(
        "SELECT (SELECT count(*) FROM {0}), (SELECT count(*) FROM (FROM expected EXCEPT ALL FROM "
        "{0}))",
        exported));
    ASSERT_FALSE(rows->HasError()) << rows->GetError();
    EXPECT_EQ(rows->GetValue(0, 0).ToString(), std::to_string(kRows));
    EXPECT_EQ(rows->GetValue(1, 0).ToString(), "0");
  }

  // A consumer goes by the sentinel: where there are files and none, they had better be whole.
  static bool looks_whole(const s3fake::Server& server) {
    const auto objects = server.objects();
    const auto is_of_run = [](const auto& object) { return object.second != kOldContent; };
    return std::any_of(objects.begin(), objects.end(), is_of_run) &&
           std::none_of(objects.begin(), objects.end(),
                        [](const auto& object) { return object.first.ends_with("-INCOMPLETE"); });
  }
  // What was there before, and nothing else.
  static std::vector<std::string> old_keys(const Case& c) {
    if (!c.replaces) return {};
    std::vector<std::string> keys = kOldKeys;
    keys.emplace_back(kOthersKey);
    return keys;
  }
  static std::vector<std::string> keys_of(const s3fake::Server& server) {
    std::vector<std::string> keys;
    for (const auto& [key, content] : server.objects()) keys.push_back(key);
    return keys;
  }

  void check(const Case& c);

  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::Connection> connection_;
  duckdb::DuckDB reader_database_;
  duckdb::Connection reader_connection_;
  std::filesystem::path folder_;
  http::Client http_;
  s3::PartPool pool_{size_t{2} << 20};
  int succeeded_ = 0, failed_ = 0, found_late_ = 0;
};

void ExportFaults::check(const Case& c) {
  s3fake::Server::Options server_options;
  server_options.min_part_bytes = kPartBytes;
  if (c.is_late) {
    const auto begun = std::make_shared<std::atomic<int>>(0);  // shared with the copies of it
    server_options.watch = [begun](s3fake::Server::Options::Moment moment,
                                   const std::string& operation, const std::string& /*target*/) {
      const bool waits = moment == s3fake::Server::Options::Moment::kBefore &&
                         operation == "CreateMultipartUpload" && ++*begun == 2;
      if (waits) std::this_thread::sleep_for(kLate);
      return true;
    };
  }
  s3fake::Server server(server_options);
  for (const std::string& key : old_keys(c)) server.put(key, kOldContent);
  for (const auto& rule : c.rules) server.fail(rule);
  Recorded recorded;
  auto store = store_of(server, c);
  const auto result = run("t1", c, *store, recorded);
  server.clear_faults();
  if (result.ok()) {
    ++succeeded_;
    EXPECT_EQ(result->rows, static_cast<uint64_t>(kRows));
    expect_whole(server, c);
    store.reset();
    EXPECT_THAT(server.open_uploads(), IsEmpty());
    return;
  }
  ++failed_;
  const Error& error = result.error();
  EXPECT_THAT(error.message, AnyOf(HasSubstr("s3://lake"), HasSubstr("DeleteObject")));
  EXPECT_THAT(error.message, testing::Not(HasSubstr(server.options().keys.secret_key)));
  if (recorded.is_open()) {
    EXPECT_EQ(error.code, ErrorCode::kUnknown);
    const auto gone = sentinel_is_gone(*store, kPrefix, "t1", {});
    ASSERT_TRUE(gone.ok());
    if (!recorded.replaced().empty()) {
      // There is no way back: as the sweeper does, the rest goes, and then the sentinel.
      EXPECT_TRUE(remove_objects(*store, recorded.replaced(), {}).ok());
      EXPECT_TRUE(remove_objects(*store, {run_key(kPrefix, "t1", kSentinelSuffix)}, {}).ok());
      return expect_whole(server, c);
    }
    if (*gone) return expect_whole(server, c);
  } else {
    EXPECT_FALSE(looks_whole(server)) << error.message;
  }
  const RunTraces traces{kPrefix, "t1", recorded.uploads(), c.partitions};
  Swept swept = sweep(*store, traces, {});
  EXPECT_TRUE(swept.status.ok()) << Status(swept.status).error().message;
  // What was cut off on its way may arrive behind that: the sweeper, too, looks twice.
  if (c.is_late) std::this_thread::sleep_for(kLate + std::chrono::milliseconds(200));
  if (!server.open_uploads().empty()) {
    ++found_late_;
    swept = sweep(*store, traces, {});
    EXPECT_TRUE(swept.status.ok()) << Status(swept.status).error().message;
  }
  EXPECT_THAT(keys_of(server), testing::UnorderedElementsAreArray(old_keys(c)));
  EXPECT_THAT(server.open_uploads(), IsEmpty());
  const auto again = run("t2", c, *store, recorded);
  ASSERT_TRUE(again.ok()) << again.error().message;
  expect_whole(server, c);
}

TEST_P(ExportFaults, YieldWholeFilesOrAnErrorAndNothing) {
  const uint64_t alone = environment("SLUICE_FAULT_SEED", 0);
  const uint64_t seeds = environment("SLUICE_FAULT_SEEDS", 2'400);
  for (uint64_t seed = static_cast<uint64_t>(GetParam()) + 1; seed <= seeds; seed += kShards) {
    if (alone != 0 && seed != alone) continue;
    const Case c(seed);
    SCOPED_TRACE(c.text());
    check(c);
    if (HasFatalFailure()) return;
  }
  RecordProperty("succeeded", succeeded_);
  RecordProperty("failed", failed_);
  if (alone != 0 || seeds < 800) return;
  // Both ends were tried, and often.
  EXPECT_GT(succeeded_, static_cast<int>(seeds) / kShards / 10);
  EXPECT_GT(failed_, static_cast<int>(seeds) / kShards / 10);
  if (static_cast<uint64_t>(GetParam()) + 1 == kLateSeeds) {
    EXPECT_GT(found_late_, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ExportFaults, testing::Range(0, kShards));

// Where nobody is, or somebody else: nothing can have happened, and the error says why.
class ExportToNobody : public ExportFaults {
 protected:
  Error fails(const std::string& endpoint) {
    store::S3Store::Options options;
    options.bucket = "lake";
    options.client.endpoint.url = endpoint;
    options.client.retry.base = milliseconds(1);
    options.client.retry.cap = milliseconds(2);
    const auto store =
        store::S3Store::make(http_, pool_, s3::fixed_credentials({"A", "s", "", {}}), options)
            .value();
    Recorded recorded;
    const auto result = run("t1", Case(), *store, recorded);
    EXPECT_FALSE(result.ok());
    EXPECT_THAT(recorded.uploads(), IsEmpty());
    return result.ok() ? internal("no error") : result.error();
  }
};

TEST_P(ExportToNobody, AHostThatHasNoAddress) {
  const Error error = fails("http://no-such-host.invalid:9000");
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("s3://lake"));
  EXPECT_THAT(error.message, HasSubstr("no-such-host.invalid"));
}

TEST_P(ExportToNobody, APortThatNobodyListensOn) {
  const Error error = fails("http://127.0.0.1:1");
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("s3://lake"));
}

TEST_P(ExportToNobody, ACertificateThatNobodyTrusts) {
  s3fake::Server::Options options;
  options.tls = true;
  const s3fake::Server server(options);
  const Error error = fails(server.endpoint());
  EXPECT_EQ(error.code, ErrorCode::kDenied);
  EXPECT_THAT(error.message, HasSubstr("certificate"));
  EXPECT_THAT(server.requests(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Alone, ExportToNobody, testing::Values(0));

}  // namespace
}  // namespace sluice::exports
