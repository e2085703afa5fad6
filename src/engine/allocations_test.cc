#include "engine/allocations.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <random>

#include "engine/engine.h"
#include "engine/reader.h"
#include "engine/row_codec.h"
#include "engine/segment_file.h"

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

// Blocks that the engine only keeps for the next reader make room for memory of ours.
TEST_F(Allocations, OfOursDriveCachedBlocksOut) {
  const std::string folder = testing::TempDir() + fmt::format("allocations-{}", getpid());
  std::filesystem::create_directories(folder);
  const Shape shape{{"n"}, {LogicalType::BIGINT}};
  auto writer =
      std::move(SegmentFileWriter::create({folder + "/n", folder, 64 << 20}, shape)).value();
  std::mt19937_64 random(1);
  for (size_t written = 0; written < (60 << 20) / 8; written += STANDARD_VECTOR_SIZE) {
    Chunk chunk;
    initialize(chunk, shape.types, STANDARD_VECTOR_SIZE);
    auto* values = duckdb::FlatVector::GetData<int64_t>(chunk.data[0]);
    for (size_t i = 0; i < STANDARD_VECTOR_SIZE; ++i) values[i] = static_cast<int64_t>(random());
    chunk.SetCardinality(STANDARD_VECTOR_SIZE);
    ASSERT_TRUE(writer->append(chunk).ok());
  }
  ASSERT_TRUE(writer->finish().ok());
  writer.reset();

  Engine::Options options;
  options.memory_limit_bytes = uint64_t{64} << 20;
  options.readable_directories = {folder};
  engine_ = std::move(Engine::open(options, {})).value();
  connection_ = engine_->connect().value();
  ASSERT_TRUE(engine_->attach("cached", folder + "/n").ok());
  const uint64_t before = allocated_bytes();
  ASSERT_TRUE(connection_->query("SELECT sum(n::HUGEINT) FROM cached.main.rows").ok());
  ASSERT_GT(allocated_bytes(), before + (40 << 20));  // the blocks are kept

  bound_allocations(before + (80 << 20));
  const AllocationsMayFail may_fail;
  constexpr uint64_t kOurs = 50 << 20;
  uint8_t* const ours = resize_counted(nullptr, 0, kOurs);
  EXPECT_LT(allocated_bytes(), before + (72 << 20));
  EXPECT_TRUE(connection_->query("SELECT sum(n::HUGEINT) FROM cached.main.rows").ok());
  EXPECT_LT(allocated_bytes(), before + (72 << 20));
  EXPECT_THROW(resize_counted(nullptr, 0, 20 << 20), duckdb::OutOfMemoryException);
  free_counted(ours, kOurs);
  {
    const LentMemory lent(40 << 20);
    ASSERT_TRUE(connection_->query("SELECT sum(n::HUGEINT) FROM cached.main.rows").ok());
    EXPECT_LT(allocated_bytes(), before + (30 << 20));
  }
  ASSERT_TRUE(connection_->query("SELECT sum(n::HUGEINT) FROM cached.main.rows").ok());
  EXPECT_GT(allocated_bytes(), before + (40 << 20));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sluice::engine
