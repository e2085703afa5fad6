#include "engine/errors.h"

#include <array>
#include <charconv>
#include <optional>
#include <regex>

#include "base/log.h"
#include "base/text.h"
#include "engine/engine.h"

namespace sluice::engine {
namespace {

using duckdb::ExceptionType;

// DuckDB adds the statement's line, guesses at names (which may be internal ones) and stack
// traces; a user gets the first sentence and a position.
std::string without_babble(std::string text) {
  for (const std::string_view mark :
       {"\n\nLINE ", "\nLINE ", "\nDid you mean", "\nCandidate", "\n\tCandidate", "\n\nStack Trace",
        "\nThis error signals", "\nPossible solutions", "\n\nPossible"}) {
    if (const size_t at = text.find(mark); at != std::string::npos) text.resize(at);
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

int32_t position_of(const duckdb::ErrorData& error) {
  const auto found = error.ExtraInfo().find("position");
  if (found == error.ExtraInfo().end()) return 0;
  int32_t offset = -1;
  const std::string& text = found->second;
  std::from_chars(text.data(), text.data() + text.size(), offset);
  return offset + 1;
}

// A form of message that DuckDB writes, and what PostgreSQL says instead; $1 is the first group.
struct Rewrite {
  std::regex pattern;
  const char* sqlstate;
  const char* text;  // nullptr: DuckDB's own words stay
};

const std::vector<Rewrite>& name_rewrites() {
  static const std::vector<Rewrite> rewrites = [] {
    std::vector<Rewrite> list;
    const auto add = [&](const char* pattern, const char* state, const char* text) {
      list.push_back({std::regex(pattern), state, text});
    };
    add(R"re(^Referenced column "([^"]*)" not found.*)re", "42703", "column \"$1\" does not exist");
    add(R"re(^Referenced column "([^"]*)" was not found because the FROM clause is missing[^]*)re",
        "42703", "column \"$1\" does not exist");
    add(R"re(^Referenced table "([^"]*)" not found.*)re", "42P01",
        "missing FROM-clause entry for table \"$1\"");
    add(R"re(^Table "([^"]*)" does not have a column named "([^"]*)".*)re", "42703",
        "column $1.$2 does not exist");
    add(R"re(^Values list "([^"]*)" does not have a column named "([^"]*)".*)re", "42703",
        "column $1.$2 does not exist");
    add(R"re(^Ambiguous reference to column name "([^"]*)".*)re", "42702",
        "column reference \"$1\" is ambiguous");
    add(R"re(^column "([^"]*)" must appear in the GROUP BY clause[^]*)re", "42803",
        "column \"$1\" must appear in the GROUP BY clause or be used in an aggregate function");
    add(R"re(^Table with name (\S+) does not exist[^]*)re", "42P01",
        "relation \"$1\" does not exist");
    add(R"re(^(?:Scalar |Aggregate |Table |Window )?[Ff]unction with name (\S+) does not exist[^]*)re",
        "42883", "function $1 does not exist");
    add(R"re(^Type with name (\S+) does not exist[^]*)re", "42704", "type \"$1\" does not exist");
    add(R"re(^Schema with name (\S+) does not exist[^]*)re", "3F000",
        "schema \"$1\" does not exist");
    add(R"re(^Ambiguous reference to table "([^"]*)"[^]*)re", "42712",
        "table name \"$1\" specified more than once");
    add(R"re(^Column "([^"]*)" does not exist on (left|right) side of join!?$)re", "42703",
        "column \"$1\" specified in USING clause does not exist in $2 table");
    add(R"re(^ORDER term out of range[^]*)re", "42P10", "ORDER BY position is not in select list");
    add(R"re(^Cannot mix values of type (.*) and (.*) in (\w+) (?:expression|operator)[^]*)re",
        "42804", "$3 types $1 and $2 cannot be matched");
    add(R"re(^LIMIT/OFFSET cannot be negative[^]*)re", "2201W", "LIMIT must not be negative");
    add(R"re(^interval cannot be 0!?$)re", "22023", "step size cannot equal zero");
    add(R"re(^Cannot (?:compare|mix) values of type[^]*)re", "42804", nullptr);
    add(R"re(^INSERT statement cannot contain aggregates!?$)re", "42803",
        "aggregate functions are not allowed here");
    add(R"re(^INSERT statement cannot contain window functions!?$)re", "42P20",
        "window functions are not allowed here");
    add(R"re(^(\w+) clause cannot contain aggregates!?$)re", "42803",
        "aggregate functions are not allowed in $1");
    add(R"re(^(\w+) clause cannot contain window functions!?$)re", "42P20",
        "window functions are not allowed in $1");
    add(R"re(^UNNEST not supported here$)re", "0A000",
        "set-returning functions are not allowed here");
    add(R"re([^]*aggregate[^]*)re", "42803", nullptr);
    return list;
  }();
  return rewrites;
}

// Functions of ours that stand for PostgreSQL's go by PostgreSQL's names: sluice_sum(…) is sum(…).
void hide_own_names(std::string& text) {
  constexpr std::string_view kPrefix = "sluice_";
  for (size_t at = 0; (at = text.find(kPrefix, at)) != std::string::npos;) {
    text.erase(at, kPrefix.size());
  }
}

// The operators behind calls that the parser's front has made of them.
std::string operator_of(const std::string& function) {
  static const std::unordered_map<std::string, std::string> names = {
      {"sluice_div", "/"},       {"sluice_mod", "%"},
      {"sluice_mul", "*"},       {"sluice_plus", "+"},
      {"sluice_minus", "-"},     {"sluice_concat", "||"},
      {"regexp_matches", "~"},   {"xor", "#"},
      {"sluice_json_get", "->"}, {"sluice_json_get_text", "->>"}};
  const auto found = names.find(function);
  if (found != names.end()) return found->second;
  const bool word = std::isalpha(static_cast<unsigned char>(function[0])) || function[0] == '_';
  return word ? "" : function;
}

// `f(integer, numeric(2,1))` in PostgreSQL's words: `operator does not exist: integer + text` for
// an operator, and types without their lengths.
Error no_such_call(const std::string& call) {
  static const std::regex lengths(R"re((numeric|text)\([0-9, ]+\))re");
  const size_t open = call.find('(');
  const std::string name = call.substr(0, open);
  std::string types = call.substr(open + 1, call.size() - open - 2);
  types = std::regex_replace(types, lengths, "$1");
  const std::string operation = operator_of(name);
  if (operation.empty()) {
    std::string shown = name;
    hide_own_names(shown);
    return invalid("function {}({}) does not exist", shown, types)
        .with_sqlstate("42883")
        .with_hint(
            "No function matches the given name and argument types. You might need to add explicit "
            "type casts.");
  }
  const size_t comma = types.find(", ");
  if (comma == std::string::npos) {
    return invalid("operator does not exist: {} {}", operation, types)
        .with_sqlstate("42883")
        .with_hint(
            "No operator matches the given name and argument type. You might need to add an "
            "explicit type cast.");
  }
  return invalid("operator does not exist: {} {} {}", types.substr(0, comma), operation,
                 types.substr(comma + 2))
      .with_sqlstate("42883")
      .with_hint(
          "No operator matches the given name and argument types. You might need to add explicit "
          "type casts.");
}

// Messages that name a call and its types; nothing for all others.
std::optional<Error> call_error(const std::string& text) {
  static const std::regex none(
      R"re(^No function matches the given name and argument types '([^']*)'[^]*)re");
  static const std::regex several(
      R"re(^Could not choose a best candidate function for the function call "([^"]*)"[^]*)re");
  std::smatch match;
  if (std::regex_match(text, match, none)) return no_such_call(match[1]);
  if (!std::regex_match(text, match, several)) return std::nullopt;
  std::string call = match[1];
  const std::string operation = operator_of(call.substr(0, call.find('(')));
  hide_own_names(call);
  return invalid("{} is not unique: {}", operation.empty() ? "function" : "operator", call)
      .with_sqlstate("42725")
      .with_hint("Could not choose a best candidate. You might need to add explicit type casts.");
}

Error named_error(std::string text) {
  if (std::optional<Error> failure = call_error(text)) return *std::move(failure);
  hide_own_names(text);
  for (const Rewrite& rewrite : name_rewrites()) {
    if (!std::regex_match(text, rewrite.pattern)) continue;
    if (rewrite.text != nullptr) text = std::regex_replace(text, rewrite.pattern, rewrite.text);
    return error(ErrorCode::kInvalid, "{}", text).with_sqlstate(rewrite.sqlstate);
  }
  return invalid("{}", text).with_sqlstate("42601");
}

// DuckDB's names for physical types, in the words of its cast errors.
std::string physical_type_name(const std::string& name) {
  static const std::unordered_map<std::string, std::string> names = {{"INT8", "smallint"},
                                                                     {"INT16", "smallint"},
                                                                     {"INT32", "integer"},
                                                                     {"INT64", "bigint"},
                                                                     {"UINT8", "uint2"},
                                                                     {"UINT16", "uint2"},
                                                                     {"UINT32", "uint4"},
                                                                     {"UINT64", "uint8"},
                                                                     {"INT128", "numeric"},
                                                                     {"FLOAT", "real"},
                                                                     {"DOUBLE", "double precision"},
                                                                     {"BOOL", "boolean"},
                                                                     {"BOOLEAN", "boolean"}};
  const auto found = names.find(name);
  return found == names.end() ? name : found->second;
}

Error conversion_error(const std::string& text) {
  static const std::regex not_a(R"re(^Could not convert string '([^]*)' to (\w+)[^]*)re");
  static const std::regex out_of_range(
      R"re(^Type (\w+) with value (\S+) can't be cast because the value is out of range for the destination type (\w+)[^]*)re");
  std::smatch match;
  if (std::regex_match(text, match, not_a)) {
    return invalid("invalid input syntax for type {}: \"{}\"", physical_type_name(match[2]),
                   match[1].str())
        .with_sqlstate("22P02");
  }
  static const std::regex no_cast(R"re(^Unimplemented type for cast \(([^]*) -> ([^]*)\)$)re");
  if (std::regex_match(text, match, no_cast)) {
    return invalid("cannot cast type {} to {}", with_sql_type_names(match[1]),
                   with_sql_type_names(match[2]))
        .with_sqlstate("42846");
  }
  static const std::regex too_large(R"re(^Failed to cast decimal value (\S+) to type (\w+)[^]*)re");
  if (std::regex_match(text, match, too_large)) {
    return invalid("{} out of range", physical_type_name(match[2])).with_sqlstate("22003");
  }
  static const std::regex overflow(
      R"re(^(?:Could not cast value \S+ to|Casting value "[^"]*" to type) (?:DECIMAL|numeric)\((\d+),(\d+)\)[^]*)re");
  if (std::regex_match(text, match, overflow)) {
    return invalid("numeric field overflow")
        .with_sqlstate("22003")
        .with_detail(fmt::format(
            "A field with precision {}, scale {} must round to an absolute value less than 10^{}.",
            match[1].str(), match[2].str(), std::stoi(match[1]) - std::stoi(match[2])));
  }
  if (std::regex_match(text, match, out_of_range)) {
    return invalid("{} out of range", physical_type_name(match[3])).with_sqlstate("22003");
  }
  if (contains(text, "field value out of range")) {
    return invalid("{}", text).with_sqlstate("22008");
  }
  const bool range = contains(text, "out of range") || contains(text, "exceeds");
  return invalid("{}", with_sql_type_names(text)).with_sqlstate(range ? "22003" : "22P02");
}

Error range_error(const std::string& text) {
  if (contains(text, "cannot take logarithm")) return invalid("{}", text).with_sqlstate("2201E");
  if (contains(text, "cannot take square root")) return invalid("{}", text).with_sqlstate("2201F");
  static const std::regex overflow(R"re(^Overflow in \S+ of (\w+) [^]*)re");
  std::smatch match;
  if (std::regex_match(text, match, overflow)) {
    return invalid("{} out of range", physical_type_name(match[1])).with_sqlstate("22003");
  }
  return invalid("{}", with_sql_type_names(text)).with_sqlstate("22003");
}

Error disk_error(const std::string& text) {
  const bool full = contains(text, "No space left") || contains(text, "max_temp_directory_size") ||
                    contains(text, "Disk full") || contains(text, "File too large") ||
                    contains(text, "quota exceeded");
  if (full) return error(ErrorCode::kExhausted, "{}", text).with_sqlstate("53100");
  return error(ErrorCode::kUnavailable, "{}", text).with_sqlstate("58030");
}

// The instance answers nothing any more after these, and is replaced (instances.h).
Error broken(const std::string& text) {
  if (contains(text, "database has been invalidated")) {
    // By another statement. Nothing of this one has happened, so it may be tried again as it is.
    return error(ErrorCode::kConflict, "the engine was started anew while the statement ran")
        .with_sqlstate("40001")
        .with_hint("Nothing was changed. Run it again.");
  }
  log::error("the engine failed: {}", text);
  return internal("the engine failed: {}", text)
      .with_sqlstate("XX000")
      .with_hint(
          "The engine has been started anew; nothing that was committed is lost, and nothing was "
          "changed. Run it again; if that fails too, please report the statement.");
}

// Of a list of names with commas.
std::string first_of(const std::string& list) { return list.substr(0, list.find(',')); }

Error translated(ExceptionType type, const std::string& text) {
  switch (type) {
    case ExceptionType::INTERRUPT:
      return cancelled();
    case ExceptionType::DIVIDE_BY_ZERO:
      return invalid("division by zero").with_sqlstate("22012");
    case ExceptionType::OUT_OF_RANGE:
    case ExceptionType::DECIMAL:
      return range_error(text);
    case ExceptionType::CONVERSION:
      return conversion_error(text);
    case ExceptionType::MISMATCH_TYPE:
    case ExceptionType::INVALID_TYPE:
    case ExceptionType::UNKNOWN_TYPE:
      return invalid("{}", with_sql_type_names(text)).with_sqlstate("42804");
    case ExceptionType::CATALOG:
    case ExceptionType::BINDER:
    case ExceptionType::PLANNER:
    case ExceptionType::EXPRESSION:
      return named_error(with_sql_type_names(text));
    case ExceptionType::PARSER:
    case ExceptionType::SYNTAX:
      if (contains(text, "must not end with escape character")) {
        return invalid("LIKE pattern must not end with escape character").with_sqlstate("22025");
      }
      return invalid("{}", text).with_sqlstate("42601");
    case ExceptionType::PARAMETER_NOT_RESOLVED:
      return invalid("could not determine data type of a parameter").with_sqlstate("42P18");
    case ExceptionType::INVALID_INPUT:
    case ExceptionType::PARAMETER_NOT_ALLOWED:
      if (text.starts_with("More than one row returned by a subquery")) {
        return invalid("more than one row returned by a subquery used as an expression")
            .with_sqlstate("21000");
      }
      if (text == "Argument for ntile must be greater than zero") {
        return invalid("argument of ntile must be greater than zero").with_sqlstate("22014");
      }
      if (constexpr std::string_view kNoValue =
              "Values were not provided for the following prepared statement parameters: ";
          text.starts_with(kNoValue)) {
        return invalid("there is no parameter ${}", first_of(text.substr(kNoValue.size())))
            .with_sqlstate("42P02");
      }
      return invalid("{}", with_sql_type_names(text)).with_sqlstate("22023");
    case ExceptionType::NOT_IMPLEMENTED:
      return invalid("{}", with_sql_type_names(text)).with_sqlstate("0A000");
    case ExceptionType::OUT_OF_MEMORY:
    case ExceptionType::OBJECT_SIZE:
      return error(ErrorCode::kExhausted, "out of memory").with_detail(text).with_sqlstate("53200");
    case ExceptionType::IO:
      return disk_error(text);
    case ExceptionType::PERMISSION:
    case ExceptionType::MISSING_EXTENSION:
    case ExceptionType::AUTOLOAD:
      return error(ErrorCode::kDenied, "{}", text).with_sqlstate("42501");
    case ExceptionType::CONSTRAINT:
      return invalid("{}", text).with_sqlstate("23000");
    case ExceptionType::FATAL:
    case ExceptionType::INTERNAL:
      return broken(text);
    case ExceptionType::TRANSACTION:
      // A commit hides what it met. All that is out of memory ends so: "(127.9 MiB/128.0 MiB
      // used)".
      if (text.ends_with(" used)")) return translated(ExceptionType::OUT_OF_MEMORY, text);
      if (contains(text, "Could not write file")) return disk_error(text);
      [[fallthrough]];
    default:
      return internal("{}", with_sql_type_names(text)).with_sqlstate("XX000");
  }
}

}  // namespace

std::string with_sql_type_names(std::string text) {
  struct Name {
    const char* theirs;
    const char* ours;
  };
  static constexpr auto kNames = std::to_array<Name>({
      {"TIMESTAMP WITH TIME ZONE", "timestamp with time zone"},
      {"TIME WITH TIME ZONE", "time with time zone"},
      {"TIMESTAMP", "timestamp without time zone"},
      {"INTEGER", "integer"},
      {"BIGINT", "bigint"},
      {"SMALLINT", "smallint"},
      {"TINYINT", "smallint"},
      {"HUGEINT", "numeric"},
      {"UHUGEINT", "numeric"},
      {"UTINYINT", "uint2"},
      {"USMALLINT", "uint2"},
      {"UINTEGER", "uint4"},
      {"UBIGINT", "uint8"},
      {"VARCHAR", "text"},
      {"BLOB", "bytea"},
      {"DOUBLE", "double precision"},
      {"FLOAT", "real"},
      {"DECIMAL", "numeric"},
      {"BOOLEAN", "boolean"},
      {"DATE", "date"},
      {"TIME", "time"},
      {"INTERVAL", "interval"},
      {"UUID", "uuid"},
      {"JSON", "jsonb"},
      {"STRING_LITERAL", "unknown"},
      {"INTEGER_LITERAL", "integer"},
  });
  const auto is_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  for (const Name& name : kNames) {
    const std::string_view theirs = name.theirs;
    const std::string_view ours = name.ours;
    size_t at = 0;
    while ((at = text.find(theirs, at)) != std::string::npos) {
      const size_t end = at + theirs.size();
      const bool whole =
          (at == 0 || !is_word(text[at - 1])) && (end == text.size() || !is_word(text[end]));
      if (whole) text.replace(at, theirs.size(), ours);
      at += whole ? ours.size() : theirs.size();
    }
  }
  return text;
}

// Functions of ours say their SQLSTATE, detail and hint themselves (functions/raise.h).
static std::optional<Error> raised_by_us(const duckdb::ErrorData& error) {
  const auto& extra = error.ExtraInfo();
  const auto state = extra.find("sqlstate");
  if (state == extra.end()) return std::nullopt;
  Error ours = invalid("{}", error.RawMessage()).with_sqlstate(state->second);
  if (const auto detail = extra.find("detail"); detail != extra.end()) ours.detail = detail->second;
  if (const auto hint = extra.find("hint"); hint != extra.end()) ours.hint = hint->second;
  ours.position = position_of(error);
  if (const auto place = extra.find("place"); place != extra.end()) {
    std::from_chars(place->second.data(), place->second.data() + place->second.size(),
                    ours.position);
  }
  return ours;
}

Error engine_error(const duckdb::ErrorData& error) {
  if (std::optional<Error> ours = raised_by_us(error)) return *std::move(ours);
  return translated(error.Type(), without_babble(error.RawMessage())).at(position_of(error));
}

Error engine_error(const std::exception& exception) {
  if (dynamic_cast<const std::bad_alloc*>(&exception) != nullptr) {
    return error(ErrorCode::kExhausted, "out of memory").with_sqlstate("53200");
  }
  return engine_error(duckdb::ErrorData(exception));
}

}  // namespace sluice::engine
