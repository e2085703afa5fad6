#include "sql/aws_connection.h"

#include <algorithm>
#include <duckdb/parser/expression/constant_expression.hpp>
#include <set>

#include "s3/endpoint.h"
#include "sql/store_dialect.h"

namespace sluice::sql {
namespace {

constexpr std::string_view kOptions[] = {
    "ENDPOINT",      "REGION",       "ACCESS KEY ID",   "SECRET ACCESS KEY",
    "SESSION TOKEN", "BUCKET OWNER", "ASSUME ROLE ARN", "ASSUME ROLE SESSION NAME",
    "SSE",           "KMS KEY ID",   "STORAGE CLASS"};

constexpr size_t kAccountDigits = 12;
constexpr size_t kMinSessionName = 2;
constexpr size_t kMaxSessionName = 64;
constexpr size_t kMaxValue = 2'048;  // as long as STS and KMS take an arn

bool is_aws_option(std::string_view name) {
  return std::find(std::begin(kOptions), std::end(kOptions), name) != std::end(kOptions) ||
         s3::is_dialect_property(name);
}

Error refuse(std::string_view text) { return invalid("{}", text).with_sqlstate("22023"); }

Status check_options(const std::vector<std::string>& names) {
  std::vector<std::string> foreign;
  std::set<std::string> seen;
  for (const auto& name : names) {
    if (!is_aws_option(name)) foreign.push_back(name);
    if (!seen.insert(name).second)
      return invalid("CONNECTION option {} was specified more than once", name)
          .with_sqlstate("42601");
  }
  if (!foreign.empty())
    return invalid("AWS connections do not support {} values", fmt::join(foreign, ", "))
        .with_sqlstate("0A000");
  return ok();
}

// Which of them go together, by the words of the reference.
Status check_modes(const Connection& connection) {
  const auto has = [&](std::string_view name) { return connection.option(name) != nullptr; };
  const bool key = has("ACCESS KEY ID"), secret = has("SECRET ACCESS KEY");
  const bool any_credential = key || secret || has("SESSION TOKEN");
  const bool role = has("ASSUME ROLE ARN");
  if (any_credential && (!key || !secret))
    return refuse(
        "must specify both ACCESS KEY ID and SECRET ACCESS KEY with optional SESSION TOKEN");
  if (has("ASSUME ROLE SESSION NAME") && !role)
    return refuse("must specify ASSUME ROLE ARN with optional ASSUME ROLE SESSION NAME");
  if (key && role) return refuse("cannot specify both ACCESS KEY ID and ASSUME ROLE ARN");
  if (!key && !role)
    return refuse("must specify either ASSUME ROLE ARN or ACCESS KEY ID and SECRET ACCESS KEY");
  return ok();
}

bool consists_of(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [more](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.find(c) != std::string_view::npos;
  });
}

// A value becomes a part of requests' heads and of other services' names: what none of them would
// take is refused here, where it can be told.
Status check_value(const std::string& name, const std::string& value) {
  const auto refused = [&](std::string_view why) {
    return refuse(fmt::format("invalid {}: {}", name, why));
  };
  if (value.empty() && name != "ENDPOINT" && name != "REGION") return refused("must not be empty");
  if (value.size() > kMaxValue) return refused("is too long");
  if (name == "ASSUME ROLE SESSION NAME" &&
      (value.size() < kMinSessionName || value.size() > kMaxSessionName ||
       !consists_of(value, "_+=,.@-")))
    return refused("must be 2 to 64 letters, digits or characters of _+=,.@-");
  if (name == "SSE" && value != "AES256" && value != "aws:kms")
    return refused("must be 'AES256' or 'aws:kms'");
  if (name == "KMS KEY ID" && !consists_of(value, ":/_-"))
    return refused("must be a key's id, its alias or the arn of either");
  if (name == "STORAGE CLASS" && !consists_of(value, "_-"))
    return refused("must be a name such as STANDARD_IA");
  if (name == "BUCKET OWNER" &&
      (value.size() != kAccountDigits ||
       !std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })))
    return refused("must be the 12 digits of an AWS account");
  return ok();
}

Result<ConnectionOption> make_option(const Option& option, const Catalog& catalog,
                                     const SearchPath& path) {
  if (option.kind == Option::Kind::kSecret) {
    const bool may_be_secret = option.name == "ACCESS KEY ID" ||
                               option.name == "SECRET ACCESS KEY" || option.name == "SESSION TOKEN";
    if (!may_be_secret)
      return invalid("invalid {}: cannot be a SECRET", option.name)
          .with_sqlstate("22023")
          .at(option.value_position);
    auto secret = catalog.require(sluice::sql::ObjectKind::kSecret, option.object.parts, path);
    if (!secret.ok()) return std::move(secret).error().at(option.value_position);
    return ConnectionOption{.name = option.name, .value = (*secret)->id};
  }
  // The value is not shown: somebody may have put the key itself here.
  if (option.name == "SECRET ACCESS KEY")
    return refuse("invalid SECRET ACCESS KEY: must provide a SECRET value");
  if (option.kind != Option::Kind::kText && option.kind != Option::Kind::kWord &&
      option.kind != Option::Kind::kNumber)
    return invalid("invalid {}: must provide a text value", option.name)
        .with_sqlstate("22023")
        .at(option.position);
  if (!s3::is_dialect_property(option.name))
    return ConnectionOption{.name = option.name, .value = option.value};
  s3::Dialect dialect;
  if (Status set = s3::set_property(dialect, option.name, option.value); !set.ok())
    return refuse(fmt::format("invalid {}: {}", option.name, set.error().message))
        .at(option.value_position);
  return ConnectionOption{.name = option.name, .value = s3::value_of(dialect, option.name)};
}

Result<Connection> checked(Connection connection) {
  // An empty endpoint is none at all.
  std::erase_if(connection.options, [](const ConnectionOption& option) {
    return option.name == "ENDPOINT" && option.text() != nullptr && option.text()->empty();
  });
  TRY(check_modes(connection));
  for (const auto& option : connection.options)
    if (option.text() != nullptr) TRY(check_value(option.name, *option.text()));
  const ConnectionOption* const sse = connection.option("SSE");
  if (connection.option("KMS KEY ID") != nullptr && (sse == nullptr || *sse->text() != "aws:kms"))
    return refuse("KMS KEY ID requires SSE = 'aws:kms'");
  const ConnectionOption* const endpoint = connection.option("ENDPOINT");
  const ConnectionOption* const signs = connection.option("SIGNED PAYLOAD");
  if (signs != nullptr && *signs->text() == "false" && endpoint != nullptr &&
      !s3::is_private(*endpoint->text()))
    return refuse("SIGNED PAYLOAD = false requires an https ENDPOINT")
        .with_detail("Without a signature over it, anybody on the way could change what is sent.");
  // One order, so that SHOW CREATE says the same however it was written.
  std::sort(connection.options.begin(), connection.options.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return connection;
}

// Empty where the connection does not say it.
secrets::SecretString secret_of(const Catalog& catalog, const Connection& connection,
                                std::string_view name) {
  const ConnectionOption* option = connection.option(name);
  if (option == nullptr) return {};
  if (option->text() != nullptr) return *option->text();
  const Object* secret = catalog.find(*option->secret());
  CHECK(secret != nullptr && secret->secret() != nullptr);  // dependencies keep it
  return secret->secret()->value;
}

}  // namespace

Result<Connection> make_aws_connection(const CreateConnection& statement, const Catalog& catalog,
                                       const SearchPath& path) {
  if (statement.type != "aws")
    return invalid("{} connections are not supported", statement.type).with_sqlstate("0A000");
  std::vector<std::string> names;
  for (const auto& option : statement.options) names.push_back(option.name);
  TRY(check_options(names));
  Connection connection{.type = statement.type, .options = {}, .probed = {}};
  for (const auto& option : statement.options) {
    TRY_ASSIGN(auto made, make_option(option, catalog, path));
    connection.options.push_back(std::move(made));
  }
  return checked(std::move(connection));
}

Result<Connection> altered_aws_connection(const Connection& old, const AlterConnection& statement,
                                          const Catalog& catalog, const SearchPath& path) {
  std::vector<std::string> names;
  for (const auto& option : statement.set) names.push_back(option.name);
  for (const auto& name : statement.reset) names.push_back(name.text);
  TRY(check_options(names));
  Connection connection = old;
  const auto remove = [&](const std::string& name) {
    std::erase_if(connection.options,
                  [&](const ConnectionOption& option) { return option.name == name; });
  };
  for (const auto& name : statement.reset) remove(name.text);
  for (const auto& option : statement.set) {
    TRY_ASSIGN(auto made, make_option(option, catalog, path));
    remove(option.name);
    connection.options.push_back(std::move(made));
  }
  TRY_ASSIGN(Connection altered, checked(std::move(connection)));
  // What was found out is true of the store that was asked.
  const auto store = [](const Connection& of) {
    const ConnectionOption* const endpoint = of.option("ENDPOINT");
    return endpoint == nullptr ? std::string() : *endpoint->text();
  };
  if (store(altered) != store(old)) altered.probed.clear();
  return altered;
}

Result<bool> wants_validation(const std::vector<Option>& with) {
  bool wanted = false;
  for (const auto& option : with) {
    if (option.name != "VALIDATE")
      return invalid("unrecognized option {}", option.name)
          .with_sqlstate("42601")
          .at(option.position);
    std::string value = option.value;
    std::transform(value.begin(), value.end(), value.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const bool yes = option.kind == Option::Kind::kNone || value == "true" || value == "on" ||
                     value == "1" || value == "yes";
    const bool no = value == "false" || value == "off" || value == "0" || value == "no";
    if (!yes && !no)
      return invalid("invalid VALIDATE: cannot use value as boolean")
          .with_sqlstate("22023")
          .at(option.value_position);
    wanted = yes;
  }
  return wanted;
}

Result<Secret> make_secret(const engine::Value& value) {
  if (value.IsNull()) return invalid("secret value can not be null").with_sqlstate("22004");
  const auto type = value.type().id();
  if (type != engine::LogicalTypeId::VARCHAR && type != engine::LogicalTypeId::BLOB)
    return invalid("secret value must have type bytea").with_sqlstate("42804");
  Secret secret{.value = duckdb::StringValue::Get(value)};
  if (secret.value.size() > size_t{24} * 1024)
    return invalid("secrets can not be bigger than 24KiB").with_sqlstate("54000");
  return secret;
}

const engine::Value* literal_text(const Expression& expression) {
  if (expression->GetExpressionClass() != duckdb::ExpressionClass::CONSTANT) return nullptr;
  const auto& value = expression->Cast<duckdb::ConstantExpression>().value;
  const bool text = !value.IsNull() && value.type().id() == engine::LogicalTypeId::VARCHAR;
  return text ? &value : nullptr;
}

Result<std::optional<std::string>> validated_path(const std::vector<Option>& with) {
  std::optional<std::string> path;
  for (const auto& option : with) {
    if (option.name != "S3 PATH")
      return invalid("unrecognized option {}", option.name)
          .with_sqlstate("42601")
          .at(option.position);
    if (path)
      return invalid("{} specified more than once", option.name)
          .with_sqlstate("42601")
          .at(option.position);
    if (option.kind != Option::Kind::kText)
      return invalid("invalid S3 PATH: must provide a text value")
          .with_sqlstate("22023")
          .at(option.position);
    path = option.value;
  }
  return path;
}

AwsAccess aws_access(const Catalog& catalog, const Object& object, const AwsServer& server) {
  const Connection* connection = object.connection();
  CHECK(connection != nullptr);
  const auto secret = [&](std::string_view name) { return secret_of(catalog, *connection, name); };
  const auto value = [&](std::string_view name) { return std::string(secret(name).view()); };
  AwsAccess access;
  access.endpoint = value("ENDPOINT");
  access.region = value("REGION");
  access.access_key_id = value("ACCESS KEY ID");
  access.secret_access_key = secret("SECRET ACCESS KEY");
  access.session_token = secret("SESSION TOKEN");
  if (std::string arn = value("ASSUME ROLE ARN"); !arn.empty()) {
    const std::string own_name = server.session_name(object.id);
    const std::string given_name = value("ASSUME ROLE SESSION NAME");
    access.role = AwsAccess::Role{.arn = std::move(arn),
                                  .session_name = given_name.empty() ? own_name : given_name,
                                  .external_id = server.external_id(object.id),
                                  .server_arn = server.role_arn,
                                  .server_session_name = own_name};
  }
  access.sse = value("SSE");
  access.kms_key_id = value("KMS KEY ID");
  access.storage_class = value("STORAGE CLASS");
  access.bucket_owner = value("BUCKET OWNER");
  access.dialect = dialect_of(*connection);
  return access;
}

}  // namespace sluice::sql
