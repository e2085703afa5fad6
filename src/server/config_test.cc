#include "server/config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace sluice::server {
namespace {

Result<CommandLine> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "sluice");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

TEST(Config, HasTheDocumentedDefaults) {
  const auto line = parse({"serve", "--data-dir", "/d"});
  ASSERT_TRUE(line.ok()) << line.error().message;
  EXPECT_EQ(line->config.data_dir, "/d");
  EXPECT_EQ(line->config.sql_listen.host, "127.0.0.1");
  EXPECT_EQ(line->config.sql_listen.port, 6875);
  EXPECT_EQ(line->config.http_listen.port, 6876);
  EXPECT_GE(line->config.threads, 1);
}

TEST(Config, NeedsADataFolder) {
  EXPECT_NE(parse({"serve"}).error().message.find("--data-dir is missing"), std::string::npos);
}

TEST(Config, RefusesRemoteAddressesUnlessToldThatItIsInsecure) {
  EXPECT_FALSE(parse({"serve", "--data-dir", "/d", "--sql-listen", "0.0.0.0:1"}).ok());
  EXPECT_FALSE(parse({"serve", "--data-dir", "/d", "--http-listen", "10.0.0.1:1"}).ok());
  EXPECT_TRUE(
      parse({"serve", "--data-dir", "/d", "--sql-listen", "0.0.0.0:1", "--insecure-allow-remote"})
          .ok());
}

TEST(Config, TakesCommandLineThenEnvironmentThenFile) {
  const std::string path = std::filesystem::temp_directory_path() / "sluice_config_test.toml";
  std::ofstream(path) << "data-dir = \"/file\"\nthreads = 3\nmemory_limit = \"1GB\"\n"
                         "local-export-dir = [\"/a\", \"/b\"]\n";
  setenv("SLUICE_THREADS", "5", 1);
  const auto line = parse({"serve", "--config", path.c_str(), "--data-dir", "/command"});
  unsetenv("SLUICE_THREADS");
  ASSERT_TRUE(line.ok()) << line.error().message;
  EXPECT_EQ(line->config.data_dir, "/command");
  EXPECT_EQ(line->config.threads, 5);
  EXPECT_EQ(line->config.memory_limit_bytes, uint64_t{1} << 30);
  EXPECT_EQ(line->config.local_export_dirs, (std::vector<std::string>{"/a", "/b"}));
  std::ofstream(path) << "data_dirr = \"/file\"\n";
  EXPECT_NE(parse({"serve", "--config", path.c_str()}).error().message.find("no setting"),
            std::string::npos);
  std::filesystem::remove(path);
}

TEST(Config, TakesEachSettingFromItsVariable) {
  const std::vector<std::pair<const char*, const char*>> variables = {
      {"SLUICE_DATA_DIR", "/e"},
      {"SLUICE_SQL_LISTEN", "127.0.0.1:11"},
      {"SLUICE_HTTP_LISTEN", "127.0.0.1:12"},
      {"SLUICE_THREADS", "7"},
      {"SLUICE_MEMORY_LIMIT", "3GB"},
      {"SLUICE_LOG_LEVEL", "debug"},
      {"SLUICE_LOG_FORMAT", "json"},
      {"SLUICE_LOCAL_EXPORT_DIR", "/f"},
      {"SLUICE_INSECURE_ALLOW_REMOTE", "true"},
  };
  for (const auto& [name, value] : variables) setenv(name, value, 1);
  const auto line = parse({"serve"});
  for (const auto& [name, value] : variables) unsetenv(name);
  ASSERT_TRUE(line.ok()) << line.error().message;
  const auto words =
      parse({"serve", "--data-dir", "/e", "--sql-listen", "127.0.0.1:11", "--http-listen",
             "127.0.0.1:12", "--threads", "7", "--memory-limit", "3GB", "--log-level", "debug",
             "--log-format", "json", "--local-export-dir", "/f", "--insecure-allow-remote"});
  ASSERT_TRUE(words.ok()) << words.error().message;
  EXPECT_EQ(line->config.data_dir, words->config.data_dir);
  EXPECT_EQ(line->config.sql_listen.port, 11);
  EXPECT_EQ(line->config.http_listen.port, 12);
  EXPECT_EQ(line->config.threads, 7);
  EXPECT_EQ(line->config.memory_limit_bytes, words->config.memory_limit_bytes);
  EXPECT_EQ(line->config.log_level, words->config.log_level);
  EXPECT_EQ(line->config.log_format, words->config.log_format);
  EXPECT_EQ(line->config.local_export_dirs, words->config.local_export_dirs);
  setenv("SLUICE_INSECURE_ALLOW_REMOTE", "true", 1);
  EXPECT_TRUE(parse({"serve", "--data-dir", "/e", "--sql-listen", "0.0.0.0:1"}).ok());
  unsetenv("SLUICE_INSECURE_ALLOW_REMOTE");
}

TEST(Config, GivesMaterializedViewsAtMostHalfOfTheMemory) {
  const auto views = [](const char* size) {
    return parse(
        {"serve", "--data-dir", "/d", "--memory-limit", "1GB", "--view-memory-limit", size});
  };
  ASSERT_TRUE(views("512MB").ok());
  EXPECT_EQ(views("512MB")->config.view_memory_bytes, uint64_t{512} << 20);
  EXPECT_NE(views("513MB").error().message.find("at most half"), std::string::npos);
}

TEST(Config, TakesHowAwsKnowsTheServer) {
  const auto line = parse({"serve", "--data-dir", "/d", "--aws-connection-role-arn",
                           "arn:aws:iam::1:role/server", "--aws-external-id-prefix",
                           "EB5CB59B-E2FE-41F3-87CA-D2176A495345", "--allowed-endpoints",
                           "a.example,b.example:9000", "--allowed-endpoints", "*.c.example"});
  ASSERT_TRUE(line.ok()) << line.error().message;
  EXPECT_EQ(line->config.aws_connection_role_arn, "arn:aws:iam::1:role/server");
  EXPECT_EQ(line->config.aws_external_id_prefix, "eb5cb59b-e2fe-41f3-87ca-d2176a495345");
  EXPECT_EQ(line->config.allowed_endpoints,
            (std::vector<std::string>{"a.example", "b.example:9000", "*.c.example"}));
  setenv("SLUICE_ALLOWED_ENDPOINTS", "x.example,y.example", 1);
  EXPECT_EQ(parse({"serve", "--data-dir", "/d"})->config.allowed_endpoints,
            (std::vector<std::string>{"x.example", "y.example"}));
  unsetenv("SLUICE_ALLOWED_ENDPOINTS");
}

TEST(Config, TakesTheNamesThatItMayBeCalledBy) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(parse({"serve", "--data-dir", "/d"})->config.http_allowed_hosts, Names());
  EXPECT_EQ(parse({"serve", "--data-dir", "/d", "--http-allowed-hosts", "sluice,sql.example.com",
                   "--http-allowed-hosts", "fd00::1"})
                ->config.http_allowed_hosts,
            (Names{"sluice", "sql.example.com", "fd00::1"}));
  setenv("SLUICE_HTTP_ALLOWED_HOSTS", "a,b", 1);
  EXPECT_EQ(parse({"serve", "--data-dir", "/d"})->config.http_allowed_hosts, (Names{"a", "b"}));
  unsetenv("SLUICE_HTTP_ALLOWED_HOSTS");
  const auto wrong = parse({"serve", "--data-dir", "/d", "--http-allowed-hosts", "http://sluice"});
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().message,
            "--http-allowed-hosts: 'http://sluice' is not the name of a host: give it without "
            "scheme and port, as sql.example.com");
}

TEST(Config, RefusesWhatAwsCouldNotKnowTheServerBy) {
  const auto refusal = [](const char* name, const char* value) {
    const auto line = parse({"serve", "--data-dir", "/d", name, value});
    return line.ok() ? "accepted" : line.error().message;
  };
  EXPECT_NE(refusal("--aws-external-id-prefix", "mine").find("no UUID"), std::string::npos);
  EXPECT_NE(refusal("--aws-session-seconds", "0").find("--aws-session-seconds"), std::string::npos);
  EXPECT_NE(refusal("--aws-connection-role-arn", "server").find("not the arn of a role"),
            std::string::npos);
  EXPECT_NE(refusal("--allowed-endpoints", "http://a").find("neither HOST"), std::string::npos);
}

TEST(Config, ReadsSizesAndAddresses) {
  EXPECT_EQ(*parse_size("512MB"), uint64_t{512} << 20);
  EXPECT_EQ(*parse_size("1.5 gb"), uint64_t{1536} << 20);
  EXPECT_FALSE(parse_size("12 parsecs").ok());
  EXPECT_FALSE(parse_size("-1MB").ok());
  EXPECT_EQ(parse_host_port("[::1]:80")->host, "::1");
  EXPECT_FALSE(parse_host_port("127.0.0.1").ok());
  EXPECT_FALSE(parse_host_port("127.0.0.1:99999").ok());
}

TEST(Config, PrintsHelpAndVersion) {
  EXPECT_NE(parse({"--version"})->print->find("sluice 0.1.0"), std::string::npos);
  EXPECT_NE(parse({"serve", "--help"})->print->find("--memory-limit"), std::string::npos);
}

}  // namespace
}  // namespace sluice::server
