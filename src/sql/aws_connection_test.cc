#include "sql/aws_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sql/front/parse.h"
#include "sql/show_create.h"

namespace sluice::sql {
namespace {

using testing::HasSubstr;
using testing::Not;

const SearchPath kPath = {"public"};

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
  const auto access = aws_access(*edit_.catalog(), *edit_.catalog()->find(id));
  ASSERT_TRUE(access.ok());
  EXPECT_EQ(access->access_key_id, "AK");
  EXPECT_EQ(access->secret_access_key, "second");
  EXPECT_EQ(access->region, "eu");
  EXPECT_EQ(access->endpoint, "");
}

TEST_F(AwsConnection, RoleModeIsKeptButNotUsable) {
  const auto made = make("ASSUME ROLE ARN = 'arn:aws:iam::1:role/r'");
  ASSERT_TRUE(made.ok());
  const Object& object = created(*made);
  EXPECT_THAT(show_create(*edit_.catalog(), object), HasSubstr("ASSUME ROLE ARN = 'arn"));
  const auto access = aws_access(*edit_.catalog(), object);
  ASSERT_FALSE(access.ok());
  EXPECT_EQ(access.error().sqlstate, "0A000");
}

TEST(MakeSecret, TakesTextAndBytes) {
  EXPECT_EQ(make_secret(engine::Value("abc"))->value, "abc");
  EXPECT_EQ(make_secret(engine::Value::BLOB_RAW(std::string("\x00\xff", 2)))->value,
            std::string("\x00\xff", 2));
  EXPECT_EQ(make_secret(engine::Value::INTEGER(1)).error().sqlstate, "42804");
  EXPECT_EQ(make_secret(engine::Value(engine::LogicalType::VARCHAR)).error().sqlstate, "22004");
}

}  // namespace
}  // namespace sluice::sql
