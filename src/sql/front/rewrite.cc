#include "sql/front/rewrite.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "sql/front/parse.h"
#include "sql/front/refused.h"
#include "sql/front/windows.h"

namespace sluice::sql {
namespace {

using Kind = Token::Kind;

// DuckDB reads any unknown operator with PostgreSQL's precedence and makes a call of that name.
constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kEncodedOperators = {{
    {"->", "`@"},
    {"->>", "`@@"},
    {"#>", "`~"},
    {"#>>", "`~~"},
    {"@>", "`!"},
    {"<@", "`!!"},
    {"?", "`&"},
    {"?|", "`&|"},
    {"?&", "`&&"},
    {"~", "`|"},
    {"~*", "`||"},
    {"!~", "`^"},
    {"!~*", "`^^"},
    {"#", "`%"},
    {"#-", "`%%"},
}};
// What DuckDB reads as PostgreSQL does, or the tree pass takes by this very name.
constexpr std::array<std::string_view, 26> kPlainOperators = {
    "+",  "-", "*", "/",  "%",  "^",  "<",   ">",   "=",    "<=", ">=", "<>", "!=",
    "||", "&", "|", "<<", ">>", "~~", "!~~", "~~*", "!~~*", "^@", "&&", "@",  "|/"};

// Words that DuckDB reserves and PostgreSQL does not: always names, which also shuts out the
// statements and clauses they begin.
constexpr std::array<std::string_view, 21> kNeverKeywords = {
    "asof",     "columns",      "describe",    "generated",  "glob",   "grouping_id", "lambda",
    "pivot",    "pivot_longer", "pivot_wider", "positional", "show",   "struct",      "summarize",
    "try_cast", "unpack",       "unpivot",     "macro",      "pragma", "anti",        "semi"};

// Names that are calls without parentheses.
constexpr std::array<std::string_view, 11> kValueFunctions = {
    "current_catalog", "current_date",      "current_role", "current_schema",
    "current_time",    "current_timestamp", "current_user", "localtime",
    "localtimestamp",  "session_user",      "user"};

// After these a string is a typed literal: `date '2020-01-01'`.
constexpr std::array<std::string_view, 35> kTypeWords = {
    "bigint", "bool",         "boolean",   "bpchar",      "bytea",   "char",     "character",
    "date",   "dec",          "decimal",   "double",      "float",   "float4",   "float8",
    "int",    "int2",         "int4",      "int8",        "integer", "interval", "json",
    "jsonb",  "mz_timestamp", "name",      "numeric",     "oid",     "real",     "smallint",
    "text",   "time",         "timestamp", "timestamptz", "timetz",  "uuid",     "varchar"};

// Types of the engine's that are none of ours: `bit '101'` is to be refused by name.
constexpr std::array<std::string_view, 38> kEngineTypeWords = {
    "bignum",       "binary",      "bit",          "bitstring", "blob",     "datetime",
    "enum",         "geometry",    "guid",         "hugeint",   "int1",     "int128",
    "int16",        "int32",       "int64",        "list",      "logical",  "long",
    "map",          "money",       "nvarchar",     "regclass",  "regproc",  "regtype",
    "short",        "signed",      "string",       "struct",    "time_ns",  "timestamp_ms",
    "timestamp_ns", "timestamp_s", "timestamp_us", "tinyint",   "uhugeint", "varbinary",
    "varbit",       "varint"};
constexpr std::array<std::string_view, 12> kUnsignedTypeWords = {
    "ubigint", "uint1",  "uint128", "uint16",   "uint2",     "uint32",
    "uint4",   "uint64", "uint8",   "uinteger", "usmallint", "utinyint"};

// Reserved in PostgreSQL: after one of them `[` cannot be a subscript.
constexpr std::array<std::string_view, 58> kReserved = {
    "all",   "and",       "any",    "as",        "asc",     "asymmetric", "between", "both",
    "by",    "case",      "cast",   "collate",   "cross",   "default",    "desc",    "distinct",
    "else",  "end",       "escape", "except",    "false",   "fetch",      "for",     "from",
    "group", "having",    "ilike",  "in",        "inner",   "intersect",  "into",    "is",
    "join",  "left",      "like",   "limit",     "natural", "not",        "null",    "offset",
    "on",    "or",        "order",  "returning", "right",   "select",     "set",     "similar",
    "some",  "symmetric", "then",   "true",      "union",   "using",      "values",  "when",
    "where", "with"};

// Bounds of what windows that are made of others are written out to.
constexpr int kMaxWindowDepth = 20;
constexpr int kMaxWindowTokens = 100'000;

template <size_t N>
bool contains(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_plain_ascii(std::string_view word) {
  return std::all_of(word.begin(), word.end(), [](char c) { return (c & 0x80) == 0 && c != '$'; });
}

bool is_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Reads a type's name: words, typmods, zones, fields, brackets.
class TypeReader {
 public:
  TypeReader(const Tokens& tokens, size_t begin, size_t end)
      : tokens_(tokens), at_(begin), end_(end) {}

  Result<TypeName> read(int depth = 0) {
    if (depth > 20) return invalid("type name is nested too deeply").with_sqlstate("54001");
    TRY(read_base(depth));
    TRY(read_suffixes());
    return TypeName{std::move(text_), at_};
  }

 private:
  bool is(std::string_view word) const { return at_ < end_ && tokens_.is(at_, word); }
  bool is_name() const {
    return at_ < end_ &&
           (tokens_.is_kind(at_, Kind::kWord) || tokens_.is_kind(at_, Kind::kQuotedWord));
  }
  Error unexpected() const { return tokens_.syntax_error(at_ < end_ ? at_ : end_); }

  bool take(std::string_view word) {
    if (!is(word)) return false;
    ++at_;
    return true;
  }
  // Takes `words` where they all stand here.
  bool take_all(std::initializer_list<std::string_view> words) {
    size_t at = at_;
    for (const auto word : words) {
      if (at >= end_ || !tokens_.is(at, word)) return false;
      ++at;
    }
    at_ = at;
    return true;
  }

  void add_name() {
    text_ += tokens_.is_kind(at_, Kind::kWord) ? tokens_.word(at_) : quote_name(tokens_.word(at_));
    ++at_;
  }

  Status read_base(int depth) {
    if (!is_name() ||
        (tokens_.is_kind(at_, Kind::kWord) && contains(kReserved, tokens_.word(at_)))) {
      return unexpected();
    }
    if (is("map") && at_ + 1 < end_ && tokens_.is(at_ + 1, "[")) return read_map(depth);
    add_name();
    while (is(".")) {
      ++at_;
      if (!is_name()) return unexpected();
      text_ += '.';
      add_name();
    }
    if (text_ == "double" && take("precision")) text_ += " precision";
    if ((text_ == "character" || text_ == "char" || text_ == "bit" || text_ == "nchar") &&
        take("varying")) {
      text_ += " varying";
    }
    if (text_ == "national" && (is("character") || is("char"))) {
      ++at_;
      text_ = take("varying") ? "character varying" : "character";
    }
    if (text_ == "interval" || text_ == "pg_catalog.interval") skip_interval_fields();
    TRY(read_modifiers());
    if (take_all({"with", "time", "zone"})) text_ += " with time zone";
    if (take_all({"without", "time", "zone"})) text_ += " without time zone";
    return ok();
  }

  Status read_map(int depth) {
    at_ += 2;
    TRY_ASSIGN(const TypeName key, TypeReader(tokens_, at_, end_).read(depth + 1));
    at_ = key.end;
    if (!take("=>")) return unexpected();
    TRY_ASSIGN(const TypeName value, TypeReader(tokens_, at_, end_).read(depth + 1));
    at_ = value.end;
    if (!take("]")) return unexpected();
    text_ = fmt::format("map[{}=>{}]", key.text, value.text);
    return ok();
  }

  // interval day to second: the fields restrict nothing here.
  void skip_interval_fields() {
    const auto take_field = [this] {
      return take("year") || take("month") || take("day") || take("hour") || take("minute") ||
             take("second");
    };
    if (!take_field() || !is("to")) return;
    ++at_;
    if (!take_field()) --at_;
  }

  Status read_modifiers() {
    if (!take("(")) return ok();
    std::string inside;
    while (!is(")")) {
      if (at_ >= end_) return unexpected();
      if (tokens_.is_kind(at_, Kind::kNumber) || is("-")) {
        inside += tokens_.source(at_);
      } else if (is(",") && !inside.empty()) {
        inside += ",";
      } else {
        return unexpected();
      }
      ++at_;
    }
    ++at_;
    text_ += fmt::format("({})", inside);
    return ok();
  }

  Status read_suffixes() {
    for (int count = 0;; ++count) {
      if (count > 50) return invalid("type name is nested too deeply").with_sqlstate("54001");
      if (take("list")) {
        text_ += " list";
      } else if (is("[") || (is("array") && at_ + 1 < end_ && tokens_.is(at_ + 1, "["))) {
        take("array");
        ++at_;
        if (at_ < end_ && tokens_.is_kind(at_, Kind::kNumber)) ++at_;
        if (!take("]")) return unexpected();
        text_ += "[]";
      } else {
        if (take("array")) text_ += "[]";
        return ok();
      }
    }
  }

  const Tokens& tokens_;
  size_t at_;
  const size_t end_;
  std::string text_;
};

// Goes over the tokens once; a frame for each open bracket tells what the words inside mean.
class Rewriter {
 public:
  Rewriter(const Tokens& tokens, size_t begin, size_t end)
      : tokens_(tokens), begin_(begin), at_(begin), end_(end) {}

  Result<Rewritten> run(bool expression) {
    out_.text.reserve(2 * (tokens_[end_ - 1].end - tokens_[begin_].begin) + 16);
    if (expression) out_.text = "SELECT ";
    frames_.push_back({});
    while (at_ < end_) TRY(rewrite_token());
    if (frames_.size() > 1) return tokens_.syntax_error(end_);
    return std::move(out_);
  }

 private:
  struct Frame {
    enum class Bracket : uint8_t { kNone, kParenthesis, kSubscript, kArray, kMap };
    Bracket bracket = Bracket::kNone;
    bool cast = false;      // CAST( … AS type )
    bool may_from = false;  // extract( … FROM …) and its like, or behind SELECT
  };
  using Bracket = Frame::Bracket;

  Status rewrite_token() {
    if (is_window_reference()) {
      TRY_ASSIGN(const bool done, rewrite_window_reference());
      if (done) return ok();
    }
    switch (tokens_[at_].kind) {
      case Kind::kWord:
        return rewrite_word();
      case Kind::kQuotedWord:
        emit(quote_name(tokens_.word(at_)));
        return ok();
      case Kind::kString:
        emit(quote_string(tokens_.string(at_)));
        return ok();
      case Kind::kBits:
        return no_bit_strings().at(tokens_.position(at_));
      case Kind::kNumber:
        return rewrite_number();
      case Kind::kParameter:
        return rewrite_parameter();
      case Kind::kOperator:
        return rewrite_operator(at_, at_ + 1);
      case Kind::kSymbol:
        return rewrite_symbol();
      case Kind::kEnd:
        break;
    }
    return tokens_.syntax_error(at_);
  }

  // Puts `text` out for the token at at_ and goes on to the token `next`.
  void emit_to(std::string_view text, size_t next) {
    out_.marks.push_back({static_cast<uint32_t>(out_.text.size()), static_cast<uint32_t>(at_)});
    out_.text += text;
    out_.text += ' ';
    at_ = next;
  }
  void emit(std::string_view text) { emit_to(text, at_ + 1); }

  bool next_is(std::string_view what, size_t ahead = 1) const {
    return at_ + ahead < end_ && tokens_.is(at_ + ahead, what);
  }
  bool previous_is(std::string_view what) const {
    return at_ > begin_ && tokens_.is(at_ - 1, what);
  }
  bool after_any_of(std::initializer_list<std::string_view> words) const {
    return std::any_of(words.begin(), words.end(),
                       [this](std::string_view word) { return previous_is(word); });
  }

  bool is_window_reference() const {
    const bool name = tokens_.is_kind(at_, Kind::kWord) || tokens_.is_kind(at_, Kind::kQuotedWord);
    return name && at_ > begin_ + 1 && previous_is("(") &&
           (tokens_.is(at_ - 2, "over") || tokens_.is(at_ - 2, "as"));
  }

  // Puts out what a window says instead of its name; false: the name can stay.
  Result<bool> rewrite_window_reference() {
    if (!windows_) windows_.emplace(tokens_, begin_, end_);
    TRY_ASSIGN(const auto definition, windows_->definition_instead_of(at_));
    if (!definition) return false;
    const size_t next = at_ + 1;
    const size_t open = frames_.size();
    if (++window_depth_ > kMaxWindowDepth) return too_many_windows();
    at_ = *definition;
    while (at_ < end_ && (frames_.size() > open || !tokens_.is(at_, ")"))) {
      if (++window_tokens_ > kMaxWindowTokens) return too_many_windows();
      TRY(rewrite_token());
    }
    --window_depth_;
    at_ = next;
    return true;
  }

  Error too_many_windows() const {
    return invalid("statement too complex").with_sqlstate("54001").at(tokens_.position(at_));
  }

  // ---- words

  Status rewrite_word() {
    const std::string word = tokens_.word(at_);
    if (previous_is(".")) return emit(quote_name(word)), ok();
    if (contains(kTypeWords, word) || contains(kEngineTypeWords, word) ||
        contains(kUnsignedTypeWords, word)) {
      TRY_ASSIGN(const bool done, rewrite_typed_literal());
      if (done) return ok();
    }
    if (frames_.back().cast && word == "as") {
      emit("AS");
      return rewrite_type();
    }
    if ((word == "and" || word == "or") && ++conditions_ > kMaxConditions) {
      return invalid("statement too complex").with_sqlstate("54001").at(tokens_.position(at_));
    }
    if (word == "from") TRY(check_from());
    if (word == "select" || word == "values" || word == "delete" || word == "update") {
      frames_.back().may_from = true;
    } else if (word == "union" || word == "except" || word == "intersect") {
      frames_.back().may_from = false;
    } else if (word == "collate") {
      return rewrite_collate();
    } else if (word == "operator" && next_is("(")) {
      return rewrite_named_operator();
    } else if (word == "list" && next_is("[")) {
      return emit("ARRAY"), ok();
    } else if (word == "map" && next_is("[")) {
      emit("MAP");
      emit("{");
      return push({Bracket::kMap});
    } else if (word == "similar" && next_is("to")) {
      return emit("SIMILAR"), ok();
    } else if (word == "overlay" && next_is("(") && !has_word_inside("placing")) {
      return emit(quote_name(word)), ok();  // a call, not the syntax
    } else if (contains(kValueFunctions, word) && !next_is(".") && !previous_is("as") &&
               may_be_value(word)) {
      return rewrite_value_function(word);
    }
    if (word == "symmetric" && previous_is("between")) {
      return invalid("BETWEEN SYMMETRIC is not supported")
          .with_sqlstate("0A000")
          .at(tokens_.position(at_));
    }
    if (word == "with" && next_is("ties") && after_any_of({"row", "rows"})) {
      return no_ties().at(tokens_.position(at_));
    }
    TRY(refuse_pivot(word));
    if (word == "lambda") TRY(refuse_lambda());
    emit(is_name_here(word) ? quote_name(word) : word);
    return ok();
  }

  // DuckDB's PIVOT and UNPIVOT, where the words can be neither a name nor an alias with columns.
  Status refuse_pivot(std::string_view word) const {
    if (word != "pivot" && word != "unpivot") return ok();
    const bool of_table = next_is("(") && has_word_inside("for");
    const bool with_nulls = next_is("nulls", 2) && (next_is("include") || next_is("exclude"));
    const bool as_query = previous_is("(") && (next_is("on", 2) || next_is("using", 2));
    if (!of_table && !with_nulls && !as_query) return ok();
    return (word == "pivot" ? no_pivot() : no_unpivot()).at(tokens_.position(at_));
  }

  // `lambda x, y: ...`: no expression of PostgreSQL has a colon there.
  Status refuse_lambda() const {
    size_t at = at_ + 1;
    while (at + 1 < end_ && tokens_.is_kind(at, Kind::kWord) && tokens_.is(at + 1, ",")) at += 2;
    if (at + 1 >= end_ || !tokens_.is_kind(at, Kind::kWord) || !tokens_.is(at + 1, ":")) {
      return ok();
    }
    return no_lambdas().at(tokens_.position(at_));
  }

  // Whether the word stands in the parenthesis that follows, and in none inside it.
  bool has_word_inside(std::string_view word) const {
    int depth = 0;
    for (size_t at = at_ + 1; at < end_; ++at) {
      if (tokens_.is(at, "(")) ++depth;
      if (tokens_.is(at, ")") && --depth == 0) return false;
      if (depth == 1 && tokens_.is(at, word)) return true;
    }
    return false;
  }

  // DuckDB's keywords that are names in PostgreSQL, unless they stand where only the keyword can.
  bool is_name_here(std::string_view word) const {
    if (!is_plain_ascii(word)) return true;
    if (word == "at") return !next_is("time");
    if (word == "by") return !after_any_of({"group", "order", "partition"}) && !is_after_union();
    if (word == "asof" &&
        (next_is("inner") || next_is("left") || next_is("right") || next_is("full"))) {
      return false;
    }
    if (word == "asof" || word == "anti" || word == "semi" || word == "positional") {
      return !next_is("join");
    }
    if (word == "columns") return !is_expanding_columns();
    if (word == "map") return true;
    return contains(kNeverKeywords, word);
  }

  // UNION [ALL | DISTINCT] BY NAME
  bool is_after_union() const {
    if (previous_is("union")) return true;
    return after_any_of({"all", "distinct"}) && at_ > begin_ + 1 && tokens_.is(at_ - 2, "union");
  }

  // COLUMNS('a.*') where an expression can begin; not a table's name or an alias with its columns.
  bool is_expanding_columns() const {
    if (!next_is("(") || at_ == begin_) return false;
    if (after_any_of({"as", "from", "into", "join", "using", "with"})) return false;
    switch (tokens_[at_ - 1].kind) {
      case Kind::kOperator:
        return true;
      case Kind::kSymbol:
        return !previous_is(")") && !previous_is("]") && !is_common_table();
      case Kind::kWord:
        return contains(kReserved, tokens_.word(at_ - 1));
      default:
        return false;
    }
  }

  // WITH …, name (columns) AS (
  bool is_common_table() const {
    int depth = 0;
    for (size_t at = at_ + 1; at < end_; ++at) {
      if (tokens_.is(at, "(")) ++depth;
      if (!tokens_.is(at, ")") || --depth > 0) continue;
      return at + 2 < end_ && tokens_.is(at + 1, "as") && tokens_.is(at + 2, "(");
    }
    return false;
  }

  bool may_be_value(std::string_view word) const {
    // current_schema() and current_timestamp(3) have parentheses; user(…) is nobody's function.
    return !(next_is("(") && word == "user");
  }

  Status rewrite_value_function(std::string_view word) {
    size_t next = at_ + 1;
    if (next_is("(")) {
      ++next;
      if (next < end_ && tokens_.is_kind(next, Kind::kNumber)) ++next;
      if (next >= end_ || !tokens_.is(next, ")")) return tokens_.syntax_error(next);
      ++next;
    }
    emit_to(fmt::format("{} ( )", quote_name(word)), next);
    return ok();
  }

  // FROM first is DuckDB's; PostgreSQL has FROM only behind SELECT and inside a few functions.
  Status check_from() const {
    if (frames_.back().may_from || previous_is("distinct")) return ok();
    return tokens_.syntax_error(at_);
  }

  // `date '…'`, `timestamp(3) with time zone '…'`, `interval '1' day`.
  Result<bool> rewrite_typed_literal() {
    const auto type = TypeReader(tokens_, at_, end_).read();
    if (!type.ok() || type->end >= end_ || !tokens_.is_kind(type->end, Kind::kString)) return false;
    std::string value = tokens_.string(type->end);
    size_t next = type->end + 1;
    if (type->text.starts_with("interval")) {
      TRY_ASSIGN(next, read_interval_fields(next, value));
    }
    // The string's place, for errors in it; the type's for the cast.
    emit_to("CAST (", type->end);
    emit_to(fmt::format("{} AS {} )", quote_string(value), type_reference(type->text)), next);
    return true;
  }

  // `interval '90' minute` says its unit behind the string.
  Result<size_t> read_interval_fields(size_t at, std::string& value) const {
    constexpr std::array<std::string_view, 6> kFields = {"year", "month",  "day",
                                                         "hour", "minute", "second"};
    const auto is_field = [&](size_t index) {
      return index < end_ && tokens_.is_kind(index, Kind::kWord) &&
             contains(kFields, tokens_.word(index));
    };
    if (!is_field(at)) return at;
    if (at + 2 < end_ && tokens_.is(at + 1, "to") && is_field(at + 2)) {
      return invalid("interval literals with a range of fields are not supported")
          .with_sqlstate("0A000")
          .at(tokens_.position(at));
    }
    const size_t digits = value.starts_with('-') || value.starts_with('+') ? 1 : 0;
    if (is_digits(std::string_view(value).substr(digits))) value += " " + tokens_.word(at);
    return at + 1;
  }

  static std::string type_reference(std::string_view type) {
    return quote_name(std::string(kTypePrefix) + std::string(type));
  }

  Status rewrite_type() {
    TRY_ASSIGN(const TypeName type, TypeReader(tokens_, at_, end_).read());
    emit_to(type_reference(type.text), type.end);
    return ok();
  }

  // Only the collations that compare bytes exist, and they change nothing.
  Status rewrite_collate() {
    size_t at = at_ + 1;
    if (at + 1 < end_ && tokens_.is(at, "pg_catalog") && tokens_.is(at + 1, ".")) at += 2;
    const bool named =
        at < end_ && (tokens_.is_kind(at, Kind::kWord) || tokens_.is_kind(at, Kind::kQuotedWord));
    if (!named) return tokens_.syntax_error(std::min(at, end_));
    const std::string collation = tokens_.word(at);
    if (collation != "default" && collation != "C" && collation != "POSIX" &&
        collation != "ucs_basic") {
      return invalid("collation \"{}\" for encoding \"UTF8\" does not exist", collation)
          .with_sqlstate("42704")
          .at(tokens_.position(at_));
    }
    at_ = at + 1;
    return ok();
  }

  // OPERATOR(pg_catalog.~)
  Status rewrite_named_operator() {
    size_t at = at_ + 2;
    if (at + 1 < end_ && tokens_.is(at + 1, ".")) {
      if (!tokens_.is(at, "pg_catalog")) return unknown_operator(at);
      at += 2;
    }
    if (at >= end_ || !tokens_.is_kind(at, Kind::kOperator)) {
      return tokens_.syntax_error(std::min(at, end_));
    }
    if (at + 1 >= end_ || !tokens_.is(at + 1, ")")) {
      return tokens_.syntax_error(std::min(at + 1, end_));
    }
    return rewrite_operator(at, at + 2);
  }

  // ---- the rest

  Status rewrite_operator(size_t token, size_t next) {
    const std::string_view name = tokens_.source(token);
    for (const auto& [operation, code] : kEncodedOperators) {
      if (operation == name) return emit_to(code, next), ok();
    }
    if (name == "||/") return emit_to("`*", next), ok();
    if (!contains(kPlainOperators, name)) return unknown_operator(token);
    emit_to(name == "|/" ? "`/" : name == "@" ? "`=" : name, next);
    return ok();
  }

  Error unknown_operator(size_t token) const {
    return invalid("operator does not exist: {}", tokens_.source(token))
        .with_sqlstate("42883")
        .at(tokens_.position(token));
  }

  // Exact where 38 digits can tell it: DuckDB makes a DOUBLE of what is longer or has an exponent.
  Status rewrite_number() {
    const std::string_view source = tokens_.source(at_);
    const size_t exponent_at = source.find_first_of("eE");
    std::string digits(source.substr(0, exponent_at));
    int64_t exponent = 0;
    if (exponent_at != std::string_view::npos) {
      const size_t skip = source[exponent_at + 1] == '+' ? 2 : 1;
      const char* begin = source.data() + exponent_at + skip;
      if (std::from_chars(begin, source.data() + source.size(), exponent).ec != std::errc()) {
        exponent = 1'000'000;
      }
    }
    const size_t point = digits.find('.');
    int64_t scale = 0;
    if (point != std::string::npos) {
      scale = static_cast<int64_t>(digits.size() - point - 1);
      digits.erase(point, 1);
    }
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
    scale -= exponent;
    const auto length = static_cast<int64_t>(digits.size());
    const bool fits = scale >= 0 ? std::max(length, scale) <= 38 : length - scale <= 38;
    if (!fits) {
      if (exponent_at != std::string_view::npos) return emit(source), ok();  // a double
      return invalid("number has more than 38 digits")
          .with_sqlstate("22003")
          .at(tokens_.position(at_));
    }
    if (point == std::string::npos && exponent_at == std::string_view::npos) {
      return emit(digits.empty() ? "0" : digits), ok();
    }
    if (scale < 0) digits.append(static_cast<size_t>(-scale), '0'), scale = 0;
    if (std::cmp_less(digits.size(), scale)) {
      digits.insert(0, static_cast<size_t>(scale) - digits.size(), '0');
    }
    digits.insert(digits.size() - static_cast<size_t>(scale), ".");
    if (digits == ".") digits = "0.";
    emit(digits);
    return ok();
  }

  Status rewrite_parameter() {
    const std::string_view digits = tokens_.source(at_).substr(1);
    int number = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (read.ec != std::errc() || number < 1 || number > 65535) {
      return invalid("there is no parameter {}", tokens_.source(at_))
          .with_sqlstate("42P02")
          .at(tokens_.position(at_));
    }
    out_.parameter_count = std::max(out_.parameter_count, number);
    emit(fmt::format("${}", number));
    return ok();
  }

  Status push(Frame frame) {
    frames_.push_back(frame);
    if (frames_.size() > static_cast<size_t>(kMaxNesting)) {
      return invalid("statement too complex").with_sqlstate("54001").at(tokens_.position(at_ - 1));
    }
    return ok();
  }

  Status rewrite_symbol() {
    const std::string_view symbol = tokens_.source(at_);
    switch (symbol[0]) {
      case '(':
        return open_parenthesis();
      case '[':
        return open_bracket();
      case ')':
        if (frames_.back().bracket != Bracket::kParenthesis) return tokens_.syntax_error(at_);
        frames_.pop_back();
        break;
      case ']':
        if (frames_.size() < 2 || frames_.back().bracket == Bracket::kParenthesis) {
          return tokens_.syntax_error(at_);
        }
        if (frames_.back().bracket == Bracket::kMap) {
          frames_.pop_back();
          return emit("}"), ok();
        }
        frames_.pop_back();
        break;
      case '=':  // =>
        if (frames_.back().bracket == Bracket::kMap) return emit(":"), ok();
        break;
      case ':':
        if (symbol == "::") {
          emit(symbol);
          return rewrite_type();
        }
        // Only a slice has a colon: DuckDB's `alias: expression` is not for us.
        if (symbol == ":" && frames_.back().bracket != Bracket::kSubscript) {
          return tokens_.syntax_error(at_);
        }
        break;
      case ';':
        return tokens_.syntax_error(at_);
      default:
        if (symbol == "..") return tokens_.syntax_error(at_);
        break;
    }
    emit(symbol);
    return ok();
  }

  Status open_parenthesis() {
    Frame frame{Bracket::kParenthesis};
    frame.cast = previous_is("cast");
    frame.may_from = after_any_of({"extract", "substring", "trim", "overlay", "position"});
    emit("(");
    return push(frame);
  }

  Status open_bracket() {
    const bool constructor = after_any_of({"array", "list"});
    const bool nested =
        frames_.back().bracket == Bracket::kArray && (previous_is("[") || previous_is(","));
    if (!constructor && !nested && !ends_value(at_)) return tokens_.syntax_error(at_);
    emit("[");
    return push({constructor || nested ? Bracket::kArray : Bracket::kSubscript});
  }

  // Whether a value may end before the token `at`, so that `[` is a subscript of it.
  bool ends_value(size_t at) const {
    if (at == begin_) return false;
    const size_t before = at - 1;
    switch (tokens_[before].kind) {
      case Kind::kWord:
        return !contains(kReserved, tokens_.word(before));
      case Kind::kQuotedWord:
      case Kind::kParameter:
        return true;
      case Kind::kSymbol:
        return tokens_.is(before, ")") || tokens_.is(before, "]");
      default:
        return false;
    }
  }

  const Tokens& tokens_;
  const size_t begin_;
  size_t at_;
  const size_t end_;
  Rewritten out_;
  std::vector<Frame> frames_;
  int conditions_ = 0;
  std::optional<NamedWindows> windows_;  // once one may be named
  int window_depth_ = 0;
  int window_tokens_ = 0;
};

}  // namespace

size_t Rewritten::token_at(size_t offset, size_t end_token) const {
  if (offset >= text.size()) return end_token;
  const auto after =
      std::upper_bound(marks.begin(), marks.end(), offset,
                       [](size_t value, const Mark& mark) { return value < mark.offset; });
  if (after == marks.begin()) return marks.empty() ? end_token : marks.front().token;
  return std::prev(after)->token;
}

Result<Rewritten> rewrite(const Tokens& tokens, size_t begin, size_t end) {
  if (begin >= end) return tokens.syntax_error(end);
  return Rewriter(tokens, begin, end).run(false);
}

Result<Rewritten> rewrite_expression(const Tokens& tokens, size_t begin, size_t end) {
  if (begin >= end) return tokens.syntax_error(end);
  return Rewriter(tokens, begin, end).run(true);
}

Result<TypeName> read_type(const Tokens& tokens, size_t begin, size_t end) {
  return TypeReader(tokens, begin, end).read();
}

std::string_view decoded_operator(std::string_view name) {
  if (name == "`*") return "||/";
  if (name == "`/") return "|/";
  if (name == "`=") return "@";
  for (const auto& [operation, code] : kEncodedOperators) {
    if (code == name) return operation;
  }
  return {};
}

}  // namespace sluice::sql
