#include "sql/show.h"

#include <duckdb/parser/expression/conjunction_expression.hpp>
#include <duckdb/parser/query_node/select_node.hpp>

#include "sql/front/parse.h"
#include "sql/show_create.h"

namespace sluice::sql {
namespace {

constexpr std::string_view kComment =
    "coalesce((SELECT c.comment FROM mz_internal.mz_comments c "
    "WHERE c.id = o.id AND c.object_sub_id IS NULL), '') AS comment";

// The schema that SHOW lists: the one it names, or where new objects would go.
Result<const Object*> schema_of(const Show& show, const ResolveContext& context) {
  if (show.in)
    return context.catalog->require(sluice::sql::ObjectKind::kSchema, show.in->parts,
                                    context.search_path);
  for (const auto& name : context.search_path)
    if (const Object* schema = context.catalog->find_schema(name)) return schema;
  return error(ErrorCode::kNotFound, "no schema has been selected").with_sqlstate("3F000");
}

Result<std::string> objects_text(const Show& show, const ResolveContext& context,
                                 std::string_view columns, std::string_view relation) {
  TRY_ASSIGN(const Object* schema, schema_of(show, context));
  return fmt::format("SELECT {}, {} FROM mz_catalog.{} o WHERE o.schema_id = {}", columns, kComment,
                     relation, quote_literal(schema->id.text()));
}

Result<std::string> indexes_text(const Show& show, const ResolveContext& context) {
  std::string where;
  if (show.on) {
    auto on = context.catalog->relation(show.on->parts, context.search_path);
    if (!on.ok()) return std::move(on).error().at(show.on->position);
    where = fmt::format("o.on_id = {}", quote_literal((*on)->id.text()));
  } else {
    TRY_ASSIGN(const Object* schema, schema_of(show, context));
    where = fmt::format("r.schema_id = {}", quote_literal(schema->id.text()));
  }
  return fmt::format(
      "SELECT o.name, r.name AS on, 'quickstart' AS cluster, (SELECT array_agg(c.name ORDER BY "
      "k.index_position) FROM mz_catalog.mz_index_columns k JOIN mz_catalog.mz_columns c ON c.id = "
      "o.on_id AND c.position = k.on_position WHERE k.index_id = o.id) AS key, {} FROM "
      "mz_catalog.mz_indexes o JOIN mz_catalog.mz_relations r ON r.id = o.on_id WHERE {}",
      kComment, where);
}

Result<std::string> columns_text(const Show& show, const ResolveContext& context) {
  TRY_ASSIGN(const Object* object, context.catalog->relation(show.name.parts, context.search_path));
  return fmt::format(
      "SELECT o.name, o.nullable, o.type, coalesce((SELECT c.comment FROM mz_internal.mz_comments "
      "c WHERE c.id = o.id AND c.object_sub_id = o.position), '') AS comment, o.position FROM "
      "mz_catalog.mz_columns o WHERE o.id = {}",
      quote_literal(object->id.text()));
}

Result<std::string> create_text(const Show& show, ObjectKind kind, const ResolveContext& context) {
  TRY_ASSIGN(const Object* object,
             context.catalog->require(kind, show.name.parts, context.search_path));
  const std::string sql = show_create(*context.catalog, *object, {.redacted = show.redacted});
  if (sql.empty())
    return invalid("cannot show create for system object {}",
                   context.catalog->qualified_name(*object, true))
        .with_sqlstate("0A000");
  return fmt::format("SELECT {} AS name, {} AS create_sql",
                     quote_literal(context.catalog->qualified_name(*object, true)),
                     quote_literal(sql));
}

Result<std::string> text_of(const Show& show, const ResolveContext& context) {
  using What = Show::What;
  switch (show.what) {
    case What::kSetting:
      return fmt::format("SELECT current_setting({}) AS {}", quote_literal(show.setting),
                         quote_identifier(show.setting));
    case What::kAllSettings:
      return std::string(
          "SELECT name, setting, coalesce(short_desc, '') AS description FROM "
          "pg_catalog.pg_settings");
    case What::kDatabases:
      return fmt::format("SELECT o.name, {} FROM mz_catalog.mz_databases o", kComment);
    case What::kSchemas:
      return fmt::format("SELECT o.name, {} FROM mz_catalog.mz_schemas o", kComment);
    case What::kObjects:
      return objects_text(show, context, "o.name, o.type", "mz_objects");
    case What::kTables:
      return objects_text(show, context, "o.name", "mz_tables");
    case What::kViews:
      return objects_text(show, context, "o.name", "mz_views");
    case What::kMaterializedViews:
      return objects_text(show, context, "o.name, 'quickstart' AS cluster",
                          "mz_materialized_views");
    case What::kSources:
      return objects_text(show, context, "o.name, o.type, o.cluster_id AS cluster", "mz_sources");
    case What::kSinks:
      return objects_text(show, context, "o.name, o.type, o.cluster_id AS cluster", "mz_sinks");
    case What::kIndexes:
      return indexes_text(show, context);
    case What::kTypes:
      return objects_text(show, context, "o.name", "mz_types");
    case What::kRoles:
      return fmt::format("SELECT o.name, {} FROM mz_catalog.mz_roles o", kComment);
    case What::kClusters:
      // There is one, and it is this server.
      return std::string("SELECT 'quickstart' AS name, '' AS replicas, '' AS comment");
    case What::kConnections:
      return objects_text(show, context, "o.name, o.type", "mz_connections");
    case What::kSecrets:
      return objects_text(show, context, "o.name", "mz_secrets");
    case What::kColumns:
      return columns_text(show, context);
    case What::kCreateTable:
      return create_text(show, ObjectKind::kTable, context);
    case What::kCreateView:
      return create_text(show, ObjectKind::kView, context);
    case What::kCreateMaterializedView:
      return create_text(show, ObjectKind::kMaterializedView, context);
    case What::kCreateIndex:
      return create_text(show, ObjectKind::kIndex, context);
    case What::kCreateConnection:
      return create_text(show, ObjectKind::kConnection, context);
    case What::kIamPolicy:
    case What::kTrustPolicy:
      break;
  }
  return internal("a SHOW that reads no relation");
}

bool is_list(Show::What what) {
  using What = Show::What;
  return what != What::kSetting && what != What::kCreateTable && what != What::kCreateView &&
         what != What::kCreateMaterializedView && what != What::kCreateIndex &&
         what != What::kCreateConnection;
}

}  // namespace

Result<QueryPtr> show_query(const Show& show, const ResolveContext& context) {
  TRY_ASSIGN(std::string text, text_of(show, context));
  if (is_list(show.what)) {
    // Columns have their own order, everything else goes by name.
    const bool columns = show.what == Show::What::kColumns;
    text = fmt::format("SELECT {} FROM ({}) listed WHERE {} ORDER BY {}",
                       columns ? "name, nullable, type, comment" : "*", text,
                       show.like ? fmt::format("name LIKE {}", quote_literal(*show.like)) : "true",
                       columns ? "position" : "name");
  }
  TRY_ASSIGN(auto query, parse_query(text));
  if (show.where) {
    auto& node = query->node->Cast<duckdb::SelectNode>();
    node.where_clause = duckdb::make_uniq<duckdb::ConjunctionExpression>(
        duckdb::ExpressionType::CONJUNCTION_AND, std::move(node.where_clause), show.where->Copy());
  }
  return query;
}

}  // namespace sluice::sql
