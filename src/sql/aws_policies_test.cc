#include "sql/aws_policies.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace sluice::sql {
namespace {

using nlohmann::json;

constexpr char kPrefix[] = "eb5cb59b-e2fe-41f3-87ca-d2176a495345";
const AwsServer kServer{.role_arn = "arn:aws:iam::1:role/server", .external_id_prefix = kPrefix};

TEST(AwsPolicies, AnExternalIdNamesServerAndConnection) {
  EXPECT_EQ(kServer.external_id(*ObjectId::parse("u42")),
            "mz_eb5cb59b-e2fe-41f3-87ca-d2176a495345_u42");
  // STS takes names of 64 characters at most.
  EXPECT_LE(kServer.session_name(*ObjectId::parse("u1234567890123")).size(), 64u);
}

TEST(AwsPolicies, APrefixIsAUuid) {
  EXPECT_EQ(*checked_external_id_prefix("EB5CB59B-E2FE-41F3-87CA-D2176A495345"), kPrefix);
  for (const std::string_view wrong :
       {"", "eb5cb59b", "eb5cb59be2fe41f387cad2176a495345", "eb5cb59b-e2fe-41f3-87ca-d2176a49534g",
        "eb5cb59b-e2fe-41f3-87ca-d2176a4953455", "{eb5cb59b-e2fe-41f3-87ca-d2176a495345}"})
    EXPECT_FALSE(checked_external_id_prefix(wrong).ok()) << wrong;
}

TEST(AwsPolicies, ATrustPolicyAsksForTheExternalId) {
  const auto policy = json::parse(trust_policy(kServer.role_arn, "mz_x_u1"));
  EXPECT_EQ(policy, json::parse(R"({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:role/server"},
      "Action": "sts:AssumeRole",
      "Condition": {"StringEquals": {"sts:ExternalId": "mz_x_u1"}}}]})"));
}

TEST(AwsPolicies, AnIamPolicyIsForOneFolder) {
  const auto policy = json::parse(iam_policy({.bucket = "lake", .prefix = "exp/a"}));
  EXPECT_EQ(policy, json::parse(R"({
    "Version": "2012-10-17",
    "Statement": [
      {"Effect": "Allow", "Action": ["s3:PutObject", "s3:DeleteObject"],
       "Resource": "arn:aws:s3:::lake/exp/a/*"},
      {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": "arn:aws:s3:::lake",
       "Condition": {"StringLike": {"s3:prefix": ["exp/a/*"]}}}]})"));
}

TEST(AwsPolicies, AnIamPolicyForABucketNamesNoFolder) {
  const auto policy = json::parse(iam_policy({.bucket = "lake", .region = "cn-north-1"}));
  EXPECT_EQ(policy["Statement"][0]["Resource"], "arn:aws-cn:s3:::lake/*");
  EXPECT_FALSE(policy["Statement"][1].contains("Condition"));
}

TEST(AwsPolicies, WhatPoliciesGiveMeaningToIsTakenLiterally) {
  const auto policy = json::parse(iam_policy({.bucket = "lake", .prefix = "a*b?$c"}));
  EXPECT_EQ(policy["Statement"][0]["Resource"], "arn:aws:s3:::lake/a${*}b${?}${$}c/*");
}

TEST(AwsPolicies, AKeyOfTheConnectionIsPartOfTheIamPolicy) {
  const std::string key = "arn:aws:kms:eu-west-1:1:key/k";
  const auto policy = json::parse(iam_policy({.bucket = "lake", .kms_key_id = key}));
  ASSERT_EQ(policy["Statement"].size(), 3u);
  EXPECT_EQ(policy["Statement"][2]["Resource"], key);
}

TEST(AwsPolicies, ASessionsPrincipalIsItsRole) {
  EXPECT_EQ(principal_of("arn:aws:sts::12:assumed-role/server/i-0123"),
            "arn:aws:iam::12:role/server");
  EXPECT_EQ(principal_of("arn:aws:iam::12:user/me"), "arn:aws:iam::12:user/me");
  EXPECT_EQ(principal_of("not an arn"), "not an arn");
}

}  // namespace
}  // namespace sluice::sql
