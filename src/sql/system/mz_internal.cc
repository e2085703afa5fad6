// mz_internal: details of AWS connections, what depends on what, comments.
#include <algorithm>

#include "engine/functions/json.h"
#include "sql/aws_policies.h"
#include "sql/system/groups.h"

namespace sluice::sql::system {
namespace {

using engine::Value;

Value inline_text(const Connection& connection, std::string_view option) {
  const ConnectionOption* found = connection.option(option);
  if (found == nullptr || found->text() == nullptr) return null();
  return Value(*found->text());
}

Value secret_id(const Connection& connection, std::string_view option) {
  const ConnectionOption* found = connection.option(option);
  if (found == nullptr || found->secret() == nullptr) return null();
  return Value(found->secret()->text());
}

// The last three columns: whom the role must trust, and on what condition. Without a role of its
// own the server is whoever its credentials say, which takes a request to find out (SHOW TRUST
// POLICY).
std::vector<Value> trust(const AwsServer& server, const Connection& connection, ObjectId id) {
  if (connection.option("ASSUME ROLE ARN") == nullptr) return {null(), null(), null()};
  const std::string external_id = server.external_id(id);
  if (server.role_arn.empty()) return {null(), Value(external_id), null()};
  const auto policy = engine::functions::normalize_json(trust_policy(server.role_arn, external_id));
  CHECK(policy.ok());
  return {Value(server.role_arn), Value(external_id), Value(*policy)};
}

void aws_connections(const ResolveContext& context, RowWriter& out) {
  for (const auto& [id, object] : context.catalog->objects()) {
    const Connection* connection = object->connection();
    if (connection == nullptr || connection->type != "aws") continue;
    // A token given in plain is as good as a key: that it is there is all that is told.
    const Value token = inline_text(*connection, "SESSION TOKEN");
    std::vector<Value> row{Value(id.text()),
                           inline_text(*connection, "ENDPOINT"),
                           inline_text(*connection, "REGION"),
                           inline_text(*connection, "ACCESS KEY ID"),
                           secret_id(*connection, "ACCESS KEY ID"),
                           secret_id(*connection, "SECRET ACCESS KEY"),
                           token.IsNull() ? null() : Value("<REDACTED>"),
                           secret_id(*connection, "SESSION TOKEN"),
                           inline_text(*connection, "ASSUME ROLE ARN"),
                           inline_text(*connection, "ASSUME ROLE SESSION NAME")};
    for (Value& value : trust(context.aws, *connection, id)) row.push_back(std::move(value));
    out.row(std::move(row));
  }
}

void dependencies(const ResolveContext& context, RowWriter& out) {
  for (const auto& [id, object] : context.catalog->objects())
    for (const ObjectId used : object->dependencies())
      out.row({Value(id.text()), Value(used.text())});
}

void hydration_statuses(const ResolveContext& context, RowWriter& out) {
  if (!context.materialized_views) return;
  for (const MaterializedViewState& view : context.materialized_views())
    out.row({Value(view.id.text()), Value("u1"), yes(view.hydrated)});
  if (!context.indexes) return;
  for (const IndexState& index : context.indexes())
    out.row({Value(index.id.text()), Value("u1"), yes(index.phase == "ready")});
}

Value count(uint64_t value) { return number(static_cast<int64_t>(value)); }

Value number_or_null(const std::optional<int64_t>& value) {
  return value ? number(*value) : null();
}

void view_statuses(const ResolveContext& context, RowWriter& out) {
  if (!context.materialized_views) return;
  for (const MaterializedViewState& view : context.materialized_views()) {
    out.row({Value(view.id.text()), Value(view.phase), text_or_null(view.error),
             count(view.filled_rows), count(view.rows_to_fill), count(view.bytes),
             view.complete_ms ? Value::UBIGINT(static_cast<uint64_t>(*view.complete_ms)) : null(),
             number_or_null(view.lag_ms)});
  }
}

void view_operators(const ResolveContext& context, RowWriter& out) {
  if (!context.materialized_views) return;
  for (const MaterializedViewState& view : context.materialized_views()) {
    for (const auto& one : view.operators) {
      duckdb::vector<Value> inputs;
      for (const uint64_t input : one.inputs) inputs.push_back(Value::BIGINT(int64_t(input)));
      out.row({Value(view.id.text()), count(one.number),
               Value::LIST(engine::LogicalType::BIGINT, std::move(inputs)), Value(one.kind),
               Value(one.description), count(one.rows), count(one.bytes), count(one.nanoseconds),
               count(one.last_nanoseconds), number_or_null(view.lag_ms), yes(one.failing),
               count(one.shared_by)});
    }
  }
}

void index_statuses(const ResolveContext& context, RowWriter& out) {
  if (!context.indexes) return;
  for (const IndexState& index : context.indexes()) {
    out.row({Value(index.id.text()), Value(index.phase), text_or_null(index.reason),
             count(index.rows), count(index.bytes)});
  }
}

Value time(collection::Time time) {
  return Value::UBIGINT(static_cast<uint64_t>(time.milliseconds));
}

void frontiers(const ResolveContext& context, RowWriter& out) {
  if (!context.frontiers) return;
  for (const auto& [id, object] : context.catalog->objects()) {
    const auto rows = object->collection();
    if (!rows) continue;
    if (const auto found = context.frontiers(*rows))
      out.row({Value(id.text()), time(found->since), time(found->upper)});
  }
}

void retention(const ResolveContext& context, RowWriter& out) {
  for (const auto& [id, object] : context.catalog->objects()) {
    if (!object->retain_history()) continue;
    out.row({Value(id.text()), Value("FOR"),
             Value(std::to_string(object->retain_history()->time.count()))});
  }
}

void comments(const ResolveContext& context, RowWriter& out) {
  for (const auto& [id, object] : context.catalog->objects()) {
    std::string kind(kind_name(object->kind));
    std::replace(kind.begin(), kind.end(), ' ', '-');
    if (!object->comment.empty())
      out.row({Value(id.text()), Value(kind), null(), Value(object->comment)});
    int32_t position = 0;
    for (const auto& column : object->columns()) {
      ++position;
      if (!column.comment.empty())
        out.row({Value(id.text()), Value(kind), Value::INTEGER(position), Value(column.comment)});
    }
  }
}

}  // namespace

void add_mz_internal(Definitions& all) {
  const auto add = [&](const std::string& name, const std::vector<Column>& columns, auto rows) {
    all.push_back(
        {.schema = "mz_internal", .name = name, .oid = 0, .columns = columns, .write_rows = rows});
  };
  add("mz_aws_connections",
      {text("id"), text("endpoint"), text("region"), text("access_key_id"),
       text("access_key_id_secret_id"), text("secret_access_key_secret_id"), text("session_token"),
       text("session_token_secret_id"), text("assume_role_arn"), text("assume_role_session_name"),
       text("principal"), text("external_id"), jsonb("example_trust_policy")},
      aws_connections);
  add("mz_object_dependencies", {text("object_id"), text("referenced_object_id")}, dependencies);
  add("mz_hydration_statuses", {text("object_id"), text("replica_id"), boolean("hydrated")},
      hydration_statuses);
  const auto mz_timestamp = [](const char* name) {
    return Column{.name = name, .type = types::make(types::TypeId::kMzTimestamp)};
  };
  add("mz_materialized_view_statuses",
      {text("object_id"), text("phase"), text("error"), int8("filled_rows"), int8("rows_to_fill"),
       int8("bytes"), mz_timestamp("complete_at"), int8("lag_ms")},
      view_statuses);
  add("mz_materialized_view_operators",
      {text("object_id"), int8("operator_id"), int8s("inputs"), text("type"), text("description"),
       int8("rows"), int8("bytes"), int8("elapsed_ns"), int8("last_elapsed_ns"), int8("lag_ms"),
       boolean("failing"), int8("shared_by")},
      view_operators);
  add("mz_index_statuses",
      {text("object_id"), text("phase"), text("reason"), int8("rows"), int8("bytes")},
      index_statuses);
  add("mz_frontiers",
      {text("object_id"), mz_timestamp("read_frontier"), mz_timestamp("write_frontier")},
      frontiers);
  add("mz_history_retention_strategies", {text("id"), text("strategy"), jsonb("value")}, retention);
  add("mz_comments", {text("id"), text("object_type"), int4("object_sub_id"), text("comment")},
      comments);
}

}  // namespace sluice::sql::system
