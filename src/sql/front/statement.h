// What a statement of ours looks like after parsing: one struct for each kind, all of them values
// (copying is deep, so a prepared statement is copied before it is resolved and planned).
//
// Queries and expressions are trees of DuckDB's parser that already have PostgreSQL's meaning
// (front/meaning.h); no name of a relation, column or function in them is resolved yet.
//
// Positions. `position` fields count characters from 1 in the whole string given to parse(), ready
// for Error::at(). The `query_location` of a tree's node counts characters of it from 0;
// position_of() turns one into the other. A stored text's nodes (a view's, a default's) have none.
//
// Names are folded to lower case unless they were quoted.
#pragma once

#include <cstdint>
#include <duckdb/parser/parsed_expression.hpp>
#include <duckdb/parser/query_node.hpp>
#include <duckdb/parser/statement/select_statement.hpp>
#include <duckdb/parser/tableref.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sql/object_kind.h"

namespace sluice::sql {

// An owned tree of DuckDB's that copies deeply. Null where a clause is absent.
template <typename Node>
class Tree {
 public:
  Tree() = default;
  Tree(duckdb::unique_ptr<Node> node) : node_(std::move(node)) {}  // NOLINT: implicit
  Tree(const Tree& other) : node_(copy_of(other.node_.get())) {}
  Tree(Tree&&) noexcept = default;
  Tree& operator=(const Tree& other) {
    if (this != &other) node_ = copy_of(other.node_.get());
    return *this;
  }
  Tree& operator=(Tree&&) noexcept = default;
  ~Tree() = default;

  explicit operator bool() const { return node_ != nullptr; }
  Node* get() const { return node_.get(); }
  Node& operator*() const { return *node_.get(); }
  Node* operator->() const { return node_.get(); }
  duckdb::unique_ptr<Node> release() { return std::move(node_); }
  // The owning pointer itself, for DuckDB's functions that replace a node in place.
  duckdb::unique_ptr<Node>& owner() { return node_; }

 private:
  static duckdb::unique_ptr<Node> copy_of(Node* node) {
    if (node == nullptr) return nullptr;
    return duckdb::unique_ptr_cast<typename Copied<Node>::type, Node>(node->Copy());
  }
  template <typename T>
  struct Copied {  // what T::Copy() gives
    using type = typename decltype(std::declval<T&>().Copy())::element_type;
  };

  duckdb::unique_ptr<Node> node_;
};
using Query = Tree<duckdb::SelectStatement>;
using Expression = Tree<duckdb::ParsedExpression>;
using TableRef = Tree<duckdb::TableRef>;

// A tree that is handed over: what release() gives, and what makes and takes queries.
using QueryPtr = duckdb::unique_ptr<duckdb::SelectStatement>;
using ExpressionPtr = duckdb::unique_ptr<duckdb::ParsedExpression>;

struct Name {
  std::string text;
  int32_t position = 0;
};

// A possibly qualified name of an object: [[database.]schema.]name.
struct ObjectName {
  std::vector<std::string> parts;  // 1 to 3
  int32_t position = 0;

  const std::string& last() const { return parts.back(); }
  // As PostgreSQL prints it in errors: parts joined by dots, not quoted.
  std::string text() const;
};

// AS OF [AT LEAST] time, at the end of a query.
struct AsOf {
  Expression time;
  bool at_least = false;
  int32_t position = 0;
};

// `name [=] value` in parentheses: options of COPY, connections, WITH (…).
struct Option {
  enum class Kind : uint8_t {
    kNone,    // the name alone: HEADER
    kText,    // 'a string'
    kNumber,  // 42, as written
    kWord,    // csv, true, an object's name; unquoted words are folded
    kSecret,  // SECRET name
    kList,    // (a, b, …) or a column list: `items`
    kStar,    // *
  };
  std::string name;  // upper case, words parted by one space: "MAX FILE SIZE"
  Kind kind = Kind::kNone;
  std::string value;  // text, number; the last part of a word
  ObjectName object;  // kWord and kSecret: the whole name
  std::vector<std::string> items;
  int32_t position = 0;        // of the name
  int32_t value_position = 0;  // 0: no value
};

// ---- queries and changes of rows

struct Select {
  Query query;
};

// `WITH name AS (query)` in front of INSERT, UPDATE, DELETE.
using CommonTables = std::vector<std::pair<std::string, Tree<duckdb::CommonTableExpressionInfo>>>;

struct Assignment {
  Name column;
  Expression value;  // a duckdb::DefaultExpression for DEFAULT
};

struct OnConflict {
  std::vector<Name> columns;  // empty: any unique key
  bool update = false;        // false: DO NOTHING
  std::vector<Assignment> set;
  Expression where;
};

struct Insert {
  ObjectName table;
  std::string alias;
  std::vector<Name> columns;  // empty: all
  Query query;                // null: DEFAULT VALUES. VALUES may contain duckdb::DefaultExpression
  CommonTables with;
  std::optional<OnConflict> on_conflict;
  std::vector<Expression> returning;
};

struct Update {
  ObjectName table;
  std::string alias;
  std::vector<Assignment> set;
  TableRef from;
  Expression where;
  CommonTables with;
  std::vector<Expression> returning;
};

struct Delete {
  ObjectName table;
  std::string alias;
  std::vector<TableRef> from;  // USING
  Expression where;
  CommonTables with;
  std::vector<Expression> returning;
};

struct Truncate {
  std::vector<ObjectName> tables;
  bool cascade = false;
};

// ---- COPY

// COPY {object [(columns)] | (query)} TO {STDOUT | expression} [[WITH] (options)]
struct Copy {
  // One of the two: an object, or a query.
  std::optional<ObjectName> object;
  std::vector<Name> columns;
  Query query;
  std::string query_text;  // between the parentheses, AS OF included
  std::optional<AsOf> as_of;

  Expression target;  // null: STDOUT
  int32_t target_position = 0;
  std::vector<Option> options;
};

// COPY [INTO] table [(columns)] FROM {STDIN | expression} [[WITH] (options)]
struct CopyFrom {
  ObjectName table;
  std::vector<Name> columns;
  Expression source;  // null: STDIN
  std::vector<Option> options;
};

// ---- objects

struct CreateSchema {
  ObjectName name;
  bool if_not_exists = false;
};

struct ColumnDefinition {
  Name name;
  std::string type;  // as written, blanks made one: `numeric(10, 2)`, `timestamp with time zone`
  int32_t type_position = 0;
  bool not_null = false;
  std::string default_text;  // empty: none
  Expression default_value;
  int32_t default_position = 0;
};

// PRIMARY KEY or UNIQUE, of the table or of one column.
struct KeyDefinition {
  std::string constraint_name;  // empty: not given
  bool primary = false;
  std::vector<Name> columns;
};

// The text of one, and where it stands.
struct Interval {
  std::string text;
  int32_t position = 0;
};

struct CreateTable {
  ObjectName name;
  bool if_not_exists = false;
  bool temporary = false;
  std::vector<ColumnDefinition> columns;
  std::vector<KeyDefinition> keys;
  std::optional<Interval> retain_history;
  // CREATE TABLE … AS: then `columns` is empty and `column_names` may rename.
  std::vector<Name> column_names;
  Query query;
  std::string query_text;
  bool with_data = true;
};

struct CreateView {
  ObjectName name;
  bool or_replace = false;
  bool if_not_exists = false;
  bool temporary = false;
  std::vector<Name> column_names;
  Query query;
  std::string query_text;
};

struct CreateMaterializedView {
  ObjectName name;
  bool or_replace = false;
  bool if_not_exists = false;
  std::vector<Name> column_names;
  std::vector<Name> assert_not_null;  // columns, by the names they get
  std::optional<Interval> retain_history;
  Query query;
  std::string query_text;
};

// CREATE [DEFAULT] INDEX [IF NOT EXISTS] [name] [IN CLUSTER c] ON object [USING ARRANGEMENT] [(…)]
struct CreateIndex {
  std::optional<Name> name;  // it goes where the object is
  bool if_not_exists = false;
  ObjectName on;
  std::vector<Name> columns;  // empty: DEFAULT
};

struct CreateSecret {
  ObjectName name;
  bool if_not_exists = false;
  Expression value;  // never print it: redacted() does not
};

struct AlterSecret {
  ObjectName name;
  bool if_exists = false;
  Expression value;      // null when renamed
  std::string new_name;  // RENAME TO
};

struct CreateConnection {
  ObjectName name;
  bool if_not_exists = false;
  std::string type;  // lower case: "aws"
  std::vector<Option> options;
  std::vector<Option> with;  // VALIDATE
};

struct AlterConnection {
  ObjectName name;
  bool if_exists = false;
  std::vector<Option> set;
  std::vector<Name> reset;  // option names, upper case; RESET and DROP mean the same
  std::vector<Option> with;
  std::string new_name;  // RENAME TO
};

struct ValidateConnection {
  ObjectName name;
  std::vector<Option> with;  // S3 PATH
};

std::string_view name(ObjectKind kind);  // "schema", "table", …

struct Drop {
  ObjectKind kind = ObjectKind::kTable;
  std::vector<ObjectName> names;
  bool if_exists = false;
  bool cascade = false;
};

// ALTER {TABLE | [MATERIALIZED] VIEW | INDEX | SCHEMA} name RENAME TO new_name
// ALTER … SET (RETAIN HISTORY …), or RESET of it.
struct AlterRetainHistory {
  ObjectKind kind = ObjectKind::kTable;  // a table or a materialized view
  ObjectName name;
  bool if_exists = false;
  std::optional<Interval> history;  // none: RESET
};

struct Rename {
  ObjectKind kind = ObjectKind::kTable;
  ObjectName name;
  bool if_exists = false;
  std::string new_name;
};

// ---- session

struct Show {
  enum class What : uint8_t {
    kSetting,  // `setting`
    kAllSettings,
    kDatabases,
    kSchemas,  // `in`: the database
    kObjects,  // this and the next nine: `in` is the schema
    kTables,
    kViews,
    kMaterializedViews,
    kSources,
    kSinks,
    kIndexes,
    kTypes,
    kConnections,
    kSecrets,
    kClusters,  // and roles: in no schema
    kRoles,
    kColumns,      // of `name`
    kCreateTable,  // of `name`, as the next four
    kCreateView,   // columns name, create_sql
    kCreateMaterializedView,
    kCreateIndex,
    kCreateConnection,  // SHOW [REDACTED] CREATE CONNECTION
    kIamPolicy,         // FOR CONNECTION `name` TO `target`
    kTrustPolicy,       // FOR CONNECTION `name`
  };
  What what = What::kSetting;
  std::string setting;  // lower case
  ObjectName name;
  Name target;  // its text, as it was given
  std::optional<ObjectName> in;
  std::optional<ObjectName> on;  // SHOW INDEXES ON
  std::optional<std::string> like;
  Expression where;
  bool redacted = false;
};

struct SetVariable {
  std::string name;                 // lower case; "timezone" for SET TIME ZONE, "search_path" …
  std::vector<std::string> values;  // several for search_path; empty: DEFAULT
  bool local = false;
  int32_t position = 0;
};
struct ResetVariable {
  std::string name;  // lower case; empty: ALL
  int32_t position = 0;
};

// What BEGIN and SET TRANSACTION may say; each absent where not said.
struct TransactionModes {
  std::optional<std::string> isolation;  // "serializable", "read committed", …
  std::optional<bool> read_only;
};
struct Begin {
  TransactionModes modes;
  bool start = false;  // START TRANSACTION, which its command tag repeats
};
struct Commit {};
struct Rollback {};
struct SetTransaction {
  TransactionModes modes;
  bool session = false;  // SET SESSION CHARACTERISTICS AS TRANSACTION
};

// EXPLAIN [ANALYZE] [[stage] PLAN FOR] [AS TEXT] query, or of a view by its name, materialized or
// not, or of a COPY TO.
struct Explain {
  bool analyze = false;
  std::string stage;            // upper case: "", "PLAN", "OPTIMIZED PLAN", "RAW PLAN", "TIMESTAMP"
  std::string format = "TEXT";  // upper case
  Query query;                  // null: `view`
  std::string query_text;
  std::optional<ObjectName> view;
  bool materialized = false;  // the view
  std::shared_ptr<const Copy> copy;
};

struct Statement;

struct Prepare {
  Name name;
  std::vector<Name> types;  // of the parameters, as written
  std::shared_ptr<const Statement> statement;
};
struct Execute {
  Name name;
  std::vector<Expression> arguments;
};
struct Deallocate {
  std::string name;  // empty: ALL
};

struct DeclareCursor {
  Name name;
  bool hold = false;
  bool binary = false;
  std::shared_ptr<const Statement> statement;
};
struct Fetch {
  Name cursor;
  std::optional<int64_t> count;  // absent: ALL
  bool move = false;             // MOVE instead of FETCH
  std::vector<Option> options;   // WITH (timeout = '1s')
};
struct Close {
  std::string cursor;  // empty: ALL
};

struct Discard {
  std::string what;  // upper case: ALL, PLANS, SEQUENCES, TEMP
};

struct Statement {
  std::string text;      // exactly its own text, without blanks and comments around it
  int32_t position = 1;  // where it begins in the whole string: in characters, from 1
  std::variant<Select, Insert, Update, Delete, Truncate, Copy, CopyFrom, CreateSchema, CreateTable,
               CreateView, CreateMaterializedView, CreateIndex, CreateSecret, AlterSecret,
               CreateConnection, AlterConnection, ValidateConnection, Drop, Rename,
               AlterRetainHistory, Show, SetVariable, ResetVariable, Begin, Commit, Rollback,
               SetTransaction, Explain, Prepare, Execute, Deallocate, DeclareCursor, Fetch, Close,
               Discard>
      node;
  std::optional<AsOf> as_of;  // of a Select or Explain; a Copy has its own
  int parameter_count = 0;    // the highest $n
};

// The place of a tree's node for Error::at(): 0 where the node has none.
int32_t position_of(duckdb::optional_idx location);

// A statement's text for logs and histories: strings in statements that carry secrets are masked.
std::string redacted(const Statement& statement);
// The same of a text that may not even parse.
std::string redacted(std::string_view sql);

}  // namespace sluice::sql
