// The server's settings: from the command line, else SLUICE_… in the environment, else the TOML
// file given by --config, else the default.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace sluice::server {

struct HostPort {
  std::string host;
  uint16_t port = 0;  // 0: a free one
};

struct Config {
  std::string data_dir;
  HostPort sql_listen{"127.0.0.1", 6875};
  HostPort http_listen{"127.0.0.1", 6876};
  int threads = 0;                  // 0: one a core
  uint64_t memory_limit_bytes = 0;  // 0: 60 % of the machine's memory
  uint64_t view_memory_bytes = 0;   // 0: a tenth of that
  log::Level log_level = log::Level::kInfo;
  log::Format log_format = log::Format::kText;
  std::vector<std::string> local_export_dirs;   // where file:// exports may go
  std::vector<std::string> http_allowed_hosts;  // beside localhost and the addresses listened on
  bool insecure_allow_remote = false;
  uint64_t retain_history_ms = 1000;
  std::string aws_connection_role_arn;         // empty: none
  std::string aws_external_id_prefix;          // in lower case; empty: the kept one
  int aws_session_seconds = 0;                 // of roles; 0: as STS has it
  std::vector<std::string> allowed_endpoints;  // empty: all but reserved ones
  std::string secrets_key_file;                // empty: in the data folder
  std::string new_secrets_key_file;            // of a rotation; empty: the same
  bool discard_secrets = false;                // by a rotation, since their key is lost
};

// What the command line asks for beside serving.
struct CommandLine {
  std::optional<std::string> print;  // --help, --version: print this and end with success
  bool rotate_secrets_key = false;   // do this instead
  Config config;
};

// 'host:port', '[::1]:port'; "127.0.0.1:0".
Result<HostPort> parse_host_port(const std::string& text);
// "512MB", "1GB": units as in SQL (B, kB, MB, GB, TB; factor 1024), case-insensitive here.
Result<uint64_t> parse_size(const std::string& text);

// `argv` as main() has it. Errors are for standard error, exit code 2.
Result<CommandLine> parse_command_line(int argc, const char* const* argv);

}  // namespace sluice::server
