// One statement's tokens -> a Statement. By subject: parse_copy.cc, parse_objects.cc,
// parse_session.cc; parse.cc decides which and does queries and changes of rows.
#pragma once

#include <optional>
#include <utility>

#include "base/result.h"
#include "sql/front/cursor.h"
#include "sql/front/engine_parser.h"
#include "sql/front/statement.h"

namespace sluice::sql {

class StatementParser {
 public:
  StatementParser(const Tokens& tokens, Range range) : cursor_(tokens, range), engine_(tokens) {}

  using Node = decltype(Statement::node);

  Result<Statement> parse();
  // The kinds that PREPARE and cursors take.
  Result<Statement> parse_rows();

 private:
  Result<Node> node();
  Result<std::optional<Node>> rows_node();

  // Queries, with what they may end in: AS OF.
  Result<Query> query_until(size_t end, std::optional<AsOf>* as_of);
  Result<Query> query(Range range) { return engine_.query(range); }
  Result<Insert> insert();
  Result<Update> update();
  Result<Delete> delete_();
  void place(std::vector<Name>& columns, size_t begin) const;

  // COPY
  Result<Node> copy();
  Result<Node> copy_to(Copy copy);
  Result<Node> copy_from(CopyFrom copy);
  Result<Expression> copy_place(int32_t* position);
  Result<std::vector<Option>> copy_options(bool stream);

  // Objects
  Result<Node> create();
  Result<Node> create_schema();
  Result<Node> create_table(bool temporary);
  Status table_elements(CreateTable& table);
  Status column(CreateTable& table);
  Result<bool> column_constraint(ColumnDefinition& column, CreateTable& table);
  Result<bool> table_constraint(CreateTable& table);
  Result<Node> create_view(bool or_replace, bool temporary);
  Result<Node> create_materialized_view(bool or_replace);
  Result<Node> create_index(bool is_default);
  Status index_key(CreateIndex& create);
  Status materialized_view_options(CreateMaterializedView& create);
  Result<Expression> secret_value();
  Result<Node> create_secret();
  Result<Node> create_connection();
  Result<Node> alter();
  Result<Node> alter_secret();
  Result<Node> alter_connection();
  Result<Node> validate_connection();
  Result<Node> rename(ObjectKind kind);
  Result<Node> alter_retain_history(Rename target, bool set);
  // Behind RETAIN HISTORY.
  Result<Interval> history();
  Status table_options(CreateTable& table);
  Result<Node> drop();
  Result<Node> truncate();

  // Session
  Result<Node> show();
  Result<Node> show_create(bool redacted);
  Result<Node> show_policy(bool iam);
  Result<Node> show_list(Show show);
  Result<Node> set();
  Result<Node> set_variable(bool local);
  Result<Node> reset();
  Result<TransactionModes> transaction_modes();
  Result<Node> transaction();
  Result<Node> explain();
  Result<Node> prepare();
  Result<Node> execute();
  Result<Node> deallocate();
  Result<Node> declare_cursor();
  Result<Node> fetch(bool move);
  Result<Node> close();
  Result<Node> discard();
  Result<std::shared_ptr<const Statement>> inner_statement();

  Error unsupported(std::string_view what) const;

  Cursor cursor_;
  EngineParser engine_;
  std::optional<AsOf> as_of_;
};

}  // namespace sluice::sql
