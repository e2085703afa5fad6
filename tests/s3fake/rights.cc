#include "s3fake/rights.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sluice::s3fake {
namespace {

using nlohmann::json;

// A value or a list of values.
bool texts(const json& value, std::vector<std::string>& out) {
  if (value.is_string()) return out.push_back(value.get<std::string>()), true;
  if (!value.is_array()) return false;
  for (const json& one : value) {
    if (!one.is_string()) return false;
    out.push_back(one.get<std::string>());
  }
  return true;
}

bool any_like(const std::string& text, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return is_like(text, pattern); });
}

}  // namespace

bool is_like(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*') {
    for (size_t i = 0; i <= text.size(); ++i) {
      if (is_like(text.substr(i), pattern.substr(1))) return true;
    }
    return false;
  }
  return !text.empty() && (pattern.front() == '?' || pattern.front() == text.front()) &&
         is_like(text.substr(1), pattern.substr(1));
}

std::optional<Rights> Rights::parse(const std::string& policy) {
  const json document = json::parse(policy, nullptr, false);
  if (!document.is_object() || !document.contains("Statement")) return std::nullopt;
  Rights rights;
  for (const json& one : document["Statement"]) {
    Statement statement;
    for (const auto& [name, value] : one.items()) {
      if (name == "Effect" && (value == "Allow" || value == "Deny")) {
        statement.deny = value == "Deny";
      } else if (name == "Action" || name == "Resource") {
        auto& out = name == "Action" ? statement.actions : statement.resources;
        if (!texts(value, out)) return std::nullopt;
      } else if (name == "Condition") {
        for (const auto& [test, keys] : value.items()) {
          if (test != "StringEquals" && test != "StringLike") return std::nullopt;
          auto& out = test == "StringLike" ? statement.like : statement.equals;
          for (const auto& [key, values] : keys.items()) {
            if (key != "s3:prefix" || !texts(values, out[key])) return std::nullopt;
          }
        }
      } else if (name != "Sid") {
        return std::nullopt;
      }
    }
    rights.statements_.push_back(std::move(statement));
  }
  return rights;
}

bool Rights::Statement::covers(const Wanted& wanted) const {
  if (!any_like(wanted.action, actions) || !any_like(wanted.resource, resources)) return false;
  const auto holds = [&](const auto& conditions, const auto& test) {
    return std::all_of(conditions.begin(), conditions.end(), [&](const auto& condition) {
      const auto found = wanted.context.find(condition.first);
      return found != wanted.context.end() && test(found->second, condition.second);
    });
  };
  return holds(like, any_like) && holds(equals, [](const auto& text, const auto& values) {
           return std::find(values.begin(), values.end(), text) != values.end();
         });
}

bool Rights::allow(const Wanted& wanted) const {
  bool allowed = false;
  for (const Statement& statement : statements_) {
    if (!statement.covers(wanted)) continue;
    if (statement.deny) return false;
    allowed = true;
  }
  return allowed;
}

Wanted wanted_by(const std::string& operation, const std::string& bucket, const std::string& key,
                 const std::string& prefix) {
  static const std::map<std::string, std::string> kActions = {
      {"ListObjectsV2", "s3:ListBucket"},
      {"ListMultipartUploads", "s3:ListBucketMultipartUploads"},
      {"CreateMultipartUpload", "s3:PutObject"},
      {"UploadPart", "s3:PutObject"},
      {"CompleteMultipartUpload", "s3:PutObject"},
      {"HeadObject", "s3:GetObject"}};
  const auto found = kActions.find(operation);
  Wanted wanted;
  wanted.action = found == kActions.end() ? "s3:" + operation : found->second;
  wanted.resource = "arn:aws:s3:::" + bucket + (key.empty() ? "" : "/" + key);
  if (key.empty()) wanted.context["s3:prefix"] = prefix;
  return wanted;
}

}  // namespace sluice::s3fake
