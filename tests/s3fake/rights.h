// What a role may do: policies of permissions in AWS's JSON, evaluated as AWS does.
//
// Statements with Effect Allow or Deny, Action and Resource (with * and ?), and Condition with
// StringEquals and StringLike over s3:prefix. What it does not know, it refuses to load.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::s3fake {

// A request, in the words of policies.
struct Wanted {
  std::string action;    // s3:PutObject
  std::string resource;  // arn:aws:s3:::lake/a
  std::map<std::string, std::string> context;
};

class Rights {
 public:
  static std::optional<Rights> parse(const std::string& policy);
  bool allow(const Wanted& wanted) const;

 private:
  struct Statement {
    bool deny = false;
    std::vector<std::string> actions, resources;
    std::map<std::string, std::vector<std::string>> equals, like;  // by key
    bool covers(const Wanted& wanted) const;
  };
  std::vector<Statement> statements_;
};

// S3's request as policies name it. Every one of them needs a right.
Wanted wanted_by(const std::string& operation, const std::string& bucket, const std::string& key,
                 const std::string& prefix);

// With * and ? in the pattern.
bool is_like(std::string_view text, std::string_view pattern);

}  // namespace sluice::s3fake
