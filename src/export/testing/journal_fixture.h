// A journal over a real store of collections, which can be opened again as after a crash. For tests
// only.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "collection/store.h"
#include "export/journal.h"

namespace sluice::exports::testing {

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() {
    char path[] = "/tmp/sluice-journal-XXXXXX";
    folder_ = mkdtemp(path);
    open();
  }
  ~JournalTest() override {
    close();
    std::filesystem::remove_all(folder_);
  }

  // What a process that is killed leaves: nothing is told that it ends.
  void reopen() {
    close();
    open();
  }
  void open() {
    engine::Engine::Options engine_options;
    engine_options.readable_directories = {folder_.string()};
    engine_ = engine::Engine::open(engine_options, {}).value();
    collection::Store::Options options;
    options.directory = folder_.string();
    store_ = collection::Store::open(options, *engine_).value();
    journal_ = std::make_unique<Journal>(*store_, clock_, kept_);
    const Status loaded = journal_->load();
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  }
  void close() {
    run_.reset();
    journal_.reset();
    store_.reset();
    engine_.reset();
  }

  static RunRecord record(const std::string& id = "t1") {
    RunRecord record;
    record.id = id;
    record.statement = "COPY t TO 's3://lake/a' …";
    record.target = "s3://lake/a";
    record.connection = "u7";
    record.user = "me";
    record.format = "csv";
    record.logical_time = 1234;
    return record;
  }
  RecordedRun& begin(const std::string& id = "t1") {
    auto run = journal_->begin(record(id), {});
    EXPECT_TRUE(run.ok());
    run_ = std::move(run).value();
    return *run_;
  }
  // The process ends here: what the run would still have said is lost.
  void crash() {
    RecordedRun* const run = run_.release();
    reopen();
    // Its journal is gone, so it is never destroyed; it stays in reach, so that it is no leak.
    static auto* const forgotten = new std::vector<RecordedRun*>;
    forgotten->push_back(run);
  }
  Journal::Shown shown(const std::string& id = "t1") {
    for (Journal::Shown& run : journal_->runs()) {
      if (run.record.id == id) return run;
    }
    return {};
  }

  std::filesystem::path folder_;
  FakeClock clock_{std::chrono::system_clock::time_point(std::chrono::seconds(1'000'000))};
  size_t kept_ = kKeptRuns;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<collection::Store> store_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<RecordedRun> run_;
};

}  // namespace sluice::exports::testing
