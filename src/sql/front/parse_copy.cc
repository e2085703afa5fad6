// COPY in both directions, with the options in parentheses and PostgreSQL's old ones without, which
// psycopg2 and psql's \copy still send.
#include "sql/front/statement_parser.h"

namespace sluice::sql {
namespace {

constexpr std::string_view kCopyOptions[] = {"FORMAT",
                                             "DELIMITER",
                                             "NULL",
                                             "ESCAPE",
                                             "QUOTE",
                                             "COMPRESSION",
                                             "HEADER",
                                             "AWS CONNECTION",
                                             "MAX FILE SIZE",
                                             "FILES",
                                             "PATTERN",
                                             "FORCE QUOTE",
                                             "MANIFEST",
                                             "OVERWRITE",
                                             "SINGLE FILE",
                                             "PRESERVE ORDER",
                                             "FILE NAME PATTERN",
                                             "PARTITION BY",
                                             "WRITE PARTITION COLUMNS",
                                             "PROFILE",
                                             "ROW GROUP SIZE",
                                             "STATISTICS",
                                             "BLOOM FILTERS"};

Option named(std::string_view name, int32_t position) {
  Option option;
  option.name = name;
  option.position = position;
  return option;
}

}  // namespace

Result<StatementParser::Node> StatementParser::copy() {
  TRY(cursor_.expect("copy"));
  if (!cursor_.is("(")) {
    cursor_.take("into");
    TRY_ASSIGN(ObjectName object, cursor_.object_name());
    std::vector<Name> columns;
    if (cursor_.is("(")) {
      TRY_ASSIGN(columns, cursor_.names_in_parentheses());
    }
    if (cursor_.take("from")) return copy_from({std::move(object), std::move(columns), {}, {}});
    Copy copy;
    copy.object = std::move(object);
    copy.columns = std::move(columns);
    return copy_to(std::move(copy));
  }
  const size_t close = cursor_.closing();
  cursor_.take("(");
  if (cursor_.is("subscribe")) return unsupported("COPY (SUBSCRIBE)");
  if (!cursor_.is_any({"select", "with", "values", "table", "("})) return cursor_.unexpected();
  Copy copy;
  copy.query_text = cursor_.text({cursor_.index(), close});
  TRY_ASSIGN(copy.query, query_until(close, &copy.as_of));
  TRY(cursor_.expect(")"));
  return copy_to(std::move(copy));
}

Result<StatementParser::Node> StatementParser::copy_to(Copy copy) {
  TRY(cursor_.expect("to"));
  TRY_ASSIGN(copy.target, copy_place(&copy.target_position));
  TRY_ASSIGN(copy.options, copy_options(!copy.target));
  return Node(std::move(copy));
}

Result<StatementParser::Node> StatementParser::copy_from(CopyFrom copy) {
  int32_t position = 0;
  TRY_ASSIGN(copy.source, copy_place(&position));
  TRY_ASSIGN(copy.options, copy_options(!copy.source));
  return Node(std::move(copy));
}

// STDIN, STDOUT (null) or an expression, which ends where options begin: at WITH, or at a
// parenthesis right behind an operand, which cannot be a call's.
Result<Expression> StatementParser::copy_place(int32_t* position) {
  *position = cursor_.position();
  if (cursor_.take("stdout") || cursor_.take("stdin")) return Expression();
  const Tokens& tokens = cursor_.tokens();
  const size_t begin = cursor_.index();
  size_t end = cursor_.find({"with"});
  Cursor scan(tokens, {begin, end});
  for (size_t open = scan.find({"("}); open < end; open = scan.find({"("})) {
    scan.go_to(open);
    const size_t close = scan.closing();
    const bool after_operand =
        open > begin && (tokens.is(open - 1, ")") || tokens.is(open - 1, "]") ||
                         tokens.is_kind(open - 1, Token::Kind::kString) ||
                         tokens.is_kind(open - 1, Token::Kind::kNumber) ||
                         tokens.is_kind(open - 1, Token::Kind::kParameter));
    if (after_operand) end = open;
    if (after_operand || close >= end) break;
    scan.go_to(close + 1);
  }
  cursor_.go_to(end);
  return engine_.expression({begin, end});
}

Result<std::vector<Option>> StatementParser::copy_options(bool stream) {
  cursor_.take("with");
  if (cursor_.is("(")) return cursor_.options(kCopyOptions);
  std::vector<Option> options;
  while (stream && !cursor_.at_end()) {
    const int32_t position = cursor_.position();
    if (cursor_.is_any({"csv", "binary", "text"})) {
      Option option = named("FORMAT", position);
      option.kind = Option::Kind::kWord;
      option.value_position = position;
      option.value = cursor_.tokens().word(cursor_.index());
      option.object = {{option.value}, position};
      cursor_.go_to(cursor_.index() + 1);
      options.push_back(std::move(option));
    } else if (cursor_.take("header")) {
      options.push_back(named("HEADER", position));
    } else if (cursor_.is_any({"delimiter", "delimiters", "null", "quote", "escape"})) {
      Option option = named(cursor_.is("null")     ? "NULL"
                            : cursor_.is("quote")  ? "QUOTE"
                            : cursor_.is("escape") ? "ESCAPE"
                                                   : "DELIMITER",
                            position);
      cursor_.go_to(cursor_.index() + 1);
      cursor_.take("as");
      option.kind = Option::Kind::kText;
      option.value_position = cursor_.position();
      TRY_ASSIGN(option.value, cursor_.string());
      options.push_back(std::move(option));
    } else {
      return cursor_.unexpected();
    }
  }
  return options;
}

}  // namespace sluice::sql
