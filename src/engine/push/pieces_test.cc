#include "engine/push/pieces.h"

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

std::unique_ptr<Chunk> texts(size_t rows, size_t length) {
  auto made = std::make_unique<Chunk>();
  Chunk& chunk = *made;
  chunk.Initialize(duckdb::Allocator::DefaultAllocator(),
                   {LogicalType::BIGINT, LogicalType::VARCHAR});
  for (size_t row = 0; row < rows; ++row) {
    chunk.SetValue(0, row, Value::BIGINT(static_cast<int64_t>(row)));
    chunk.SetValue(1, row, Value(std::string(length, 'x')));
  }
  chunk.SetCardinality(rows);
  return made;
}

std::vector<size_t> sizes(Chunk& chunk, size_t piece_bytes) {
  std::vector<size_t> result;
  int64_t next = 0;
  const Status status = for_each_piece(chunk, piece_bytes, [&](Chunk& piece) {
    result.push_back(piece.size());
    for (size_t row = 0; row < piece.size(); ++row) {
      EXPECT_EQ(piece.GetValue(0, row).GetValue<int64_t>(), next++);
    }
    return ok();
  });
  EXPECT_TRUE(status.ok());
  return result;
}

TEST(Pieces, LeaveSmallRowsTogether) {
  auto chunk = texts(2000, 10);
  EXPECT_EQ(sizes(*chunk, 1 << 20), std::vector<size_t>{2000});
}

TEST(Pieces, DivideHugeRows) {
  auto chunk = texts(100, 100'000);
  const auto pieces = sizes(*chunk, 1 << 20);
  EXPECT_GE(pieces.size(), 10U);
  EXPECT_LE(*std::max_element(pieces.begin(), pieces.end()), 10U);
}

TEST(Pieces, NeverHaveLessThanARow) {
  auto chunk = texts(3, 100'000);
  EXPECT_EQ(sizes(*chunk, 10), (std::vector<size_t>{1, 1, 1}));
}

TEST(Pieces, OfNothingAreNone) {
  auto chunk = texts(0, 0);
  EXPECT_TRUE(sizes(*chunk, 10).empty());
}

TEST(Pieces, EndAtTheFirstError) {
  auto chunk = texts(3, 100'000);
  int calls = 0;
  const Status status = for_each_piece(*chunk, 10, [&](Chunk&) -> Status {
    ++calls;
    return cancelled();
  });
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(calls, 1);
}

TEST(Pieces, CountWhatIsNested) {
  Chunk chunk;
  const auto list = LogicalType::LIST(LogicalType::VARCHAR);
  chunk.Initialize(duckdb::Allocator::DefaultAllocator(), {list});
  for (size_t row = 0; row < 10; ++row) {
    chunk.SetValue(0, row,
                   Value::LIST({Value(std::string(1000, 'a')), Value(std::string(1000, 'b'))}));
  }
  chunk.SetCardinality(10);
  EXPECT_GE(approximate_bytes(chunk), 20'000U);
  EXPECT_LE(approximate_bytes(chunk), 30'000U);
}

}  // namespace
}  // namespace sluice::engine
