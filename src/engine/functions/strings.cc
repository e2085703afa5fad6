// Functions on text: quoting, and the lengths of varchar(n) and char(n).
#include <algorithm>
#include <duckdb/common/vector_operations/ternary_executor.hpp>
#include <duckdb/common/vector_operations/unary_executor.hpp>
#include <duckdb/planner/expression/bound_cast_expression.hpp>

#include "engine/functions/parts.h"
#include "engine/functions/quoting.h"
#include "engine/functions/raise.h"

namespace sluice::engine::functions {
namespace {

using duckdb::DataChunk;
using duckdb::ExpressionState;
using duckdb::ScalarFunction;
using duckdb::string_t;
using duckdb::StringVector;
using duckdb::UnaryExecutor;

std::string_view view(const string_t& text) { return {text.GetData(), text.GetSize()}; }

// PostgreSQL's reserved words: an identifier that is one needs quotes.
bool is_reserved(std::string_view word) {
  constexpr std::string_view kWords[] = {"all",
                                         "analyse",
                                         "analyze",
                                         "and",
                                         "any",
                                         "array",
                                         "as",
                                         "asc",
                                         "asymmetric",
                                         "authorization",
                                         "between",
                                         "bigint",
                                         "binary",
                                         "bit",
                                         "boolean",
                                         "both",
                                         "case",
                                         "cast",
                                         "char",
                                         "character",
                                         "check",
                                         "coalesce",
                                         "collate",
                                         "collation",
                                         "column",
                                         "concurrently",
                                         "constraint",
                                         "create",
                                         "cross",
                                         "current_catalog",
                                         "current_date",
                                         "current_role",
                                         "current_schema",
                                         "current_time",
                                         "current_timestamp",
                                         "current_user",
                                         "dec",
                                         "decimal",
                                         "default",
                                         "deferrable",
                                         "desc",
                                         "distinct",
                                         "do",
                                         "else",
                                         "end",
                                         "except",
                                         "exists",
                                         "extract",
                                         "false",
                                         "fetch",
                                         "float",
                                         "for",
                                         "foreign",
                                         "freeze",
                                         "from",
                                         "full",
                                         "grant",
                                         "greatest",
                                         "group",
                                         "grouping",
                                         "having",
                                         "ilike",
                                         "in",
                                         "initially",
                                         "inner",
                                         "inout",
                                         "int",
                                         "integer",
                                         "intersect",
                                         "interval",
                                         "into",
                                         "is",
                                         "isnull",
                                         "join",
                                         "lateral",
                                         "leading",
                                         "least",
                                         "left",
                                         "like",
                                         "limit",
                                         "localtime",
                                         "localtimestamp",
                                         "national",
                                         "natural",
                                         "nchar",
                                         "none",
                                         "normalize",
                                         "not",
                                         "notnull",
                                         "null",
                                         "nullif",
                                         "numeric",
                                         "offset",
                                         "on",
                                         "only",
                                         "or",
                                         "order",
                                         "out",
                                         "outer",
                                         "overlaps",
                                         "overlay",
                                         "placing",
                                         "position",
                                         "precision",
                                         "primary",
                                         "real",
                                         "references",
                                         "returning",
                                         "right",
                                         "row",
                                         "select",
                                         "session_user",
                                         "setof",
                                         "similar",
                                         "smallint",
                                         "some",
                                         "substring",
                                         "symmetric",
                                         "table",
                                         "tablesample",
                                         "then",
                                         "time",
                                         "timestamp",
                                         "to",
                                         "trailing",
                                         "treat",
                                         "trim",
                                         "true",
                                         "union",
                                         "unique",
                                         "user",
                                         "using",
                                         "values",
                                         "varchar",
                                         "variadic",
                                         "verbose",
                                         "when",
                                         "where",
                                         "window",
                                         "with",
                                         "xmlattributes",
                                         "xmlconcat",
                                         "xmlelement",
                                         "xmlexists",
                                         "xmlforest",
                                         "xmlnamespaces",
                                         "xmlparse",
                                         "xmlpi",
                                         "xmlroot",
                                         "xmlserialize",
                                         "xmltable"};
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

std::string quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  return out + quote;
}

}  // namespace

std::string quoted_identifier(std::string_view text) {
  const bool plain = !text.empty() && !(text[0] >= '0' && text[0] <= '9') &&
                     std::all_of(text.begin(), text.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                     });
  return plain && !is_reserved(text) ? std::string(text) : quoted(text, '"');
}

std::string quoted_literal(std::string_view text) {
  if (text.find('\\') == std::string_view::npos) return quoted(text, '\'');
  std::string doubled;
  for (const char c : text) {
    if (c == '\\') doubled += c;
    doubled += c;
  }
  std::string out = quoted(doubled, '\'');
  out.insert(out.begin(), 'E');
  return out;
}

namespace {

void quote_ident(DataChunk& input, ExpressionState&, Vector& result) {
  UnaryExecutor::Execute<string_t, string_t>(
      input.data[0], result, input.size(), [&](string_t text) {
        return StringVector::AddString(result, quoted_identifier(view(text)));
      });
}

void quote_literal(DataChunk& input, ExpressionState&, Vector& result) {
  UnaryExecutor::Execute<string_t, string_t>(
      input.data[0], result, input.size(),
      [&](string_t text) { return StringVector::AddString(result, quoted_literal(view(text))); });
}

void quote_nullable(DataChunk& input, ExpressionState&, Vector& result) {
  input.Flatten();
  for (idx_t row = 0; row < input.size(); ++row) {
    const Value value = input.data[0].GetValue(row);
    result.SetValue(row, value.IsNull() ? Value("NULL")
                                        : Value(quoted_literal(duckdb::StringValue::Get(value))));
  }
}

// The bytes of the first `characters` characters.
size_t prefix_bytes(std::string_view text, int32_t characters) {
  size_t at = 0;
  for (int32_t i = 0; i < characters && at < text.size(); ++i) {
    ++at;
    while (at < text.size() && (text[at] & 0xc0) == 0x80) ++at;
  }
  return at;
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// What does not fit is cut where it is blanks or the cast is explicit, else refused.
template <bool kBlankPadded>
void limit_length(DataChunk& input, ExpressionState&, Vector& result) {
  duckdb::TernaryExecutor::Execute<string_t, int32_t, bool, string_t>(
      input.data[0], input.data[1], input.data[2], result, input.size(),
      [&](string_t stored, int32_t length, bool is_explicit) {
        std::string_view text = view(stored);
        if (length >= 0) {
          const size_t bytes = prefix_bytes(text, length);
          if (!is_explicit && !without_blanks(text.substr(bytes)).empty()) {
            raise(invalid("value too long for type character{}({})", kBlankPadded ? "" : " varying",
                          length)
                      .with_sqlstate("22001"));
          }
          text = text.substr(0, bytes);
        }
        // char(n) is kept without its blanks; its text form pads it again.
        if (kBlankPadded) text = without_blanks(text);
        return StringVector::AddString(result, text.data(), text.size());
      });
}

duckdb::unique_ptr<duckdb::Expression> cast_to_text(duckdb::FunctionBindExpressionInput& input) {
  return duckdb::BoundCastExpression::AddCastToType(input.context, std::move(input.children[0]),
                                                    LogicalType::VARCHAR);
}

}  // namespace

void register_strings(duckdb::DatabaseInstance& database) {
  const LogicalType text = LogicalType::VARCHAR;
  add_function(database, ScalarFunction("quote_ident", {text}, text, quote_ident));
  add_function(database, ScalarFunction("quote_literal", {text}, text, quote_literal));
  ScalarFunction nullable("quote_nullable", {text}, text, quote_nullable);
  nullable.null_handling = duckdb::FunctionNullHandling::SPECIAL_HANDLING;
  add_function(database, std::move(nullable));
  const duckdb::vector<LogicalType> limited = {text, LogicalType::INTEGER, LogicalType::BOOLEAN};
  add_function(database, ScalarFunction("sluice_varchar", limited, text, limit_length<false>));
  add_function(database, ScalarFunction("sluice_char", limited, text, limit_length<true>));
  ScalarFunction as_text("sluice_text", {LogicalType::ANY}, text, nullptr);
  as_text.bind_expression = cast_to_text;
  add_function(database, std::move(as_text));
}

}  // namespace sluice::engine::functions
