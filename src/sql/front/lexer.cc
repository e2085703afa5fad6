#include "sql/front/lexer.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "sql/front/parse.h"

namespace sluice::sql {
namespace {

constexpr std::string_view kOperatorCharacters = "~!@#^&|`?+-*/%<>=";
constexpr std::string_view kBlanks = " \t\n\r\f\v";

bool is_blank(char c) { return kBlanks.find(c) != std::string_view::npos; }
bool is_operator(char c) { return kOperatorCharacters.find(c) != std::string_view::npos; }
bool begins_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}
bool continues_word(char c) { return begins_word(c) || is_digit(c) || c == '$'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char folded = lower(c);
  return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

void append_utf8(std::string& out, uint32_t code) {
  const auto byte = [&out](uint32_t value) { out.push_back(static_cast<char>(value)); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0 | code >> 6), byte(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    byte(0xe0 | code >> 12), byte(0x80 | (code >> 6 & 0x3f)), byte(0x80 | (code & 0x3f));
  } else {
    byte(0xf0 | code >> 18), byte(0x80 | (code >> 12 & 0x3f));
    byte(0x80 | (code >> 6 & 0x3f)), byte(0x80 | (code & 0x3f));
  }
}

// The length of the well-formed UTF-8 character at the front, 0 where there is none.
size_t utf8_length(std::string_view text) {
  const auto at = [&text](size_t i) {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0};
  };
  const auto tail = [&at](size_t i) { return (at(i) & 0xc0) == 0x80; };
  const uint8_t lead = at(0);
  if (lead < 0x80) return lead == 0 ? 0 : 1;
  if (lead >= 0xc2 && lead < 0xe0) return tail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead < 0xf0) {
    if (!tail(1) || !tail(2)) return 0;
    if (lead == 0xe0 && at(1) < 0xa0) return 0;
    if (lead == 0xed && at(1) >= 0xa0) return 0;  // a surrogate
    return 3;
  }
  if (lead >= 0xf0 && lead < 0xf5) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if ((lead == 0xf0 && at(1) < 0x90) || (lead == 0xf4 && at(1) >= 0x90)) return 0;
    return 4;
  }
  return 0;
}

// 0, or the byte from 1 at which the text stops being UTF-8 without NUL.
size_t bad_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text.substr(i));
    if (length == 0) return i + 1;
    i += length;
  }
  return 0;
}

Error escape_error(std::string_view what) { return invalid("{}", what).with_sqlstate("22025"); }

// One \u or U& escape at a time: joins surrogate pairs.
class Unicode {
 public:
  Status add(std::string& out, uint32_t code) {
    if (high_ != 0) {
      if (code < 0xdc00 || code > 0xdfff) return escape_error("invalid Unicode surrogate pair");
      append_utf8(out, 0x10000 + ((high_ - 0xd800) << 10) + (code - 0xdc00));
      high_ = 0;
      return ok();
    }
    if (code >= 0xd800 && code <= 0xdbff) return high_ = code, ok();
    if (code == 0 || code > 0x10ffff || (code >= 0xdc00 && code <= 0xdfff)) {
      return escape_error("invalid Unicode escape value");
    }
    append_utf8(out, code);
    return ok();
  }
  Status finish() const {
    if (high_ != 0) return escape_error("invalid Unicode surrogate pair");
    return ok();
  }

 private:
  uint32_t high_ = 0;
};

// `count` hex digits at `at`.
std::optional<uint32_t> hex(std::string_view text, size_t at, size_t count) {
  uint32_t value = 0;
  if (at + count > text.size()) return std::nullopt;
  for (size_t i = 0; i < count; ++i) {
    const int digit = hex_digit(text[at + i]);
    if (digit < 0) return std::nullopt;
    value = value << 4 | static_cast<uint32_t>(digit);
  }
  return value;
}

// What stands between the quotes, from the quote on; moves `at` behind the closing one.
Status read_quoted(std::string_view sql, size_t& at, bool escapes, std::string& out) {
  const char quote = sql[at++];
  Unicode unicode;
  for (;;) {
    if (at >= sql.size()) {
      return invalid("unterminated quoted {}", quote == '"' ? "identifier" : "string");
    }
    const char c = sql[at];
    if (c == quote) {
      if (at + 1 >= sql.size() || sql[at + 1] != quote) break;
      TRY(unicode.finish());
      out.push_back(quote);
      at += 2;
    } else if (c != '\\' || !escapes) {
      TRY(unicode.finish());
      out.push_back(c);
      ++at;
    } else {
      const char kind = at + 1 < sql.size() ? sql[at + 1] : '\0';
      if (kind == 'u' || kind == 'U') {
        const size_t digits = kind == 'u' ? 4 : 8;
        const auto code = hex(sql, at + 2, digits);
        if (!code) {
          return escape_error("invalid Unicode escape")
              .with_hint(R"(Unicode escapes must be \uXXXX or \UXXXXXXXX.)");
        }
        TRY(unicode.add(out, *code));
        at += 2 + digits;
        continue;
      }
      TRY(unicode.finish());
      at += 2;
      if (kind == 'x' && at < sql.size() && hex_digit(sql[at]) >= 0) {
        int value = hex_digit(sql[at++]);
        if (at < sql.size() && hex_digit(sql[at]) >= 0) value = value * 16 + hex_digit(sql[at++]);
        out.push_back(static_cast<char>(value));
      } else if (kind >= '0' && kind <= '7') {
        int value = kind - '0';
        for (int i = 0; i < 2 && at < sql.size() && sql[at] >= '0' && sql[at] <= '7'; ++i) {
          value = value * 8 + (sql[at++] - '0');
        }
        out.push_back(static_cast<char>(value));
      } else if (kind != '\0') {
        constexpr std::string_view kFrom = "bfnrt";
        constexpr std::string_view kTo = "\b\f\n\r\t";
        const size_t found = kFrom.find(kind);
        out.push_back(found == std::string_view::npos ? kind : kTo[found]);
      }
    }
  }
  ++at;
  return unicode.finish();
}

// U&'…' and U&"…": \XXXX and \+XXXXXX.
Result<std::string> resolve_unicode(std::string_view text) {
  std::string out;
  Unicode unicode;
  for (size_t i = 0; i < text.size();) {
    if (text[i] != '\\') {
      TRY(unicode.finish());
      out.push_back(text[i++]);
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == '\\') {
      TRY(unicode.finish());
      out.push_back('\\');
      i += 2;
      continue;
    }
    const bool is_long = i + 1 < text.size() && text[i + 1] == '+';
    const auto code = is_long ? hex(text, i + 2, 6) : hex(text, i + 1, 4);
    if (!code) {
      return escape_error("invalid Unicode escape")
          .with_hint(R"(Unicode escapes must be \XXXX or \+XXXXXX.)");
    }
    TRY(unicode.add(out, *code));
    i += is_long ? 8 : 5;
  }
  TRY(unicode.finish());
  return out;
}

// The letters in front of a quote: E, N, U&, B, X; where the quote is.
struct Prefix {
  char letter = '\0';
  size_t length = 0;
};
Prefix prefix_of(std::string_view text) {
  if (text.size() >= 2 && text[1] == '\'') {
    const char letter = lower(text[0]);
    if (letter == 'e' || letter == 'n' || letter == 'b' || letter == 'x') return {letter, 1};
  }
  if (text.size() >= 3 && lower(text[0]) == 'u' && text[1] == '&' &&
      (text[2] == '\'' || text[2] == '"')) {
    return {'u', 2};
  }
  return {};
}

// $tag$ at the front: its length, 0 where it is none.
size_t dollar_tag(std::string_view text) {
  size_t i = 1;
  if (i < text.size() && begins_word(text[i])) {
    while (i < text.size() && continues_word(text[i]) && text[i] != '$') ++i;
  }
  return i < text.size() && text[i] == '$' ? i + 1 : 0;
}

// After a string's quote: blanks with a newline in them and another quote continue it (SQL's rule).
// Where that quote is; npos where the string ends.
size_t continuation(std::string_view sql, size_t at) {
  bool newline = false;
  for (;; ++at) {
    if (at >= sql.size()) return std::string_view::npos;
    if (sql[at] == '\n' || sql[at] == '\r') newline = true;
    if (!is_blank(sql[at])) break;
  }
  return newline && sql[at] == '\'' ? at : std::string_view::npos;
}

// The whole string token from `at` on, and where it ends.
Status read_string(std::string_view sql, size_t& at, std::string& out) {
  if (sql[at] == '$') {
    const size_t length = dollar_tag(sql.substr(at));
    const std::string_view tag = sql.substr(at, length);
    const size_t close = sql.find(tag, at + length);
    if (close == std::string_view::npos) return invalid("unterminated dollar-quoted string");
    out = sql.substr(at + length, close - at - length);
    at = close + length;
    return ok();
  }
  const Prefix prefix = prefix_of(sql.substr(at));
  at += prefix.length;
  TRY(read_quoted(sql, at, prefix.letter == 'e', out));
  for (size_t next = continuation(sql, at); next != std::string_view::npos;
       next = continuation(sql, at)) {
    at = next;
    TRY(read_quoted(sql, at, prefix.letter == 'e', out));
  }
  if (prefix.letter == 'u') {
    TRY_ASSIGN(out, resolve_unicode(out));
  }
  return ok();
}

// Reads one token after another; each read_… moves at_ behind what it read.
class Lexer {
 public:
  explicit Lexer(std::string_view sql) : sql_(sql) {}

  Status run(std::vector<Token>& tokens) {
    for (;;) {
      TRY(skip_blanks());
      if (at_ >= sql_.size()) return ok();
      const size_t begin = at_;
      const auto kind = read_token();
      if (!kind.ok()) {
        Error failure = kind.error();
        failed_at_ = begin;
        return failure;
      }
      tokens.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(at_), *kind});
    }
  }
  size_t failed_at() const { return failed_at_; }

 private:
  char peek(size_t ahead = 0) const { return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0'; }
  bool at_comment(size_t at) const {
    const std::string_view two = sql_.substr(at, 2);
    return two == "--" || two == "/*";
  }

  Status skip_blanks() {
    while (at_ < sql_.size()) {
      if (is_blank(sql_[at_])) {
        ++at_;
      } else if (sql_.substr(at_, 2) == "--") {
        at_ = std::min(sql_.find_first_of("\n\r", at_), sql_.size());
      } else if (sql_.substr(at_, 2) == "/*") {
        TRY(skip_comment());
      } else {
        break;
      }
    }
    return ok();
  }

  Status skip_comment() {  // they nest
    failed_at_ = at_;
    int depth = 0;
    do {
      const std::string_view two = sql_.substr(at_, 2);
      if (two == "/*") ++depth;
      if (two == "*/") --depth;
      at_ += two == "/*" || two == "*/" ? 2 : 1;
      if (at_ >= sql_.size() && depth > 0) return invalid("unterminated /* comment");
    } while (depth > 0);
    return ok();
  }

  Result<Token::Kind> read_token() {
    const char c = peek();
    const Prefix prefix = prefix_of(sql_.substr(at_));
    if (c == '\'' || prefix.length > 0) return read_string_token(prefix);
    if (c == '"') {
      std::string name;
      TRY(read_quoted(sql_, at_, false, name));
      if (name.empty()) return invalid("zero-length delimited identifier");
      return Token::Kind::kQuotedWord;
    }
    if (begins_word(c)) {
      while (at_ < sql_.size() && continues_word(sql_[at_])) ++at_;
      return Token::Kind::kWord;
    }
    if (c == '$') return read_dollar();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return read_number();
    if (is_operator(c)) return read_operator();
    return read_symbol();
  }

  Result<Token::Kind> read_string_token(Prefix prefix) {
    std::string value;
    if (prefix.letter == 'u' && peek(2) == '"') {
      at_ += 2;
      TRY(read_quoted(sql_, at_, false, value));
      TRY_ASSIGN(value, resolve_unicode(value));
      if (value.empty()) return invalid("zero-length delimited identifier");
      return Token::Kind::kQuotedWord;
    }
    TRY(read_string(sql_, at_, value));
    if (bad_utf8(value) != 0) {
      return invalid("invalid byte sequence for encoding \"UTF8\"").with_sqlstate("22021");
    }
    return prefix.letter == 'b' || prefix.letter == 'x' ? Token::Kind::kBits : Token::Kind::kString;
  }

  Result<Token::Kind> read_dollar() {
    if (is_digit(peek(1))) {
      ++at_;
      while (is_digit(peek())) ++at_;
      if (begins_word(peek())) return invalid("trailing junk after parameter");
      return Token::Kind::kParameter;
    }
    if (dollar_tag(sql_.substr(at_)) > 0) {
      std::string value;
      TRY(read_string(sql_, at_, value));
      return Token::Kind::kString;
    }
    ++at_;
    return invalid("syntax error at or near \"$\"");
  }

  Result<Token::Kind> read_number() {
    while (is_digit(peek())) ++at_;
    // `1..10` is 1, `..`, 10.
    if (peek() == '.' && peek(1) != '.') {
      ++at_;
      while (is_digit(peek())) ++at_;
    }
    if (lower(peek()) == 'e') {
      const size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
      if (is_digit(peek(1 + sign))) {
        at_ += 1 + sign;
        while (is_digit(peek())) ++at_;
      }
    }
    if (begins_word(peek())) return invalid("trailing junk after numeric literal");
    return Token::Kind::kNumber;
  }

  // As long as possible, but it stops before a comment; and + or - can only end it where a
  // character is in it that SQL's own operators do not have: `=-` is two, `@-` is one.
  Result<Token::Kind> read_operator() {
    const size_t begin = at_;
    while (at_ < sql_.size() && is_operator(sql_[at_]) && (at_ == begin || !at_comment(at_))) ++at_;
    const auto keeps_sign = [this, begin] {
      return sql_.substr(begin, at_ - 1 - begin).find_first_of("~!@#^&|`?%") !=
             std::string_view::npos;
    };
    while (at_ - begin > 1 && (sql_[at_ - 1] == '+' || sql_[at_ - 1] == '-') && !keeps_sign()) {
      --at_;
    }
    if (at_ - begin > 63) return invalid("operator too long");
    return sql_.substr(begin, at_ - begin) == "=>" ? Token::Kind::kSymbol : Token::Kind::kOperator;
  }

  Result<Token::Kind> read_symbol() {
    for (const std::string_view two : {"::", ":=", ".."}) {
      if (sql_.substr(at_, 2) == two) return at_ += 2, Token::Kind::kSymbol;
    }
    const char c = sql_[at_++];
    if (std::strchr("()[],;.:", c) != nullptr) return Token::Kind::kSymbol;
    return invalid("syntax error at or near \"{}\"", c);
  }

  const std::string_view sql_;
  size_t at_ = 0;
  size_t failed_at_ = 0;
};

}  // namespace

Result<Tokens> Tokens::of(std::string_view sql) {
  if (sql.size() > kMaxStatementBytes) {
    return invalid("statement is larger than {} MiB", kMaxStatementBytes >> 20)
        .with_sqlstate("54000");
  }
  Tokens tokens;
  tokens.sql_ = sql;
  if (const size_t bad = bad_utf8(sql); bad != 0) {
    return invalid("invalid byte sequence for encoding \"UTF8\": 0x{:02x}",
                   static_cast<uint8_t>(sql[bad - 1]))
        .with_sqlstate("22021");
  }
  Lexer lexer(sql);
  auto status = lexer.run(tokens.tokens_);
  if (!status.ok()) {
    Error failure = std::move(status).error();
    if (failure.sqlstate.empty()) failure.sqlstate = "42601";
    failure.position = tokens.position_of_byte(lexer.failed_at());
    return failure;
  }
  tokens.end_ = {static_cast<uint32_t>(sql.size()), static_cast<uint32_t>(sql.size()),
                 Token::Kind::kEnd};
  return tokens;
}

const Token& Tokens::operator[](size_t index) const {
  return index < tokens_.size() ? tokens_[index] : end_;
}

std::string_view Tokens::source(size_t index) const {
  const Token& token = (*this)[index];
  return sql_.substr(token.begin, token.end - token.begin);
}

bool Tokens::is(size_t index, std::string_view what) const {
  const Token& token = (*this)[index];
  const std::string_view text = source(index);
  if (text.size() != what.size()) return false;
  if (token.kind == Token::Kind::kSymbol || token.kind == Token::Kind::kOperator) {
    return text == what;
  }
  return token.kind == Token::Kind::kWord &&
         std::equal(text.begin(), text.end(), what.begin(),
                    [](char a, char b) { return lower(a) == b; });
}

std::string Tokens::word(size_t index) const {
  const std::string_view text = source(index);
  std::string out;
  if ((*this)[index].kind != Token::Kind::kQuotedWord) {
    out.resize(text.size());
    std::transform(text.begin(), text.end(), out.begin(), lower);
    return out;
  }
  const bool unicode = text.front() != '"';
  size_t at = unicode ? 2 : 0;
  CHECK(read_quoted(text, at, false, out).ok());
  return unicode ? std::move(resolve_unicode(out)).value() : out;
}

std::string Tokens::string(size_t index) const {
  std::string out;
  size_t at = 0;
  CHECK(read_string(source(index), at, out).ok());
  return out;
}

int32_t characters(std::string_view text) {
  return static_cast<int32_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

int32_t Tokens::position_of_byte(size_t byte) const {
  byte = std::min(byte, sql_.size());
  counted_characters_ += byte >= counted_bytes_
                             ? characters(sql_.substr(counted_bytes_, byte - counted_bytes_))
                             : -characters(sql_.substr(byte, counted_bytes_ - byte));
  counted_bytes_ = byte;
  return 1 + counted_characters_;
}

Error Tokens::syntax_error(size_t index) const {
  const Token& token = (*this)[index];
  if (token.kind == Token::Kind::kEnd) {
    return invalid("syntax error at end of input").with_sqlstate("42601").at(position(index));
  }
  const bool quoted = token.kind == Token::Kind::kString || token.kind == Token::Kind::kBits ||
                      token.kind == Token::Kind::kQuotedWord;
  // Somebody may have forgotten the quotes. No word of the statement's own is that long.
  constexpr size_t kLongWord = 16;
  const bool hidden = hide_strings_ && (quoted || source(index).size() >= kLongWord);
  return (hidden ? invalid("syntax error at or near {}",
                           quoted ? "a quoted string" : "a word that may be a secret")
                 : invalid("syntax error at or near \"{}\"", source(index)))
      .with_sqlstate("42601")
      .at(position(index));
}

std::string quote_string(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out += '\'';
}

std::string quote_name(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  return out += '"';
}

}  // namespace sluice::sql
