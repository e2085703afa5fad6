#include "engine/allocations.h"

#include <gtest/gtest.h>

#include <atomic>

#include "engine/engine.h"
#include "engine/reader.h"

namespace sluice::engine {
namespace {

class CountingSink final : public ChunkSink {
 public:
  Result<std::unique_ptr<LocalSink>> open_local() override {
    return std::unique_ptr<LocalSink>(std::make_unique<Local>(*this));
  }
  std::atomic<uint64_t> rows{0};

 private:
  struct Local final : LocalSink {
    explicit Local(CountingSink& sink) : owner(sink) {}
    Status append(Chunk& chunk, std::stop_token) override {
      owner.rows += chunk.size();
      return ok();
    }
    Status finish(std::stop_token) override { return ok(); }
    CountingSink& owner;
  };
};

class Allocations : public testing::Test {
 protected:
  Allocations() {
    bound_allocations(allocated_bytes() + (uint64_t{128} << 20));
    Engine::Options options;
    options.memory_limit_bytes = uint64_t{64} << 20;
    auto engine = Engine::open(options, {});
    EXPECT_TRUE(engine.ok());
    engine_ = *std::move(engine);
    connection_ = engine_->connect().value();
  }
  ~Allocations() override { bound_allocations(UINT64_MAX); }

  Status push(const std::string& sql, CountingSink& sink) {
    TRY_ASSIGN(Query query, Query::parse(sql));
    TRY_ASSIGN(const auto reader, connection_->reader(std::move(query), {}));
    return reader->run(sink, {});
  }

  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(Allocations, OverTheBoundFailTheQueryAndNothingElse) {
  CountingSink sink;
  // A chunk of these is 2 GB, which no limit of DuckDB's own counts.
  const Status huge = push("SELECT repeat('x', 1000000 + i) AS v FROM range(5000) r(i)", sink);
  ASSERT_FALSE(huge.ok());
  EXPECT_EQ(huge.error().sqlstate, "53200") << huge.error().message;
  const Status small = push("SELECT i FROM range(100000) r(i)", sink);
  ASSERT_TRUE(small.ok()) << small.error().message;
  EXPECT_EQ(sink.rows, 100'000U);
}

TEST_F(Allocations, FailOnlyWhereThatIsSaid) {
  auto& allocator = duckdb::Allocator::DefaultAllocator();
  constexpr size_t kTooMuch = size_t{256} << 20;
  const uint64_t before = allocated_bytes();
  {
    const AllocationsMayFail may_fail;
    EXPECT_ANY_THROW(allocator.Allocate(kTooMuch));
    EXPECT_EQ(allocated_bytes(), before);
  }
  {
    const auto memory = allocator.Allocate(kTooMuch);
    EXPECT_EQ(allocated_bytes(), before + kTooMuch);
  }
  EXPECT_EQ(allocated_bytes(), before);
}

}  // namespace
}  // namespace sluice::engine
