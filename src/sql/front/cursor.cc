#include "sql/front/cursor.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace sluice::sql {
namespace {

using Kind = Token::Kind;

constexpr std::string_view kReservedWords[] = {
    "all",        "analyse",    "analyze", "and",     "any",        "array",   "as",
    "asc",        "asymmetric", "both",    "case",    "cast",       "check",   "collate",
    "column",     "constraint", "create",  "default", "deferrable", "desc",    "distinct",
    "do",         "else",       "end",     "except",  "false",      "fetch",   "for",
    "foreign",    "from",       "grant",   "group",   "having",     "in",      "initially",
    "intersect",  "into",       "lateral", "leading", "limit",      "not",     "null",
    "offset",     "on",         "only",    "or",      "order",      "placing", "primary",
    "references", "returning",  "select",  "some",    "symmetric",  "table",   "then",
    "to",         "trailing",   "true",    "union",   "unique",     "user",    "using",
    "variadic",   "when",       "where",   "window",  "with"};

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return text;
}

std::vector<std::string_view> words_of(std::string_view name) {
  std::vector<std::string_view> words;
  while (!name.empty()) {
    const size_t blank = std::min(name.find(' '), name.size());
    words.push_back(name.substr(0, blank));
    name.remove_prefix(std::min(blank + 1, name.size()));
  }
  return words;
}

}  // namespace

bool is_reserved(std::string_view word) {
  return std::find(std::begin(kReservedWords), std::end(kReservedWords), word) !=
         std::end(kReservedWords);
}

bool Cursor::is(std::string_view what, size_t ahead) const {
  return at_ + ahead < end_ && tokens_.is(at_ + ahead, what);
}

bool Cursor::is_any(std::initializer_list<std::string_view> words, size_t ahead) const {
  return std::any_of(words.begin(), words.end(),
                     [this, ahead](std::string_view word) { return is(word, ahead); });
}

bool Cursor::is_kind(Token::Kind kind, size_t ahead) const {
  return at_ + ahead < end_ && tokens_.is_kind(at_ + ahead, kind);
}

bool Cursor::take(std::string_view what) {
  if (!is(what)) return false;
  ++at_;
  return true;
}

bool Cursor::take_all(std::initializer_list<std::string_view> words) {
  size_t ahead = 0;
  for (const auto word : words) {
    if (!is(word, ahead++)) return false;
  }
  at_ += ahead;
  return true;
}

Status Cursor::expect(std::string_view what) {
  if (!take(what)) return unexpected();
  return ok();
}

Status Cursor::expect_all(std::initializer_list<std::string_view> words) {
  for (const auto word : words) TRY(expect(word));
  return ok();
}

Status Cursor::expect_end() const {
  if (!at_end()) return unexpected();
  return ok();
}

Result<Name> Cursor::name() {
  const bool quoted = is_kind(Kind::kQuotedWord);
  if (!quoted && !is_kind(Kind::kWord)) return unexpected();
  Name name{tokens_.word(at_), position()};
  if (!quoted && is_reserved(name.text)) return unexpected();
  ++at_;
  return name;
}

Result<ObjectName> Cursor::object_name() {
  ObjectName object;
  object.position = position();
  do {
    TRY_ASSIGN(Name part, name());
    object.parts.push_back(std::move(part.text));
    if (object.parts.size() > 3) {
      return invalid("improper qualified name (too many dotted names): {}",
                     fmt::join(object.parts, "."))
          .with_sqlstate("42601")
          .at(object.position);
    }
  } while (take("."));
  return object;
}

Result<std::vector<ObjectName>> Cursor::object_names() {
  std::vector<ObjectName> list;
  do {
    TRY_ASSIGN(ObjectName object, object_name());
    list.push_back(std::move(object));
  } while (take(","));
  return list;
}

Result<std::vector<Name>> Cursor::names_in_parentheses() {
  TRY(expect("("));
  std::vector<Name> list;
  do {
    TRY_ASSIGN(Name one, name());
    list.push_back(std::move(one));
  } while (take(","));
  TRY(expect(")"));
  return list;
}

Result<std::string> Cursor::string() {
  if (!is_kind(Kind::kString)) return unexpected();
  return tokens_.string(at_++);
}

Result<int64_t> Cursor::integer() {
  const bool negative = take("-");
  if (!negative) take("+");
  if (!is_kind(Kind::kNumber)) return unexpected();
  const std::string_view digits = tokens_.source(at_);
  int64_t value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) return unexpected();
  ++at_;
  return negative ? -value : value;
}

Result<std::vector<Option>> Cursor::options(KnownNames known) {
  TRY(expect("("));
  if (is(")") && !known.empty()) {
    return invalid("Expected one of {}, found right parenthesis", fmt::join(known, " or "))
        .with_sqlstate("42601")
        .at(position());
  }
  std::vector<Option> list;
  do {
    TRY_ASSIGN(Option one, option(known));
    list.push_back(std::move(one));
  } while (take(","));
  TRY(expect(")"));
  return list;
}

Result<Option> Cursor::option(KnownNames known) {
  Option option;
  option.position = position();
  TRY_ASSIGN(option.name, option_name(known));
  const bool assigned = take("=");
  if (!assigned && (at_end() || is(",") || is(")"))) return option;
  TRY(option.name == "PARTITION BY" && is("(") ? expressions(option) : option_value(option));
  return option;
}

std::string_view Cursor::longest_of(KnownNames names) const {
  std::string_view longest;
  size_t count = 0;
  for (const auto candidate : names) {
    const auto words = words_of(candidate);
    bool fits = words.size() > count;
    for (size_t i = 0; fits && i < words.size(); ++i) {
      fits =
          is_kind(Kind::kWord, i) && upper(tokens_.word(at_ + i)) == upper(std::string(words[i]));
    }
    if (fits) longest = candidate, count = words.size();
  }
  return longest;
}

Result<std::string> Cursor::one_of(KnownNames choices) {
  const std::string_view found = longest_of(choices);
  if (found.empty()) return unexpected();
  at_ += words_of(found).size();
  return std::string(found);
}

Result<std::string> Cursor::option_name(KnownNames known) {
  if (!longest_of(known).empty()) return one_of(known);
  // NULL, a reserved word, is an option's name too.
  if (!is_kind(Kind::kWord) && !is_kind(Kind::kQuotedWord)) return unexpected();
  return upper(tokens_.word(at_++));
}

Status Cursor::option_value(Option& option) {
  option.value_position = position();
  if (is_kind(Kind::kString)) {
    option.kind = Option::Kind::kText;
    option.value = tokens_.string(at_++);
  } else if (is_kind(Kind::kNumber) || ((is("-") || is("+")) && is_kind(Kind::kNumber, 1))) {
    option.kind = Option::Kind::kNumber;
    if (!is_kind(Kind::kNumber)) option.value = tokens_.source(at_++);
    option.value += tokens_.source(at_++);
  } else if (take("*")) {
    option.kind = Option::Kind::kStar;
  } else if (take("(")) {
    option.kind = Option::Kind::kList;
    do {
      if (is_kind(Kind::kString)) {
        option.items.push_back(tokens_.string(at_++));
      } else {
        TRY_ASSIGN(Name item, name());
        option.items.push_back(std::move(item.text));
      }
    } while (take(","));
    TRY(expect(")"));
  } else if (is("secret") && (is_kind(Kind::kWord, 1) || is_kind(Kind::kQuotedWord, 1))) {
    ++at_;
    option.kind = Option::Kind::kSecret;
    TRY_ASSIGN(option.object, object_name());
    option.value = option.object.last();
  } else if (is_any({"true", "false", "on", "null", "default"})) {
    option.kind = Option::Kind::kWord;
    option.object = {{tokens_.word(at_)}, position()};
    option.value = tokens_.word(at_++);
  } else {
    option.kind = Option::Kind::kWord;
    TRY_ASSIGN(option.object, object_name());
    option.value = option.object.last();
    // zstd 9
    const bool has_level = option.name == "COMPRESSION" && is_kind(Kind::kNumber);
    if (has_level) option.value += fmt::format(" {}", tokens_.source(at_++));
  }
  return ok();
}

Status Cursor::expressions(Option& option) {
  option.kind = Option::Kind::kList;
  option.value_position = position();
  const size_t close = closing();
  TRY(expect("("));
  do {
    const size_t end = std::min(Cursor(tokens_, {at_, close}).find({","}), close);
    if (end == at_) return unexpected();
    option.items.push_back(text({at_, end}));
    at_ = end;
  } while (take(","));
  return expect(")");
}

size_t Cursor::closing() const {
  int depth = 0;
  for (size_t i = at_; i < end_; ++i) {
    if (tokens_.is(i, "(") || tokens_.is(i, "[")) ++depth;
    if (tokens_.is(i, ")") || tokens_.is(i, "]")) --depth;
    if (depth == 0) return i;
  }
  return end_;
}

size_t Cursor::find(std::initializer_list<std::string_view> words) const {
  int depth = 0;
  for (size_t i = at_; i < end_; ++i) {
    if (depth == 0 && std::any_of(words.begin(), words.end(),
                                  [&](std::string_view word) { return tokens_.is(i, word); })) {
      return i;
    }
    if (tokens_.is(i, "(") || tokens_.is(i, "[")) ++depth;
    if (tokens_.is(i, ")") || tokens_.is(i, "]")) --depth;
  }
  return end_;
}

std::string Cursor::text(Range range) const {
  if (range.begin >= range.end) return {};
  const size_t begin = tokens_[range.begin].begin;
  return std::string(tokens_.sql().substr(begin, tokens_[range.end - 1].end - begin));
}

}  // namespace sluice::sql
