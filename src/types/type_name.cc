// Reads the names of types.
//
//   type   := base { '[' [number] ']' | 'list' | 'array' }
//   base   := 'map' '[' 'text' '=>' type ']' | [schema '.'] word { word } [ '(' n [',' n] ')' ] …
#include <algorithm>
#include <charconv>

#include "types/sql_type.h"

namespace sluice::types {
namespace {

struct Spelling {
  std::string_view text;
  TypeId id;
};

// Longest first where one begins another: words are matched greedily.
constexpr Spelling kSpellings[] = {
    {"bool", TypeId::kBoolean},
    {"boolean", TypeId::kBoolean},
    {"smallint", TypeId::kSmallInt},
    {"int2", TypeId::kSmallInt},
    {"int", TypeId::kInteger},
    {"integer", TypeId::kInteger},
    {"int4", TypeId::kInteger},
    {"bigint", TypeId::kBigInt},
    {"int8", TypeId::kBigInt},
    {"uint2", TypeId::kUint2},
    {"uint4", TypeId::kUint4},
    {"uint8", TypeId::kUint8},
    {"real", TypeId::kReal},
    {"float4", TypeId::kReal},
    {"double precision", TypeId::kDouble},
    {"float8", TypeId::kDouble},
    {"float", TypeId::kDouble},
    {"double", TypeId::kDouble},
    {"numeric", TypeId::kNumeric},
    {"decimal", TypeId::kNumeric},
    {"dec", TypeId::kNumeric},
    {"date", TypeId::kDate},
    {"time", TypeId::kTime},
    {"time without time zone", TypeId::kTime},
    {"timestamp", TypeId::kTimestamp},
    {"timestamp without time zone", TypeId::kTimestamp},
    {"timestamp with time zone", TypeId::kTimestampTz},
    {"timestamptz", TypeId::kTimestampTz},
    {"interval", TypeId::kInterval},
    {"text", TypeId::kText},
    {"string", TypeId::kText},
    {"varchar", TypeId::kVarchar},
    {"character varying", TypeId::kVarchar},
    {"char varying", TypeId::kVarchar},
    {"char", TypeId::kChar},
    {"character", TypeId::kChar},
    {"bpchar", TypeId::kChar},
    {"bytea", TypeId::kBytea},
    {"bytes", TypeId::kBytea},
    {"uuid", TypeId::kUuid},
    {"jsonb", TypeId::kJsonb},
    {"json", TypeId::kJsonb},
    {"mz_timestamp", TypeId::kMzTimestamp},
    {"record", TypeId::kRecord},
    {"unknown", TypeId::kUnknown},
    {"void", TypeId::kVoid},
    {"oid", TypeId::kOid},
    {"name", TypeId::kName},
    {"xid", TypeId::kXid},
    {"int2vector", TypeId::kInt2Vector},
    {"oidvector", TypeId::kOidVector},
    {"regclass", TypeId::kRegclass},
    {"regtype", TypeId::kRegtype},
    {"regproc", TypeId::kRegproc},
    {"regnamespace", TypeId::kRegnamespace},
    {"aclitem", TypeId::kAclItem},
    {"mz_aclitem", TypeId::kAclItem},
};

constexpr int kMaxNesting = 16;
constexpr int kMaxLength = 10485760;  // PostgreSQL's bound for char(n) and varchar(n)

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' ||
         (c & 0x80) != 0;
}

class NameParser {
 public:
  explicit NameParser(std::string_view text) : text_(text) {}

  Result<SqlType> parse_all() {
    TRY_ASSIGN(SqlType type, parse(0));
    skip_space();
    if (at_ != text_.size()) return syntax_error();
    return type;
  }

 private:
  Result<SqlType> parse(int depth) {
    if (depth > kMaxNesting) return invalid("type is nested too deeply").with_sqlstate("54001");
    TRY_ASSIGN(SqlType type, parse_base(depth));
    while (true) {
      skip_space();
      if (accept('[')) {
        skip_space();
        while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0)
          ++at_;
        if (!expect(']')) return syntax_error();
        type = array_of(std::move(type));
      } else if (accept_word("list")) {
        type = list_of(std::move(type));
      } else if (accept_word("array")) {
        type = array_of(std::move(type));
      } else {
        return type;
      }
    }
  }

  Result<SqlType> parse_base(int depth) {
    skip_space();
    const size_t begin = at_;
    if (accept_word("map")) {
      skip_space();
      if (accept('[')) return parse_map(depth);
      at_ = begin;
    }
    bool quoted = false;
    TRY_ASSIGN(std::string word, parse_identifier(quoted));
    skip_space();
    while (accept('.')) {
      const bool system = word == "pg_catalog" || word == "mz_catalog" || word == "mz_unsafe";
      if (!system) {
        const std::string schema = word;
        TRY_ASSIGN(word, parse_identifier(quoted));
        return no_such_type(fmt::format("{}.{}", schema, word));
      }
      TRY_ASSIGN(word, parse_identifier(quoted));
      skip_space();
    }
    if (quoted) return resolve_quoted(word);
    return parse_plain(word);
  }

  Result<SqlType> parse_map(int depth) {
    TRY_ASSIGN(SqlType key, parse(depth + 1));
    if (key.id != TypeId::kText) {
      return invalid("map key type must be text, not {}", name(key)).with_sqlstate("42601");
    }
    if (!expect('=') || !accept('>')) return syntax_error();
    TRY_ASSIGN(SqlType value, parse(depth + 1));
    if (!expect(']')) return syntax_error();
    return map_of(std::move(value));
  }

  // "char" is one byte; other quoted names must be spelled as in pg_type.
  Result<SqlType> resolve_quoted(const std::string& word) {
    if (word == "char") return make(TypeId::kInternalChar);
    if (word.size() > 1 && word[0] == '_') return resolve_array(word);
    return resolve(word);
  }

  Result<SqlType> resolve_array(const std::string& word) {
    for (const SqlType& type : all_types()) {
      if (type.id == TypeId::kArray && catalog_name(type) == word) return type;
    }
    return no_such_type(word);
  }

  Result<SqlType> resolve(const std::string& word) {
    for (const Spelling& spelling : kSpellings) {
      if (spelling.text == word) return make(spelling.id);
    }
    return no_such_type(word);
  }

  Result<SqlType> parse_plain(std::string word) {
    if (word.size() > 1 && word[0] == '_') return resolve_array(word);
    if (word == "double" && accept_word("precision")) word = "double precision";
    if ((word == "character" || word == "char") && accept_word("varying")) word += " varying";
    TRY_ASSIGN(const std::vector<int> modifiers, parse_modifiers());
    if (word == "time" || word == "timestamp") {
      const size_t begin = at_;
      if (accept_word("without") && accept_word("time") && accept_word("zone")) {
        word += " without time zone";
      } else {
        at_ = begin;
        if (accept_word("with") && accept_word("time") && accept_word("zone")) {
          word += " with time zone";
        } else {
          at_ = begin;
        }
      }
    }
    TRY_ASSIGN(SqlType type, resolve(word));
    if (type.id == TypeId::kInterval) skip_interval_fields();
    return apply(std::move(type), modifiers, word);
  }

  Result<SqlType> apply(SqlType type, const std::vector<int>& modifiers, const std::string& word) {
    // char is char(1); bpchar is not.
    if (type.id == TypeId::kChar && modifiers.empty() && word != "bpchar") type.precision = 1;
    if (modifiers.empty()) return type;
    const int first = modifiers[0];
    switch (type.id) {
      case TypeId::kNumeric:
        return apply_numeric(modifiers);
      case TypeId::kVarchar:
      case TypeId::kChar:
        if (modifiers.size() > 1) return invalid("invalid type modifier").with_sqlstate("22023");
        if (first < 1) {
          return invalid("length for type {} must be at least 1", word).with_sqlstate("22023");
        }
        if (first > kMaxLength) {
          return invalid("length for type {} cannot exceed {}", word, kMaxLength)
              .with_sqlstate("22023");
        }
        type.precision = first;
        return type;
      case TypeId::kTime:
      case TypeId::kTimestamp:
      case TypeId::kTimestampTz:
      case TypeId::kInterval:
        return type;
      case TypeId::kDouble:
        if (word != "float" || modifiers.size() > 1) break;
        if (first < 1 || first > 53) {
          return invalid("precision for type float must be between 1 and 53 bits")
              .with_sqlstate("22023");
        }
        return make(first <= 24 ? TypeId::kReal : TypeId::kDouble);
      default:
        break;
    }
    return invalid("type modifier is not allowed for type \"{}\"", word).with_sqlstate("42601");
  }

  Result<SqlType> apply_numeric(const std::vector<int>& modifiers) {
    const int precision = modifiers[0];
    const int scale = modifiers.size() > 1 ? modifiers[1] : 0;
    if (modifiers.size() > 2)
      return invalid("invalid NUMERIC type modifier").with_sqlstate("22023");
    if (precision < 1 || precision > kMaxNumericPrecision) {
      return invalid("NUMERIC precision {} must be between 1 and {}", precision,
                     kMaxNumericPrecision)
          .with_sqlstate("22023");
    }
    if (scale < 0 || scale > precision) {
      return invalid("NUMERIC scale {} must be between 0 and precision {}", scale, precision)
          .with_sqlstate("22023");
    }
    return numeric(precision, scale);
  }

  Result<std::vector<int>> parse_modifiers() {
    std::vector<int> modifiers;
    skip_space();
    if (!accept('(')) return modifiers;
    do {
      skip_space();
      int value = 0;
      const char* begin = text_.data() + at_;
      const auto [end, code] = std::from_chars(begin, text_.data() + text_.size(), value);
      if (code != std::errc()) return syntax_error();
      at_ += static_cast<size_t>(end - begin);
      modifiers.push_back(value);
      skip_space();
    } while (accept(','));
    if (!expect(')')) return syntax_error();
    return modifiers;
  }

  void skip_interval_fields() {
    constexpr std::string_view kFields[] = {"year",   "month",  "day", "hour",
                                            "minute", "second", "to"};
    while (std::any_of(std::begin(kFields), std::end(kFields),
                       [this](std::string_view field) { return accept_word(field); })) {
    }
    skip_space();
    const size_t begin = at_;
    if (const Result<std::vector<int>> precision = parse_modifiers(); !precision.ok()) at_ = begin;
  }

  Result<std::string> parse_identifier(bool& quoted) {
    skip_space();
    quoted = accept('"');
    std::string word;
    if (quoted) {
      while (at_ < text_.size()) {
        const char c = text_[at_++];
        if (c != '"') {
          word += c;
        } else if (!accept('"')) {
          return word;
        } else {
          word += '"';
        }
      }
      return syntax_error();
    }
    while (at_ < text_.size() && is_word(text_[at_])) {
      const char c = text_[at_++];
      word += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
    if (word.empty()) return syntax_error();
    return word;
  }

  bool accept_word(std::string_view word) {
    skip_space();
    if (text_.size() - at_ < word.size()) return false;
    for (size_t i = 0; i < word.size(); ++i) {
      if (std::tolower(static_cast<unsigned char>(text_[at_ + i])) != word[i]) return false;
    }
    const size_t end = at_ + word.size();
    if (end < text_.size() && is_word(text_[end])) return false;
    at_ = end;
    return true;
  }

  void skip_space() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }
  bool accept(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool expect(char c) {
    skip_space();
    return accept(c);
  }

  Error no_such_type(const std::string& word) {
    return error(ErrorCode::kNotFound, "type \"{}\" does not exist", word).with_sqlstate("42704");
  }
  Error syntax_error() { return invalid("invalid type name \"{}\"", text_).with_sqlstate("42601"); }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<SqlType> parse_type_name(std::string_view text) { return NameParser(text).parse_all(); }

}  // namespace sluice::types
