#include "http/address.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

TEST(Address, MetadataLinkLocalAndUnspecifiedOnesAreReserved) {
  for (const std::string host :
       {"169.254.169.254", "169.254.0.1", "0.0.0.0", "0", "2852039166", "0xa9fea9fe",
        "100.100.100.200", "168.63.129.16", "fe80::1", "febf::1", "fe80::1%eth0", "fd00:ec2::254",
        "fd00:ec2::23", "::", "::ffff:169.254.169.254", "::a9fe:a9fe", "64:ff9b::a9fe:a9fe"})
    EXPECT_TRUE(is_reserved_address(host)) << host;
}

TEST(Address, OthersAndNamesAreNot) {
  for (const std::string host :
       {"127.0.0.1", "10.0.0.1", "192.168.1.1", "169.253.0.1", "8.8.8.8", "::1", "fd00:ec3::254",
        "2001:db8::1", "::ffff:127.0.0.1", "64:ff9b::808:808", "localhost", "metadata", ""})
    EXPECT_FALSE(is_reserved_address(host)) << host;
}

}  // namespace
}  // namespace sluice::http
