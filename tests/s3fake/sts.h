// A strict STS: users, roles with trust policies in AWS's JSON, and sessions that end at will.
//
// It holds what Amazon's does and other services leave out: external IDs and the other conditions
// of trust policies, role chaining, GetCallerIdentity, signatures of its own service and region,
// AWS's codes, statuses and XML. Sessions are told from keys by their token, as S3 tells them.
//
// Trust policies: Statement with Effect Allow or Deny; Principal "*", AWS (user, role, session,
// account) or Federated; Action; Condition with StringEquals, StringNotEquals, StringLike, each
// also …IfExists, and Null, over sts:ExternalId and sts:RoleSessionName. An account's `:root`
// stands for all who are in it. What it does not know, it refuses to load.
//
// Threads: safe from any.
#pragma once

#include <condition_variable>
#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "s3fake/http_server.h"
#include "s3fake/rights.h"
#include "s3fake/signature.h"

namespace sluice::s3fake {

class Sts {
 public:
  struct Options {
    std::string account = "123456789012";
    std::string region = "eu-test-1";
    int session_seconds = 3600;
    std::function<time_t()> now = [] { return std::time(nullptr); };
  };
  // One request for credentials or an identity, in the order they came.
  struct Record {
    std::string action;
    std::string caller;  // ARN; empty: none that is known
    std::string role_arn;
    std::string session_name;
    std::string external_id;
    std::string code;  // of the refusal; empty: granted
  };
  struct Answer {
    int status = 200;
    std::string body;
  };

  Sts();  // with default options
  explicit Sts(Options options);
  ~Sts();

  const Options& options() const { return options_; }
  void set_session_seconds(int seconds);
  std::string add_user(const std::string& name, Keys keys);  // these return the ARN
  // False: not a policy that it can evaluate.
  bool add_role(const std::string& name, const std::string& trust_policy,
                std::string* arn = nullptr);
  // From now on its sessions may do what this policy allows; without one, everything. False: not a
  // policy that it can evaluate, or no such role.
  bool limit_role(const std::string& name, const std::string& policy);
  void remove_role(const std::string& name);
  std::string role_arn(const std::string& name) const;
  // Who has this token is let in as the Federated principal "idp".
  void add_web_identity(const std::string& token);

  // All sessions there are end now: requests with them get ExpiredToken.
  void expire_sessions();
  // From now on AssumeRole answers so; an empty code: no longer.
  void refuse(int status, const std::string& code, const std::string& message);

  std::vector<Record> requests() const;
  size_t granted() const;  // sessions
  void wait_for(size_t requests);

  // A request `POST /` with this form.
  Answer handle(const HttpRequest& request, const std::string& body);
  // For S3: the keys that a request claims, and whether they are good now.
  Refusal find_keys(const HttpRequest& request, Keys& keys) const;
  // For S3: whether who signs may do this.
  Refusal check_right(const HttpRequest& request, const Wanted& wanted) const;

 private:
  struct Identity;
  struct Role;
  struct Asked;
  Refusal identify(const HttpRequest& request, Identity& identity) const;
  Answer assume(const Asked& asked, const Identity* caller, Record& record);
  Answer refused(int status, const std::string& code, const std::string& message, Record& record);
  Answer granted(const std::string& action, const std::string& content);

  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int session_seconds_;                         // guarded, as all below
  std::map<std::string, Identity> identities_;  // by access key
  std::map<std::string, Role> roles_;           // by ARN
  std::set<std::string> web_identities_;
  std::vector<Record> records_;
  Answer refusal_{0, ""};
  std::string refusal_code_;
  int last_session_ = 0;
  int last_request_ = 0;
};

// It alone, on a port of its own.
class StsServer {
 public:
  explicit StsServer(std::shared_ptr<Sts> sts);
  std::string endpoint() const;  // http://127.0.0.1:PORT

 private:
  const std::shared_ptr<Sts> sts_;
  HttpServer http_;
};

}  // namespace sluice::s3fake
