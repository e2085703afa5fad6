#include "export/sweeper.h"

#include <gmock/gmock.h>

#include "export/sweep.h"
#include "export/testing/fake_store.h"
#include "export/testing/journal_fixture.h"

namespace sluice::exports {
namespace {

using ::testing::Contains;
using testing::FakeStore;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Answer = FakeStore::Answer;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kData[] = "a/mz-t1-batch-0000-0001.csv";
constexpr char kOther[] = "a/mz-t1-batch-0001-0001.csv";
constexpr char kSentinel[] = "a/mz-t1-INCOMPLETE";

size_t place_of(const std::vector<std::string>& calls, const std::string& call) {
  return static_cast<size_t>(std::find(calls.begin(), calls.end(), call) - calls.begin());
}

void fill(FakeStore& store) {
  store.seed(kSentinel, "");
  store.seed(kData, "1\n");
  store.seed_upload(kOther);
  store.seed("a/mz-t10-batch-0000-0001.csv", "another run's");
}

TEST(Sweep, RemovesUploadsThenDataThenTheSentinelOfItsRunOnly) {
  FakeStore store;
  fill(store);
  const Swept swept = sweep(store, {"a", "t1", {{kOther, std::string(kOther) + "#"}}}, {});
  EXPECT_TRUE(swept.status.ok());
  EXPECT_THAT(swept.left, IsEmpty());
  EXPECT_THAT(store.objects(), SizeIs(1));
  EXPECT_THAT(store.open_uploads(), IsEmpty());
  const auto calls = store.calls();
  EXPECT_LT(place_of(calls, std::string("abort ") + kOther), place_of(calls, "list a/mz-t1-"));
  EXPECT_LT(place_of(calls, std::string("remove ") + kData),
            place_of(calls, std::string("remove ") + kSentinel));
}

TEST(Sweep, FindsWhatIsNotOnRecordWhereItMayLook) {
  FakeStore store;
  fill(store);
  EXPECT_TRUE(sweep(store, {"a", "t1", {}}, {}).status.ok());
  EXPECT_THAT(store.open_uploads(), IsEmpty());
}

TEST(Sweep, NeedsNoRightToListUploadsNorObjects) {
  FakeStore store([](int, const std::string& what) {
    return what.starts_with("uploads ") || what.starts_with("list ") ? Answer::kDeny : Answer::kDo;
  });
  fill(store);
  const Swept swept = sweep(
      store, {"a", "t1", {{kData, std::string(kData) + "#"}, {kOther, std::string(kOther) + "#"}}},
      {});
  EXPECT_TRUE(swept.status.ok());
  EXPECT_TRUE(swept.uploads_not_listed);
  EXPECT_THAT(store.objects(), SizeIs(1));
  EXPECT_THAT(store.open_uploads(), IsEmpty());
}

TEST(Sweep, KeepsTheSentinelWhileAnythingElseIsLeft) {
  for (const char* failing :
       {"abort a/mz-t1-batch-0001-0001.csv", "remove a/mz-t1-batch-0000-0001.csv",
        "uploads a/mz-t1-", "list a/mz-t1-"}) {
    SCOPED_TRACE(failing);
    FakeStore store([&](int, const std::string& what) {
      return what == failing ? Answer::kFail : Answer::kDo;
    });
    fill(store);
    const Swept swept = sweep(store, {"a", "t1", {{kOther, std::string(kOther) + "#"}}}, {});
    EXPECT_FALSE(swept.status.ok());
    EXPECT_THAT(swept.left, Contains(HasSubstr(kSentinel)));
    EXPECT_TRUE(store.objects().contains(kSentinel));
  }
}

// A sweeper without its thread, over a store that lives as long as the test.
class Sweepers : public testing::JournalTest {
 protected:
  // Lends a store to many openings.
  class Lent final : public store::ObjectStore {
   public:
    explicit Lent(FakeStore& to) : to_(to) {}
    Result<store::Listing> list_after(const std::string& prefix, const std::string& after,
                                      int max_keys, std::stop_token stop) override {
      return to_.list_after(prefix, after, max_keys, std::move(stop));
    }
    Status put(const std::string& key, std::span<const std::byte> bytes,
               std::stop_token stop) override {
      return to_.put(key, bytes, std::move(stop));
    }
    Status remove(const std::string& key, std::stop_token stop) override {
      return to_.remove(key, std::move(stop));
    }
    Result<std::string> get(const std::string& key, std::stop_token stop) override {
      return to_.get(key, std::move(stop));
    }
    std::unique_ptr<store::ObjectWriter> writer(const std::string& key,
                                                UploadBegun begun) override {
      return to_.writer(key, std::move(begun));
    }
    Result<std::vector<store::OpenUpload>> list_uploads(const std::string& prefix,
                                                        std::stop_token stop) override {
      return to_.list_uploads(prefix, std::move(stop));
    }
    Status abort_upload(const store::OpenUpload& upload, std::stop_token stop) override {
      return to_.abort_upload(upload, std::move(stop));
    }
    std::string url(const std::string& key) const override { return to_.url(key); }

   private:
    FakeStore& to_;
  };

  Sweepers()
      : bucket_([this](int, const std::string& what) {
          return down_ && what.find(failing_) != std::string::npos ? Answer::kFail : Answer::kDo;
        }) {}

  void make() {
    sweeper_ = std::make_unique<Sweeper>(
        *journal_,
        [this](const RunRecord& record) -> Result<Sweeper::Place> {
          if (gone_) {
            return error(ErrorCode::kNotFound, "connection {} is not there", record.connection)
                .with_hint("Remove it by hand.");
          }
          return Sweeper::Place{std::make_unique<Lent>(bucket_), "a"};
        },
        Sweeper::Options{.seed = 1, .clock = &clock_});
  }
  // As a new process does, without its thread.
  void take_over() {
    make();
    for (const std::string& id : journal_->left()) sweeper_->add(id);
  }
  // Lets so much time pass, in small steps; returns how many requests that made.
  int pass(milliseconds time) {
    const int before = bucket_.call_count();
    for (milliseconds at{0}; at < time; at += milliseconds(100)) {
      clock_.advance(milliseconds(100));
      sweeper_->run_due({});
    }
    return bucket_.call_count() - before;
  }
  void expect_clean() {
    EXPECT_THAT(bucket_.open_uploads(), IsEmpty());
    EXPECT_THAT(bucket_.objects(), IsEmpty());
  }
  void fill_bucket() {
    bucket_.seed(kSentinel, "");
    bucket_.seed(kData, "1\n");
    bucket_.seed_upload(kOther);
  }

  bool down_ = false;
  std::string failing_;
  bool gone_ = false;
  FakeStore bucket_;
  std::unique_ptr<Sweeper> sweeper_;
};

TEST_F(Sweepers, CleanUpWithinASecondAndLookAgainLater) {
  make();
  RecordedRun& run = begin();
  fill_bucket();
  ASSERT_TRUE(run.failed(cancelled()).ok());
  sweeper_->add("t1");
  pass(seconds(1));
  expect_clean();
  EXPECT_EQ(sweeper_->backlog(), 1U);
  // A part that was cut off, and the sentinel's own request, arrive late.
  bucket_.seed_upload(kOther);
  bucket_.seed(kSentinel, "");
  pass(seconds(11));
  expect_clean();
  EXPECT_EQ(sweeper_->backlog(), 0U);
  EXPECT_FALSE(shown().record.to_clean);
  EXPECT_EQ(shown().state, "cancelled");
}

TEST_F(Sweepers, TryAgainAtGrowingPausesUntilTheStoreAnswers) {
  make();
  RecordedRun& run = begin();
  fill_bucket();
  ASSERT_TRUE(run.failed(invalid("x")).ok());
  down_ = true;
  sweeper_->add("t1");
  EXPECT_GE(pass(seconds(5)), 3);
  EXPECT_THAT(shown().record.trouble, HasSubstr("503 SlowDown"));
  EXPECT_THAT(shown().record.trouble, HasSubstr(kSentinel));
  const uint64_t tries = sweeper_->failed_passes();
  pass(seconds(3600));
  EXPECT_GE(sweeper_->failed_passes() - tries, 10U);
  EXPECT_LE(sweeper_->failed_passes() - tries, 40U);
  down_ = false;
  pass(seconds(320));
  expect_clean();
  EXPECT_EQ(shown().record.trouble, "");
}

TEST_F(Sweepers, SayWhyAndWhatIsLeftWhenTheConnectionIsGone) {
  make();
  RecordedRun& run = begin();
  ASSERT_TRUE(run.upload_begun({kOther, "id1"}, {}).ok());
  ASSERT_TRUE(run.failed(invalid("x")).ok());
  gone_ = true;
  sweeper_->add("t1");
  pass(seconds(1));
  const std::string trouble = shown().record.trouble;
  EXPECT_THAT(trouble, HasSubstr("connection u7 is not there"));
  EXPECT_THAT(trouble, HasSubstr("Remove it by hand."));
  EXPECT_THAT(trouble, HasSubstr(std::string(kOther) + " (upload id1)"));
  run_.reset();
  reopen();
  EXPECT_EQ(shown().record.trouble, trouble);
}

// What a restart makes of each state that a process can leave.
TEST_F(Sweepers, UndoARunThatWasKilledInAnyStateBeforePublishing) {
  for (const int state : {0, 1, 2}) {
    SCOPED_TRACE(state);
    RecordedRun& run = begin();
    fill_bucket();
    if (state >= 1) {
      ASSERT_TRUE(run.upload_begun({kOther, std::string(kOther) + "#"}, {}).ok());
    }
    if (state == 2) {
      ASSERT_TRUE(run.failed(invalid("x")).ok());
    }
    crash();
    take_over();
    pass(seconds(12));
    expect_clean();
    EXPECT_EQ(shown().state, "failed");
    EXPECT_EQ(shown().record.error,
              state == 2 ? "x" : "server stopped while the export was running");
    EXPECT_FALSE(shown().record.to_clean);
    sweeper_.reset();
  }
}

TEST_F(Sweepers, ARunWithoutItsSentinelIsDoneAndNothingOfItIsTouched) {
  RecordedRun& run = begin();
  ASSERT_TRUE(run.publishing({}).ok());
  bucket_.seed(kData, "1\n");
  crash();
  take_over();
  pass(seconds(20));
  EXPECT_THAT(bucket_.objects(), SizeIs(1));
  EXPECT_EQ(shown().state, "done");
  EXPECT_FALSE(shown().record.to_clean);
}

TEST_F(Sweepers, ARunWhoseSentinelStaysIsUndone) {
  RecordedRun& run = begin();
  ASSERT_TRUE(run.publishing({}).ok());
  fill_bucket();
  crash();
  take_over();
  pass(seconds(1));
  EXPECT_EQ(shown().state, "committing") << "the sentinel's end may still be on its way";
  EXPECT_TRUE(bucket_.objects().contains(kData));
  pass(seconds(20));
  expect_clean();
  EXPECT_EQ(shown().state, "failed");
}

TEST_F(Sweepers, ASentinelThatEndsLateCompletesTheRun) {
  RecordedRun& run = begin();
  ASSERT_TRUE(run.publishing({}).ok());
  fill_bucket();
  crash();
  take_over();
  pass(seconds(1));
  ASSERT_TRUE(bucket_.remove(kSentinel, {}).ok());
  pass(seconds(20));
  EXPECT_EQ(shown().state, "done");
  EXPECT_TRUE(bucket_.objects().contains(kData));
}

TEST_F(Sweepers, ARunThatWasReplacingIsCarriedThrough) {
  RecordedRun& run = begin();
  std::vector<std::string> old;
  old.reserve(2'500);
  for (int i = 0; i < 2'500; ++i) old.push_back(fmt::format("a/old-{}", i));
  ASSERT_TRUE(run.replacing(old, {}).ok());
  fill_bucket();
  bucket_.seed(old.front(), "");
  bucket_.seed(old.back(), "");
  crash();
  down_ = true;
  failing_ = "remove a/old-2499";
  take_over();
  pass(seconds(1));
  EXPECT_EQ(shown().state, "committing");
  EXPECT_TRUE(bucket_.objects().contains(kSentinel)) << "before all of the old ones are gone";
  sweeper_.reset();
  reopen();
  down_ = false;
  take_over();
  pass(seconds(20));
  EXPECT_EQ(shown().state, "done");
  EXPECT_FALSE(shown().record.to_clean);
  EXPECT_TRUE(bucket_.objects().contains(kData));
  EXPECT_FALSE(bucket_.objects().contains(kSentinel));
  EXPECT_FALSE(bucket_.objects().contains(old.front()));
  EXPECT_THAT(store_->notes(), SizeIs(1)) << "the keys are forgotten";
}

TEST_F(Sweepers, AScatteredRunIsFoundByWhatIsOnRecord) {
  auto begun = journal_->begin(
      [] {
        RunRecord scattered = record();
        scattered.is_scattered = true;
        return scattered;
      }(),
      {});
  ASSERT_TRUE(begun.ok());
  run_ = std::move(begun).value();
  ASSERT_TRUE(run_->upload_begun({"a/flag=A/x-t1-0", "a/flag=A/x-t1-0#"}, {}).ok());
  bucket_.seed("a/flag=A/x-t1-0", "1\n");
  bucket_.seed("a/flag=A/x-t2-0", "of another");
  bucket_.seed_upload("a/flag=B/x-t1-1");
  bucket_.seed_upload("a/flag=B/x-t12-1");
  bucket_.seed(kSentinel, "");
  crash();
  take_over();
  pass(seconds(20));
  EXPECT_EQ(shown().state, "failed");
  EXPECT_THAT(bucket_.objects(),
              ::testing::ElementsAre(::testing::Pair("a/flag=A/x-t2-0", "of another")));
  EXPECT_THAT(bucket_.open_uploads(), ::testing::ElementsAre("a/flag=B/x-t12-1"));
}

TEST_F(Sweepers, DecideNothingWhileTheStoreDoesNotAnswer) {
  RecordedRun& run = begin();
  ASSERT_TRUE(run.publishing({}).ok());
  fill_bucket();
  crash();
  down_ = true;
  take_over();
  pass(seconds(60));
  EXPECT_EQ(shown().state, "committing");
  EXPECT_THAT(shown().record.trouble, HasSubstr("503 SlowDown"));
  EXPECT_TRUE(bucket_.objects().contains(kData));
}

TEST_F(Sweepers, WorkOnAThreadOfTheirOwn) {
  const RunRecord failed = record();
  RecordedRun& run = begin();
  fill_bucket();
  ASSERT_TRUE(run.failed(invalid("x")).ok());
  sweeper_ = std::make_unique<Sweeper>(
      *journal_,
      [this](const RunRecord&) {
        return Sweeper::Place{std::make_unique<Lent>(bucket_), "a"};
      },
      Sweeper::Options{.first = milliseconds(1), .confirm = milliseconds(1), .seed = 1});
  sweeper_->start();
  sweeper_->add("t1");
  const auto deadline = std::chrono::steady_clock::now() + seconds(30);
  while (sweeper_->backlog() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(sweeper_->backlog(), 0U);
  expect_clean();
  sweeper_.reset();
}

}  // namespace
}  // namespace sluice::exports
