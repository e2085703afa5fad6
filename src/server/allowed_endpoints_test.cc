#include "server/allowed_endpoints.h"

#include <gtest/gtest.h>

namespace sluice::server {
namespace {

bool allows(const std::vector<std::string>& entries, const std::string& endpoint) {
  const auto rules = AllowedEndpoints::parse(entries);
  EXPECT_TRUE(rules.ok()) << rules.error().message;
  const Status checked = rules->check(endpoint);
  if (checked.ok()) return true;
  EXPECT_EQ(checked.error().sqlstate, "42501") << endpoint;
  return false;
}

TEST(AllowedEndpoints, AllowsByDefaultWhatHoldsNoCredentials) {
  for (const std::string endpoint :
       {"", "http://127.0.0.1:9000", "https://s3.example.com", "http://localhost", "http://[::1]:1",
        "http://10.0.0.1:9000", "http://metadata-store.example.com"})
    EXPECT_TRUE(allows({}, endpoint)) << endpoint;
}

TEST(AllowedEndpoints, RefusesMetadataServicesWhateverIsListed) {
  for (const std::string endpoint :
       {"http://169.254.169.254", "http://169.254.170.2:80/x", "http://169.254.1.1:9000",
        "http://[fd00:ec2::254]", "http://[FD00:0EC2::0254]:80", "http://[fe80::1]",
        "http://[::ffff:169.254.169.254]", "http://[::]", "http://0.0.0.0:9000", "http://0",
        "http://2852039166", "http://0xa9fea9fe", "http://0251.0376.0251.0376",
        "http://169.254.43518", "http://metadata.google.internal", "http://METADATA",
        "http://metadata.", "http://169.254.169.254."})
    for (const std::vector<std::string>& entries :
         {std::vector<std::string>{}, {"169.254.169.254", "metadata", "*.google.internal", "0"}})
      EXPECT_FALSE(allows(entries, endpoint)) << endpoint;
}

TEST(AllowedEndpoints, AListAllowsItsHostsAlone) {
  const std::vector<std::string> list = {"Store.example.com", "127.0.0.1:9000", "*.lake.example",
                                         "[::1]:7"};
  for (const std::string endpoint :
       {"", "http://store.example.com", "https://STORE.example.com:8443", "http://127.0.0.1:9000",
        "http://a.lake.example", "http://a.b.lake.example:1", "http://[::1]:7",
        "http://store.example.com."})
    EXPECT_TRUE(allows(list, endpoint)) << endpoint;
  for (const std::string endpoint :
       {"http://127.0.0.1", "http://127.0.0.1:9001", "http://localhost:9000", "http://lake.example",
        "http://xlake.example", "http://store.example.com.evil.example", "http://[::1]:8"})
    EXPECT_FALSE(allows(list, endpoint)) << endpoint;
}

TEST(AllowedEndpoints, APortMayBeTheSchemesOwn) {
  EXPECT_TRUE(allows({"a:443"}, "https://a"));
  EXPECT_TRUE(allows({"a:443"}, "https://a:443"));
  EXPECT_FALSE(allows({"a:443"}, "http://a"));
}

TEST(AllowedEndpoints, AnEntryHasOneOfThreeForms) {
  for (const std::string entry : {"", "*", "*.", "http://a", "a:", "a:0", "a:99999", "a*b", "[::1"})
    EXPECT_FALSE(AllowedEndpoints::parse({entry}).ok()) << entry;
}

TEST(AllowedEndpoints, WhatIsNoEndpointIsToldAsSuch) {
  const auto rules = AllowedEndpoints::parse({});
  EXPECT_EQ(rules->check("nonsense").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(rules->check("http://a@b").error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace sluice::server
