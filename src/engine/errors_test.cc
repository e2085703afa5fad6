#include "engine/errors.h"

#include <gtest/gtest.h>

#include "engine/engine.h"

namespace sluice::engine {
namespace {

class Errors : public testing::Test {
 protected:
  Errors() {
    auto opened = Engine::open({}, {});
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    engine_ = std::move(opened).value();
    connection_ = std::move(engine_->connect()).value();
  }
  Error error_of(const std::string& sql) {
    auto result = connection_->query(sql);
    EXPECT_FALSE(result.ok()) << sql;
    return result.ok() ? Error() : std::move(result).error();
  }
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(Errors, SayWhatPostgresSays) {
  const struct {
    const char* sql;
    const char* sqlstate;
    const char* message;
  } cases[] = {
      {"SELECT nosuch FROM (SELECT 1 AS a)", "42703", "column \"nosuch\" does not exist"},
      {"SELECT * FROM nosuch", "42P01", "relation \"nosuch\" does not exist"},
      {"SELECT nosuch(1)", "42883", "function nosuch does not exist"},
      {"SELECT x.a FROM (SELECT 1 AS a) y", "42P01", "missing FROM-clause entry for table \"x\""},
      {"SELECT 'abc'::INTEGER", "22P02", "invalid input syntax for type integer: \"abc\""},
      {"SELECT 3000000000::BIGINT::INTEGER", "22003", "integer out of range"},
      {"SELECT 2147483647::INTEGER + 1::INTEGER", "22003", "integer out of range"},
      {"SELECT 1::nosuch", "42704", "type \"nosuch\" does not exist"},
      {"SELECT a FROM (SELECT 1 AS a) x, (SELECT 2 AS a) y", "42702",
       "column reference \"a\" is ambiguous"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.sql);
    const Error error = error_of(test.sql);
    EXPECT_EQ(error.sqlstate, test.sqlstate);
    EXPECT_EQ(error.message, test.message);
  }
  EXPECT_EQ(error_of("SELEC 1").sqlstate, "42601");
}

TEST_F(Errors, TellWhere) {
  EXPECT_EQ(error_of("SELECT 1, nosuch FROM (SELECT 1 AS a)").position, 11);
}

// Also where a commit, of a segment file, hides it.
TEST_F(Errors, TellThatTheDiskIsFull) {
  const auto said = [](duckdb::ExceptionType type, const std::string& text) {
    return engine_error(duckdb::ErrorData(type, text)).sqlstate;
  };
  const std::string failed = "Could not write file \"1.segment.unfinished.wal\": ";
  for (const char* reason : {"No space left on device", "File too large", "Disk quota exceeded"}) {
    EXPECT_EQ(said(duckdb::ExceptionType::IO, failed + reason), "53100") << reason;
    EXPECT_EQ(said(duckdb::ExceptionType::TRANSACTION,
                   "Failed to append: Failed to commit: " + failed + reason),
              "53100")
        << reason;
  }
  EXPECT_EQ(said(duckdb::ExceptionType::IO, failed + "Input/output error"), "58030");
  EXPECT_EQ(said(duckdb::ExceptionType::TRANSACTION, "Failed to commit: no reason"), "XX000");
}

TEST_F(Errors, NameNoTypeOfDuckDb) {
  EXPECT_EQ(with_sql_type_names("cannot cast VARCHAR to INTEGER[]"),
            "cannot cast text to integer[]");
  EXPECT_EQ(with_sql_type_names("MY_INTEGER stays"), "MY_INTEGER stays");
}

TEST_F(Errors, GiveNoAccessToFiles) {
  EXPECT_FALSE(connection_->query("SELECT * FROM read_csv('/etc/passwd')").ok());
  EXPECT_FALSE(connection_->query("COPY (SELECT 1) TO '/tmp/never'").ok());
  EXPECT_FALSE(connection_->query("ATTACH '/tmp/never.db'").ok());
  EXPECT_FALSE(connection_->query("SET memory_limit = '10GB'").ok());
}

}  // namespace
}  // namespace sluice::engine
