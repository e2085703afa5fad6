#include "sql/store_dialect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sql/aws_connection.h"
#include "sql/catalog_edit.h"
#include "sql/catalog_records.h"
#include "sql/front/parse.h"

namespace sluice::sql {
namespace {

using Origin = DialectProperty::Origin;

Connection with(std::vector<ConnectionOption> options) {
  options.push_back({.name = "ASSUME ROLE ARN", .value = "arn:aws:iam::1:role/r"});
  return {.type = "aws", .options = std::move(options)};
}

DialectProperty property(const Connection& connection, std::string_view name) {
  for (auto& one : dialect_properties_of(connection)) {
    if (one.property == name) return one;
  }
  return {};
}

Connection altered(const Connection& old, const std::string& changes) {
  const auto statements = parse("ALTER CONNECTION c " + changes);
  return *altered_aws_connection(old, std::get<AlterConnection>(statements->at(0).node),
                                 **Catalog::from_records({}, 1), {"public"});
}

TEST(StoreDialect, IsThatOfTheStoresKindAtFirst) {
  const Connection amazon = with({});
  EXPECT_EQ(property(amazon, "CHECKSUM").value, "CRC32C");
  EXPECT_EQ(property(amazon, "PATH STYLE").value, "false");
  const Connection other = with({{.name = "ENDPOINT", .value = "http://127.0.0.1:9"}});
  EXPECT_EQ(property(other, "CHECKSUM").value, "NONE");
  EXPECT_EQ(property(other, "PATH STYLE").value, "true");
  EXPECT_EQ(property(other, "SIGNED PAYLOAD").value, "false");
  const Connection remote = with({{.name = "ENDPOINT", .value = "http://example.com"}});
  EXPECT_EQ(property(remote, "SIGNED PAYLOAD").value, "true");
  EXPECT_EQ(dialect_properties_of(other).size(), 6U);
  for (const auto& one : dialect_properties_of(other)) EXPECT_EQ(one.origin, Origin::kDefault);
}

TEST(StoreDialect, WhatWasFoundDoesNotOverrideWhatWasGiven) {
  Connection connection = with({{.name = "CHECKSUM", .value = "SHA256"}});
  connection = with_found(connection, {{"CHECKSUM", "CRC32"}, {"EQUAL PARTS", "true"}}, 7);
  EXPECT_EQ(property(connection, "CHECKSUM").value, "SHA256");
  EXPECT_EQ(property(connection, "CHECKSUM").origin, Origin::kGiven);
  EXPECT_EQ(property(connection, "EQUAL PARTS").value, "true");
  EXPECT_EQ(property(connection, "EQUAL PARTS").origin, Origin::kProbed);
  EXPECT_EQ(property(connection, "EQUAL PARTS").found_at, 7);
  EXPECT_TRUE(dialect_of(connection).equal_parts);
  EXPECT_EQ(dialect_of(connection).checksum, s3::Checksum::kSha256);
  connection = altered(connection, "RESET (CHECKSUM)");
  EXPECT_EQ(property(connection, "CHECKSUM").value, "CRC32");
}

TEST(StoreDialect, LaterFindingsReplaceEarlierOnes) {
  Connection connection = with_found(with({}), {{"CHECKSUM", "CRC32"}, {"MAX PARTS", "1000"}}, 7);
  connection = with_found(connection, {{"CHECKSUM", "NONE"}}, 8);
  EXPECT_EQ(property(connection, "CHECKSUM").value, "NONE");
  EXPECT_EQ(property(connection, "CHECKSUM").found_at, 8);
  EXPECT_EQ(property(connection, "MAX PARTS").value, "1000");
}

TEST(StoreDialect, IsForgottenWithTheStore) {
  const Connection found = with_found(with({}), {{"CHECKSUM", "CRC32"}}, 7);
  EXPECT_EQ(altered(found, "SET (REGION = 'eu-west-1')").probed, found.probed);
  EXPECT_TRUE(altered(found, "SET (ENDPOINT = 'http://127.0.0.1:9')").probed.empty());
}

TEST(StoreDialect, IsOnRecordWithTheConnection) {
  Object object;
  object.id = *ObjectId::parse("u7");
  object.schema = *ObjectId::parse("u1");
  object.name = "c";
  object.kind = ObjectKind::kConnection;
  object.body = with_found(with({}), {{"CHECKSUM", "CRC32"}, {"PATH STYLE", "true"}}, 1234567);
  const auto record = write_record(object, nullptr);
  ASSERT_TRUE(record.ok());
  const auto read = read_record(object.id, *record, nullptr);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->connection()->probed, object.connection()->probed);
}

}  // namespace
}  // namespace sluice::sql
