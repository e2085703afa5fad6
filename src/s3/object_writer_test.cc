#include "s3/object_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "s3/test_fixture.h"

namespace sluice::s3 {
namespace {

using s3fake::Fault;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr uint64_t kPart = S3Fixture::kPartBytes;

Result<ObjectInfo> finish(ObjectWriter& writer) {
  TRY(writer.close({}));
  return writer.complete({});
}

TEST(PartBytes, TenThousandPartsReachFiveTebibytes) {
  uint64_t sum = 0;
  for (int number = 1; number <= kMaxParts; ++number) {
    const uint64_t bytes = part_bytes(number, uint64_t{8} << 20, {});
    EXPECT_LE(bytes, uint64_t{5} << 30) << "S3's largest part";
    sum += bytes;
  }
  EXPECT_GE(sum, uint64_t{5} << 40);
  EXPECT_EQ(part_bytes(1'000, 8, {}), 8U);
  EXPECT_EQ(part_bytes(1'001, 8, {}), 16U);
}

TEST(PartBytes, DoNotGrowPastTheMemoryThereIs) {
  constexpr uint64_t kFirst = 8, kMost = 20;
  EXPECT_EQ(part_bytes(1, kFirst, {}, kMost), 8U);
  EXPECT_EQ(part_bytes(1'001, kFirst, {}, kMost), 16U);
  EXPECT_EQ(part_bytes(2'001, kFirst, {}, kMost), 20U);
  EXPECT_EQ(part_bytes(10'000, kFirst, {}, kMost), 20U);
  EXPECT_EQ(part_bytes(10'000, kFirst, {}, 1), 8U) << "the store takes no smaller ones";
}

TEST(ObjectWriter, SaysWhatMemoryAnObjectOfItsSizeWouldTake) {
  S3Fixture s3;
  Dialect dialect = s3.client->dialect();
  dialect.max_parts = 4;
  auto options = s3.client_options();
  options.dialect = dialect;
  s3.make_client(std::move(options));
  auto memory = s3.writer_options();
  memory.most_part_bytes = 2 * kPart;
  const auto write = [&](uint64_t bytes) -> Status {
    ObjectWriter writer(*s3.client, s3.pool, s3.name("k"), memory);
    TRY(writer.append(bytes_of(content_of(bytes)), {}));
    return finish(writer).ok() ? ok() : internal("not finished");
  };
  EXPECT_TRUE(write(7 * kPart).ok());
  EXPECT_EQ(s3.server.count("UploadPart"), 4U);
  const Status larger = write(7 * kPart + 1);
  ASSERT_FALSE(larger.ok());
  EXPECT_EQ(larger.error().code, ErrorCode::kExhausted);
  EXPECT_THAT(larger.error().detail,
              testing::HasSubstr(fmt::format("parts of {} bytes, so the file ends at {} bytes",
                                             2 * kPart, 7 * kPart)));
  EXPECT_THAT(larger.error().hint, testing::HasSubstr("--memory-limit"));
  EXPECT_TRUE(s3.is_clean());
}

TEST(ObjectWriter, WritesAnObjectOfAnySize) {
  for (const size_t bytes : {size_t{0}, size_t{1}, kPart - 1, kPart, kPart + 1, 3 * kPart}) {
    SCOPED_TRACE(bytes);
    S3Fixture s3;
    const std::string content = content_of(bytes);
    const auto writer = s3.writer("k");
    ASSERT_TRUE(writer->append(bytes_of(content), {}).ok());
    const auto object = finish(*writer);
    ASSERT_TRUE(object.ok()) << object.error().message;
    EXPECT_EQ(object->bytes, bytes);
    EXPECT_THAT(s3.server.objects(), ElementsAre(Pair("k", content)));
    EXPECT_EQ(s3.client->head_object(s3.name("k"), {}).value().etag, object->etag);
    EXPECT_EQ(s3.server.count("UploadPart"), bytes == 0 ? 1 : (bytes + kPart - 1) / kPart);
    EXPECT_EQ(s3.server.count("CreateMultipartUpload"), 1U);
  }
}

TEST(ObjectWriter, AsksForNothingBeforeAPartIsFull) {
  S3Fixture s3;
  const auto writer = s3.writer("k");
  ASSERT_TRUE(writer->append(bytes_of(content_of(kPart - 1)), {}).ok());
  EXPECT_THAT(s3.server.requests(), IsEmpty());
  EXPECT_TRUE(writer->abort().ok());
  EXPECT_THAT(s3.server.requests(), IsEmpty());
}

TEST(ObjectWriter, HasNoMorePartsInFlightThanItMay) {
  S3Fixture s3;
  s3.server.fail({"UploadPart", 1, kForGood, Fault::kHang});
  const auto writer = s3.writer("k");
  const std::string content = content_of(100 * kPart);
  std::stop_source stop;
  auto appended = std::async(std::launch::async,
                             [&] { return writer->append(bytes_of(content), stop.get_token()); });
  s3.server.wait_for("UploadPart", 4);
  stop.request_stop();
  EXPECT_EQ(appended.get().error().code, ErrorCode::kCancelled);
  EXPECT_EQ(s3.server.count("UploadPart"), 4U);
  // Five parts: four in flight, and the one that waits.
  EXPECT_EQ(writer->bytes(), 5 * kPart);
  EXPECT_EQ(s3.pool.in_flight(), 4 * kPart);
  s3.server.clear_faults();
  EXPECT_TRUE(writer->abort().ok());
  EXPECT_EQ(s3.pool.in_flight(), 0U);
  EXPECT_TRUE(s3.is_clean());
}

TEST(ObjectWriter, EndsWithoutWaitingForItsParts) {
  S3Fixture s3;
  s3.server.fail({"UploadPart", 1, kForGood, Fault::kHang});
  const auto writer = s3.writer("k");
  ASSERT_TRUE(writer->append(bytes_of(content_of(3 * kPart / 2)), {}).ok());
  ASSERT_TRUE(writer->end({}).ok());
  s3.server.wait_for("UploadPart", 2);
  EXPECT_FALSE(writer->is_sent());
  std::stop_source stop;
  auto closed = std::async(std::launch::async, [&] { return writer->close(stop.get_token()); });
  EXPECT_EQ(closed.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  stop.request_stop();
  EXPECT_EQ(closed.get().error().code, ErrorCode::kCancelled);
  s3.server.clear_faults();
  EXPECT_TRUE(writer->abort().ok());
  EXPECT_TRUE(s3.is_clean());
}

TEST(ObjectWriter, TellsOfAPartThatFailedAfterItsEnd) {
  S3Fixture s3;
  s3.server.fail({"UploadPart", 1, kForGood, Fault::kDenied});
  const auto writer = s3.writer("k");
  ASSERT_TRUE(writer->append(bytes_of("x"), {}).ok());
  ASSERT_TRUE(writer->end({}).ok());
  while (!writer->is_sent()) std::this_thread::yield();
  EXPECT_EQ(writer->close({}).error().code, ErrorCode::kDenied);
  EXPECT_TRUE(writer->abort().ok());
  EXPECT_TRUE(s3.is_clean());
}

// With a pool of one part, sixteen writers with parts half full would wait for each other for
// ever, if those counted.
TEST(ObjectWriter, ManyWritersShareASmallPool) {
  S3Fixture s3;
  PartPool pool(kPart);
  const std::string content = content_of(5 * kPart / 2);
  std::vector<std::unique_ptr<ObjectWriter>> writers;
  writers.reserve(16);
  for (int i = 0; i < 16; ++i) {
    writers.push_back(std::make_unique<ObjectWriter>(
        *s3.client, pool, s3.name(fmt::format("k{:02}", i)), s3.writer_options()));
  }
  for (size_t at = 0; at < content.size(); at += 10'000) {
    for (auto& writer : writers) {
      ASSERT_TRUE(writer->append(bytes_of(std::string_view(content).substr(at, 10'000)), {}).ok());
    }
  }
  for (auto& writer : writers) ASSERT_TRUE(finish(*writer).ok());
  const auto objects = s3.server.objects();
  EXPECT_EQ(objects.size(), 16U);
  for (const auto& [key, stored] : objects) EXPECT_TRUE(stored == content) << key;
}

TEST(ObjectWriter, KeepsItsFirstError) {
  S3Fixture s3;
  s3.server.fail({"UploadPart", 1, 1, Fault::kDenied});
  const auto writer = s3.writer("k");
  ASSERT_TRUE(writer->append(bytes_of(content_of(kPart)), {}).ok());
  const auto closed = writer->close({});
  ASSERT_FALSE(closed.ok());
  EXPECT_THAT(closed.error().message,
              testing::StartsWith("UploadPart 1 s3://lake/k: 403 AccessDenied"));
  EXPECT_EQ(writer->append(bytes_of("x"), {}).error().message, closed.error().message);
  EXPECT_EQ(writer->close({}).error().message, closed.error().message);
  EXPECT_EQ(writer->complete({}).error().message, closed.error().message);
}

TEST(ObjectWriter, AsksForAListingWhereItMayNotLookAtTheObject) {
  auto server_options = S3Fixture::small_parts();
  server_options.allowed = [](const std::string& operation, const std::string&) {
    return operation != "GetObject" && operation != "HeadObject";
  };
  S3Fixture s3(server_options);
  s3.server.put("k2", "a key that begins like ours");
  s3.server.fail({"CompleteMultipartUpload", 1, 1, Fault::kLostAnswer});
  const auto writer = s3.writer("k");
  ASSERT_TRUE(writer->append(bytes_of("x"), {}).ok());
  const auto object = finish(*writer);
  ASSERT_TRUE(object.ok()) << object.error().message;
  EXPECT_EQ(s3.server.count("CompleteMultipartUpload"), 1U);
  EXPECT_EQ(s3.server.count("ListObjectsV2"), 1U);
}

TEST(ObjectWriter, DoesNotTakeAnOlderObjectForItsOwn) {
  S3Fixture s3;
  s3.server.put("k", "older");
  s3.server.fail({"CompleteMultipartUpload", 1, kForGood, Fault::kHang});
  auto options = s3.client_options();
  options.idle_timeout = std::chrono::milliseconds(40);
  s3.make_client(options);
  const auto writer = s3.writer("k");
  ASSERT_TRUE(writer->append(bytes_of("newer"), {}).ok());
  const auto object = finish(*writer);
  ASSERT_FALSE(object.ok());
  EXPECT_EQ(object.error().code, ErrorCode::kUnknown);
}

TEST(ObjectWriter, DoesNotDeleteWhatItCannotHaveWritten) {
  S3Fixture s3;
  s3.server.put("k", "older");
  s3.server.fail({"CompleteMultipartUpload", 1, 1, Fault::kDenied});
  const auto writer = s3.writer("k");
  ASSERT_TRUE(writer->append(bytes_of("newer"), {}).ok());
  EXPECT_FALSE(finish(*writer).ok());
  EXPECT_TRUE(writer->abort().ok());
  EXPECT_THAT(s3.server.objects(), ElementsAre(Pair("k", "older")));
}

TEST(ObjectWriter, AbortsOnlyUploadsOfItsOwnKey) {
  S3Fixture s3;
  s3.server.open_upload("k2");
  s3.server.fail({"CreateMultipartUpload", 1, 1, Fault::kLostAnswer});
  const auto writer = s3.writer("k");
  ASSERT_TRUE(writer->append(bytes_of(content_of(kPart)), {}).ok());
  EXPECT_TRUE(writer->abort().ok());
  EXPECT_THAT(s3.server.open_uploads(), ElementsAre("k2"));
}

TEST(ObjectWriter, AbortTakesBoundedTimeWhenNothingAnswers) {
  S3Fixture s3;
  s3.server.fail({"UploadPart", 1, kForGood, Fault::kHang});
  s3.server.fail({"AbortMultipartUpload", 1, kForGood, Fault::kHang});
  auto options = s3.writer_options();
  options.abort_bound = std::chrono::milliseconds(100);
  ObjectWriter writer(*s3.client, s3.pool, s3.name("k"), options);
  ASSERT_TRUE(writer.append(bytes_of(content_of(2 * kPart)), {}).ok());
  const auto begin = std::chrono::steady_clock::now();
  const auto aborted = writer.abort();
  ASSERT_FALSE(aborted.ok());
  EXPECT_EQ(aborted.error().code, ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  s3.server.clear_faults();
  EXPECT_TRUE(writer.abort().ok());
  EXPECT_TRUE(s3.is_clean());
}

TEST(ObjectWriter, ADroppedUploadIsAbortedAgainAfterPartsInFlightHaveAnswered) {
  S3Fixture s3;
  s3.server.fail({"UploadPart", 1, 1, Fault::kTrickle});
  {
    const auto writer = s3.writer("k");
    ASSERT_TRUE(writer->append(bytes_of(content_of(kPart)), {}).ok());
    s3.server.wait_for("UploadPart", 1);
  }
  EXPECT_TRUE(s3.is_clean());
  EXPECT_EQ(s3.server.count("AbortMultipartUpload"), 2U);
}

TEST(ObjectWriter, AbortCutsPartsInFlight) {
  S3Fixture s3;
  s3.server.fail({"UploadPart", 1, kForGood, Fault::kHang});
  auto options = s3.writer_options();
  options.settle_bound = std::chrono::seconds(60);
  ObjectWriter writer(*s3.client, s3.pool, s3.name("k"), options);
  ASSERT_TRUE(writer.append(bytes_of(content_of(2 * kPart)), {}).ok());
  s3.server.wait_for("UploadPart", 2);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(writer.abort().ok());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
  EXPECT_EQ(s3.pool.in_flight(), 0U);
  EXPECT_THAT(s3.server.open_uploads(), IsEmpty());
}

TEST(ObjectWriter, AnAbortThatIsStoppedEndsAtOnceAndIsNotTriedAgain) {
  S3Fixture s3;
  s3.server.fail({"AbortMultipartUpload", 1, 1, Fault::kHang});
  {
    const auto writer = s3.writer("k");
    ASSERT_TRUE(writer->append(bytes_of(content_of(kPart)), {}).ok());
    std::stop_source stop;
    auto aborted = std::async(std::launch::async, [&] { return writer->abort(stop.get_token()); });
    s3.server.wait_for("AbortMultipartUpload", 1);
    stop.request_stop();
    EXPECT_EQ(aborted.get().error().code, ErrorCode::kCancelled);
  }
  EXPECT_TRUE(s3.client->wait_for_clean_up(std::chrono::seconds(20)));
  EXPECT_EQ(s3.server.count("AbortMultipartUpload"), 1U);
}

TEST(ObjectWriter, TellsTheUploadsIdBeforeItSendsAPart) {
  S3Fixture s3;
  std::string told;
  ObjectWriter writer(*s3.client, s3.pool, s3.name("k"), s3.writer_options(),
                      [&](const std::string& id, const std::stop_token&) -> Status {
                        told = id;
                        EXPECT_EQ(s3.server.count("UploadPart"), 0U);
                        return error(ErrorCode::kExhausted, "the disk is full");
                      });
  EXPECT_EQ(writer.append(bytes_of(content_of(2 * kPart)), {}).error().message, "the disk is full");
  EXPECT_NE(told, "");
  EXPECT_EQ(s3.server.count("UploadPart"), 0U);
  EXPECT_TRUE(writer.abort().ok());
  EXPECT_THAT(s3.server.open_uploads(), IsEmpty());
}

TEST(ObjectWriter, PartsInFlightOutliveADroppedWriter) {
  S3Fixture s3;
  s3.server.fail({"UploadPart", 1, kForGood, Fault::kHang});
  {
    const auto writer = s3.writer("k");
    ASSERT_TRUE(writer->append(bytes_of(content_of(3 * kPart)), {}).ok());
    s3.server.wait_for("UploadPart", 3);
  }
  EXPECT_TRUE(s3.is_clean());
  EXPECT_EQ(s3.pool.in_flight(), 0U);
}

TEST(ObjectWriter, TheClientRemovesDroppedUploadsBeforeItEnds) {
  S3Fixture s3;
  {
    const auto writer = s3.writer("k");
    ASSERT_TRUE(writer->append(bytes_of(content_of(kPart)), {}).ok());
  }
  s3.client.reset();
  EXPECT_THAT(s3.server.open_uploads(), IsEmpty());
}

}  // namespace
}  // namespace sluice::s3
