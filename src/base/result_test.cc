#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace sluice {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return invalid("{} is odd", number);
  return number / 2;
}

Result<int> quarter(int number) {
  TRY_ASSIGN(const int once, half(number));
  TRY_ASSIGN(const int twice, half(once));
  return twice;
}

Status even(int number) {
  TRY(half(number));
  return ok();
}

TEST(Result, PassesValuesAndErrorsOn) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(6).error().message, "3 is odd");
  EXPECT_TRUE(even(2).ok());
  EXPECT_EQ(even(3).error().code, ErrorCode::kInvalid);
}

TEST(Result, HoldsWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 7);
}

TEST(Error, GainsContextOutermostFirst) {
  const Error failure = invalid("503").within("upload part 7").within("write a.csv");
  EXPECT_EQ(failure.message, "write a.csv: upload part 7: 503");
}

TEST(ResultDeathTest, AValueThatIsNotThereIsABug) {
  EXPECT_DEATH(static_cast<void>(half(1).value()), "bug: ok\\(\\)");
}

}  // namespace
}  // namespace sluice
