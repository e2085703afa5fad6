// Runs over a store in memory, with rows of a reader that makes them up. For tests only.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <latch>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "export/export.h"
#include "export/testing/fake_store.h"

namespace sluice::exports::testing {

// Pushes rows (n, text) from its own threads, n from 0 on; the first error ends all of them.
class FakeReader final : public engine::Reader {
 public:
  struct Options {
    int threads = 1;
    int rows_per_thread = 30;
    int rows_per_chunk = 10;
    size_t text_length = 20;
    std::optional<Error> error_at_the_end = std::nullopt;
    bool in_turn = false;  // each thread begins when the one before has ended
    bool at_once = false;  // no thread ends before all have begun
    // Whole thousandths of the rows: how far the query says that it is.
    bool tells_progress = false;
  };

  explicit FakeReader(Options options)
      : options_(std::move(options)), begun_(options_.at_once ? options_.threads : 1) {
    shape_ = {{"n", "t"}, {engine::LogicalType::BIGINT, engine::LogicalType::VARCHAR}};
  }
  const engine::Shape& shape() const override { return shape_; }

  Status run(engine::ChunkSink& sink, std::stop_token stop) override {
    const std::stop_callback forward(stop, [this] { stop_.request_stop(); });
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < options_.threads; ++i) {
        threads.emplace_back([this, &sink, i] {
          if (Status status = produce(sink, i); !status.ok()) keep(std::move(status).error());
        });
        if (options_.in_turn) threads.back().join();
      }
    }
    if (first_) return std::move(*first_);
    if (options_.error_at_the_end) return *options_.error_at_the_end;
    return ok();
  }

  std::optional<Progress> progress() const override {
    if (!options_.tells_progress) return std::nullopt;
    const auto all = static_cast<uint64_t>(row_count());
    const uint64_t thousandths = given_ * 1000 / all;
    return Progress{static_cast<double>(thousandths) / 1000, all};
  }

  // What is in the files when all went well: n and text of every row, sorted.
  std::vector<std::string> csv_rows() const {
    std::vector<std::string> rows;
    rows.reserve(static_cast<size_t>(row_count()));
    for (int n = 0; n < row_count(); ++n) {
      rows.push_back(fmt::format("{},{}", n, text(n)));
    }
    std::sort(rows.begin(), rows.end());
    return rows;
  }

 private:
  int row_count() const { return options_.threads * options_.rows_per_thread; }

  std::string text(int n) const {
    std::string letters(options_.text_length, ' ');  // that no codec makes smaller
    std::minstd_rand random(static_cast<uint32_t>(n) + 1);
    for (char& letter : letters) letter = static_cast<char>('a' + random() % 26);
    return letters;
  }

  Status produce(engine::ChunkSink& sink, int thread) {
    if (options_.rows_per_thread == 0) return ok();
    TRY_ASSIGN(const auto local, sink.open_local());
    int n = thread * options_.rows_per_thread;
    const int end = n + options_.rows_per_thread;
    bool has_waited = false;
    while (n < end) {
      engine::Chunk chunk;
      chunk.Initialize(duckdb::Allocator::DefaultAllocator(),
                       {shape_.types.begin(), shape_.types.end()});
      size_t row = 0;
      for (; n < end && row < static_cast<size_t>(options_.rows_per_chunk); ++n, ++row) {
        chunk.SetValue(0, row, engine::Value::BIGINT(n));
        chunk.SetValue(1, row, engine::Value(text(n)));
      }
      chunk.SetCardinality(row);
      TRY(local->append(chunk, stop_.get_token()));
      given_ += row;
      if (options_.at_once && !has_waited) begun_.arrive_and_wait();
      has_waited = true;
    }
    if (stop_.stop_requested()) return cancelled();
    return local->finish(stop_.get_token());
  }

  void keep(Error error) {
    const std::lock_guard lock(mutex_);
    if (!first_) first_ = std::move(error);
    stop_.request_stop();
  }

  const Options options_;
  engine::Shape shape_;
  std::stop_source stop_;
  std::latch begun_;
  std::atomic<uint64_t> given_{0};
  std::mutex mutex_;
  std::optional<Error> first_;
};

inline engine::Engine& shared_engine() {
  static const auto engine = [] {
    auto opened = engine::Engine::open({}, {});
    CHECK(opened.ok());
    return *std::move(opened);
  }();
  return *engine;
}

inline ExportSpec csv() {
  ExportSpec spec;
  spec.id = "t7";
  spec.prefix = "a/b";
  spec.format = FileFormat::kCsv;
  spec.max_file_bytes = 300;
  spec.names = {"n", "t"};
  spec.types = {types::make(types::TypeId::kBigInt), types::make(types::TypeId::kText)};
  return spec;
}

inline ExportSpec parquet() {
  ExportSpec spec = csv();
  spec.format = FileFormat::kParquet;
  spec.max_file_bytes = 16'000;
  return spec;
}

struct Outcome {
  Result<ExportResult> result;
  uint64_t rows, bytes, files;
};

inline Outcome run(const ExportSpec& spec, FakeStore& store, FakeReader::Options rows = {},
                   std::stop_token stop = {}) {
  FakeReader reader(std::move(rows));
  ExportProgress progress;
  auto result = run_export(spec, shared_engine(), reader, store, progress, std::move(stop));
  return {std::move(result), progress.rows, progress.bytes, progress.files};
}

// All lines of all files but headers, sorted.
inline std::vector<std::string> lines(const FakeStore& store, const std::string& header = "") {
  std::vector<std::string> all;
  for (const auto& [key, content] : store.objects()) {
    size_t begin = 0;
    for (size_t end; (end = content.find('\n', begin)) != std::string::npos; begin = end + 1) {
      if (const std::string line = content.substr(begin, end - begin); line != header) {
        all.push_back(line);
      }
    }
    EXPECT_EQ(begin, content.size()) << key << " does not end with a line's end";
  }
  std::sort(all.begin(), all.end());
  return all;
}

inline std::vector<std::string> keys(const FakeStore& store) {
  std::vector<std::string> result;
  for (const auto& [key, content] : store.objects()) result.push_back(key);
  return result;
}

// Remembers what it was told, among the store's own calls.
class FakeLog final : public RunLog {
 public:
  explicit FakeLog(const FakeStore& store) : store_(store) {}
  Status upload_begun(const store::OpenUpload& upload, const std::stop_token&) override {
    return told("upload " + upload.key);
  }
  Status publishing(const std::stop_token&) override { return told("publishing"); }
  Status replacing(const std::vector<std::string>& keys, const std::stop_token&) override {
    return told(fmt::format("replacing {}", keys.size()));
  }
  Status failed(const Error&) override { return told("failed"); }

  // Store calls that came before; the first time it was told this.
  size_t calls_before(const std::string& what) const {
    const auto found = std::find_if(told_.begin(), told_.end(),
                                    [&](const auto& entry) { return entry.first == what; });
    return found == told_.end() ? SIZE_MAX : found->second;
  }
  std::string fails;  // being told this

 private:
  Status told(const std::string& what) {
    const std::lock_guard lock(mutex_);
    told_.emplace_back(what, store_.calls().size());
    return what == fails ? error(ErrorCode::kExhausted, "the disk is full") : ok();
  }

  const FakeStore& store_;
  std::mutex mutex_;
  std::vector<std::pair<std::string, size_t>> told_;
};

inline Result<ExportResult> run_with_log(FakeStore& store, FakeLog& log,
                                         FakeReader::Options rows = {},
                                         const ExportSpec& spec = csv()) {
  FakeReader reader(std::move(rows));
  ExportProgress progress;
  return run_export(spec, shared_engine(), reader, store, progress, {}, &log);
}

inline size_t first_call(const FakeStore& store, const std::string& what) {
  const auto calls = store.calls();
  return static_cast<size_t>(std::find(calls.begin(), calls.end(), what) - calls.begin());
}

}  // namespace sluice::exports::testing
