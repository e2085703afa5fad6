#include "sql/aws_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sql/front/parse.h"
#include "sql/show_create.h"
#include "sql/store_dialect.h"

namespace sluice::sql {
namespace {

using testing::HasSubstr;
using testing::Not;

const SearchPath kPath = {"public"};
const AwsServer kOwnServer{.role_arn = "arn:aws:iam::2:role/server",
                           .external_id_prefix = "eb5cb59b-e2fe-41f3-87ca-d2176a495345"};

class AwsConnection : public testing::Test {
 protected:
  AwsConnection() : edit_(*Catalog::from_records({}, 1)) {
    secret_ = **edit_.create({"k"}, kPath, Secret{.value = "hunter2"}, {});
  }

  Result<Connection> make(const std::string& options) {
    const auto statements = parse("CREATE CONNECTION c TO AWS (" + options + ")");
    if (!statements.ok()) return statements.error();
    return make_aws_connection(std::get<CreateConnection>(statements->at(0).node), *edit_.catalog(),
                               kPath);
  }
  Result<Connection> alter(const Connection& old, const std::string& changes) {
    const auto statements = parse("ALTER CONNECTION c " + changes);
    if (!statements.ok()) return statements.error();
    return altered_aws_connection(old, std::get<AlterConnection>(statements->at(0).node),
                                  *edit_.catalog(), kPath);
  }
  std::string refusal(const std::string& options) {
    const auto made = make(options);
    return made.ok() ? "accepted" : made.error().message;
  }
  const Object& created(Connection connection) {
    const auto id = edit_.create({"c"}, kPath, std::move(connection), {});
    return *edit_.catalog()->find(**id);
  }

  CatalogEdit edit_;
  ObjectId secret_;
};

TEST_F(AwsConnection, NeedsOneWholeModeOfCredentials) {
  const std::string pair =
      "must specify both ACCESS KEY ID and SECRET ACCESS KEY with optional SESSION TOKEN";
  EXPECT_EQ(refusal("ACCESS KEY ID = 'AK'"), pair);
  EXPECT_EQ(refusal("SECRET ACCESS KEY = SECRET k"), pair);
  EXPECT_EQ(refusal("SESSION TOKEN = 't'"), pair);
  EXPECT_EQ(refusal("ASSUME ROLE SESSION NAME = 'n'"),
            "must specify ASSUME ROLE ARN with optional ASSUME ROLE SESSION NAME");
  EXPECT_EQ(refusal("REGION = 'us-east-1'"),
            "must specify either ASSUME ROLE ARN or ACCESS KEY ID and SECRET ACCESS KEY");
  EXPECT_EQ(refusal("ACCESS KEY ID = 'AK', SECRET ACCESS KEY = SECRET k, ASSUME ROLE ARN = 'a'"),
            "cannot specify both ACCESS KEY ID and ASSUME ROLE ARN");
  EXPECT_EQ(refusal("ACCESS KEY ID = 'AK', SECRET ACCESS KEY = SECRET k"), "accepted");
  EXPECT_EQ(refusal("ACCESS KEY ID = SECRET k, SECRET ACCESS KEY = SECRET k"), "accepted");
  EXPECT_EQ(refusal("ASSUME ROLE ARN = 'arn:aws:iam::1:role/r'"), "accepted");
}

TEST_F(AwsConnection, TakesTheSecretKeyOnlyAsASecret) {
  const auto refused = refusal("ACCESS KEY ID = 'AK', SECRET ACCESS KEY = 'hunter2'");
  EXPECT_THAT(refused, HasSubstr("SECRET ACCESS KEY"));
  EXPECT_THAT(refused, Not(HasSubstr("hunter2")));
  const auto missing = make("ACCESS KEY ID = 'AK', SECRET ACCESS KEY = SECRET nope");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().sqlstate, "42704");
}

TEST_F(AwsConnection, SaysWhatItsStoreUnderstands) {
  const std::string role = "ASSUME ROLE ARN = 'arn:aws:iam::1:role/r'";
  const auto made = make(role +
                         ", PATH STYLE = true, CHECKSUM = 'crc64nvme', SIGNED PAYLOAD = TRUE, "
                         "CONDITIONAL PUT = 'off', EQUAL PARTS = yes, MAX PARTS = 1000");
  ASSERT_TRUE(made.ok()) << made.error().message;
  const s3::Dialect dialect = dialect_of(*made);
  EXPECT_TRUE(dialect.path_style);
  EXPECT_EQ(dialect.checksum, s3::Checksum::kCrc64Nvme);
  EXPECT_TRUE(dialect.signed_payload);
  EXPECT_FALSE(dialect.conditional_put);
  EXPECT_TRUE(dialect.equal_parts);
  EXPECT_EQ(dialect.max_parts, 1'000);
  const Object& connection = created(*made);
  EXPECT_EQ(aws_access(*edit_.catalog(), connection, kOwnServer).dialect, dialect);
  EXPECT_EQ(
      show_create(*edit_.catalog(), connection, {}),
      "CREATE CONNECTION \"materialize\".\"public\".\"c\" TO AWS (ASSUME ROLE ARN = "
      "'arn:aws:iam::1:role/r', CHECKSUM = 'CRC64NVME', CONDITIONAL PUT = 'false', EQUAL PARTS "
      "= 'true', MAX PARTS = '1000', PATH STYLE = 'true', SIGNED PAYLOAD = 'true')");
  const auto changed = alter(*made, "SET (CHECKSUM = 'NONE'), RESET (MAX PARTS, PATH STYLE)");
  ASSERT_TRUE(changed.ok()) << changed.error().message;
  EXPECT_EQ(dialect_of(*changed).checksum, s3::Checksum::kNone);
  EXPECT_EQ(dialect_of(*changed).max_parts, 10'000);
  EXPECT_FALSE(dialect_of(*changed).path_style);  // Amazon's own
  EXPECT_EQ(refusal(role + ", CHECKSUM = 'MD5'"),
            "invalid CHECKSUM: must be 'NONE', 'CRC32', 'CRC32C', 'CRC64NVME' or 'SHA256'");
  EXPECT_EQ(refusal(role + ", MAX PARTS = 0"),
            "invalid MAX PARTS: must be a number from 1 to 10000");
  EXPECT_EQ(refusal(role + ", PATH STYLE = 'x'"), "invalid PATH STYLE: must be true or false");
  EXPECT_EQ(refusal(role + ", EQUAL PARTS"), "invalid EQUAL PARTS: must provide a text value");
  EXPECT_EQ(refusal(role + ", SIGNED PAYLOAD = false, ENDPOINT = 'http://example.com'"),
            "SIGNED PAYLOAD = false requires an https ENDPOINT");
  EXPECT_EQ(refusal(role + ", SIGNED PAYLOAD = false, ENDPOINT = 'https://example.com'"),
            "accepted");
}

TEST_F(AwsConnection, AltersAllOptionsAtOnce) {
  const auto old =
      make("ACCESS KEY ID = 'AK', SECRET ACCESS KEY = SECRET k, ENDPOINT = 'http://x'");
  ASSERT_TRUE(old.ok()) << old.error().message;
  const auto changed = alter(*old, "SET (ACCESS KEY ID = 'NEW'), RESET (ENDPOINT)");
  ASSERT_TRUE(changed.ok()) << changed.error().message;
  EXPECT_EQ(*changed->option("ACCESS KEY ID")->text(), "NEW");
  EXPECT_EQ(changed->option("ENDPOINT"), nullptr);
  const auto broken = alter(*old, "RESET (SECRET ACCESS KEY)");
  ASSERT_FALSE(broken.ok());
  EXPECT_THAT(broken.error().message, HasSubstr("must specify both"));
}

TEST_F(AwsConnection, ReadsItsSecretsWhenUsed) {
  const auto made = make("ACCESS KEY ID = 'AK', SECRET ACCESS KEY = SECRET k, REGION = 'eu'");
  ASSERT_TRUE(made.ok());
  const ObjectId id = created(*made).id;
  ASSERT_TRUE(edit_.replace_body(secret_, Secret{.value = "second"}).ok());
  const AwsAccess access = aws_access(*edit_.catalog(), *edit_.catalog()->find(id), kOwnServer);
  EXPECT_EQ(access.access_key_id, "AK");
  EXPECT_EQ(access.secret_access_key, "second");
  EXPECT_EQ(access.region, "eu");
  EXPECT_EQ(access.endpoint, "");
  EXPECT_FALSE(access.role);
}

TEST_F(AwsConnection, ARoleIsAssumedWithTheConnectionsOwnExternalId) {
  const auto made = make("ASSUME ROLE ARN = 'arn:aws:iam::1:role/r'");
  ASSERT_TRUE(made.ok());
  const Object object = created(*made);  // a copy: its place in the catalog is replaced below
  EXPECT_THAT(show_create(*edit_.catalog(), object), HasSubstr("ASSUME ROLE ARN = 'arn"));
  AwsAccess access = aws_access(*edit_.catalog(), object, kOwnServer);
  ASSERT_TRUE(access.role);
  EXPECT_EQ(access.role->arn, "arn:aws:iam::1:role/r");
  EXPECT_EQ(access.role->external_id,
            fmt::format("mz_{}_{}", kOwnServer.external_id_prefix, object.id.text()));
  EXPECT_EQ(access.role->session_name,
            fmt::format("sluice-{}-{}", kOwnServer.external_id_prefix, object.id.text()));
  EXPECT_EQ(access.role->server_arn, kOwnServer.role_arn);
  EXPECT_EQ(access.access_key_id, "");
  EXPECT_TRUE(access.secret_access_key.empty() && access.session_token.empty());
  // Its life long, whatever else changes.
  const auto changed = alter(*made, "SET (ASSUME ROLE SESSION NAME = 'me', REGION = 'x')");
  ASSERT_TRUE(changed.ok()) << changed.error().message;
  ASSERT_TRUE(edit_.replace_body(object.id, *changed).ok());
  const std::string external_id = access.role->external_id;
  access = aws_access(*edit_.catalog(), *edit_.catalog()->find(object.id), kOwnServer);
  EXPECT_EQ(access.role->external_id, external_id);
  // A name that was given is the second session's alone.
  EXPECT_EQ(access.role->session_name, "me");
  EXPECT_EQ(access.role->server_session_name,
            fmt::format("sluice-{}-{}", kOwnServer.external_id_prefix, object.id.text()));
}

TEST_F(AwsConnection, TakesOnlyWhatAwsWould) {
  const std::string role = "ASSUME ROLE ARN = 'arn:aws:iam::1:role/r', ";
  for (const std::string_view name : {"x", "a b", "a/b", ""})
    EXPECT_THAT(refusal(role + fmt::format("ASSUME ROLE SESSION NAME = '{}'", name)),
                HasSubstr("invalid ASSUME ROLE SESSION NAME"))
        << name;
  EXPECT_EQ(refusal(role + "ASSUME ROLE SESSION NAME = 'a_B+=,.@-9'"), "accepted");
  EXPECT_EQ(refusal("ASSUME ROLE ARN = ''"), "invalid ASSUME ROLE ARN: must not be empty");
  EXPECT_EQ(refusal(role + "SSE = 'AES256'"), "accepted");
  EXPECT_EQ(refusal(role + "SSE = 'aws:kms', KMS KEY ID = 'alias/k'"), "accepted");
  EXPECT_EQ(refusal(role + "SSE = 'none'"), "invalid SSE: must be 'AES256' or 'aws:kms'");
  EXPECT_EQ(refusal(role + "KMS KEY ID = 'k'"), "KMS KEY ID requires SSE = 'aws:kms'");
  EXPECT_EQ(refusal(role + "SSE = 'AES256', KMS KEY ID = 'k'"),
            "KMS KEY ID requires SSE = 'aws:kms'");
  EXPECT_EQ(refusal(role + "STORAGE CLASS = 'STANDARD_IA', BUCKET OWNER = '123456789012'"),
            "accepted");
  EXPECT_THAT(refusal(role + "STORAGE CLASS = 'A B'"), HasSubstr("STORAGE CLASS"));
  EXPECT_THAT(refusal(role + "BUCKET OWNER = '12'"), HasSubstr("12 digits"));
  EXPECT_EQ(refusal(role + "BROKER = 'b', USER = 'u'"),
            "AWS connections do not support BROKER, USER values");
}

TEST_F(AwsConnection, TellsHowObjectsAreToBeKept) {
  const auto made = make(
      "ACCESS KEY ID = 'AK', SECRET ACCESS KEY = SECRET k, SSE = 'aws:kms', KMS KEY ID = "
      "'alias/k', "
      "STORAGE CLASS = 'STANDARD_IA', BUCKET OWNER = '123456789012'");
  ASSERT_TRUE(made.ok()) << made.error().message;
  const Object& object = created(*made);
  const AwsAccess access = aws_access(*edit_.catalog(), object, kOwnServer);
  EXPECT_EQ(access.sse, "aws:kms");
  EXPECT_EQ(access.kms_key_id, "alias/k");
  EXPECT_EQ(access.storage_class, "STANDARD_IA");
  EXPECT_EQ(access.bucket_owner, "123456789012");
  EXPECT_THAT(show_create(*edit_.catalog(), object),
              HasSubstr("KMS KEY ID = 'alias/k', SECRET ACCESS KEY = SECRET"));
}

TEST(MakeSecret, TakesTextAndBytes) {
  EXPECT_EQ(make_secret(engine::Value("abc"))->value, "abc");
  EXPECT_EQ(make_secret(engine::Value::BLOB_RAW(std::string("\x00\xff", 2)))->value,
            std::string("\x00\xff", 2));
  EXPECT_EQ(make_secret(engine::Value::INTEGER(1)).error().sqlstate, "42804");
  EXPECT_EQ(make_secret(engine::Value(engine::LogicalType::VARCHAR)).error().sqlstate, "22004");
}

TEST(MakeSecret, OfAPlainStringNeedsNoEvaluation) {
  const auto expression = [](std::string_view value) {
    auto statements = parse(fmt::format("CREATE SECRET s AS {}", value));
    EXPECT_TRUE(statements.ok()) << value;
    return std::get<CreateSecret>(statements->at(0).node).value;
  };
  for (const char* plain : {"'abc'", "E'\\141bc'", "$$abc$$"}) {
    const Expression value = expression(plain);
    ASSERT_NE(literal_text(value), nullptr) << plain;
    EXPECT_EQ(make_secret(*literal_text(value))->value, "abc") << plain;
  }
  for (const char* other : {"'a' || 'b'", "NULL", "1", "$1", "'abc'::bytea"})
    EXPECT_EQ(literal_text(expression(other)), nullptr) << other;
}

}  // namespace
}  // namespace sluice::sql
