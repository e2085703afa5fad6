// What the tests of stores share: a store in a directory of its own, and words for rows.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <random>
#include <thread>

#include "base/clock.h"
#include "collection/open_store.h"
#include "engine/engine.h"
#include "engine/testing/breaking.h"

namespace sluice::collection {

class Directory {
 public:
  Directory()
      : path_((std::filesystem::temp_directory_path() /
               fmt::format("sluice-store-{}", std::random_device()()))
                  .string()) {}
  Directory(const Directory&) = delete;
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

// A table of (k BIGINT, v VARCHAR), perhaps with k as its primary key.
class StoreTest : public testing::Test {
 protected:
  ~StoreTest() override { close(); }

  Status open(Files& files = Files::real()) {
    close();
    engine::Engine::Options options;
    options.readable_directories = {directory_.path()};
    TRY_ASSIGN(engine_, engine::Engine::open(options, engine::testing::register_breaking));
    TRY_ASSIGN(connection_, engine_->connect());
    options_.directory = directory_.path();
    TRY_ASSIGN(store_, open_store(options_, *engine_, Clock::real(), files));
    return ok();
  }
  void close() {
    store_.reset();
    connection_.reset();
    engine_.reset();
  }
  void reopen() {
    const Status opened = open();
    ASSERT_TRUE(opened.ok()) << opened.error().message;
  }

  static engine::Shape shape() {
    return {{"k", "v"}, {engine::LogicalType::BIGINT, engine::LogicalType::VARCHAR}};
  }
  CollectionId create(bool primary_key = false) {
    Commit commit;
    const CollectionId id = store_->new_collection_id();
    CollectionSpec spec{shape(), {}};
    if (primary_key) spec.unique_keys.push_back({"t_pkey", {0}});
    commit.created.push_back({id, spec});
    const auto done = store_->commit(std::move(commit), {});
    EXPECT_TRUE(done.ok()) << done.error().message;
    return id;
  }

  using Rows = std::vector<std::pair<int64_t, std::string>>;
  static void fill(engine::Chunk& chunk, const Rows& rows, size_t first = 0) {
    chunk.Initialize(duckdb::Allocator::DefaultAllocator(),
                     {engine::LogicalType::BIGINT, engine::LogicalType::VARCHAR});
    const size_t count = std::min<size_t>(rows.size() - first, STANDARD_VECTOR_SIZE);
    for (size_t i = 0; i < count; ++i) {
      chunk.SetValue(0, i, engine::Value::BIGINT(rows[first + i].first));
      chunk.SetValue(1, i, engine::Value(rows[first + i].second));
    }
    chunk.SetCardinality(count);
  }
  std::shared_ptr<Overlay> overlay(CollectionId id, const Rows& added,
                                   const std::vector<RowId>& erased = {}) {
    std::shared_ptr<Overlay> overlay = std::move(store_->overlay(id)).value();
    for (size_t at = 0; at < added.size(); at += STANDARD_VECTOR_SIZE) {
      engine::Chunk chunk;
      fill(chunk, added, at);
      EXPECT_TRUE(overlay->append(chunk).ok());
    }
    EXPECT_TRUE(overlay->erase(erased).ok());
    return overlay;
  }
  Result<Committed> write(CollectionId id, const Rows& added,
                          const std::vector<RowId>& erased = {}) {
    Commit commit;
    commit.writes.push_back({id, overlay(id, added, erased), {}});
    return store_->commit(std::move(commit), {});
  }

  std::vector<std::vector<engine::Value>> query(const Snapshot& snapshot, const std::string& select,
                                                const std::string& rest = "") {
    const std::vector<std::string> names = {"k", "v"};
    auto result = connection_->query("SELECT " + select + " FROM " +
                                     snapshot.table_sql(names, "id") + " t " + rest);
    EXPECT_TRUE(result.ok()) << result.error().message;
    return result.ok() ? *result : std::vector<std::vector<engine::Value>>();
  }
  Rows rows(const ReadView& view, CollectionId id, const Overlay* overlay = nullptr) {
    auto snapshot = view.snapshot(id, overlay);
    EXPECT_TRUE(snapshot.ok()) << snapshot.error().message;
    if (!snapshot.ok()) return {};
    Rows rows;
    for (const auto& row : query(**snapshot, "k, v", "ORDER BY k, v")) {
      rows.emplace_back(row[0].GetValue<int64_t>(), row[1].ToString());
    }
    EXPECT_EQ((*snapshot)->row_count(), rows.size());
    return rows;
  }
  Rows rows(CollectionId id) { return rows(*store_->read(), id); }
  std::vector<RowId> ids(CollectionId id, const std::string& rest) {
    const auto view = store_->read();
    const auto snapshot = std::move(view->snapshot(id)).value();
    std::vector<RowId> out;
    for (const auto& row : query(*snapshot, "id", rest)) {
      out.push_back({row[0].GetValue<int64_t>()});
    }
    return out;
  }
  RowId id_of(CollectionId id, int64_t key) {
    const auto view = store_->read();
    const auto snapshot = view->snapshot(id);
    const auto found =
        query(**snapshot, "id", fmt::format("WHERE k = {} ORDER BY id LIMIT 1", key));
    EXPECT_EQ(found.size(), 1u);
    return {found.empty() ? 0 : found[0][0].GetValue<int64_t>()};
  }

  static void wait_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_TRUE(condition());
  }

  Directory directory_;
  Store::Options options_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::Connection> connection_;
  std::unique_ptr<Store> store_;
};

}  // namespace sluice::collection
