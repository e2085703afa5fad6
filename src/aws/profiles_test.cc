#include "aws/profiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::aws {
namespace {

std::string setting(const Profiles& profiles, const std::string& profile, const std::string& name) {
  const Profile* const found = profiles.find(profile);
  if (found == nullptr) return "no profile";
  const auto value = found->find(name);
  return value == found->end() ? "no setting" : value->second;
}

TEST(Profiles, AreSectionsOfSettings) {
  Profiles profiles;
  ASSERT_TRUE(profiles
                  .read("# who we are\n"
                        "[default]\r\n"
                        "region = eu-west-1\r\n"
                        "[profile lake]  ; ours\n"
                        "Role_ARN=arn:aws:iam::1:role/x   # a comment\n"
                        "credential_process = get #2;not a=comment\n"
                        "s3 =\n"
                        "    max_concurrent_requests = 20\n"
                        "[profile \"two words\"]\n"
                        "region = us-east-2\n"
                        "[sso-session corp]\n"
                        "sso_region = us-east-1\n",
                        ProfileFile::kConfig)
                  .ok());
  EXPECT_EQ(setting(profiles, "default", "region"), "eu-west-1");
  EXPECT_EQ(setting(profiles, "lake", "role_arn"), "arn:aws:iam::1:role/x");
  EXPECT_EQ(setting(profiles, "lake", "credential_process"), "get");
  EXPECT_EQ(setting(profiles, "lake", "s3"), "");
  EXPECT_EQ(setting(profiles, "lake", "max_concurrent_requests"), "no setting");
  EXPECT_EQ(setting(profiles, "two words", "region"), "us-east-2");
  EXPECT_EQ(profiles.find("corp"), nullptr);
  EXPECT_EQ(profiles.find("profile lake"), nullptr);
}

TEST(Profiles, OfBothFilesAreJoinedAndCredentialsWin) {
  Profiles profiles;
  ASSERT_TRUE(
      profiles
          .read("[profile a]\nregion = eu-west-1\naws_access_key_id = OLD\n", ProfileFile::kConfig)
          .ok());
  ASSERT_TRUE(profiles
                  .read("[a]\naws_access_key_id = NEW\naws_secret_access_key = a/b+c=#d\n",
                        ProfileFile::kCredentials)
                  .ok());
  EXPECT_EQ(setting(profiles, "a", "region"), "eu-west-1");
  EXPECT_EQ(setting(profiles, "a", "aws_access_key_id"), "NEW");
  EXPECT_EQ(setting(profiles, "a", "aws_secret_access_key"), "a/b+c=#d");
}

TEST(Profiles, SayWhichLineIsWrongAndNotWhatItSays) {
  for (const char* text : {"[default]\nCANARY\n", "[default\nx = CANARY\n", "x = CANARY\n[a]\n"}) {
    Profiles profiles;
    const Status read = profiles.read(text, ProfileFile::kCredentials);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_THAT(read.error().message, testing::HasSubstr("line "));
    EXPECT_THAT(read.error().message, testing::Not(testing::HasSubstr("CANARY")));
  }
}

}  // namespace
}  // namespace sluice::aws
