#include "export/journal.h"

#include <gmock/gmock.h>

#include "export/testing/journal_fixture.h"

namespace sluice::exports {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Journals = testing::JournalTest;

constexpr char kStopped[] = "server stopped while the export was running";

TEST_F(Journals, ShowARunWithItsNumbersOfTheMoment) {
  RecordedRun& run = begin();
  EXPECT_EQ(shown().state, "probing");
  run.progress().phase = RunPhase::kWriting;
  run.progress().rows = 5;
  run.progress().retries = 2;
  const auto now = shown();
  EXPECT_EQ(now.state, "writing");
  EXPECT_EQ(now.record.rows, 5U);
  EXPECT_EQ(now.record.retries, 2U);
  EXPECT_EQ(now.record.started, 1'000'000'000'000);
  EXPECT_EQ(now.record.finished, 0);
  run.progress().phase = RunPhase::kCommitting;
  EXPECT_EQ(shown().state, "committing");
}

TEST_F(Journals, KeepAFinishedRunOverARestart) {
  RecordedRun& run = begin();
  ASSERT_TRUE(run.upload_begun({"a/x", "id1"}, {}).ok());
  run.progress().rows = 7;
  run.progress().files = 1;
  ASSERT_TRUE(run.publishing({}).ok());
  clock_.advance(std::chrono::seconds(3));
  run.ended(ExportResult{.rows = 7, .bytes = 70, .files = {}});
  reopen();
  const auto done = shown();
  EXPECT_EQ(done.state, "done");
  EXPECT_EQ(done.record.statement, record().statement);
  EXPECT_EQ(done.record.target, "s3://lake/a");
  EXPECT_EQ(done.record.user, "me");
  EXPECT_EQ(done.record.logical_time, 1234);
  EXPECT_EQ(done.record.rows, 7U);
  EXPECT_EQ(done.record.finished - done.record.started, 3'000'000);
  EXPECT_FALSE(done.record.to_clean);
  EXPECT_THAT(journal_->left(), IsEmpty());
  // Its uploads are of no use any more.
  EXPECT_EQ(store_->notes().size(), 1U);
}

TEST_F(Journals, ARunThatWasUnderWayHasFailedAndIsToBeCleaned) {
  RecordedRun& run = begin();
  ASSERT_TRUE(run.upload_begun({"a/x", "id1"}, {}).ok());
  ASSERT_TRUE(run.upload_begun({"a/y", "id/2+="}, {}).ok());
  crash();
  EXPECT_EQ(shown().state, "failed");
  EXPECT_EQ(shown().record.error, kStopped);
  EXPECT_THAT(journal_->left(), ElementsAre("t1"));
  EXPECT_THAT(journal_->left("t1")->uploads,
              ElementsAre(store::OpenUpload{"a/x", "id1"}, store::OpenUpload{"a/y", "id/2+="}));
  reopen();  // still, since nobody has cleaned up
  EXPECT_THAT(journal_->left(), ElementsAre("t1"));
  EXPECT_EQ(journal_->left("t1")->uploads.size(), 2U);
  ASSERT_TRUE(journal_->cleaned("t1").ok());
  reopen();
  EXPECT_THAT(journal_->left(), IsEmpty());
  EXPECT_EQ(shown().record.error, kStopped);
  EXPECT_EQ(store_->notes().size(), 1U);
}

TEST_F(Journals, ARunThatWasPublishingIsOpenUntilItIsDecided) {
  for (const bool done : {false, true}) {
    const std::string id = done ? "t2" : "t1";
    RecordedRun& run = begin(id);
    ASSERT_TRUE(run.publishing({}).ok());
    crash();
    EXPECT_EQ(shown(id).state, "committing");
    EXPECT_FALSE(journal_->left(id)->record.has_ended());
    ASSERT_TRUE(journal_->decide(id, done ? RunState::kDone : RunState::kFailed, "why").ok());
    reopen();
    EXPECT_EQ(shown(id).state, done ? "done" : "failed");
    EXPECT_EQ(journal_->left(id).has_value(), !done);
    ASSERT_TRUE(journal_->cleaned(id).ok());
  }
}

TEST_F(Journals, AFailureIsDurableBeforeAnythingIsRemoved) {
  RecordedRun& run = begin();
  ASSERT_TRUE(run.publishing({}).ok());
  ASSERT_TRUE(run.failed(invalid("403 AccessDenied")).ok());
  crash();
  EXPECT_EQ(shown().state, "failed");
  EXPECT_EQ(shown().record.error, "403 AccessDenied");
  EXPECT_THAT(journal_->left(), ElementsAre("t1"));
}

// Taken for one under way, a run that is done would be removed from its bucket.
TEST_F(Journals, RefuseAStateThatTheyDoNotKnow) {
  begin();
  std::string note = store_->notes().at("export/t1");
  const std::string known = "\"running\"";
  ASSERT_NE(note.find(known), std::string::npos) << note;
  note.replace(note.find(known), known.size(), "\"verified\"");
  collection::Commit commit;
  commit.notes.push_back({"export/t1", note});
  ASSERT_TRUE(store_->commit(std::move(commit), {}).ok());
  Journal other(*store_, clock_);
  const Status loaded = other.load();
  ASSERT_FALSE(loaded.ok());
  EXPECT_THAT(loaded.error().message, ::testing::HasSubstr("export/t1"));
}

TEST_F(Journals, ACancelledRunIsCalledSo) {
  RecordedRun& run = begin();
  ASSERT_TRUE(run.failed(cancelled()).ok());
  run.ended(cancelled());
  EXPECT_EQ(shown().state, "cancelled");
  EXPECT_TRUE(shown().record.to_clean);
}

TEST_F(Journals, ARunThatHasAskedForNothingLeavesNothing) {
  begin().ended(error(ErrorCode::kExists, "S3 bucket path is not empty, contains 1 objects"));
  EXPECT_EQ(shown().state, "failed");
  EXPECT_FALSE(shown().record.to_clean);
}

TEST_F(Journals, KeepTheNewestRunsOnly) {
  kept_ = 3;
  reopen();
  ASSERT_TRUE(begin("t1").failed(invalid("x")).ok());  // to be cleaned: it stays
  for (const char* id : {"t2", "t3", "t4", "t5"}) begin(id).ended(ExportResult());
  reopen();
  std::vector<std::string> ids;
  for (const auto& run : journal_->runs()) ids.push_back(run.record.id);
  EXPECT_THAT(ids, ElementsAre("t1", "t4", "t5"));
}

TEST_F(Journals, TakeAnyTextAndCutWhatIsTooLong) {
  RunRecord long_one = record();
  long_one.statement = std::string(5'000, 'x');
  auto run = journal_->begin(long_one, {});
  ASSERT_TRUE(run.ok());
  ASSERT_TRUE((*run)->failed(invalid("bytes \xff\xfe that are no text")).ok());
  run->reset();
  reopen();
  EXPECT_LT(shown().record.statement.size(), 4'200U);
  EXPECT_THAT(shown().record.error, ::testing::StartsWith("bytes "));
}

}  // namespace
}  // namespace sluice::exports
