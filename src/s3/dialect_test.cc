// Dialects as texts, and as a strict store gets to see them.
#include "s3/dialect.h"

#include <gmock/gmock.h>

#include <atomic>
#include <future>

#include "s3/test_fixture.h"

namespace sluice::s3 {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

s3fake::Server::Options speaking(s3fake::Server::Options::Dialect dialect) {
  auto options = S3Fixture::small_parts();
  options.dialect = std::move(dialect);
  return options;
}

void speak(S3Fixture& s3, const Dialect& dialect) {
  Client::Options options = s3.client_options();
  options.dialect = dialect;
  options.endpoint.path_style = dialect.path_style;
  s3.make_client(options);
}

Dialect with(Checksum checksum) {
  Dialect dialect;
  dialect.checksum = checksum;
  return dialect;
}

Result<ObjectInfo> write(S3Fixture& s3, const std::string& key, const std::string& content) {
  const auto writer = s3.writer(key);
  TRY(writer->append(bytes_of(content), {}));
  TRY(writer->close({}));
  return writer->complete({});
}

TEST(Dialect, IsAmazonsWhereTheEndpointIs) {
  for (const char* url : {"", "https://s3.eu-west-1.amazonaws.com", "https://S3.amazonaws.com/",
                          "https://s3.cn-north-1.amazonaws.com.cn"}) {
    const Dialect dialect = default_dialect(url);
    EXPECT_FALSE(dialect.path_style) << url;
    EXPECT_EQ(dialect.checksum, Checksum::kCrc32c) << url;
    EXPECT_FALSE(dialect.signed_payload);
    EXPECT_TRUE(dialect.conditional_put);
  }
  for (const char* url : {"http://127.0.0.1:9000", "https://amazonaws.com.example.org",
                          "https://example.org/s3.eu-west-1.amazonaws.com"}) {
    EXPECT_EQ(default_dialect(url), Dialect()) << url;
  }
  EXPECT_EQ(Dialect().checksum, Checksum::kNone);
  EXPECT_TRUE(Dialect().path_style);
}

TEST(Dialect, IsReadBackAsItIsPrinted) {
  Dialect dialect;
  for (const auto& [property, value] :
       std::initializer_list<std::pair<const char*, const char*>>{{"PATH STYLE", "false"},
                                                                  {"CHECKSUM", "CRC64NVME"},
                                                                  {"SIGNED PAYLOAD", "true"},
                                                                  {"CONDITIONAL PUT", "true"},
                                                                  {"EQUAL PARTS", "true"},
                                                                  {"MAX PARTS", "1000"}}) {
    EXPECT_NE(value_of(dialect, property), value);
    ASSERT_TRUE(set_property(dialect, property, value).ok());
    EXPECT_EQ(value_of(dialect, property), value);
  }
  Dialect copy;
  for (const auto property : dialect_properties()) {
    ASSERT_TRUE(set_property(copy, property, value_of(dialect, property)).ok());
  }
  EXPECT_EQ(copy, dialect);
  EXPECT_TRUE(set_property(copy, "CHECKSUM", "none").ok());
  EXPECT_EQ(copy.checksum, Checksum::kNone);
}

TEST(Dialect, RefusesOtherValues) {
  Dialect dialect;
  for (const auto& [property, value] :
       std::initializer_list<std::pair<const char*, const char*>>{{"PATH STYLE", "maybe"},
                                                                  {"CHECKSUM", "MD5"},
                                                                  {"MAX PARTS", "0"},
                                                                  {"MAX PARTS", "10001"},
                                                                  {"MAX PARTS", "ten"},
                                                                  {"MAX PARTS", ""},
                                                                  {"EQUAL PARTS", ""},
                                                                  {"NO SUCH", "true"}}) {
    EXPECT_FALSE(set_property(dialect, property, value).ok()) << property << " " << value;
  }
  EXPECT_EQ(dialect, Dialect());
}

TEST(Checksums, AreVerifiedForObjectsAndParts) {
  S3Fixture s3;
  const std::string content = content_of(3 * S3Fixture::kPartBytes + 100);
  for (const Checksum checksum : all_checksums()) {
    const std::string algorithm(name(checksum));
    SCOPED_TRACE(algorithm);
    speak(s3, with(checksum));
    ASSERT_TRUE(s3.client->put_object(s3.name("put"), bytes_of("a"), IfExists::kReplace, {}).ok());
    EXPECT_THAT(s3.server.checksum("put"), StartsWith(algorithm + "="));
    const auto written = write(s3, "written", content);
    ASSERT_TRUE(written.ok()) << written.error().message;
    EXPECT_THAT(s3.server.checksum("written"), StartsWith(algorithm + "="));
    EXPECT_EQ(s3.server.checksum("written").ends_with("-4"), !is_of_full_object(checksum));
    EXPECT_EQ(s3.server.objects()["written"], content);
    ASSERT_TRUE(write(s3, "empty", "").ok());
  }
  speak(s3, with(Checksum::kNone));
  ASSERT_TRUE(write(s3, "written", content).ok());
  EXPECT_EQ(s3.server.checksum("written"), "");
}

TEST(Checksums, TellDamageOnTheWayAndItIsSentAgain) {
  for (const char* operation : {"PutObject", "UploadPart"}) {
    SCOPED_TRACE(operation);
    std::atomic<int> damaged = 0;
    auto options = S3Fixture::small_parts();
    options.on_body = [&damaged, operation](const std::string& what, std::string& body) {
      if (what == operation && damaged++ == 0) body[0] = static_cast<char>(body[0] ^ 1);
    };
    S3Fixture s3(options);
    speak(s3, with(Checksum::kCrc32c));
    ASSERT_TRUE(s3.client->put_object(s3.name("a"), bytes_of("text"), IfExists::kReplace, {}).ok());
    ASSERT_TRUE(write(s3, "b", "text").ok());
    EXPECT_EQ(damaged, 2);
    EXPECT_EQ(s3.server.objects()["a"], "text");
    EXPECT_EQ(s3.server.objects()["b"], "text");
    EXPECT_EQ(s3.client->retries(), 1U);
  }
}

TEST(Checksums, OfDamageThatStaysIsAnErrorAndNothingIsWritten) {
  auto options = S3Fixture::small_parts();
  options.on_body = [](const std::string& what, std::string& body) {
    if (what == "UploadPart") body[0] = static_cast<char>(body[0] ^ 1);
  };
  S3Fixture s3(options);
  speak(s3, with(Checksum::kCrc64Nvme));
  const auto written = write(s3, "a", "text");
  ASSERT_FALSE(written.ok());
  EXPECT_THAT(written.error().message, HasSubstr("400 BadDigest"));
  EXPECT_TRUE(s3.server.objects().empty());
  EXPECT_TRUE(s3.is_clean());
}

TEST(Checksums, ThatAreWrongAreRefusedByAStoreThatVerifies) {
  S3Fixture s3;
  for (const Checksum checksum : all_checksums()) {
    const auto put = [&](const std::string& sum_of) {
      return s3.client->put_with_checksum(s3.name("a"), bytes_of("text"), checksum,
                                          checksum_of(checksum, bytes_of(sum_of)), {});
    };
    EXPECT_TRUE(put("text").ok());
    EXPECT_FALSE(put("another").ok());
  }
  s3.server.speak({.checksums = {}});
  EXPECT_TRUE(s3.client
                  ->put_with_checksum(s3.name("a"), bytes_of("text"), Checksum::kCrc32,
                                      checksum_of(Checksum::kCrc32, bytes_of("another")), {})
                  .ok());
}

// Each part was right, but the object is not made of these.
TEST(Checksums, OfAnUploadAreVerifiedWhenItIsCompleted) {
  S3Fixture s3;
  for (const Checksum checksum : all_checksums()) {
    SCOPED_TRACE(name(checksum));
    speak(s3, with(checksum));
    const auto id = s3.client->create_upload(s3.name("a"), nullptr, {});
    ASSERT_TRUE(id.ok());
    std::promise<Result<SentPart>> promise;
    s3.client->upload_part(
        s3.name("a"), *id, 1, bytes_of("text"), {},
        [&promise](Result<SentPart> part) { promise.set_value(std::move(part)); });
    auto part = promise.get_future().get();
    ASSERT_TRUE(part.ok());
    part->checksum = checksum_of(checksum, bytes_of("another"));
    EXPECT_FALSE(s3.client->complete_upload(s3.name("a"), *id, {*part}, {}).object.ok());
    part->checksum.clear();
    if (!is_of_full_object(checksum)) {
      EXPECT_FALSE(s3.client->complete_upload(s3.name("a"), *id, {*part}, {}).object.ok());
    }
    part->checksum = checksum_of(checksum, bytes_of("text"));
    EXPECT_TRUE(s3.client->complete_upload(s3.name("a"), *id, {*part}, {}).object.ok());
  }
}

TEST(Payloads, AreSignedWhereTheStoreDemandsIt) {
  S3Fixture s3(speaking({.takes_unsigned = false}));
  const auto unsigned_put =
      s3.client->put_object(s3.name("a"), bytes_of("text"), IfExists::kReplace, {});
  ASSERT_FALSE(unsigned_put.ok());
  EXPECT_THAT(unsigned_put.error().message, HasSubstr("Payloads must be signed"));
  for (const Checksum checksum : {Checksum::kNone, Checksum::kCrc32c, Checksum::kSha256}) {
    Dialect dialect = with(checksum);
    dialect.signed_payload = true;
    speak(s3, dialect);
    EXPECT_TRUE(s3.client->put_object(s3.name("a"), bytes_of("t"), IfExists::kReplace, {}).ok());
    EXPECT_TRUE(write(s3, "b", content_of(2 * S3Fixture::kPartBytes)).ok());
  }
}

TEST(Parts, AreEqualWhereTheStoreDemandsIt) {
  Dialect dialect;
  dialect.equal_parts = true;
  EXPECT_EQ(part_bytes(1, 8, dialect), 8U);
  EXPECT_EQ(part_bytes(10'000, 8, dialect), 8U);
  dialect.max_parts = 20;  // else they would grow after the second
  const std::string content = content_of(8 * S3Fixture::kPartBytes + 100);
  S3Fixture s3(speaking({.equal_parts = true}));
  speak(s3, dialect);
  EXPECT_TRUE(write(s3, "a", content).ok());
  EXPECT_EQ(s3.server.objects()["a"], content);
  dialect.equal_parts = false;
  speak(s3, dialect);
  const auto growing = write(s3, "b", content);
  ASSERT_FALSE(growing.ok());
  EXPECT_THAT(growing.error().message, HasSubstr("same length"));
  EXPECT_TRUE(s3.is_clean());
}

TEST(Parts, AreNoMoreThanTheStoreTakes) {
  Dialect dialect;
  dialect.max_parts = 4;
  dialect.equal_parts = true;
  S3Fixture s3(speaking({.max_parts = 4}));
  speak(s3, dialect);
  EXPECT_TRUE(write(s3, "a", content_of(4 * S3Fixture::kPartBytes)).ok());
  const auto larger = write(s3, "b", content_of(4 * S3Fixture::kPartBytes + 1));
  ASSERT_FALSE(larger.ok());
  EXPECT_THAT(larger.error().message, HasSubstr("multi-part upload cannot have more than 4 parts"));
  EXPECT_THAT(larger.error().hint, HasSubstr("MAX FILE SIZE"));
  EXPECT_TRUE(s3.is_clean());
}

TEST(Parts, GrowUntilTheFewThatAStoreTakesAreEnough) {
  for (const int max_parts : {1, 7, 15, 100, 1'000, 10'000}) {
    Dialect dialect;
    dialect.max_parts = max_parts;
    uint64_t before = 0;
    for (int number = 1; number <= max_parts; ++number) {
      const uint64_t bytes = part_bytes(number, uint64_t{8} << 20, dialect);
      ASSERT_GE(bytes, before);
      ASSERT_LE(bytes, dialect.max_part_bytes);
      before = bytes;
    }
  }
}

}  // namespace
}  // namespace sluice::s3
