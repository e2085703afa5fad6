#include "server/config.h"

#include <arpa/inet.h>
#include <sys/sysinfo.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <thread>
#include <toml.hpp>

#include "base/version.h"
#include "server/allowed_endpoints.h"
#include "sql/aws_policies.h"
#include "webapi/guard.h"

namespace sluice::server {
namespace {

// The settings as text, before they are checked.
struct RawConfig {
  std::string data_dir, sql_listen = "127.0.0.1:6875", http_listen = "127.0.0.1:6876";
  std::vector<std::string> http_allowed_hosts;
  std::string memory_limit, view_memory_limit, log_level = "info", log_format = "text", config_file;
  int threads = 0;
  std::vector<std::string> local_export_dirs;
  bool insecure_allow_remote = false;
  uint64_t retain_history_ms = 1000;
  std::string aws_connection_role_arn, aws_external_id_prefix;
  int aws_session_seconds = 0;
  std::vector<std::string> allowed_endpoints;
  std::string secrets_key_file, new_secrets_key_file;
  bool rotate_secrets_key = false, discard_secrets = false;
};

// Where the data are: of every command.
void add_data_options(CLI::App& command, RawConfig& raw) {
  command.add_option("--data-dir", raw.data_dir, "Folder of everything durable; made if absent")
      ->envname("SLUICE_DATA_DIR")
      ->type_name("DIR");
  command
      .add_option("--secrets-key-file", raw.secrets_key_file,
                  "Key that secrets are sealed with; made at the first start (default: secrets.key "
                  "in the data folder)")
      ->envname("SLUICE_SECRETS_KEY_FILE")
      ->type_name("FILE");
}

void add_rotation_options(CLI::App& rotation, RawConfig& raw) {
  add_data_options(rotation, raw);
  rotation
      .add_option("--new-key-file", raw.new_secrets_key_file,
                  "Put the new key here, and remove the old file (default: replace it in place)")
      ->type_name("FILE");
  rotation.add_flag("--discard-secrets", raw.discard_secrets,
                    "The old key is lost: make a new one, and empty all secrets");
}

void add_serve_options(CLI::App& serve, RawConfig& raw) {
  add_data_options(serve, raw);
  serve
      .add_option("--sql-listen", raw.sql_listen,
                  "Address of the PostgreSQL protocol; port 0: free")
      ->envname("SLUICE_SQL_LISTEN")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  serve
      .add_option("--http-listen", raw.http_listen, "Address of HTTP: /health, /metrics, /api/sql")
      ->envname("SLUICE_HTTP_LISTEN")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  serve
      .add_option("--http-allowed-hosts", raw.http_allowed_hosts,
                  "Names by which /api/sql may be called, parted by commas, as behind a proxy "
                  "(default: localhost and the addresses listened on, which are always allowed)")
      ->envname("SLUICE_HTTP_ALLOWED_HOSTS")
      ->delimiter(',')
      ->type_name("LIST");
  serve.add_option("--threads", raw.threads, "Threads for queries (default: one a core)")
      ->envname("SLUICE_THREADS")
      ->type_name("N");
  serve
      .add_option("--memory-limit", raw.memory_limit,
                  "Memory for the process, as 512MB or 4GB (default: 60 % of the machine's)")
      ->envname("SLUICE_MEMORY_LIMIT")
      ->type_name("SIZE");
  serve
      .add_option("--view-memory-limit", raw.view_memory_limit,
                  "Part of it for what materialized views remember (default: a tenth)")
      ->envname("SLUICE_VIEW_MEMORY_LIMIT")
      ->type_name("SIZE");
  serve.add_option("--log-level", raw.log_level, "debug, info, warning or error")
      ->envname("SLUICE_LOG_LEVEL")
      ->capture_default_str();
  serve.add_option("--log-format", raw.log_format, "text or json")
      ->envname("SLUICE_LOG_FORMAT")
      ->capture_default_str();
  serve
      .add_option("--local-export-dir", raw.local_export_dirs,
                  "Allow COPY … TO 'file:///…' below this folder; may be repeated")
      ->envname("SLUICE_LOCAL_EXPORT_DIR")
      ->type_name("DIR");
  serve
      .add_option("--retain-history-ms", raw.retain_history_ms,
                  "How far back SELECT … AS OF can read, in milliseconds")
      ->envname("SLUICE_RETAIN_HISTORY_MS")
      ->capture_default_str();
  serve
      .add_option("--aws-connection-role-arn", raw.aws_connection_role_arn,
                  "Role of this server, assumed on the way to those of AWS connections")
      ->envname("SLUICE_AWS_CONNECTION_ROLE_ARN")
      ->type_name("ARN");
  serve
      .add_option("--aws-external-id-prefix", raw.aws_external_id_prefix,
                  "What external ids of AWS connections begin with (default: one that is made at "
                  "the first start and kept)")
      ->envname("SLUICE_AWS_EXTERNAL_ID_PREFIX")
      ->type_name("UUID");
  serve
      .add_option("--aws-session-seconds", raw.aws_session_seconds,
                  "How long sessions of roles last (default: as STS has it, an hour)")
      ->envname("SLUICE_AWS_SESSION_SECONDS")
      ->check(CLI::Range(1, 43'200))
      ->type_name("SECONDS");
  serve
      .add_option("--allowed-endpoints", raw.allowed_endpoints,
                  "ENDPOINTs that AWS connections may name, parted by commas: HOST, HOST:PORT, "
                  "*.SUFFIX (default: all but link-local and metadata addresses)")
      ->envname("SLUICE_ALLOWED_ENDPOINTS")
      ->delimiter(',')
      ->type_name("LIST");
  serve
      .add_flag("--insecure-allow-remote", raw.insecure_allow_remote,
                "Listen on other addresses than loopback although there are no passwords yet")
      ->envname("SLUICE_INSECURE_ALLOW_REMOTE");
  serve
      .add_option("--config", raw.config_file, "TOML file with these settings, as data-dir = \"…\"")
      ->envname("SLUICE_CONFIG")
      ->type_name("FILE");
}

// The words that the file's settings would be on the command line.
Result<std::vector<std::string>> file_arguments(const std::string& path, const CLI::App& serve) {
  std::vector<std::string> arguments;
  try {
    const toml::value file = toml::parse(path);
    for (const auto& [key, value] : file.as_table()) {
      std::string name = "--" + key;
      std::replace(name.begin() + 2, name.end(), '_', '-');
      const CLI::Option* option = serve.get_option_no_throw(name);
      if (option == nullptr || name == "--config" || name == "--help") {
        return invalid("{}: there is no setting '{}'", path, key);
      }
      if (option->count() > 0) continue;  // the command line and the environment come first
      const auto add = [&](const toml::value& item) {
        arguments.push_back(name);
        arguments.push_back(item.is_string() ? item.as_string().str : toml::format(item));
      };
      if (value.is_boolean()) {
        if (value.as_boolean()) arguments.push_back(name);
      } else if (value.is_array()) {
        for (const toml::value& item : value.as_array()) add(item);
      } else {
        add(value);
      }
    }
  } catch (const std::exception& exception) {
    return invalid("cannot read the settings of {}: {}", path, exception.what());
  }
  return arguments;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

uint64_t machine_memory() {
  struct sysinfo info {};
  return sysinfo(&info) == 0 ? uint64_t{info.totalram} * info.mem_unit : uint64_t{4} << 30;
}

Status set_aws(const RawConfig& raw, Config& config) {
  const std::string& arn = raw.aws_connection_role_arn;
  if (!arn.empty() && (!arn.starts_with("arn:") || arn.find(":role/") == std::string::npos)) {
    return invalid("--aws-connection-role-arn '{}' is not the arn of a role", arn);
  }
  config.aws_connection_role_arn = arn;
  config.aws_session_seconds = raw.aws_session_seconds;
  if (!raw.aws_external_id_prefix.empty()) {
    auto prefix = sql::checked_external_id_prefix(raw.aws_external_id_prefix);
    if (!prefix.ok()) return std::move(prefix).error().within("--aws-external-id-prefix");
    config.aws_external_id_prefix = std::move(prefix).value();
  }
  const auto rules = AllowedEndpoints::parse(raw.allowed_endpoints);
  if (!rules.ok()) return Error(rules.error()).within("--allowed-endpoints");
  config.allowed_endpoints = raw.allowed_endpoints;
  return ok();
}

Status set_http(const RawConfig& raw, Config& config) {
  TRY_ASSIGN(config.http_listen, parse_host_port(raw.http_listen));
  for (const std::string& name : raw.http_allowed_hosts) {
    if (webapi::is_host_name(name)) continue;
    return invalid(
        "--http-allowed-hosts: '{}' is not the name of a host: give it without scheme and "
        "port, as sql.example.com",
        name);
  }
  config.http_allowed_hosts = raw.http_allowed_hosts;
  return ok();
}

Result<Config> checked(const RawConfig& raw) {
  Config config;
  if (raw.data_dir.empty()) {
    return invalid("--data-dir is missing: say where the server keeps its data");
  }
  config.data_dir = raw.data_dir;
  TRY_ASSIGN(config.sql_listen, parse_host_port(raw.sql_listen));
  TRY(set_http(raw, config));
  config.insecure_allow_remote = raw.insecure_allow_remote;
  for (const HostPort& address : {config.sql_listen, config.http_listen}) {
    if (is_loopback(address.host) || raw.insecure_allow_remote) continue;
    return invalid(
        "refusing to listen on {}: there is no authentication yet, so only loopback is allowed "
        "unless --insecure-allow-remote is given",
        address.host);
  }
  if (raw.threads < 0 || raw.threads > 1024) return invalid("--threads must be from 1 to 1024");
  config.threads = raw.threads != 0
                       ? raw.threads
                       : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  config.memory_limit_bytes = machine_memory() / 10 * 6;
  if (!raw.memory_limit.empty()) {
    TRY_ASSIGN(config.memory_limit_bytes, parse_size(raw.memory_limit));
    if (config.memory_limit_bytes < (uint64_t{256} << 20)) {
      return invalid("--memory-limit must be at least 256MB");
    }
  }
  if (!raw.view_memory_limit.empty()) {
    TRY_ASSIGN(config.view_memory_bytes, parse_size(raw.view_memory_limit));
    if (config.view_memory_bytes > config.memory_limit_bytes / 2) {
      return invalid("--view-memory-limit must be at most half of --memory-limit");
    }
  }
  using log::Level;
  if (raw.log_level == "debug")
    config.log_level = Level::kDebug;
  else if (raw.log_level == "info")
    config.log_level = Level::kInfo;
  else if (raw.log_level == "warning")
    config.log_level = Level::kWarning;
  else if (raw.log_level == "error")
    config.log_level = Level::kError;
  else
    return invalid("--log-level must be debug, info, warning or error, not '{}'", raw.log_level);
  if (raw.log_format == "json")
    config.log_format = log::Format::kJson;
  else if (raw.log_format != "text") {
    return invalid("--log-format must be text or json, not '{}'", raw.log_format);
  }
  config.local_export_dirs = raw.local_export_dirs;
  config.retain_history_ms = raw.retain_history_ms;
  config.secrets_key_file = raw.secrets_key_file;
  config.new_secrets_key_file = raw.new_secrets_key_file;
  config.discard_secrets = raw.discard_secrets;
  TRY(set_aws(raw, config));
  return config;
}

std::string version_text() { return fmt::format("sluice {}\n", kVersion); }

}  // namespace

Result<HostPort> parse_host_port(const std::string& text) {
  const size_t colon = text.rfind(':');
  HostPort address;
  if (colon != std::string::npos) {
    address.host = text.substr(0, colon);
    if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']') {
      address.host = address.host.substr(1, address.host.size() - 2);
    }
    const char* const end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data() + colon + 1, end, address.port);
    if (failure == std::errc() && stop == end && !address.host.empty()) return address;
  }
  return invalid("'{}' is not an address of the form HOST:PORT", text);
}

Result<uint64_t> parse_size(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  std::string unit = end;
  unit.erase(std::remove(unit.begin(), unit.end(), ' '), unit.end());
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
  const std::vector<std::string> units = {"B", "KB", "MB", "GB", "TB"};
  const auto found = std::find(units.begin(), units.end(), unit.empty() ? "B" : unit);
  if (end == text.c_str() || found == units.end() || !(number > 0) || number > 1e15) {
    return invalid("'{}' is not a size: give a number with B, kB, MB, GB or TB, as 512MB", text);
  }
  return static_cast<uint64_t>(std::llround(std::ldexp(number, 10 * int(found - units.begin()))));
}

Result<CommandLine> parse_command_line(int argc, const char* const* argv) {
  const auto parse =
      [](RawConfig& raw, std::vector<std::string> words,
         const std::function<Result<CommandLine>(CLI::App&)>& then) -> Result<CommandLine> {
    CLI::App app("Sluice: a streaming SQL server that exports live data to object storage.",
                 "sluice");
    app.set_version_flag("--version", version_text().substr(0, version_text().size() - 1));
    app.require_subcommand(1);
    CLI::App* serve = app.add_subcommand("serve", "Run the server");
    add_serve_options(*serve, raw);
    CLI::App* rotation = app.add_subcommand("rotate-secrets-key",
                                            "Replace the key of the secrets, while no server runs");
    add_rotation_options(*rotation, raw);
    app.footer(
        "Each setting of serve is also an environment variable: --data-dir is "
        "SLUICE_DATA_DIR.\nConnect with: psql -h 127.0.0.1 -p 6875 -U materialize");
    try {
      std::reverse(words.begin(), words.end());
      app.parse(std::move(words));
    } catch (const CLI::Success& asked) {
      std::ostringstream out;
      app.exit(asked, out, out);
      CommandLine line;
      line.print = out.str();
      return line;
    } catch (const CLI::ParseError& failure) {
      return invalid("{}\nRun `sluice --help` for the settings.", failure.what());
    }
    raw.rotate_secrets_key = app.got_subcommand(rotation);
    return then(*serve);
  };
  const std::vector<std::string> words(argv + 1, argv + argc);
  RawConfig first;
  return parse(first, words, [&](CLI::App& serve) -> Result<CommandLine> {
    std::vector<std::string> all = words;
    if (!first.config_file.empty()) {
      TRY_ASSIGN(const std::vector<std::string> more, file_arguments(first.config_file, serve));
      all.insert(all.end(), more.begin(), more.end());
    }
    RawConfig second;
    return parse(second, all, [&](CLI::App&) -> Result<CommandLine> {
      CommandLine line;
      TRY_ASSIGN(line.config, checked(second));
      line.rotate_secrets_key = second.rotate_secrets_key;
      return line;
    });
  });
}

}  // namespace sluice::server
