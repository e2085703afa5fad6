// Every request of an upload, failed in every way, once and for good: what comes out is the whole
// object, or an error that says what happened and, after abort() or a drop, nothing at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "s3/test_fixture.h"

namespace sluice::s3 {
namespace {

using s3fake::Fault;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

// The nth request of an operation.
struct Step {
  std::string operation;
  int nth = 1;
};
std::ostream& operator<<(std::ostream& out, const Step& step) {
  return out << step.operation << step.nth;
}

struct Case {
  Step step;
  Fault fault = Fault::kNone;
  int count = 1;

  std::string text() const {
    return fmt::format("{} {} {}{}", s3fake::name(fault), count == 1 ? "once" : "for good at",
                       step.operation, step.nth);
  }
  bool is_hang() const { return fault == Fault::kHang || fault == Fault::kHangAfter; }
  bool is_wrong_etag_of_part() const {
    return fault == Fault::kWrongEtag && step.operation == "UploadPart";
  }
  // Whether a second try gets over it, so that it must.
  bool passes() const { return count == 1 && fault != Fault::kDenied && !is_wrong_etag_of_part(); }
};

std::vector<Case> cases_of(const Step& step, std::initializer_list<int> counts) {
  std::vector<Case> out;
  for (const Fault fault : s3fake::all_faults()) {
    for (const int count : counts) out.push_back({step, fault, count});
  }
  return out;
}

// Only a server that hangs is to be given up on quickly: a busy machine must not look like one.
void set_patience(S3Fixture& s3, const Case& c) {
  auto options = s3.client_options();
  options.idle_timeout = std::chrono::milliseconds(c.is_hang() ? 40 : 10'000);
  s3.make_client(options);
}

Result<ObjectInfo> write(ObjectWriter& writer, std::string_view content) {
  // In pieces that do not fit into parts.
  for (size_t at = 0; at < content.size(); at += 50'000) {
    TRY(writer.append(bytes_of(content.substr(at, 50'000)), {}));
  }
  TRY(writer.close({}));
  return writer.complete({});
}

class FaultMatrix : public testing::TestWithParam<Step> {};

INSTANTIATE_TEST_SUITE_P(Upload, FaultMatrix,
                         testing::Values(Step{"CreateMultipartUpload", 1}, Step{"UploadPart", 1},
                                         Step{"UploadPart", 3}, Step{"CompleteMultipartUpload", 1}),
                         [](const auto& test) { return testing::PrintToString(test.param); });

TEST_P(FaultMatrix, YieldsTheObjectOrAnErrorAndNothing) {
  const std::string content = content_of(5 * S3Fixture::kPartBytes / 2);
  for (const Case& c : cases_of(GetParam(), {1, kForGood})) {
    SCOPED_TRACE(c.text());
    S3Fixture s3;
    set_patience(s3, c);
    s3.server.fail({c.step.operation, c.step.nth, c.count, c.fault});
    auto writer = s3.writer("out/a b");
    const auto object = write(*writer, content);
    EXPECT_TRUE(object.ok() || !c.passes()) << object.error().message;
    if (object.ok()) {
      EXPECT_EQ(object->bytes, content.size());
      EXPECT_THAT(s3.server.objects(), UnorderedElementsAre(Pair("out/a b", content)));
    } else {
      // A part that is another than we were told is found at the end.
      const std::string found_by =
          c.is_wrong_etag_of_part() ? "CompleteMultipartUpload" : c.step.operation;
      EXPECT_THAT(object.error().message, testing::StartsWith(found_by));
      EXPECT_THAT(object.error().message, HasSubstr(" s3://lake/out/a b: "));
      EXPECT_THAT(object.error().message, Not(HasSubstr(s3.server.options().keys.secret_key)));
      s3.server.clear_faults();
      const auto aborted = writer->abort();
      EXPECT_TRUE(aborted.ok()) << aborted.error().message;
      EXPECT_THAT(s3.server.objects(), IsEmpty());
      EXPECT_THAT(s3.server.open_uploads(), IsEmpty());
    }
    writer.reset();
    EXPECT_TRUE(s3.is_clean());
  }
}

TEST_P(FaultMatrix, LeavesNothingWhenTheWriterIsDropped) {
  const std::string content = content_of(5 * S3Fixture::kPartBytes / 2);
  for (const Case& c : cases_of(GetParam(), {1, kForGood})) {
    SCOPED_TRACE(c.text());
    S3Fixture s3;
    set_patience(s3, c);
    s3.server.fail({c.step.operation, c.step.nth, c.count, c.fault});
    auto writer = s3.writer("out/a");
    const bool written = write(*writer, content).ok();
    s3.server.clear_faults();
    writer.reset();
    EXPECT_TRUE(s3.is_clean());
    EXPECT_EQ(s3.server.objects().size(), written ? 1U : 0U);
  }
}

// Requests of the end, after an upload that has gone wrong.
class CleanUpMatrix : public testing::TestWithParam<Step> {};

INSTANTIATE_TEST_SUITE_P(Abort, CleanUpMatrix,
                         testing::Values(Step{"AbortMultipartUpload", 1}, Step{"DeleteObject", 1},
                                         Step{"ListMultipartUploads", 1}),
                         [](const auto& test) { return testing::PrintToString(test.param); });

TEST_P(CleanUpMatrix, AbortGetsOverIt) {
  for (const Case& c : cases_of(GetParam(), {1})) {
    SCOPED_TRACE(c.text());
    S3Fixture s3;
    set_patience(s3, c);
    s3.server.fail({c.step.operation, c.step.nth, c.count, c.fault});
    // So that abort() lists uploads, there is one whose id was lost.
    s3.server.fail({"CreateMultipartUpload", 1, 1, Fault::kLostAnswer});
    auto writer = s3.writer("a");
    ASSERT_TRUE(writer->append(bytes_of(content_of(100'000)), {}).ok());
    ASSERT_TRUE(writer->close({}).ok());
    EXPECT_EQ(s3.server.open_uploads().size(), 2U);
    if (c.step.operation == "DeleteObject") {
      s3.server.fail({"CompleteMultipartUpload", 1, kForGood, Fault::kLostAnswer});
      s3.server.fail({"HeadObject", 1, kForGood, Fault::kInternalError});
      const auto object = writer->complete({});
      ASSERT_FALSE(object.ok());
      EXPECT_EQ(object.error().code, ErrorCode::kUnknown);
      EXPECT_EQ(s3.server.objects().size(), 1U);
    }
    auto aborted = writer->abort();
    if (!c.passes()) {
      ASSERT_FALSE(aborted.ok());
      EXPECT_EQ(aborted.error().code, ErrorCode::kDenied);
      aborted = writer->abort();
    }
    EXPECT_TRUE(aborted.ok()) << aborted.error().message;
    EXPECT_THAT(s3.server.objects(), IsEmpty());
    EXPECT_THAT(s3.server.open_uploads(), IsEmpty());
  }
}

}  // namespace
}  // namespace sluice::s3
