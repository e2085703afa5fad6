#include "aws/sts.h"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <optional>
#include <pugixml.hpp>
#include <random>
#include <string_view>
#include <vector>

#include "aws/timestamps.h"
#include "s3/endpoint.h"
#include "s3/error.h"
#include "s3/signer.h"
#include "secrets/wiping.h"

namespace sluice::aws {
namespace {

using std::chrono::milliseconds;

constexpr size_t kMaxAnswerBytes = size_t{1} << 20;
constexpr size_t kMaxTextBytes = 1024;
constexpr int kMaxRenewals = 3;  // of the base credentials, for one request

// A request to STS, and how it is called in errors.
struct Call {
  std::string operation;
  std::string subject;  // AssumeRole arn:aws:iam::123456789012:role/x
  std::vector<s3::Parameter> form;
  s3::CredentialsProvider* signer = nullptr;  // none: not signed
  std::vector<std::string> secrets;           // never in an error, whoever says them
};

bool may_stand_in_region(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

Result<s3::Endpoint> endpoint_of(const Sts& sts) {
  std::string url = sts.endpoint;
  if (url.empty()) {
    // It becomes a part of the host's name.
    if (sts.region.empty() ||
        !std::all_of(sts.region.begin(), sts.region.end(), may_stand_in_region)) {
      return invalid("invalid AWS region \"{}\"", sts.region);
    }
    url = fmt::format("https://sts.{}.amazonaws.com{}", sts.region,
                      sts.region.starts_with("cn-") ? ".cn" : "");
  }
  return s3::Endpoint::make({.url = std::move(url), .region = sts.region, .path_style = true});
}

// Text from outside for our messages: one line, bounded, and without the secrets that it may quote.
std::string tamed(std::string_view text, const std::vector<std::string>& secrets) {
  std::string out(text);
  for (const std::string& secret : secrets) {
    if (secret.empty()) continue;
    for (auto at = out.find(secret); at != std::string::npos; at = out.find(secret)) {
      out.replace(at, secret.size(), "…");
    }
  }
  if (out.size() > kMaxTextBytes) out.resize(kMaxTextBytes);
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return out;
}

// <ErrorResponse><Error>… of AWS, <Error>… of others.
s3::ServiceError refusal_of(const http::Response& response, const pugi::xml_document& document,
                            const std::vector<std::string>& secrets) {
  const pugi::xml_node aws = document.child("ErrorResponse");
  const pugi::xml_node node = aws ? aws.child("Error") : document.child("Error");
  s3::ServiceError out;
  out.status = response.status;
  out.code = tamed(node.child("Code").text().as_string(), secrets);
  out.message = tamed(node.child("Message").text().as_string(), secrets);
  for (const pugi::xml_node from : {aws, node}) {
    if (!out.request_id.empty()) break;
    out.request_id = tamed(from.child("RequestId").text().as_string(), secrets);
  }
  for (const char* header : {"x-amzn-requestid", "x-amz-request-id"}) {
    if (out.request_id.empty()) out.request_id = tamed(response.header(header), secrets);
  }
  return out;
}

Error error_of(const s3::ServiceError& refusal, const Call& call) {
  std::string text = fmt::format("{}: {}", call.subject, refusal.status);
  if (!refusal.code.empty()) text += " " + refusal.code;
  if (!refusal.message.empty()) text += ": " + refusal.message;
  if (!refusal.request_id.empty()) text += fmt::format(" (request {})", refusal.request_id);
  // A name that is not known is a matter of rights here: AWS does not tell the two apart.
  const bool denied = refusal.status == 404 || s3::says_outdated(refusal.code);
  return error(denied ? ErrorCode::kDenied : refusal.meaning(), "{}", text).with_sqlstate("58000");
}

// What came back, and how far this machine's clock is from the service's.
struct Answer {
  pugi::xml_document document;
  std::chrono::system_clock::duration clock_offset{0};
};

class Asking {
 public:
  Asking(http::Client& http, const Sts& sts, const s3::Endpoint& endpoint, Call call)
      : http_(http),
        sts_(sts),
        target_(endpoint.target("", "")),
        call_(std::move(call)),
        body_(body()),
        deadline_(sts.clock->steady() + sts.retry.deadline) {}

  Status run(Answer& answer, std::stop_token stop) {
    int renewals = 0;
    for (int tries = 1;; ++tries) {
      bool outdated = false;
      Status outcome = attempt(answer, outdated, stop);
      if (outcome.ok()) return outcome;
      Error failure = std::move(outcome).error();
      if (stop.stop_requested()) return cancelled();
      if (outdated && renewals++ < kMaxRenewals) continue;
      const milliseconds pause = next_pause(tries);
      if (!try_again_ || tries >= sts_.retry.tries || sts_.clock->steady() + pause >= deadline_) {
        if (tries > 1) failure.message += fmt::format(", the last of {} tries", tries);
        return failure;
      }
      wait(pause, stop);
    }
  }

 private:
  std::string body() const {
    std::vector<s3::Parameter> form = call_.form;
    form.push_back({"Action", call_.operation});
    form.push_back({"Version", "2011-06-15"});
    return s3::canonical_query(form);
  }

  Status attempt(Answer& answer, bool& outdated, std::stop_token stop) {
    try_again_ = false;
    http::Request request;
    request.method = "POST";
    request.url = target_.origin + s3::percent_encoded(target_.path, s3::Slash::kKeep);
    request.headers = {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"}};
    request.body = std::as_bytes(std::span(body_.data(), body_.size()));
    request.ca_file = sts_.ca_file;
    request.has_secrets = true;
    request.connect_timeout = sts_.connect_timeout;
    request.total_timeout = std::max(left(), milliseconds(1));
    request.max_response_bytes = kMaxAnswerBytes;
    std::vector<std::string> secrets = call_.secrets;
    s3::Credentials credentials;
    auto asked_at = sts_.clock->now();
    if (call_.signer != nullptr) {
      auto got = call_.signer->get(stop);
      if (!got.ok()) return std::move(got).error();  // it says itself what it tried
      credentials = std::move(got).value();
      asked_at = sts_.clock->now();
      secrets.emplace_back(credentials.secret_access_key.view());
      secrets.emplace_back(credentials.session_token.view());
      request.headers = s3::signed_headers({.method = request.method,
                                            .host = target_.host,
                                            .path = target_.path,
                                            .query = {},
                                            .headers = std::move(request.headers),
                                            .payload_hash = s3::hex_sha256(request.body)},
                                           credentials, {sts_.region, "sts"}, asked_at);
    }
    auto response = http_.run(std::move(request), stop);
    if (!response.ok()) {
      Error failure = std::move(response).error();
      if (failure.code == ErrorCode::kCancelled) return failure;
      try_again_ = failure.code == ErrorCode::kUnavailable;
      return std::move(failure)
          .within(fmt::format("{} at {}", call_.subject, target_.origin))
          .with_sqlstate("58000");
    }
    answer.document.reset();
    const bool parsed = static_cast<bool>(
        answer.document.load_buffer(response->body.data(), response->body.size()));
    if (response->status == 200 && parsed && !answer.document.child("Error") &&
        !answer.document.child("ErrorResponse")) {
      const auto date = parse_http_date(response->header("date"));
      answer.clock_offset = date ? asked_at - *date : std::chrono::system_clock::duration(0);
      return ok();
    }
    const s3::ServiceError refusal = refusal_of(*response, answer.document, secrets);
    // STS says that a signature is too old with the code of one that is wrong.
    const bool too_old = call_.signer != nullptr && refusal.status == 403 &&
                         s3::may_have_grown_old(asked_at, sts_.clock->now());
    try_again_ = refusal.is_transient() || too_old || refusal.code == "IDPCommunicationError";
    const bool unknown_session =
        refusal.code == "InvalidClientTokenId" || refusal.code == "InvalidAccessKeyId";
    outdated = call_.signer != nullptr &&
               (s3::says_outdated(refusal.code) ||
                (unknown_session && !credentials.session_token.empty())) &&
               call_.signer->refused(credentials);
    return error_of(refusal, call_);
  }

  milliseconds left() const {
    return std::chrono::duration_cast<milliseconds>(deadline_ - sts_.clock->steady());
  }

  milliseconds next_pause(int failed_tries) const {
    static thread_local std::mt19937_64 random(std::random_device{}());
    std::uniform_int_distribution<milliseconds::rep> uniform(
        0, s3::longest_pause(sts_.retry, failed_tries).count());
    return milliseconds(uniform(random));
  }

  static void wait(milliseconds pause, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, pause, [] { return false; });
  }

  http::Client& http_;
  const Sts& sts_;
  const s3::Target target_;
  const Call call_;
  const std::string body_;
  const std::chrono::steady_clock::time_point deadline_;
  bool try_again_ = false;  // whether that may help, after the last failure
};

Status ask(http::Client& http, const Sts& sts, Call call, Answer& answer, std::stop_token stop) {
  auto endpoint = endpoint_of(sts);
  if (!endpoint.ok()) return std::move(endpoint).error().within(call.subject);
  return Asking(http, sts, std::move(endpoint).value(), std::move(call)).run(answer, stop);
}

pugi::xml_node named(const pugi::xml_document& document, const char* name) {
  return document.find_node(
      [name](const pugi::xml_node& node) { return std::string_view(node.name()) == name; });
}

Error senseless(const std::string& subject, std::string_view what) {
  return error(ErrorCode::kUnavailable, "{}: the answer has no {}", subject, what)
      .with_sqlstate("58000")
      .with_hint("What answered may not be AWS's Security Token Service.");
}

Result<s3::Credentials> credentials_from(const Answer& answer, const std::string& subject) {
  const pugi::xml_node node = named(answer.document, "Credentials");
  s3::Credentials out;
  out.access_key_id = node.child("AccessKeyId").text().as_string();
  out.secret_access_key = node.child("SecretAccessKey").text().as_string();
  out.session_token = node.child("SessionToken").text().as_string();
  if (out.access_key_id.empty() || out.secret_access_key.empty() || out.session_token.empty()) {
    return senseless(subject, "credentials");
  }
  const auto expiry = parse_timestamp(node.child("Expiration").text().as_string());
  if (!expiry) return senseless(subject, "expiration");
  out.expiry = *expiry + answer.clock_offset;
  return out;
}

Call role_call(const char* operation, const RoleSession& session) {
  Call call;
  call.operation = operation;
  call.subject = fmt::format("{} {}", operation, session.role_arn);
  call.form = {{"RoleArn", session.role_arn}, {"RoleSessionName", session.session_name}};
  if (session.duration.count() > 0) {
    call.form.push_back({"DurationSeconds", std::to_string(session.duration.count())});
  }
  return call;
}

}  // namespace

void wipe_parsed_answers() {
  pugi::set_memory_management_functions(std::malloc, secrets::wiping_free);
}

Result<s3::Credentials> assume_role(http::Client& http, const Sts& sts, const RoleSession& session,
                                    s3::CredentialsProvider& base, std::stop_token stop) {
  Call call = role_call("AssumeRole", session);
  if (!session.external_id.empty()) call.form.push_back({"ExternalId", session.external_id});
  call.signer = &base;
  const std::string subject = call.subject;
  Answer answer;
  Status asked = ask(http, sts, std::move(call), answer, stop);
  if (!asked.ok()) {
    Error failure = std::move(asked).error();
    if (failure.code == ErrorCode::kDenied && failure.hint.empty() &&
        failure.message.find("AccessDenied") != std::string::npos) {
      failure.hint =
          session.external_id.empty()
              ? "The role's trust policy must let the caller assume it, and the caller's own "
                "policy "
                "must allow sts:AssumeRole."
              : fmt::format(
                    "The role's trust policy must let the caller assume it with the external ID "
                    "\"{}\", and the caller's own policy must allow sts:AssumeRole.",
                    session.external_id);
    }
    return failure;
  }
  return credentials_from(answer, subject);
}

Result<s3::Credentials> assume_role_with_web_identity(http::Client& http, const Sts& sts,
                                                      const RoleSession& session,
                                                      const std::string& token,
                                                      std::stop_token stop) {
  Call call = role_call("AssumeRoleWithWebIdentity", session);
  call.form.push_back({"WebIdentityToken", token});
  call.secrets = {token};
  const std::string subject = call.subject;
  Answer answer;
  TRY(ask(http, sts, std::move(call), answer, stop));
  return credentials_from(answer, subject);
}

Result<CallerIdentity> get_caller_identity(http::Client& http, const Sts& sts,
                                           s3::CredentialsProvider& credentials,
                                           std::stop_token stop) {
  Call call;
  call.operation = call.subject = "GetCallerIdentity";
  call.signer = &credentials;
  Answer answer;
  TRY(ask(http, sts, std::move(call), answer, stop));
  CallerIdentity out;
  out.account = tamed(named(answer.document, "Account").text().as_string(), {});
  out.arn = tamed(named(answer.document, "Arn").text().as_string(), {});
  out.user_id = tamed(named(answer.document, "UserId").text().as_string(), {});
  if (out.arn.empty()) return senseless("GetCallerIdentity", "ARN");
  return out;
}

}  // namespace sluice::aws
