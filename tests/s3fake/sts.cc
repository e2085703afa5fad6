#include "s3fake/sts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace sluice::s3fake {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxBodyBytes = 1 << 20;
constexpr int kChainedSessionSeconds = 3600;

std::string xml_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else {
      out += c;
    }
  }
  return out;
}

// A value or a list of values.
std::optional<std::vector<std::string>> texts(const json& value) {
  if (value.is_string()) return std::vector<std::string>{value.get<std::string>()};
  std::vector<std::string> out;
  if (!value.is_array()) return std::nullopt;
  for (const json& one : value) {
    if (!one.is_string()) return std::nullopt;
    out.push_back(one.get<std::string>());
  }
  return out;
}

struct Condition {
  std::string test;  // StringEquals, StringNotEquals, StringLike, Null
  bool if_exists = false;
  std::string key;
  std::vector<std::string> values;

  // Without the key a condition does not hold, but for what is negated, `IfExists` and Null.
  bool holds(const std::map<std::string, std::string>& context) const {
    const auto found = context.find(key);
    const bool there = found != context.end();
    if (test == "Null") return values.front() == (there ? "false" : "true");
    if (!there) return if_exists || test == "StringNotEquals";
    const auto equals = [&](const std::string& value) {
      return test == "StringLike" ? is_like(found->second, value) : found->second == value;
    };
    const bool any = std::any_of(values.begin(), values.end(), equals);
    return test == "StringNotEquals" ? !any : any;
  }
};

struct Statement {
  bool allow = true;
  bool anybody = false;
  std::vector<std::string> principals;
  std::vector<std::string> federated;
  std::vector<std::string> actions;
  std::vector<Condition> conditions;
};

bool parse_principal(const json& principal, Statement& out) {
  out.anybody = principal == "*";
  if (out.anybody) return true;
  if (!principal.is_object() || principal.empty()) return false;
  for (const auto& [kind, value] : principal.items()) {
    const auto names = texts(value);
    if (!names || (kind != "AWS" && kind != "Federated")) return false;
    (kind == "AWS" ? out.principals : out.federated) = *names;
    if (kind == "AWS" && *names == std::vector<std::string>{"*"}) out.anybody = true;
  }
  return true;
}

bool parse_conditions(const json& conditions, Statement& out) {
  if (!conditions.is_object()) return false;
  for (const auto& [name, keys] : conditions.items()) {
    Condition condition;
    condition.test = name;
    constexpr std::string_view kSuffix = "IfExists";
    if (name.size() > kSuffix.size() &&
        name.compare(name.size() - kSuffix.size(), kSuffix.size(), kSuffix) == 0) {
      condition.if_exists = true;
      condition.test.resize(name.size() - kSuffix.size());
    }
    const std::set<std::string> known = {"StringEquals", "StringNotEquals", "StringLike", "Null"};
    if (known.count(condition.test) == 0 || !keys.is_object()) return false;
    for (const auto& [key, value] : keys.items()) {
      const auto values = texts(value);
      if (!values || values->empty()) return false;
      if (key != "sts:ExternalId" && key != "sts:RoleSessionName") return false;
      condition.key = key;
      condition.values = *values;
      out.conditions.push_back(condition);
    }
  }
  return true;
}

bool parse_policy(const std::string& text, std::vector<Statement>& out) {
  const json policy = json::parse(text, nullptr, false);
  if (!policy.is_object() || policy.value("Version", "") != "2012-10-17") return false;
  const auto statements = policy.find("Statement");
  if (statements == policy.end()) return false;
  for (const json& node : statements->is_array() ? *statements : json::array({*statements})) {
    Statement statement;
    if (!node.is_object()) return false;
    for (const auto& [name, value] : node.items()) {
      bool good = true;
      if (name == "Effect") {
        good = value == "Allow" || value == "Deny";
        statement.allow = value == "Allow";
      } else if (name == "Principal") {
        good = parse_principal(value, statement);
      } else if (name == "Action") {
        const auto actions = texts(value);
        good = actions.has_value();
        if (good) statement.actions = *actions;
      } else if (name == "Condition") {
        good = parse_conditions(value, statement);
      } else {
        good = name == "Sid";
      }
      if (!good) return false;
    }
    if (statement.actions.empty()) return false;
    out.push_back(std::move(statement));
  }
  return !out.empty();
}

std::string iso8601(time_t time) {
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

std::string http_date(time_t time) {
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[40];
  std::strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return text;
}

bool is_made_of(std::string_view text, size_t least, size_t most, std::string_view marks) {
  return text.size() >= least && text.size() <= most &&
         std::all_of(text.begin(), text.end(), [marks](unsigned char c) {
           return std::isalnum(c) != 0 || marks.find(static_cast<char>(c)) != marks.npos;
         });
}

}  // namespace

struct Sts::Identity {
  Keys keys;
  std::string arn;        // arn:aws:sts::…:assumed-role/ROLE/SESSION for a session
  std::string principal;  // whom policies name: the user, or the session's role
  std::string user_id;
  std::optional<time_t> expiry;
};

struct Sts::Role {
  std::string name;
  std::vector<Statement> trust;
  std::optional<Rights> rights;
};

struct Sts::Asked {
  std::string action;
  std::map<std::string, std::string> form;

  std::string parameter(const std::string& name) const {
    const auto found = form.find(name);
    return found == form.end() ? "" : found->second;
  }
};

Sts::Sts() : Sts(Options()) {}
Sts::Sts(Options options)
    : options_(std::move(options)), session_seconds_(options_.session_seconds) {}
Sts::~Sts() = default;

void Sts::set_session_seconds(int seconds) {
  const std::lock_guard lock(mutex_);
  session_seconds_ = seconds;
}

std::string Sts::add_user(const std::string& name, Keys keys) {
  const std::lock_guard lock(mutex_);
  Identity user;
  user.keys = std::move(keys);
  user.arn = user.principal = fmt::format("arn:aws:iam::{}:user/{}", options_.account, name);
  user.user_id = "AIDA" + name;
  identities_[user.keys.access_key] = user;
  return user.arn;
}

bool Sts::add_role(const std::string& name, const std::string& trust_policy, std::string* arn) {
  std::vector<Statement> trust;
  if (!parse_policy(trust_policy, trust)) return false;
  const std::lock_guard lock(mutex_);
  Role& role = roles_[role_arn(name)];
  role.name = name;
  role.trust = std::move(trust);
  if (arn != nullptr) *arn = role_arn(name);
  return true;
}

bool Sts::limit_role(const std::string& name, const std::string& policy) {
  auto rights = Rights::parse(policy);
  const std::lock_guard lock(mutex_);
  const auto found = roles_.find(role_arn(name));
  if (!rights || found == roles_.end()) return false;
  found->second.rights = std::move(rights);
  return true;
}

Refusal Sts::check_right(const HttpRequest& request, const Wanted& wanted) const {
  const std::lock_guard lock(mutex_);
  const auto caller = identities_.find(claimed_access_key(request));
  if (caller == identities_.end()) return {};
  const auto role = roles_.find(caller->second.principal);
  if (role == roles_.end() || !role->second.rights || role->second.rights->allow(wanted)) return {};
  return {"AccessDenied",
          fmt::format("User: {} is not authorized to perform: {} on resource: \"{}\" because no "
                      "identity-based policy allows the {} action",
                      caller->second.arn, wanted.action, wanted.resource, wanted.action)};
}

void Sts::remove_role(const std::string& name) {
  const std::lock_guard lock(mutex_);
  roles_.erase(role_arn(name));
}

std::string Sts::role_arn(const std::string& name) const {
  return fmt::format("arn:aws:iam::{}:role/{}", options_.account, name);
}

void Sts::add_web_identity(const std::string& token) {
  const std::lock_guard lock(mutex_);
  web_identities_.insert(token);
}

void Sts::expire_sessions() {
  const std::lock_guard lock(mutex_);
  for (auto& [key, identity] : identities_) {
    if (identity.expiry) identity.expiry = 0;
  }
}

void Sts::refuse(int status, const std::string& code, const std::string& message) {
  const std::lock_guard lock(mutex_);
  refusal_ = {status, message};
  refusal_code_ = code;
}

std::vector<Sts::Record> Sts::requests() const {
  const std::lock_guard lock(mutex_);
  return records_;
}

size_t Sts::granted() const {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(last_session_);
}

void Sts::wait_for(size_t requests) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return records_.size() >= requests; });
}

Refusal Sts::identify(const HttpRequest& request, Identity& identity) const {
  const auto found = identities_.find(claimed_access_key(request));
  if (found == identities_.end()) return {"InvalidAccessKeyId", "The key does not exist"};
  identity = found->second;
  if (request.header("x-amz-security-token") != identity.keys.session_token) {
    return {"InvalidToken", "The provided token is malformed or otherwise invalid."};
  }
  if (identity.expiry && options_.now() >= *identity.expiry) {
    return {"ExpiredToken", "The provided token has expired."};
  }
  return {};
}

Refusal Sts::find_keys(const HttpRequest& request, Keys& keys) const {
  const std::lock_guard lock(mutex_);
  Identity identity;
  Refusal refusal = identify(request, identity);
  keys = identity.keys;
  return refusal;
}

Sts::Answer Sts::refused(int status, const std::string& code, const std::string& message,
                         Record& record) {
  record.code = code;
  return {status, fmt::format("<ErrorResponse "
                              "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n"
                              "    <Type>Sender</Type>\n    <Code>{}</Code>\n"
                              "    <Message>{}</Message>\n  </Error>\n"
                              "  <RequestId>sts-{:04}</RequestId>\n</ErrorResponse>\n",
                              code, xml_text(message), ++last_request_)};
}

Sts::Answer Sts::granted(const std::string& action, const std::string& content) {
  return {200, fmt::format("<{0}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                           "<{0}Result>{1}</{0}Result><ResponseMetadata><RequestId>sts-{2:04}"
                           "</RequestId></ResponseMetadata></{0}Response>",
                           action, content, ++last_request_)};
}

Sts::Answer Sts::handle(const HttpRequest& request, const std::string& body) {
  const std::lock_guard lock(mutex_);
  Record record;
  Asked asked;
  std::vector<std::pair<std::string, std::string>> form;
  const bool parsed = parse_query(body, form);
  for (auto& [name, value] : form) asked.form[name] = value;
  asked.action = record.action = asked.parameter("Action");
  record.role_arn = asked.parameter("RoleArn");
  record.session_name = asked.parameter("RoleSessionName");
  record.external_id = asked.parameter("ExternalId");
  auto answer = [&]() -> Answer {
    if (!parsed || asked.parameter("Version") != "2011-06-15" ||
        request.header("content-type").find("application/x-www-form-urlencoded") != 0) {
      return refused(400, "MalformedQueryString", "The request is not a form of this API", record);
    }
    if (asked.action == "AssumeRoleWithWebIdentity") return assume(asked, nullptr, record);
    Identity caller;
    const Refusal stranger = identify(request, caller);
    if (stranger.code == "ExpiredToken") {
      return refused(403, "ExpiredToken", "The security token included in the request is expired",
                     record);
    }
    if (!stranger.code.empty()) {
      return refused(403, "InvalidClientTokenId",
                     "The security token included in the request is invalid.", record);
    }
    record.caller = caller.arn;
    const Refusal forged =
        check_signature(request, caller.keys, options_.region, options_.now(), false, "sts");
    if (!forged.code.empty()) return refused(403, "SignatureDoesNotMatch", forged.message, record);
    if (request.header("x-amz-content-sha256") != hex(sha256(body))) {
      return refused(403, "SignatureDoesNotMatch", "the digest is not the body's", record);
    }
    if (asked.action == "AssumeRole") return assume(asked, &caller, record);
    if (asked.action == "GetCallerIdentity") {
      return granted(asked.action,
                     fmt::format("<Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>",
                                 xml_text(caller.arn), caller.user_id, options_.account));
    }
    return refused(400, "InvalidAction", "Could not find operation " + asked.action, record);
  }();
  records_.push_back(record);
  changed_.notify_all();
  return answer;
}

Sts::Answer Sts::assume(const Asked& asked, const Identity* caller, Record& record) {
  const std::string arn = asked.parameter("RoleArn");
  const std::string session = asked.parameter("RoleSessionName");
  const std::string external_id = asked.parameter("ExternalId");
  if (!refusal_code_.empty()) return refused(refusal_.status, refusal_code_, refusal_.body, record);
  if (!is_made_of(session, 2, 64, "_+=,.@-") || arn.size() < 20 ||
      (asked.form.count("ExternalId") > 0 && !is_made_of(external_id, 2, 1224, "_+=,.@:/-"))) {
    return refused(400, "ValidationError", "1 validation error detected", record);
  }
  const std::string token = asked.parameter("WebIdentityToken");
  if (caller == nullptr && web_identities_.count(token) == 0) {
    // As careless as a service may be: it says the token itself.
    return refused(400, "InvalidIdentityToken", "No provider knows the token " + token, record);
  }
  std::map<std::string, std::string> context = {{"sts:RoleSessionName", session}};
  if (asked.form.count("ExternalId") > 0) context["sts:ExternalId"] = external_id;
  const std::string root = fmt::format("arn:aws:iam::{}:root", options_.account);
  const auto is_for = [&](const Statement& statement) {
    const auto names = [](const std::vector<std::string>& list, const std::string& name) {
      return std::find(list.begin(), list.end(), name) != list.end();
    };
    const auto& principals = statement.principals;
    const bool known = caller == nullptr ? names(statement.federated, "idp")
                                         : statement.anybody || names(principals, root) ||
                                               names(principals, options_.account) ||
                                               names(principals, caller->arn) ||
                                               names(principals, caller->principal);
    return known &&
           (names(statement.actions, "sts:" + asked.action) || names(statement.actions, "sts:*")) &&
           std::all_of(statement.conditions.begin(), statement.conditions.end(),
                       [&](const Condition& condition) { return condition.holds(context); });
  };
  const auto role = roles_.find(arn);
  bool allowed = false, denied = role == roles_.end();
  if (!denied) {
    for (const Statement& statement : role->second.trust) {
      if (is_for(statement)) (statement.allow ? allowed : denied) = true;
    }
  }
  if (!allowed || denied) {
    return refused(403, "AccessDenied",
                   fmt::format("User: {} is not authorized to perform: sts:{} on resource: {}",
                               caller == nullptr ? "idp" : caller->arn, asked.action, arn),
                   record);
  }
  const int number = ++last_session_;
  Identity made;
  made.keys = {fmt::format("ASIAFAKE{:08}", number), fmt::format("session/secret+{}", number),
               fmt::format("session/token=={}==", number)};
  made.principal = arn;
  made.arn = fmt::format("arn:aws:sts::{}:assumed-role/{}/{}", options_.account, role->second.name,
                         session);
  made.user_id = fmt::format("AROA{}:{}", role->second.name, session);
  const std::string wanted = asked.parameter("DurationSeconds");
  const int life = wanted.empty() ? session_seconds_ : std::atoi(wanted.c_str());
  const int seconds =
      caller != nullptr && caller->expiry ? std::min(life, kChainedSessionSeconds) : life;
  made.expiry = options_.now() + seconds;
  identities_[made.keys.access_key] = made;
  return granted(
      asked.action,
      fmt::format("<AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn>"
                  "</AssumedRoleUser><Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}"
                  "</SecretAccessKey><SessionToken>{}</SessionToken><Expiration>{}</Expiration>"
                  "</Credentials>",
                  made.user_id, made.arn, made.keys.access_key, made.keys.secret_key,
                  made.keys.session_token, iso8601(*made.expiry)));
}

StsServer::StsServer(std::shared_ptr<Sts> sts)
    : sts_(std::move(sts)),
      http_(
          [this](const HttpRequest& request, Connection& connection) {
            std::string body;
            if (request.content_length > kMaxBodyBytes ||
                !connection.read(body, request.content_length)) {
              return false;
            }
            Sts::Answer answer{404, ""};
            if (request.method == "POST" && request.target == "/") {
              answer = sts_->handle(request, body);
            }
            return connection.write(http_answer(
                answer.status,
                {{"Content-Type", "text/xml"}, {"Date", http_date(sts_->options().now())}},
                answer.body));
          },
          false) {}

std::string StsServer::endpoint() const { return fmt::format("http://127.0.0.1:{}", http_.port()); }

}  // namespace sluice::s3fake
