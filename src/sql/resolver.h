// The walk behind resolve.h, shared by its files: resolve.cc walks the tree, resolve_relations.cc
// puts in what is scanned, resolve_functions.cc judges functions and types.
//
// The first thing that is refused ends it: later failures are dropped, and the tree is thrown away.
#pragma once

#include <duckdb/parser/parsed_expression.hpp>
#include <duckdb/parser/query_node.hpp>
#include <duckdb/parser/statement/select_statement.hpp>
#include <duckdb/parser/tableref.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sql/resolve.h"
#include "sql/system/catalog_functions.h"

namespace duckdb {
class BaseTableRef;
class CastExpression;
class ColumnDataCollection;
class ColumnRefExpression;
class FunctionExpression;
class JoinRef;
class PivotRef;
class SelectNode;
class StarExpression;
class TableFunctionRef;
class WindowExpression;
}  // namespace duckdb

namespace sluice::sql {

using ExpressionPointer = duckdb::unique_ptr<duckdb::ParsedExpression>;
using TableRefPointer = duckdb::unique_ptr<duckdb::TableRef>;

ExpressionPointer constant(engine::Value value);
ExpressionPointer call_of(const std::string& name, std::vector<ExpressionPointer> arguments);

// x::regclass and its like, as front/meaning.h leaves them: numbers that are written and shown as
// names.
bool is_registry_call(const duckdb::ParsedExpression& expression);

class Resolver {
 public:
  Resolver(const ResolveContext& context, std::vector<ExtraRelation> extra);

  Result<Resolved> query(QueryPtr statement);
  Result<ExpressionPointer> expression(ExpressionPointer expression, bool columns_allowed);

 private:
  // What the names in one SELECT can mean; the outer ones' follow through `parent`.
  struct NamedRelation {
    std::vector<std::string> name;  // database, schema, relation: how it may be qualified
    std::string alias;
    // The only column of a function in FROM, which its alias alone means too.
    std::string only_column = {};
    // Of a system relation: what its tableoid is, and a column that is NULL where an outer join has
    // found no row of it.
    uint32_t oid = 0;
    std::string first_column = {};
  };
  // What a WHERE says of the columns of what is in FROM.
  struct Conditions {
    std::vector<KeyCondition> all;
    const duckdb::TableRef* from = nullptr;
    // The columns of each relation in FROM by their names; empty: not known of all of them.
    std::vector<std::pair<const duckdb::TableRef*, std::vector<std::string>>> relations;
  };
  struct Scope {
    const Scope* parent = nullptr;
    const SearchPath* search_path = nullptr;
    std::set<std::string> common_tables = {};
    std::vector<NamedRelation> relations = {};
    bool in_view = false;
    const Conditions* conditions = nullptr;  // null: nothing is looked up
    // Of a view: what it was made to read. Its names mean that, whatever its search path finds now.
    const std::vector<ObjectId>* bound = nullptr;
  };
  static Scope inside(const Scope& parent);
  // The common tables of one WITH, which the engine's parser puts both into nested nodes and into
  // maps: what is around the WITH, and the names so far.
  struct WithChain {
    const Scope* base = nullptr;
    std::set<std::string> names;
  };

  // resolve.cc
  void walk(duckdb::SelectStatement& statement, const Scope& parent, bool top = false);
  void walk(duckdb::QueryNode& node, const Scope& parent, bool top = false,
            WithChain* outer = nullptr);
  void walk_select(duckdb::SelectNode& node, Scope& scope, bool top);
  void walk_common_tables(duckdb::QueryNode& node, Scope& scope);
  void walk_modifiers(duckdb::QueryNode& node, Scope& scope);
  void walk(ExpressionPointer& expression, Scope& scope);
  void walk_children(duckdb::ParsedExpression& expression, Scope& scope);
  void walk_select_item(ExpressionPointer& item, Scope& scope, bool top);
  void walk_column(ExpressionPointer& expression, Scope& scope);
  // x.tableoid, which clients join with pg_description; false for all other columns.
  static bool walk_table_oid(ExpressionPointer& expression, const Scope& scope);
  // Operands of what takes booleans only; `what` is PostgreSQL's word for it: WHERE, AND.
  void walk_conditions(duckdb::ParsedExpression& expression);
  void need_boolean(ExpressionPointer& expression, const char* what) const;
  // x < y and x IN (…), which the engine would compare as texts where the types do not fit.
  static void check_comparison(ExpressionPointer& tree);
  static void split_between_times(ExpressionPointer& tree);
  // x = ANY ($1): true when it has become what the engine can find the parameter's type of.
  static bool type_any_of(ExpressionPointer& tree);
  static void check_membership(duckdb::ParsedExpression& operation);

  // resolve_relations.cc
  void walk(TableRefPointer& ref, Scope& scope);
  void walk_base_table(TableRefPointer& ref, Scope& scope);
  const Object* bound_relation(const NameParts& name, const Scope& scope) const;
  void walk_join(duckdb::JoinRef& join, Scope& scope);
  void walk_pivot(duckdb::PivotRef& pivot, Scope& scope);
  void walk_table_function(TableRefPointer& ref, Scope& scope);
  void narrow_series(TableRefPointer& ref, const std::string& alias, Scope& scope);
  void walk_call_in_from(TableRefPointer& ref, Scope& scope);
  void walk_lists_in_from(TableRefPointer& ref, Scope& scope);
  void walk_options_in_from(TableRefPointer& ref, Scope& scope);
  TableRefPointer scan(const Object& object, const duckdb::BaseTableRef& ref, const Scope& scope);
  TableRefPointer scan_rows(const Object& object, collection::CollectionId rows,
                            const duckdb::BaseTableRef& ref, const Scope& scope);

  // resolve_lookups.cc
  Conditions conditions_of(const duckdb::SelectNode& node, const Scope& scope);
  bool add_relations(const duckdb::TableRef& from, const Scope& scope, Conditions& to) const;
  const Object* relation_of(const duckdb::BaseTableRef& ref, const Scope& scope) const;
  // Whether a column as it is written in WHERE is that one of what is there in FROM as `alias`.
  static bool means(const std::vector<std::string>& written, const std::string& column,
                    const std::string& alias, const duckdb::TableRef& ref,
                    const Conditions& conditions);
  // What may be asked of the rows that `inner` reads instead of those that it gives under `names`;
  // where a name is empty, that is not known.
  std::vector<KeyCondition> passed_on(const duckdb::SelectStatement& inner,
                                      std::vector<std::string> names, const std::string& alias,
                                      const duckdb::TableRef& ref, const Scope& scope,
                                      const Scope& inner_scope) const;
  std::vector<std::string> everything_of(const duckdb::SelectNode& node, const Scope& scope) const;
  // The rows of `snapshot` that may be wanted, where an index tells which.
  std::optional<std::string> looked_up(const Object& object, const collection::Snapshot& snapshot,
                                       const std::optional<std::string>& row_ids,
                                       const duckdb::BaseTableRef& ref, const Scope& scope);
  std::optional<std::vector<int64_t>> candidates(const Object& object, const Object& index,
                                                 const duckdb::BaseTableRef& ref,
                                                 const Scope& scope) const;
  TableRefPointer scan_input(const Object& object);
  TableRefPointer scan_view(const Object& object, const duckdb::BaseTableRef& ref,
                            const Scope& scope);
  TableRefPointer scan_system(const Object& object);
  TableRefPointer subquery_of_ours(const std::string& sql);
  const ExtraRelation* extra(const std::string& name) const;

  // resolve_functions.cc
  void walk_function(ExpressionPointer& expression, Scope& scope);
  void walk_window(ExpressionPointer& expression, Scope& scope);
  // Replaces calls that Sluice answers itself; false when the name is none of them.
  bool answer(ExpressionPointer& expression, duckdb::FunctionExpression& call, Scope& scope);
  ExpressionPointer session_answer(const std::string& name, duckdb::FunctionExpression& call,
                                   const Scope& scope);
  ExpressionPointer setting_answer(duckdb::FunctionExpression& call);
  ExpressionPointer set_config_answer(duckdb::FunctionExpression& call);
  ExpressionPointer catalog_answer(const std::string& name, duckdb::FunctionExpression& call);
  ExpressionPointer registry_answer(const std::string& registry, duckdb::FunctionExpression& call,
                                    const Scope& scope);
  ExpressionPointer lookup(const char* function, const char* what,
                           std::vector<ExpressionPointer> arguments);
  bool check_function_schema(std::string& catalog, std::string& schema,
                             duckdb::optional_idx location);
  // Of a function or aggregate, by the engine's name, which `name` becomes.
  static bool is_allowed(std::string& name);
  ExpressionPointer no_such_call(const std::string& name,
                                 duckdb::vector<ExpressionPointer>& arguments,
                                 duckdb::optional_idx location);
  void walk_cast(ExpressionPointer& expression, Scope& scope);
  void check_type(engine::LogicalType& type, duckdb::optional_idx location);
  ExpressionPointer transaction_time() const;
  // Whether the query is to be kept up to date, which what `name` says would not let it be.
  bool refuse_standing(const std::string& name, duckdb::optional_idx location);

  void fail(Error error, duckdb::optional_idx location = {});
  bool failed() const { return failure_.has_value(); }

  const ResolveContext& context_;
  const std::vector<ExtraRelation> extra_;
  const Scope root_;
  std::optional<Error> failure_;
  std::set<ObjectId> reads_;
  std::set<ObjectId> tables_;
  std::vector<RowsRead> rows_read_;
  std::vector<KeyCondition> passed_on_;  // to the SELECT that is walked next
  std::vector<std::shared_ptr<const void>> keep_;
  std::map<ObjectId, std::shared_ptr<duckdb::ColumnDataCollection>> system_rows_;
  std::optional<system::PublishedCatalog> published_;  // made when the first lookup needs it
  int view_depth_ = 0;
  int nesting_ = 0;
  bool settings_change_ = false;  // in an item of a SELECT of one row: set_config()
  bool subqueries_allowed_ = true;
  bool columns_allowed_ = true;
};

}  // namespace sluice::sql
