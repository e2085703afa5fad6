// How files lie at the target: what is there already, manifests, single files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "export/parquet_footer.h"
#include "export/testing/run_fixture.h"

namespace sluice::exports {
namespace {

using testing::csv;
using ::testing::ElementsAre;
using testing::FakeLog;
using testing::FakeReader;
using testing::FakeStore;
using testing::first_call;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::keys;
using testing::lines;
using testing::Outcome;
using testing::parquet;
using testing::run;
using testing::run_with_log;
using ::testing::SizeIs;
using Answer = FakeStore::Answer;

ExportSpec replacing() {
  ExportSpec spec = csv();
  spec.overwrite = Overwrite::kReplace;
  return spec;
}

void seed_old(FakeStore& store) {
  store.seed("a/b/mz-t1-batch-0000-0001.csv", "old\n");
  store.seed("a/b/x/y", "old\n");
  store.seed("a/b2", "of somebody else");
}

std::vector<std::string> old_objects(const FakeStore& store) {
  std::vector<std::string> old;
  for (const auto& [key, content] : store.objects()) {
    if (content == "old\n") old.push_back(key);
  }
  return old;
}

TEST(ExportRun, ReplacesWhatIsThereWhenItsOwnFilesAreWhole) {
  FakeStore store;
  seed_old(store);
  FakeLog log(store);
  ASSERT_TRUE(run_with_log(store, log, {}, replacing()).ok());
  EXPECT_THAT(keys(store),
              ElementsAre("a/b/mz-t7-batch-0000-0001.csv", "a/b/mz-t7-batch-0000-0002.csv",
                          "a/b/mz-t7-batch-0000-0003.csv", "a/b2"));
  const size_t recorded = log.calls_before("replacing 2");
  EXPECT_LT(first_call(store, "complete a/b/mz-t7-batch-0000-0003.csv"), recorded);
  for (const char* old : {"remove a/b/mz-t1-batch-0000-0001.csv", "remove a/b/x/y"}) {
    EXPECT_GE(first_call(store, old), recorded);
    EXPECT_LT(first_call(store, old), first_call(store, "remove a/b/mz-t7-INCOMPLETE"));
  }
}

TEST(ExportRun, AReplaceLeavesTheOldOrTheNewObjectsAtEveryCallThatFails) {
  FakeStore whole;
  seed_old(whole);
  ASSERT_TRUE(run(replacing(), whole).result.ok());
  int unfinished = 0;
  for (const Answer answer : {Answer::kFail, Answer::kDeny, Answer::kLoseAnswer}) {
    for (int failing = 1; failing <= whole.call_count(); ++failing) {
      std::string failed;
      FakeStore store([&](int number, const std::string& what) {
        if (number != failing) return Answer::kDo;
        failed = what;
        return answer;
      });
      seed_old(store);
      const Outcome outcome = run(replacing(), store);
      SCOPED_TRACE(::testing::Message() << failed << " as " << static_cast<int>(answer));
      EXPECT_THAT(store.open_uploads(), IsEmpty());
      if (outcome.result.ok()) {
        EXPECT_THAT(old_objects(store), IsEmpty());
      } else if (outcome.result.error().code == ErrorCode::kUnknown &&
                 failed.starts_with("remove ") && failed.find("_test") == std::string::npos) {
        ++unfinished;
        EXPECT_TRUE(store.objects().contains("a/b/mz-t7-batch-0000-0003.csv"));
      } else {
        EXPECT_THAT(old_objects(store), SizeIs(2));
        EXPECT_THAT(keys(store), SizeIs(3));
      }
    }
  }
  EXPECT_GE(unfinished, 3);
}

TEST(ExportRun, AppendDoesNotLookAtWhatIsThere) {
  FakeStore store;
  seed_old(store);
  ExportSpec spec = csv();
  spec.overwrite = Overwrite::kAppend;
  ASSERT_TRUE(run(spec, store).result.ok());
  EXPECT_THAT(old_objects(store), SizeIs(2));
  EXPECT_THAT(keys(store), SizeIs(6));
}

TEST(ExportRun, DoesNotReplaceAnExportUnderWay) {
  FakeStore store;
  store.seed("a/b/mz-t6-INCOMPLETE", "");
  const Outcome outcome = run(replacing(), store);
  ASSERT_FALSE(outcome.result.ok());
  EXPECT_EQ(outcome.result.error().sqlstate, "55006");
  EXPECT_THAT(keys(store), SizeIs(1));
}

TEST(ExportRun, AManifestComesAfterAllFilesAndBeforeTheSentinelGoes) {
  FakeStore store;
  ExportSpec spec = csv();
  spec.manifest = true;
  ASSERT_TRUE(run(spec, store).result.ok());
  EXPECT_THAT(store.objects().at("a/b/mz-t7-manifest.json"), HasSubstr("\"rows\": 30"));
  const size_t manifest = first_call(store, "complete a/b/mz-t7-manifest.json");
  EXPECT_LT(first_call(store, "complete a/b/mz-t7-batch-0000-0003.csv"), manifest);
  EXPECT_LT(manifest, first_call(store, "remove a/b/mz-t7-INCOMPLETE"));
}

TEST(ExportRun, NoCallThatFailsLeavesAManifest) {
  for (ExportSpec spec : {csv(), parquet()}) {
    spec.manifest = true;
    FakeStore whole;
    ASSERT_TRUE(run(spec, whole).result.ok());
    for (int failing = 1; failing <= whole.call_count(); ++failing) {
      FakeStore store([&](int number, const std::string&) {
        return number == failing ? Answer::kFail : Answer::kDo;
      });
      const Outcome outcome = run(spec, store);
      EXPECT_THAT(store.open_uploads(), IsEmpty());
      if (!outcome.result.ok()) {
        EXPECT_THAT(keys(store), IsEmpty()) << failing;
      }
    }
  }
}

TEST(ExportRun, ASingleFileHasAllThreadsRows) {
  ExportSpec zstd = csv();
  zstd.csv_compression.codec = format::Codec::kZstd;
  ExportSpec groups = parquet();
  groups.row_group_bytes = 1000;
  for (ExportSpec spec : {csv(), zstd, parquet(), groups}) {
    FakeStore store;
    spec.single_file = true;
    spec.manifest = true;
    const FakeReader::Options rows{.threads = 4, .rows_per_thread = 500};
    const Outcome outcome = run(spec, store, rows);
    ASSERT_TRUE(outcome.result.ok()) << outcome.result.error().message;
    EXPECT_EQ(outcome.result->rows, 2000U);
    EXPECT_THAT(store.objects(), SizeIs(2));
    const std::string manifest = store.objects().at("a/b/mz-t7-manifest.json");
    for (const char* const fact : {"\"rows\": 2000", "\"min\": \"0\"", "\"max\": \"1999\""}) {
      EXPECT_THAT(manifest, HasSubstr(fact));
    }
    if (spec.format == FileFormat::kParquet) {
      const std::string file = store.objects().at("a/b/mz-t7-batch-0000-0000.parquet");
      EXPECT_EQ(rows_of_parquet_footer(file).value(), 2000U);
    } else if (spec.csv_compression.codec == format::Codec::kNone) {
      spec.manifest = false;
      FakeStore plain;
      ASSERT_TRUE(run(spec, plain, rows).result.ok());
      EXPECT_EQ(lines(plain), FakeReader(rows).csv_rows());
    }
  }
}

TEST(ExportRun, ThreadsOfASingleFileEncodeWhileOneWritesToIt) {
  ExportProgress progress;
  std::atomic<bool> held = false, went_on = false;
  FakeStore store([&](int, const std::string& what) {
    if (!what.starts_with("append ") || held.exchange(true)) return Answer::kDo;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (progress.rows < 1000 && std::chrono::steady_clock::now() < end) {
      std::this_thread::yield();
    }
    went_on = progress.rows == 1000;
    return Answer::kDo;
  });
  ExportSpec spec = parquet();
  spec.single_file = true;
  FakeReader reader({.threads = 2, .rows_per_thread = 500});
  const auto result = run_export(spec, testing::shared_engine(), reader, store, progress, {});
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_TRUE(went_on);
}

}  // namespace
}  // namespace sluice::exports
