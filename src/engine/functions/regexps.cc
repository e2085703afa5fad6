// PostgreSQL's functions of regular expressions, over RE2:
//
//   regexp_match(text, pattern [, flags])                    text[], the groups or the whole match
//   sluice_regexp_matches(text, pattern [, flags])           text[][]: rows of regexp_matches()
//   regexp_count, regexp_like, regexp_substr, regexp_instr   as in PostgreSQL 15
//   sluice_regexp_split(text, pattern [, flags])             text[]
//   sluice_substring(text, pattern)                          substring(text from pattern)
//   sluice_similar(text, pattern [, escape])                 text SIMILAR TO pattern
//
// Patterns are PostgreSQL's as far as RE2 has them: no back references and no look around (2201B).
// A dot takes line ends too; \y \m \M stand for word boundaries.
#include <duckdb/common/re2_regex.hpp>

#include "engine/functions/raise.h"
#include "engine/functions/row_function.h"

namespace sluice::engine::functions {
namespace {

using duckdb_re2::Match;
using duckdb_re2::Regex;

struct Flags {
  bool global = false;
  bool ignore_case = false;
  bool lines = false;    // ^ and $ at line ends, and a dot that stops there
  bool literal = false;  // no special characters
};

Flags flags_of(const std::string& text) {
  Flags flags;
  for (const char flag : text) {
    switch (flag) {
      case 'g':
        flags.global = true;
        break;
      case 'i':
        flags.ignore_case = true;
        break;
      case 'c':
        flags.ignore_case = false;
        break;
      case 'n':
      case 'm':
        flags.lines = true;
        break;
      case 's':
        flags.lines = false;
        break;
      case 'q':
        flags.literal = true;
        break;
      default:
        raise(invalid("invalid regular expression option: \"{}\"", flag).with_sqlstate("22023"));
    }
  }
  return flags;
}

[[noreturn]] void bad_pattern(const std::string& pattern) {
  raise(invalid("invalid regular expression: \"{}\"", pattern)
            .with_sqlstate("2201B")
            .with_hint("Back references and look around are not supported."));
}

std::string quoted_pattern(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\^$.[]|()?*+{}").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// PostgreSQL's escapes in RE2's spelling.
std::string translated(const std::string& pattern) {
  std::string out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '\\') {
      out += pattern[i];
      continue;
    }
    if (++i == pattern.size()) bad_pattern(pattern);
    switch (pattern[i]) {
      case 'y':
      case 'm':
      case 'M':
        out += "\\b";
        break;
      case 'Y':
        out += "\\B";
        break;
      case 'Z':
        out += "\\z";
        break;
      default:
        out += '\\';
        out += pattern[i];
    }
  }
  return out;
}

// DuckDB 1.4.4 takes its own option for case the wrong way round, so that the pattern says it.
std::string spelled(const std::string& pattern, const Flags& flags) {
  const char* options = flags.ignore_case ? (flags.lines ? "(?im-s)" : "(?is)")
                                          : (flags.lines ? "(?m-is)" : "(?s-i)");
  return options + (flags.literal ? quoted_pattern(pattern) : translated(pattern));
}

// The last pattern stays compiled: most calls of a query have the same.
const Regex& compiled(const std::string& text) {
  thread_local std::string last;
  thread_local std::optional<Regex> regex;
  if (!regex || last != text) {
    // A pattern that RE2 refuses matches nothing, and says no more; one with an empty branch at its
    // end that is refused too cannot be right.
    Match match;
    if (!duckdb_re2::RegexSearch("", match, Regex(text + "|"))) {
      bad_pattern(text.substr(text.find(')') + 1));
    }
    regex.emplace(text);
    last = text;
  }
  return *regex;
}

std::vector<Match> matches_of(const std::string& text, const std::string& pattern,
                              const Flags& flags) {
  const Regex& regex = compiled(spelled(pattern, flags));
  std::vector<Match> matches;
  if (flags.global) {
    for (Match& match : duckdb_re2::RegexFindAll(text, regex)) matches.push_back(std::move(match));
    return matches;
  }
  Match match;
  if (duckdb_re2::RegexSearch(text, match, regex)) matches.push_back(std::move(match));
  return matches;
}

// A group that took no part has no place. Where the whole match begins with the text that cannot be
// told from an empty one; there the pattern says whether the group may be left out.
Value group_value(const Match& match, size_t group, const std::string& pattern) {
  const auto& found = match.groups[group];
  const bool optional =
      pattern.find(")?") != std::string::npos || pattern.find(")*") != std::string::npos ||
      pattern.find(")|") != std::string::npos || pattern.find("|(") != std::string::npos;
  const bool missing =
      found.text.empty() && found.position == 0 && (match.groups[0].position > 0 || optional);
  return missing ? Value(LogicalType::VARCHAR) : Value(found.text);
}

Value groups_value(const Match& match, const std::string& pattern) {
  duckdb::vector<Value> found;
  if (match.groups.size() == 1) found.emplace_back(match.groups[0].text);
  for (size_t i = 1; i < match.groups.size(); ++i) {
    found.push_back(group_value(match, i, pattern));
  }
  return Value::LIST(LogicalType::VARCHAR, std::move(found));
}

std::string flags_argument(const Values& arguments, size_t index) {
  return arguments.size() > index ? text_of(arguments[index]) : "";
}

Value regexp_match(const Values& arguments, const LogicalType& result) {
  const Flags flags = flags_of(flags_argument(arguments, 2));
  if (flags.global) {
    raise(invalid("regexp_match() does not support the \"global\" option")
              .with_sqlstate("22023")
              .with_hint("Use the regexp_matches function instead."));
  }
  const std::string& pattern = text_of(arguments[1]);
  const auto matches = matches_of(text_of(arguments[0]), pattern, flags);
  return matches.empty() ? Value(result) : groups_value(matches[0], pattern);
}

Value regexp_matches(const Values& arguments, const LogicalType&) {
  const std::string& pattern = text_of(arguments[1]);
  duckdb::vector<Value> rows;
  for (const Match& match :
       matches_of(text_of(arguments[0]), pattern, flags_of(flags_argument(arguments, 2)))) {
    rows.push_back(groups_value(match, pattern));
  }
  return Value::LIST(LogicalType::LIST(LogicalType::VARCHAR), std::move(rows));
}

// Empty matches part characters, but leave no empty piece at the begin, the end or behind another
// match.
Value regexp_split(const Values& arguments, const LogicalType&) {
  const std::string& text = text_of(arguments[0]);
  Flags flags = flags_of(flags_argument(arguments, 2));
  flags.global = true;
  duckdb::vector<Value> parts;
  size_t begin = 0;
  for (const Match& match : matches_of(text, text_of(arguments[1]), flags)) {
    const size_t at = match.groups[0].position, length = match.groups[0].text.size();
    if (length == 0 && (at == begin || at >= text.size())) continue;
    parts.emplace_back(text.substr(begin, at - begin));
    begin = at + length;
  }
  parts.emplace_back(text.substr(begin));
  return Value::LIST(LogicalType::VARCHAR, std::move(parts));
}

// From the character `start` on, where the argument is given.
std::string text_from(const Values& arguments, size_t index, size_t& skipped_characters) {
  const std::string& text = text_of(arguments[0]);
  skipped_characters = 0;
  if (arguments.size() <= index) return text;
  const auto start = arguments[index].GetValue<int64_t>();
  if (start <= 0) {
    raise(invalid("invalid value for parameter \"start\": {}", start).with_sqlstate("22023"));
  }
  skipped_characters = static_cast<size_t>(start - 1);
  return text.substr(byte_of_character(text, start - 1));
}

Value regexp_count(const Values& arguments, const LogicalType&) {
  size_t skipped = 0;
  const std::string text = text_from(arguments, 2, skipped);
  Flags flags = flags_of(flags_argument(arguments, 3));
  flags.global = true;
  return Value::INTEGER(
      static_cast<int32_t>(matches_of(text, text_of(arguments[1]), flags).size()));
}

Value regexp_like(const Values& arguments, const LogicalType&) {
  const Flags flags = flags_of(flags_argument(arguments, 2));
  return Value::BOOLEAN(!matches_of(text_of(arguments[0]), text_of(arguments[1]), flags).empty());
}

int64_t positive(const Values& arguments, size_t index, const char* name, int64_t least,
                 int64_t standard) {
  if (arguments.size() <= index) return standard;
  const auto value = arguments[index].GetValue<int64_t>();
  if (value < least) {
    raise(invalid("invalid value for parameter \"{}\": {}", name, value).with_sqlstate("22023"));
  }
  return value;
}

// The n-th match's group: nothing where there is none.
struct Found {
  std::string text;
  size_t begin = 0;  // in characters, from 1
};
std::optional<Found> nth_match(const Values& arguments, size_t flags_at, size_t group_at) {
  size_t skipped = 0;
  const std::string text = text_from(arguments, 2, skipped);
  const int64_t number = positive(arguments, 3, "n", 1, 1);
  Flags flags = flags_of(flags_argument(arguments, flags_at));
  const int64_t group = positive(arguments, group_at, "subexpr", 0, 0);
  flags.global = true;
  const auto matches = matches_of(text, text_of(arguments[1]), flags);
  if (number > static_cast<int64_t>(matches.size())) return std::nullopt;
  const Match& match = matches[static_cast<size_t>(number - 1)];
  if (group >= static_cast<int64_t>(match.groups.size())) return std::nullopt;
  const auto& found = match.groups[static_cast<size_t>(group)];
  return Found{found.text,
               skipped + 1 + characters_of(std::string_view(text).substr(0, found.position))};
}

Value regexp_substr(const Values& arguments, const LogicalType& result) {
  const auto found = nth_match(arguments, 4, 5);
  return found ? Value(found->text) : Value(result);
}

Value regexp_instr(const Values& arguments, const LogicalType&) {
  const int64_t end = positive(arguments, 4, "endoption", 0, 0);
  if (end > 1) {
    raise(invalid("invalid value for parameter \"endoption\": {}", end).with_sqlstate("22023"));
  }
  const auto found = nth_match(arguments, 5, 6);
  if (!found) return Value::INTEGER(0);
  return Value::INTEGER(
      static_cast<int32_t>(found->begin + (end == 1 ? characters_of(found->text) : 0)));
}

Value substring_by_pattern(const Values& arguments, const LogicalType& result) {
  const auto matches = matches_of(text_of(arguments[0]), text_of(arguments[1]), {});
  if (matches.empty()) return Value(result);
  return group_value(matches[0], matches[0].groups.size() > 1 ? 1 : 0, text_of(arguments[1]));
}

// SQL's own patterns: % and _ as in LIKE, and | * + ? {n} ( ) [ ] as in regular expressions.
std::string of_similar(const std::string& pattern, const std::string& escape) {
  std::string out = "^(?:";
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (!escape.empty() && c == escape[0]) {
      if (++i == pattern.size()) bad_pattern(pattern);
      out += quoted_pattern(pattern.substr(i, 1));
    } else if (in_class) {
      in_class = c != ']';
      if (c == '\\') out += '\\';
      out += c;
    } else if (c == '%') {
      out += ".*";
    } else if (c == '_') {
      out += '.';
    } else if (c == '(') {
      out += "(?:";
    } else if (c == '\\' || c == '.' || c == '^' || c == '$') {
      out += '\\';
      out += c;
    } else {
      in_class = c == '[';
      out += c;
    }
  }
  return out + ")$";
}

Value similar(const Values& arguments, const LogicalType&) {
  const std::string escape = arguments.size() > 2 ? text_of(arguments[2]) : "\\";
  if (escape.size() > 1) {
    raise(invalid("invalid escape string")
              .with_sqlstate("22019")
              .with_hint("Escape string must be empty or one character."));
  }
  const Regex& regex = compiled("(?s)" + of_similar(text_of(arguments[1]), escape));
  Match match;
  return Value::BOOLEAN(duckdb_re2::RegexSearch(text_of(arguments[0]), match, regex));
}

}  // namespace

void register_regexps(duckdb::DatabaseInstance& database) {
  const LogicalType text = LogicalType::VARCHAR, integer = LogicalType::INTEGER;
  const LogicalType boolean = LogicalType::BOOLEAN, texts = LogicalType::LIST(text);
  add_rowwise<substring_by_pattern>(database, "sluice_substring", {text, text}, text);
  for (const bool with_flags : {false, true}) {
    duckdb::vector<LogicalType> two = {text, text};
    if (with_flags) two.push_back(text);
    add_rowwise<regexp_match>(database, "regexp_match", two, texts);
    add_rowwise<regexp_matches>(database, "sluice_regexp_matches", two, LogicalType::LIST(texts));
    add_rowwise<regexp_split>(database, "sluice_regexp_split", two, texts);
    add_rowwise<regexp_like>(database, "regexp_like", two, boolean);
    add_rowwise<similar>(database, "sluice_similar", two, boolean);
  }
  const duckdb::vector<LogicalType> count = {text, text, integer, text};
  const duckdb::vector<LogicalType> part = {text, text, integer, integer, text, integer};
  const duckdb::vector<LogicalType> place = {text, text, integer, integer, integer, text, integer};
  const auto first = [](const duckdb::vector<LogicalType>& types, size_t number) {
    return duckdb::vector<LogicalType>(types.begin(),
                                       types.begin() + static_cast<ptrdiff_t>(number));
  };
  for (size_t i = 2; i <= count.size(); ++i)
    add_rowwise<regexp_count>(database, "regexp_count", first(count, i), integer);
  for (size_t i = 2; i <= part.size(); ++i)
    add_rowwise<regexp_substr>(database, "regexp_substr", first(part, i), text);
  for (size_t i = 2; i <= place.size(); ++i)
    add_rowwise<regexp_instr>(database, "regexp_instr", first(place, i), integer);
}

}  // namespace sluice::engine::functions
