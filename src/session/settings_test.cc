#include "session/settings.h"

#include <gtest/gtest.h>

namespace sluice::session {
namespace {

TEST(Settings, AreKnownByNameWhateverTheirCase) {
  Settings settings;
  EXPECT_EQ(*settings.get("timezone"), "UTC");
  EXPECT_EQ(*settings.get("TimeZone"), "UTC");
  EXPECT_FALSE(settings.get("enable_external_access"));
  EXPECT_EQ(settings.set("memory_limit", "1GB").error().sqlstate, "42704");
}

TEST(Settings, CheckTheirValues) {
  Settings settings;
  EXPECT_EQ(settings.set("client_encoding", "latin1").error().sqlstate, "22023");
  EXPECT_EQ(settings.set("server_version", "15").error().sqlstate, "55P02");
  EXPECT_FALSE(settings.set("standard_conforming_strings", "off").ok());
  ASSERT_TRUE(settings.set("statement_timeout", "2 s").ok());
  EXPECT_EQ(settings.statement_timeout_ms(), 2000);
  EXPECT_FALSE(settings.set("statement_timeout", "-1").ok());
  EXPECT_FALSE(settings.set("statement_timeout", "99999999999999999 d").ok());
}

TEST(Settings, SearchPathIsSplitAndFolded) {
  Settings settings;
  ASSERT_TRUE(settings.set("search_path", "Sales, \"Mixed Case\"").ok());
  EXPECT_EQ(settings.search_path(), (std::vector<std::string>{"sales", "Mixed Case"}));
  ASSERT_TRUE(settings.set("search_path", "\"A,b\" , \"say \"\"x\"\"\",c").ok());
  EXPECT_EQ(settings.search_path(), (std::vector<std::string>{"A,b", "say \"x\"", "c"}));
}

TEST(Settings, RollbackTakesBackAndLocalEndsWithItsTransaction) {
  Settings settings;
  std::vector<std::string> reports;
  settings.reported = [&](const std::string& name, const std::string& value) {
    reports.push_back(name + "=" + value);
  };
  settings.begin_transaction();
  ASSERT_TRUE(settings.set("application_name", "a").ok());
  settings.end_transaction(false);
  EXPECT_EQ(*settings.get("application_name"), "");
  settings.begin_transaction();
  ASSERT_TRUE(settings.set("application_name", "b").ok());
  settings.set_local("TimeZone");
  ASSERT_TRUE(settings.set("TimeZone", "Europe/Berlin").ok());
  settings.end_transaction(true);
  EXPECT_EQ(*settings.get("application_name"), "b");
  EXPECT_EQ(*settings.get("TimeZone"), "UTC");
  EXPECT_EQ(reports, (std::vector<std::string>{"application_name=a",
                                               "application_name=", "application_name=b",
                                               "TimeZone=Europe/Berlin", "TimeZone=UTC"}));
}

TEST(Settings, AReadOnlyTransactionEndsWithTheDefault) {
  Settings settings;
  for (const bool committed : {true, false}) {
    settings.begin_transaction();
    EXPECT_FALSE(settings.read_only());
    ASSERT_TRUE(settings.set("transaction_read_only", "on").ok());
    EXPECT_TRUE(settings.read_only());
    settings.end_transaction(committed);
    EXPECT_FALSE(settings.read_only());
  }
  ASSERT_TRUE(settings.set("default_transaction_read_only", "on").ok());
  settings.begin_transaction();
  EXPECT_TRUE(settings.read_only());
}

}  // namespace
}  // namespace sluice::session
