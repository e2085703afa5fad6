#include "pgwire/startup.h"

#include <algorithm>
#include <cctype>

#include "base/utf8.h"

namespace sluice::pgwire {
namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  bool in_word = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (std::isspace(static_cast<unsigned char>(text[i])) != 0) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    words.back().push_back(text[i]);
  }
  return words;
}

bool is_off(std::string_view value) {
  return value == "false" || value == "off" || value == "no" || value == "0";
}

}  // namespace

Result<Settings> parse_options(std::string_view options) {
  Settings settings;
  const std::vector<std::string> words = words_of(options);
  for (size_t i = 0; i < words.size(); ++i) {
    std::string assignment;
    bool dashes = false;
    if (words[i] == "-c" && i + 1 < words.size()) {
      assignment = words[++i];
    } else if (words[i].starts_with("-c")) {
      assignment = words[i].substr(2);
    } else if (words[i].starts_with("--")) {
      assignment = words[i].substr(2);
      dashes = true;
    }
    const size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0) {
      return invalid("invalid command-line argument for server process: {}", words[i])
          .with_sqlstate("42601");
    }
    std::string name = assignment.substr(0, equals);
    // As PostgreSQL reads --search-path.
    if (dashes) std::replace(name.begin(), name.end(), '-', '_');
    settings.emplace_back(std::move(name), assignment.substr(equals + 1));
  }
  return settings;
}

Result<LoginRequest> login_request(const Startup& startup) {
  if (startup.major != 3) {
    return invalid("unsupported frontend protocol {}.{}: server supports 3.0 to 3.0", startup.major,
                   startup.minor)
        .with_sqlstate("0A000");
  }
  LoginRequest request;
  request.login.database = "materialize";
  Settings direct;
  for (const auto& [name, value] : startup.parameters) {
    if (!is_valid_utf8(name) || !is_valid_utf8(value)) {
      return invalid("invalid byte sequence for encoding \"UTF8\" in the startup packet")
          .with_sqlstate("22021");
    }
    if (name == "user") {
      request.login.user = value;
    } else if (name == "database") {
      request.login.database = value;
    } else if (name == "options") {
      TRY_ASSIGN(request.settings, parse_options(value));
    } else if (name == "replication") {
      if (!is_off(value)) {
        return invalid("replication connections are not supported").with_sqlstate("0A000");
      }
    } else if (name.starts_with("_pq_.")) {
      request.unknown_protocol.push_back(name);
    } else {
      if (name == "application_name") request.login.application_name = value;
      direct.emplace_back(name, value);
    }
  }
  if (request.login.user.empty()) {
    return error(ErrorCode::kDenied, "no PostgreSQL user name specified in startup packet")
        .with_sqlstate("28000");
  }
  request.settings.insert(request.settings.end(), direct.begin(), direct.end());
  return request;
}

}  // namespace sluice::pgwire
