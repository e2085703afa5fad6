#include "sql/aws_policies.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sluice::sql {
namespace {

// In the order in which people write policies, and not by name.
using Json = nlohmann::ordered_json;

constexpr int kIndent = 4;
constexpr char kVersion[] = "2012-10-17";

// Text from outside may be no UTF-8.
std::string printed(const Json& json) {
  return json.dump(kIndent, ' ', false, Json::error_handler_t::replace);
}

// aws, aws-cn, aws-us-gov: the first part of every arn in that part of the world.
std::string_view partition(std::string_view region) {
  if (region.starts_with("cn-")) return "aws-cn";
  if (region.starts_with("us-gov-")) return "aws-us-gov";
  return "aws";
}

// In a policy `*`, `?` and `$` mean something, unless written as a variable.
std::string literal(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '*' || c == '?' || c == '$')
      out += fmt::format("${{{}}}", c);
    else
      out += c;
  }
  return out;
}

}  // namespace

std::string AwsServer::external_id(ObjectId connection) const {
  return fmt::format("mz_{}_{}", external_id_prefix, connection.text());
}

std::string AwsServer::session_name(ObjectId connection) const {
  return fmt::format("sluice-{}-{}", external_id_prefix, connection.text());
}

Result<std::string> checked_external_id_prefix(std::string_view text) {
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  std::string out(text);
  bool fits = text.size() == kForm.size();
  for (size_t i = 0; fits && i < text.size(); ++i) {
    out[i] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[i])));
    fits = kForm[i] == '-' ? out[i] == '-' : std::isxdigit(static_cast<unsigned char>(out[i])) != 0;
  }
  if (!fits)
    return invalid("'{}' is no UUID, as eb5cb59b-e2fe-41f3-87ca-d2176a495345 would be", text);
  return out;
}

std::string trust_policy(const std::string& principal, const std::string& external_id) {
  return printed(
      {{"Version", kVersion},
       {"Statement",
        Json::array({Json{
            {"Effect", "Allow"},
            {"Principal", Json{{"AWS", principal}}},
            {"Action", "sts:AssumeRole"},
            {"Condition", Json{{"StringEquals", Json{{"sts:ExternalId", external_id}}}}}}})}});
}

std::string principal_of(const std::string& caller_arn) {
  // arn:PARTITION:sts::ACCOUNT:assumed-role/NAME/SESSION
  constexpr std::string_view kService = ":sts::";
  constexpr std::string_view kKind = ":assumed-role/";
  const size_t service = caller_arn.find(kService);
  const size_t kind = caller_arn.find(kKind);
  if (service == std::string::npos || kind == std::string::npos || kind < service)
    return caller_arn;
  const size_t name = kind + kKind.size();
  const size_t end = caller_arn.find('/', name);
  const size_t account = service + kService.size();
  return fmt::format("{}:iam::{}:role/{}", caller_arn.substr(0, service),
                     caller_arn.substr(account, kind - account),
                     caller_arn.substr(name, end == std::string::npos ? end : end - name));
}

std::string iam_policy(const PolicyTarget& target) {
  const std::string bucket =
      fmt::format("arn:{}:s3:::{}", partition(target.region), literal(target.bucket));
  const std::string folder = target.prefix.empty() ? "" : literal(target.prefix) + "/";
  Json statements = Json::array();
  statements.push_back({{"Effect", "Allow"},
                        {"Action", {"s3:PutObject", "s3:DeleteObject"}},
                        {"Resource", fmt::format("{}/{}*", bucket, folder)}});
  Json list{{"Effect", "Allow"}, {"Action", Json::array({"s3:ListBucket"})}, {"Resource", bucket}};
  if (!folder.empty()) list["Condition"]["StringLike"]["s3:prefix"] = Json::array({folder + "*"});
  statements.push_back(std::move(list));
  // A key's bare id says neither its account nor its region.
  if (target.kms_key_id.starts_with("arn:"))
    statements.push_back({{"Effect", "Allow"},
                          {"Action", {"kms:GenerateDataKey", "kms:Decrypt"}},
                          {"Resource", target.kms_key_id}});
  return printed({{"Version", kVersion}, {"Statement", std::move(statements)}});
}

}  // namespace sluice::sql
