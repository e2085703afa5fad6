#include "session/connections.h"

#include "export/export.h"
#include "sql/aws_connection.h"
#include "sql/store_dialect.h"

namespace sluice::session {
namespace {

// A check of AWS failed: an error of the system, in the reference's class.
constexpr char kSystemError[] = "58000";
// A bucket that nobody has: a store that tells so has taken the request's signature for sound.
constexpr char kNoBucket[] = "sluice-validate-connection";

// How often what was found is tried to be kept while others change the catalog.
constexpr int kMostTries = 10;

using FoundProperties = std::vector<std::pair<std::string, std::string>>;

// A connection of this statement's own view of the catalog.
struct Found {
  std::shared_ptr<const sql::Catalog> catalog;  // keeps `object`
  const sql::Object* object = nullptr;
};

Result<Found> find(const Execution& execution, const sql::ObjectName& name) {
  Found found;
  TRY_ASSIGN(found.catalog, execution.transaction->catalog());
  auto object = found.catalog->require(sql::ObjectKind::kConnection, name.parts,
                                       execution.settings.search_path());
  if (!object.ok()) return std::move(object).error().at(name.position);
  found.object = *object;
  return found;
}

Error system_error(Error error) {
  if (error.code == ErrorCode::kCancelled) return error;
  return std::move(error).with_sqlstate(kSystemError);
}

// Whether a store has answered S3 under these credentials, whatever it has answered.
bool answers_s3(const Execution& execution, const AwsAccess& access) {
  const auto store = execution.database.stores().s3(access, kNoBucket);
  if (!store.ok()) return false;
  const auto listed = (*store)->list("", 1, execution.stop);
  if (listed.ok()) return true;
  const Error& error = listed.error();
  const auto says = [&error](std::string_view word) {
    return error.message.find(word) != std::string::npos;
  };
  if (error.code == ErrorCode::kNotFound) return says("NoSuchBucket");
  return says("ListObjectsV2") && says("AccessDenied");
}

// Many stores that speak S3 know nothing of STS, or not this call of it. What their answer to S3
// tells is checked instead, and what stays unchecked is told.
Status check_without_sts(const Execution& execution, const AwsAccess& access, Error refusal) {
  const bool may_lack_sts = !access.endpoint.empty() && (refusal.code == ErrorCode::kInvalid ||
                                                         refusal.code == ErrorCode::kNotFound);
  if (!may_lack_sts || !answers_s3(execution, access)) return system_error(std::move(refusal));
  const std::string_view checked =
      access.role ? "that the role can be assumed and the store answers was checked, not whether "
                    "the role's trust policy requires an external ID"
                  : "that the store knows the access key was checked";
  execution.tell(
      {{.severity = "WARNING",
        .sqlstate = "01000",
        .message = fmt::format("the store at {} does not tell who somebody is (STS "
                               "GetCallerIdentity): {}",
                               access.endpoint, checked),
        .detail = std::move(refusal.message),
        .hint = "VALIDATE CONNECTION … WITH (S3 PATH = 's3://bucket/prefix') checks the rights "
                "that an export needs."}});
  return ok();
}

// With the external id AWS must know us, and without it, it must not.
Status validate(const Execution& execution, const sql::Catalog& catalog,
                const sql::Object& connection) {
  ExportStores& stores = execution.database.stores();
  AwsAccess access = access_of(catalog, connection, execution.database.aws_server());
  TRY(stores.check_endpoint(access.endpoint));
  auto caller = stores.aws_identity(access, execution.stop);
  if (!caller.ok()) return check_without_sts(execution, access, std::move(caller).error());
  if (!access.role) return ok();
  const std::string arn = access.role->arn;
  access.connection.clear();  // nobody else is to get these credentials
  access.role->external_id.clear();
  auto without = stores.aws_identity(access, execution.stop);
  if (without.ok()) {
    return error(ErrorCode::kDenied, "role trust policy does not require an external ID")
        .with_sqlstate(kSystemError)
        .with_detail(fmt::format("The trust policy for the connection's role ({}) is insecure and "
                                 "allows anyone who uses this server to assume the role.",
                                 arn))
        .with_hint(fmt::format("Use the policy of SHOW TRUST POLICY FOR CONNECTION {}. See "
                               "docs/aws.md, step 5.",
                               catalog.qualified_name(connection)));
  }
  const ErrorCode code = without.error().code;
  if (code == ErrorCode::kCancelled) return std::move(without).error();
  // It may have been refused, or not asked at all.
  if (code == ErrorCode::kUnavailable || code == ErrorCode::kUnknown) {
    return system_error(std::move(without).error().within(
        "find out whether the role trusts us without an external ID"));
  }
  return ok();
}

// For CREATE and ALTER: the endpoint must be one that users may name, whatever else is asked for.
// One that is no url at all leads nowhere, and is told where it is used.
Status check(const Execution& execution, const sql::Catalog& catalog, sql::ObjectId id,
             const std::vector<sql::Option>& with) {
  TRY_ASSIGN(const bool wanted, sql::wants_validation(with));
  const sql::Object* const connection = catalog.find(id);
  CHECK(connection != nullptr && connection->connection() != nullptr);
  if (const auto* endpoint = connection->connection()->option("ENDPOINT")) {
    Status allowed = execution.database.stores().check_endpoint(*endpoint->text());
    if (!allowed.ok() && allowed.error().code == ErrorCode::kDenied) return allowed;
  }
  return wanted ? validate(execution, catalog, *connection) : ok();
}

// Puts what was found into the connection as it is in `edit`, if its store is still the same one.
Status put_found(sql::CatalogEdit& edit, sql::ObjectId id, const std::string& endpoint,
                 const FoundProperties& found) {
  const auto catalog = edit.catalog();
  const sql::Object* const object = catalog->find(id);
  if (object == nullptr || object->connection() == nullptr) return ok();
  const sql::ConnectionOption* const option = object->connection()->option("ENDPOINT");
  if ((option == nullptr ? "" : *option->text()) != endpoint) return ok();
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  return edit.replace_body(id, sql::with_found(*object->connection(), found, now.count()));
}

// In the statement's transaction where that is a block. Else in one of its own, which begins after
// the probe: others may have changed the catalog while the store was asked.
Status keep_found(const Execution& execution, sql::ObjectId id, const std::string& endpoint,
                  const FoundProperties& found) {
  if (found.empty() || execution.settings.read_only()) return ok();
  if (execution.transaction->block() || execution.transaction->writes()) {
    TRY_ASSIGN(sql::CatalogEdit* const edit, execution.transaction->edit());
    return put_found(*edit, id, endpoint, found);
  }
  for (int tries = 1;; ++tries) {
    Transaction own(execution.database, false);
    TRY_ASSIGN(sql::CatalogEdit* const edit, own.edit());
    TRY(put_found(*edit, id, endpoint, found));
    Status kept = own.commit(execution.stop);
    const bool again = !kept.ok() && kept.error().code == ErrorCode::kConflict;
    if (!again || tries == kMostTries) return kept;
  }
}

// What is wrong with a target is the same as with COPY's, but for the words around it.
Result<exports::Target> s3_target(const std::string& url, std::string_view what) {
  auto target = exports::parse_target(url);
  if (target.ok() && target->scheme == exports::Target::Scheme::kS3) return target;
  std::string why = target.ok() ? "only 's3://...' urls are supported" : target.error().message;
  constexpr std::string_view kOfCopy = "could not parse COPY TO target url: ";
  if (why.starts_with(kOfCopy)) why = why.substr(kOfCopy.size());
  return invalid("could not parse {}: {}", what, why).with_sqlstate("22023");
}

}  // namespace

const std::vector<std::string> kRightColumns = {"check", "outcome", "detail"};
const std::vector<std::string> kPolicyColumns = {"policy"};

AwsAccess access_of(const sql::Catalog& catalog, const sql::Object& connection,
                    const sql::AwsServer& server) {
  sql::AwsAccess said = sql::aws_access(catalog, connection, server);
  AwsAccess access;
  access.connection = connection.id.text();
  access.endpoint = std::move(said.endpoint);
  access.region = std::move(said.region);
  access.access_key_id = std::move(said.access_key_id);
  access.secret_access_key = std::move(said.secret_access_key);
  access.session_token = std::move(said.session_token);
  if (said.role) {
    access.role = AwsRole{.arn = std::move(said.role->arn),
                          .session_name = std::move(said.role->session_name),
                          .external_id = std::move(said.role->external_id),
                          .server_role_arn = std::move(said.role->server_arn),
                          .server_session_name = std::move(said.role->server_session_name)};
  }
  access.sse = std::move(said.sse);
  access.kms_key_id = std::move(said.kms_key_id);
  access.storage_class = std::move(said.storage_class);
  access.bucket_owner = std::move(said.bucket_owner);
  access.dialect = said.dialect;
  for (const sql::DialectProperty& one : sql::dialect_properties_of(*connection.connection())) {
    if (one.origin == sql::DialectProperty::Origin::kGiven)
      access.given_dialect.insert(one.property);
  }
  return access;
}

Result<std::string> run_create_connection(const Execution& execution,
                                          const sql::CreateConnection& create) {
  TRY_ASSIGN(sql::CatalogEdit* const edit, execution.transaction->edit());
  TRY_ASSIGN(sql::Connection connection,
             sql::make_aws_connection(create, *edit->catalog(), execution.settings.search_path()));
  TRY_ASSIGN(const auto id,
             edit->create(create.name.parts, execution.settings.search_path(),
                          std::move(connection), {.if_not_exists = create.if_not_exists}));
  execution.tell(edit->take_notices());
  if (id) TRY(check(execution, *edit->catalog(), *id, create.with));
  return std::string("CREATE CONNECTION");
}

Result<std::string> run_alter_connection(const Execution& execution,
                                         const sql::AlterConnection& alter) {
  TRY_ASSIGN(sql::CatalogEdit* const edit, execution.transaction->edit());
  const auto catalog = edit->catalog();
  TRY_ASSIGN(const sql::Object* const found,
             catalog->lookup(alter.name.parts, execution.settings.search_path()));
  if (found == nullptr && alter.if_exists) {
    execution.tell({{.message = fmt::format("connection \"{}\" does not exist, skipping",
                                            alter.name.text())}});
    return std::string("ALTER CONNECTION");
  }
  TRY_ASSIGN(const sql::Object* const object,
             catalog->require(sql::ObjectKind::kConnection, alter.name.parts,
                              execution.settings.search_path()));
  if (!alter.new_name.empty()) {
    TRY(edit->rename(object->id, alter.new_name));
    return std::string("ALTER CONNECTION");
  }
  TRY_ASSIGN(sql::Connection changed,
             sql::altered_aws_connection(*object->connection(), alter, *catalog,
                                         execution.settings.search_path()));
  TRY(edit->replace_body(object->id, std::move(changed)));
  TRY(check(execution, *edit->catalog(), object->id, alter.with));
  return std::string("ALTER CONNECTION");
}

Result<std::string> run_validate_connection(const Execution& execution,
                                            const sql::ValidateConnection& statement) {
  TRY_ASSIGN(const Found found, find(execution, statement.name));
  TRY(validate(execution, *found.catalog, *found.object));
  return std::string("VALIDATE CONNECTION");
}

Result<std::vector<std::vector<std::string>>> probe_connection(
    const Execution& execution, const sql::ValidateConnection& statement) {
  TRY_ASSIGN(const auto path, sql::validated_path(statement.with));
  CHECK(path.has_value());
  TRY_ASSIGN(const exports::Target target, s3_target(*path, "S3 PATH"));
  TRY_ASSIGN(const Found found, find(execution, statement.name));
  const AwsAccess access =
      access_of(*found.catalog, *found.object, execution.database.aws_server());
  auto probed =
      execution.database.stores().probe(access, target.bucket, target.prefix, execution.stop);
  if (!probed.ok()) return system_error(std::move(probed).error());
  FoundProperties properties;
  for (store::FoundProperty& one : probed->found) {
    properties.emplace_back(std::move(one.property), std::move(one.value));
  }
  TRY(keep_found(execution, found.object->id, access.endpoint, properties));
  std::vector<std::vector<std::string>> rows;
  for (store::ProbedRight& right : probed->rights) {
    rows.push_back(
        {std::move(right.check), std::string(name(right.outcome)), std::move(right.detail)});
  }
  return rows;
}

Result<std::string> policy_of(const Execution& execution, const sql::Show& show) {
  TRY_ASSIGN(const Found found, find(execution, show.name));
  const sql::AwsServer& server = execution.database.aws_server();
  AwsAccess access = access_of(*found.catalog, *found.object, server);
  if (show.what == sql::Show::What::kIamPolicy) {
    auto target = s3_target(show.target.text, "the target");
    if (!target.ok()) return std::move(target).error().at(show.target.position);
    return sql::iam_policy({.bucket = target->bucket,
                            .prefix = target->prefix,
                            .region = access.region,
                            .kms_key_id = access.kms_key_id});
  }
  if (!access.role) {
    return invalid("connection \"{}\" assumes no role, so there is no trust policy for it",
                   found.object->name)
        .with_sqlstate("22023")
        .with_hint("A trust policy belongs to the role of ASSUME ROLE ARN.");
  }
  if (!server.role_arn.empty()) {
    return sql::trust_policy(server.role_arn, access.role->external_id);
  }
  // Whoever the server's own credentials belong to.
  const std::string external_id = access.role->external_id;
  access.connection.clear();
  access.role.reset();
  access.of_server = true;
  auto caller = execution.database.stores().aws_identity(access, execution.stop);
  if (!caller.ok()) {
    return system_error(std::move(caller).error().within("find out whom the role has to trust"))
        .with_hint(
            "Start the server with AWS credentials, and with --aws-connection-role-arn if "
            "it is to use a role of its own.");
  }
  return sql::trust_policy(sql::principal_of(caller->arn), external_id);
}

}  // namespace sluice::session
