#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

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
using ::testing::Not;
using testing::Outcome;
using ::testing::Pair;
using testing::parquet;
using testing::run;
using testing::run_with_log;
using testing::shared_engine;
using ::testing::SizeIs;
using Answer = FakeStore::Answer;

TEST(ExportRun, WritesNamedFilesOfBoundedSizeAndNothingElse) {
  FakeStore store;
  // 22 or 23 bytes a row with its number's digits: 24 bytes at most.
  const Outcome outcome = run(csv(), store);
  ASSERT_TRUE(outcome.result.ok()) << outcome.result.error().message;
  EXPECT_THAT(keys(store),
              ElementsAre("a/b/mz-t7-batch-0000-0001.csv", "a/b/mz-t7-batch-0000-0002.csv",
                          "a/b/mz-t7-batch-0000-0003.csv"));
  EXPECT_EQ(lines(store), FakeReader({}).csv_rows());
  uint64_t bytes = 0;
  for (const auto& [key, content] : store.objects()) {
    EXPECT_LE(content.size(), 300U);
    bytes += content.size();
  }
  EXPECT_EQ(outcome.result->rows, 30U);
  EXPECT_EQ(outcome.result->bytes, bytes);
  EXPECT_THAT(outcome.result->files, SizeIs(3));
  EXPECT_EQ(outcome.result->files[1].key, "a/b/mz-t7-batch-0000-0002.csv");
  EXPECT_EQ(outcome.rows, 30U);
  EXPECT_EQ(outcome.bytes, bytes);
  EXPECT_EQ(outcome.files, 3U);
}

TEST(ExportRun, GoesFromTheProbesToTheSentinelInThisOrder) {
  FakeStore store;
  ExportSpec spec = csv();
  spec.max_file_bytes = 1 << 20;
  ASSERT_TRUE(run(spec, store, {.rows_per_chunk = 30}).result.ok());
  EXPECT_THAT(
      store.calls(),
      ElementsAre("list a/b/", "remove a/b/mz-t7-batch-0000-0000.delete_object_test",
                  "put a/b/mz-t7-INCOMPLETE", "list a/b/", "append a/b/mz-t7-batch-0000-0001.csv",
                  "close a/b/mz-t7-batch-0000-0001.csv", "complete a/b/mz-t7-batch-0000-0001.csv",
                  "remove a/b/mz-t7-INCOMPLETE"));
}

// Where another run, which saw the same empty path, puts its sentinel at the same time.
class RacedStore final : public FakeStore {
 public:
  Status put(const std::string& key, std::span<const std::byte> bytes,
             std::stop_token stop) override {
    seed("a/b/mz-t8-INCOMPLETE", "");
    return FakeStore::put(key, bytes, stop);
  }
};

TEST(ExportRun, GivesWayToAnotherThatBeganAtTheSameTime) {
  RacedStore store;
  const Outcome outcome = run(csv(), store);
  ASSERT_FALSE(outcome.result.ok());
  EXPECT_THAT(outcome.result.error().message, HasSubstr("began at the same time"));
  EXPECT_THAT(keys(store), ElementsAre("a/b/mz-t8-INCOMPLETE"));
}

TEST(ExportRun, PublishesNothingBeforeTheReaderHasSucceeded) {
  FakeStore store;
  const Outcome outcome =
      run(csv(), store, {.error_at_the_end = invalid("division by zero").with_sqlstate("22012")});
  ASSERT_FALSE(outcome.result.ok());
  EXPECT_EQ(outcome.result.error().message, "division by zero");
  EXPECT_EQ(outcome.result.error().sqlstate, "22012");
  EXPECT_THAT(store.calls(), Not(::testing::Contains(HasSubstr("complete "))));
  EXPECT_THAT(store.objects(), IsEmpty());
  EXPECT_THAT(store.open_uploads(), IsEmpty());
}

TEST(ExportRun, AtTheRootOfABucketKeysHaveNoSlash) {
  FakeStore store;
  ExportSpec spec = csv();
  spec.prefix = "";
  spec.max_file_bytes = 1 << 20;
  ASSERT_TRUE(run(spec, store).result.ok());
  EXPECT_EQ(store.calls().front(), "list ");
  EXPECT_THAT(keys(store), ElementsAre("mz-t7-batch-0000-0001.csv"));
}

TEST(ExportRun, RefusesAPathThatIsNotEmptyUpToTheSeparator) {
  FakeStore store;
  store.seed("a/b2/x", "");
  store.seed("a/b", "");
  ASSERT_TRUE(run(csv(), store).result.ok());
  const auto again = run(csv(), store);
  ASSERT_FALSE(again.result.ok());
  EXPECT_EQ(again.result.error().message, "S3 bucket path is not empty, contains 3 objects");
  EXPECT_EQ(again.result.error().code, ErrorCode::kExists);
  EXPECT_THAT(keys(store), SizeIs(5));
}

TEST(ExportRun, CountsAtMostAThousandObjects) {
  FakeStore store;
  for (int i = 0; i < 1100; ++i) store.seed(fmt::format("a/b/{}", i), "");
  EXPECT_EQ(run(csv(), store).result.error().message,
            "S3 bucket path is not empty, contains 1000 objects");
}

TEST(ExportRun, TellsWhichProbeFailed) {
  const auto fail = [](int call, Answer answer) {
    FakeStore store(
        [=](int number, const std::string&) { return number == call ? answer : Answer::kDo; });
    auto result = run(csv(), store).result;
    EXPECT_THAT(store.objects(), IsEmpty());
    return result.ok() ? Error() : result.error();
  };
  EXPECT_EQ(fail(1, Answer::kDeny).message, "list a/b/: 403 AccessDenied");
  EXPECT_EQ(fail(2, Answer::kDeny).message, "AccessDenied error when using DeleteObject");
  EXPECT_EQ(fail(2, Answer::kFail).message,
            "Error when using DeleteObject: remove "
            "a/b/mz-t7-batch-0000-0000.delete_object_test: 503 SlowDown");
  EXPECT_EQ(fail(3, Answer::kDeny).message, "put a/b/mz-t7-INCOMPLETE: 403 AccessDenied");
}

TEST(ExportRun, TakesAMissingObjectsErrorForAPassedProbe) {
  FakeStore store;
  store.answer_missing_with_not_found();
  EXPECT_TRUE(run(csv(), store).result.ok());
}

TEST(ExportRun, EveryCsvFileHasTheHeaderAndItCounts) {
  FakeStore store;
  ExportSpec spec = csv();
  spec.csv.header = true;
  ASSERT_TRUE(run(spec, store).result.ok());
  EXPECT_GE(store.objects().size(), 3U);
  for (const auto& [key, content] : store.objects()) {
    EXPECT_TRUE(content.starts_with("n,t\n")) << key;
    EXPECT_LE(content.size(), spec.max_file_bytes);
  }
  EXPECT_EQ(lines(store, "n,t"), FakeReader({}).csv_rows());
}

TEST(ExportRun, FillsCsvFilesToTheLastByte) {
  ExportSpec spec = csv();
  // Rows 0…9 have 1 + 1 + 20 + 1 = 23 bytes.
  for (const auto& [limit, rows] : {std::pair{69, 3}, {68, 2}, {70, 3}}) {
    FakeStore store;
    spec.max_file_bytes = static_cast<uint64_t>(limit);
    ASSERT_TRUE(run(spec, store, {.rows_per_thread = 10}).result.ok());
    EXPECT_EQ(store.objects().begin()->second.size(), static_cast<size_t>(rows * 23)) << limit;
    EXPECT_EQ(lines(store).size(), 10U);
  }
}

TEST(ExportRun, ARowThatFitsNowhereHasAFileToItself) {
  for (const bool header : {false, true}) {
    FakeStore store;
    ExportSpec spec = csv();
    spec.csv.header = header;
    spec.max_file_bytes = 10;
    const Outcome outcome = run(spec, store, {.rows_per_thread = 5});
    ASSERT_TRUE(outcome.result.ok()) << outcome.result.error().message;
    EXPECT_THAT(store.objects(), SizeIs(5));
    EXPECT_EQ(lines(store, "n,t").size(), 5U);
  }
}

TEST(ExportRun, AnEmptyResultIsOneFile) {
  const FakeReader::Options none{.rows_per_thread = 0};
  FakeStore plain, header, columns;
  ASSERT_TRUE(run(csv(), plain, none).result.ok());
  EXPECT_THAT(plain.objects(), ElementsAre(Pair("a/b/mz-t7-batch-0000-0001.csv", "")));

  ExportSpec spec = csv();
  spec.csv.header = true;
  ASSERT_TRUE(run(spec, header, none).result.ok());
  EXPECT_THAT(header.objects(), ElementsAre(Pair("a/b/mz-t7-batch-0000-0001.csv", "n,t\n")));

  const Outcome outcome = run(parquet(), columns, none);
  ASSERT_TRUE(outcome.result.ok()) << outcome.result.error().message;
  EXPECT_EQ(outcome.result->rows, 0U);
  EXPECT_THAT(columns.objects(), ElementsAre(Pair("a/b/mz-t7-batch-0000-0000.parquet",
                                                  ::testing::StartsWith("PAR1"))));
}

TEST(ExportRun, ManyThreadsHaveABatchEach) {
  for (ExportSpec spec : {csv(), parquet()}) {
    FakeStore store;
    const bool is_csv = spec.format == FileFormat::kCsv;
    spec.max_file_bytes = is_csv ? 5000 : 20000;
    const FakeReader::Options rows{
        .threads = 8, .rows_per_thread = 1000, .rows_per_chunk = 100, .at_once = true};
    const Outcome outcome = run(spec, store, rows);
    ASSERT_TRUE(outcome.result.ok()) << outcome.result.error().message;
    EXPECT_EQ(outcome.result->rows, 8000U);
    std::set<std::string> batches;
    for (const std::string& key : keys(store)) batches.insert(key.substr(0, key.rfind('-')));
    EXPECT_THAT(batches, SizeIs(8));
    EXPECT_EQ(*batches.begin(), "a/b/mz-t7-batch-0000");
    EXPECT_EQ(*batches.rbegin(), "a/b/mz-t7-batch-0007");
    if (is_csv) {
      EXPECT_EQ(lines(store), FakeReader(rows).csv_rows());
    }
  }
}

std::vector<size_t> sizes(const FakeStore& store) {
  std::vector<size_t> result;
  for (const auto& [key, content] : store.objects()) result.push_back(content.size());
  std::sort(result.begin(), result.end());
  return result;
}

// The threads run one after the other, so each finds what the one before has left.
TEST(ExportRun, AThreadGoesOnWithTheFileThatAnotherHasLeft) {
  for (ExportSpec spec : {csv(), parquet()}) {
    FakeStore store;
    spec.max_file_bytes = 1 << 20;
    const Outcome outcome =
        run(spec, store, {.threads = 4, .rows_per_thread = 50, .in_turn = true});
    ASSERT_TRUE(outcome.result.ok()) << outcome.result.error().message;
    EXPECT_EQ(outcome.result->rows, 200U);
    EXPECT_THAT(store.objects(), SizeIs(1));
  }
}

TEST(ExportRun, TheLastTwoFilesShareWhatIsLeft) {
  ExportSpec spec = csv();
  for (int rows = 1000; rows < 6000; rows += 137) {
    FakeStore store;
    spec.max_file_bytes = 50'000;
    const Outcome outcome =
        run(spec, store, {.rows_per_thread = rows, .rows_per_chunk = 50, .tells_progress = true});
    ASSERT_TRUE(outcome.result.ok()) << outcome.result.error().message;
    const auto all = sizes(store);
    EXPECT_LE(all.back(), 50'000U);
    if (all.size() > 1) {
      EXPECT_GE(all.front(), 23'000U) << rows << " rows, " << all.size() << " files";
    }
    for (size_t i = 2; i < all.size(); ++i) EXPECT_GT(all[i], 49'900U);
    EXPECT_EQ(lines(store), FakeReader({.rows_per_thread = rows}).csv_rows());
  }
}

// One case of the matrices below: everything, or nothing at all.
void expect_whole_or_gone(const ExportSpec& spec, const Outcome& outcome, const FakeStore& store,
                          size_t whole) {
  EXPECT_THAT(store.open_uploads(), IsEmpty());
  if (!outcome.result.ok()) {
    EXPECT_THAT(keys(store), IsEmpty()) << outcome.result.error().message;
    EXPECT_THAT(outcome.result.error().detail, Not(HasSubstr("removed")));
    return;
  }
  EXPECT_THAT(store.objects(), SizeIs(whole));
  EXPECT_FALSE(store.objects().contains("a/b/mz-t7-INCOMPLETE"));
  if (spec.format == FileFormat::kCsv) {
    EXPECT_EQ(lines(store), FakeReader({}).csv_rows());
  }
}

class EveryCall : public ::testing::TestWithParam<FileFormat> {
 protected:
  EveryCall() : spec_(GetParam() == FileFormat::kCsv ? csv() : parquet()) {
    FakeStore store;
    EXPECT_TRUE(run(spec_, store, rows()).result.ok());
    calls_ = store.call_count();
    files_ = store.objects().size();
    EXPECT_GE(files_, 2U);
  }
  // Enough of them for some files of the format.
  static FakeReader::Options rows(int threads = 1) {
    return {.threads = threads,
            .text_length = GetParam() == FileFormat::kCsv ? size_t{20} : size_t{2000}};
  }

  const ExportSpec spec_;
  int calls_ = 0;
  size_t files_ = 0;
};

TEST_P(EveryCall, ThatFailsLeavesNothingBehind) {
  for (const Answer answer : {Answer::kFail, Answer::kDeny, Answer::kLoseAnswer}) {
    for (int failing = 1; failing <= calls_; ++failing) {
      std::string failed;
      FakeStore store([&](int number, const std::string& what) {
        if (number != failing) return Answer::kDo;
        failed = what;
        return answer;
      });
      const Outcome outcome = run(spec_, store, rows());
      SCOPED_TRACE(::testing::Message() << failed << " as " << static_cast<int>(answer));
      expect_whole_or_gone(spec_, outcome, store, files_);
      // Only the last word may be said twice.
      EXPECT_EQ(outcome.result.ok(), failed == "remove a/b/mz-t7-INCOMPLETE");
    }
  }
}

TEST_P(EveryCall, ThatIsCancelledLeavesNothingBehind) {
  int cancelled_runs = 0;
  for (int failing = 1; failing <= calls_; ++failing) {
    std::stop_source stop;
    std::string last;
    FakeStore store([&](int number, const std::string& what) {
      if (number == failing) {
        last = what;
        stop.request_stop();
      }
      return Answer::kDo;
    });
    const Outcome outcome = run(spec_, store, rows(), stop.get_token());
    SCOPED_TRACE(last);
    expect_whole_or_gone(spec_, outcome, store, files_);
    if (!outcome.result.ok()) {
      EXPECT_EQ(outcome.result.error().code, ErrorCode::kCancelled);
      ++cancelled_runs;
    }
  }
  EXPECT_EQ(cancelled_runs, calls_ - 1);  // the sentinel's end comes too late to be stopped
}

TEST_P(EveryCall, OfManyThreadsThatFailsLeavesNothingBehind) {
  for (int failing = 1; failing < 60; ++failing) {
    FakeStore store([&](int number, const std::string&) {
      return number == failing ? Answer::kFail : Answer::kDo;
    });
    const Outcome outcome = run(spec_, store, rows(4));
    EXPECT_THAT(store.open_uploads(), IsEmpty());
    if (!outcome.result.ok()) {
      EXPECT_THAT(keys(store), IsEmpty());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, EveryCall,
                         ::testing::Values(FileFormat::kCsv, FileFormat::kParquet),
                         [](const auto& format) {
                           return format.param == FileFormat::kCsv ? "Csv" : "Parquet";
                         });

TEST(ExportRun, NamesWhatItCouldNotRemoveAndKeepsTheSentinelBesideIt) {
  bool down = false;
  FakeStore store([&](int, const std::string& what) {
    // The second file's end is lost, and from then on the store answers nothing.
    if (what == "complete a/b/mz-t7-batch-0000-0002.csv") down = true;
    return down ? Answer::kFail : Answer::kDo;
  });
  const Outcome outcome = run(csv(), store);
  ASSERT_FALSE(outcome.result.ok());
  EXPECT_EQ(outcome.result.error().message, "complete a/b/mz-t7-batch-0000-0002.csv: 503 SlowDown");
  EXPECT_EQ(outcome.result.error().detail,
            "Could not be removed yet: fake://a/b/mz-t7-batch-0000-0001.csv, "
            "fake://a/b/mz-t7-batch-0000-0002.csv, fake://a/b/mz-t7-batch-0000-0003.csv, "
            "fake://a/b/mz-t7-INCOMPLETE");
  EXPECT_TRUE(store.objects().contains("a/b/mz-t7-INCOMPLETE"));
}

TEST(ExportRun, RemovesTheSentinelWhenOnlyInvisiblePartsAreLeft) {
  FakeStore store([&](int, const std::string& what) {
    const bool fails = what.starts_with("close ") || what.starts_with("abort ");
    return fails ? Answer::kFail : Answer::kDo;
  });
  const Outcome outcome = run(csv(), store);
  ASSERT_FALSE(outcome.result.ok());
  EXPECT_EQ(outcome.result.error().detail,
            "Could not be removed yet: fake://a/b/mz-t7-batch-0000-0001.csv");
  EXPECT_THAT(store.objects(), IsEmpty());
}

TEST(ExportRun, TellsItsLogBeforeEachStepThatMatters) {
  FakeStore store;
  FakeLog log(store);
  ASSERT_TRUE(run_with_log(store, log).ok());
  for (const char* file : {"0001", "0002", "0003"}) {
    const std::string key = fmt::format("a/b/mz-t7-batch-0000-{}.csv", file);
    EXPECT_LE(log.calls_before("upload " + key), first_call(store, "append " + key));
  }
  const size_t publishing = log.calls_before("publishing");
  EXPECT_EQ(publishing, first_call(store, "remove a/b/mz-t7-INCOMPLETE"));
  EXPECT_EQ(log.calls_before("failed"), SIZE_MAX);
}

TEST(ExportRun, PutsItsFailureOnRecordBeforeItRemovesAnything) {
  FakeStore store;
  FakeLog log(store);
  ASSERT_FALSE(run_with_log(store, log, {.error_at_the_end = invalid("x")}).ok());
  for (const char* file : {"0001", "0002", "0003"}) {
    EXPECT_LE(log.calls_before("failed"),
              first_call(store, fmt::format("abort a/b/mz-t7-batch-0000-{}.csv", file)));
  }
  EXPECT_LT(log.calls_before("failed"), first_call(store, "remove a/b/mz-t7-INCOMPLETE"));
}

TEST(ExportRun, SendsNothingOfAnUploadThatIsNotOnRecord) {
  FakeStore store;
  FakeLog log(store);
  log.fails = "upload a/b/mz-t7-batch-0000-0001.csv";
  EXPECT_EQ(run_with_log(store, log).error().message, "the disk is full");
  EXPECT_THAT(store.calls(), Not(::testing::Contains(HasSubstr("append "))));
  EXPECT_THAT(store.objects(), IsEmpty());
}

// Were the sentinel removed and nothing on record, a restart would take the run for a success.
TEST(ExportRun, UndoesNoPublishingRunWhoseFailureIsNotOnRecord) {
  FakeStore store([](int, const std::string& what) {
    return what == "remove a/b/mz-t7-INCOMPLETE" ? Answer::kDeny : Answer::kDo;
  });
  FakeLog log(store);
  log.fails = "failed";
  const auto result = run_with_log(store, log);
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.error().detail, HasSubstr("the disk is full"));
  EXPECT_THAT(store.objects(), SizeIs(4));
}

// The sentinel's end may still be on its way: files that are removed meanwhile would be missed.
TEST(ExportRun, UndoesNothingWhenItIsStoppedWhileTheSentinelGoes) {
  std::stop_source stop;
  FakeStore store([&](int, const std::string& what) {
    if (what != "remove a/b/mz-t7-INCOMPLETE") return Answer::kDo;
    stop.request_stop();
    return Answer::kFail;
  });
  FakeReader reader({});
  ExportProgress progress;
  const auto result = run_export(csv(), shared_engine(), reader, store, progress, stop.get_token());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kUnknown);
  EXPECT_THAT(store.objects(), SizeIs(4));
}

TEST(ExportRun, UndoesAllWhenTheSentinelStays) {
  int refusals = 2;
  FakeStore store([&](int, const std::string& what) {
    return what == "remove a/b/mz-t7-INCOMPLETE" && refusals-- > 0 ? Answer::kFail : Answer::kDo;
  });
  EXPECT_THAT(run(csv(), store).result.error().message, HasSubstr("503 SlowDown"));
  EXPECT_THAT(store.objects(), IsEmpty());
}

TEST(ExportRun, UndoesItsFilesSideBySide) {
  std::mutex mutex;
  std::condition_variable changed;
  int aborting = 0;
  FakeStore store([&](int, const std::string& what) {
    if (!what.starts_with("abort ")) return Answer::kDo;
    std::unique_lock lock(mutex);
    ++aborting;
    changed.notify_all();
    // Each waits for the others: one after the other they would never end.
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return aborting == 3; }));
    return Answer::kDo;
  });
  FakeLog log(store);
  ASSERT_FALSE(run_with_log(store, log, {.error_at_the_end = invalid("x")}).ok());
  EXPECT_THAT(store.objects(), IsEmpty());
}

TEST(ExportRun, DoesNotBeginWhenTheSpecDoesNotFitTheReader) {
  FakeStore store;
  ExportSpec spec = parquet();
  spec.types[1] = types::make(types::TypeId::kBigInt);
  EXPECT_EQ(run(spec, store).result.error().code, ErrorCode::kInternal);
  spec.types.pop_back();
  EXPECT_EQ(run(spec, store).result.error().code, ErrorCode::kInternal);
  EXPECT_THAT(store.calls(), IsEmpty());
}

}  // namespace
}  // namespace sluice::exports
