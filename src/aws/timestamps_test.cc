#include "aws/timestamps.h"

#include <gtest/gtest.h>

namespace sluice::aws {
namespace {

constexpr int64_t kMoment = 1'795'318'109;  // 2026-11-22 03:28:29 UTC

int64_t seconds(const std::optional<std::chrono::system_clock::time_point>& time) {
  return time ? std::chrono::duration_cast<std::chrono::seconds>(time->time_since_epoch()).count()
              : -1;
}

TEST(Timestamps, OfServicesAreRead) {
  for (const char* text : {"2026-11-22T03:28:29Z", "2026-11-22T03:28:29.123456Z",
                           "2026-11-22T03:28:29+00:00", "2026-11-22T03:28:29.5+0000"}) {
    EXPECT_EQ(seconds(parse_timestamp(text)), kMoment) << text;
  }
  for (const char* text : {"", "2026-11-22", "2026-11-22T03:28:29", "2026-11-22T03:28:29+01:00",
                           "2026-11-22T03:28:29Zz", "1795318109", "2026-11-22T03:28:29.Z5"}) {
    EXPECT_FALSE(parse_timestamp(text)) << text;
  }
}

TEST(Timestamps, OfHttpAreRead) {
  EXPECT_EQ(seconds(parse_http_date("Sun, 22 Nov 2026 03:28:29 GMT")), kMoment);
  for (const char* text :
       {"", "Sun, 22 Nov 2026 03:28:29", "Sun, 22 Nov 2026 03:28:29 CET", "2026-11-22T03:28:29Z"}) {
    EXPECT_FALSE(parse_http_date(text)) << text;
  }
}

}  // namespace
}  // namespace sluice::aws
