// Array, list and map literals: {1,2}, {"a,b",NULL}, {{1},{2}}, {a=>1}.
#include <algorithm>
#include <optional>

#include "base/text.h"
#include "engine/functions/text_in.h"

namespace sluice::engine::functions {
namespace {

using duckdb::LogicalTypeId;

constexpr int kMaxDepth = 32;

bool is_null_word(std::string_view text) {
  return text.size() == 4 && (text[0] | 0x20) == 'n' && (text[1] | 0x20) == 'u' &&
         (text[2] | 0x20) == 'l' && (text[3] | 0x20) == 'l';
}

// One element as written: with its quotes and escapes taken off, unless it is nested itself.
struct Token {
  std::string text;
  bool quoted = false;
  bool nested = false;
};

class LiteralScanner {
 public:
  LiteralScanner(std::string_view text, std::string_view kind) : text_(text), kind_(kind) {}

  // [1:2][0:1]= in front of an array: read past, since bounds are not kept.
  void skip_bounds() {
    skip_space();
    size_t at = at_;
    if (at >= text_.size() || text_[at] != '[') return;
    const size_t equals = text_.find('=', at);
    if (equals == std::string_view::npos) return;
    at_ = equals + 1;
  }

  Status open() {
    skip_space();
    if (!accept('{')) {
      return malformed(kind_ == "array" ? "Array value must start with \"{\" or dimension "
                                          "information."
                                        : "Value must start with \"{\".");
    }
    return ok();
  }

  // True at the closing brace, and then only blanks may follow.
  Result<bool> closed(bool first) {
    skip_space();
    if (at_ >= text_.size()) return malformed("Unexpected end of input.");
    if (text_[at_] == '}') {
      ++at_;
      skip_space();
      if (at_ != text_.size()) return malformed("Junk after closing right brace.");
      return true;
    }
    if (!first) {
      if (!accept(',')) return unexpected();
      skip_space();
    }
    return false;
  }

  Status expect_arrow() {
    skip_space();
    if (accept('=') && accept('>')) return ok();
    return malformed("Expected \"=>\" behind a key.");
  }

  Result<Token> token(bool key) {
    skip_space();
    Token token;
    if (at_ >= text_.size()) return malformed("Unexpected end of input.");
    if (text_[at_] == '{' && !key) {
      token.nested = true;
      TRY_ASSIGN(token.text, nested());
      return token;
    }
    if (accept('"')) {
      token.quoted = true;
      TRY_ASSIGN(token.text, quoted());
      return token;
    }
    size_t kept = 0;  // blanks at the end are not part of it, unless escaped
    while (at_ < text_.size() && !ends_bare(key)) {
      char c = text_[at_++];
      if (c == '{' || c == '"') return --at_, unexpected();
      if (c == '\\') {
        if (at_ >= text_.size()) return malformed("Unexpected end of input.");
        c = text_[at_++];
        token.quoted = true;
        token.text += c;
        kept = token.text.size();
        continue;
      }
      token.text += c;
      if (!is_space(c)) kept = token.text.size();
    }
    token.text.resize(kept);
    if (token.text.empty()) return unexpected();
    return token;
  }

  Error malformed(std::string_view detail) const {
    return invalid("malformed {} literal: \"{}\"", kind_, text_)
        .with_sqlstate("22P02")
        .with_detail(std::string(detail));
  }

 private:
  bool ends_bare(bool key) const {
    const char c = text_[at_];
    return c == ',' || c == '}' ||
           (key && c == '=' && at_ + 1 < text_.size() && text_[at_ + 1] == '>');
  }

  Result<std::string> quoted() {
    std::string out;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return out;
      if (c != '\\') {
        out += c;
      } else if (at_ < text_.size()) {
        out += text_[at_++];
      }
    }
    return malformed("Unexpected end of input.");
  }

  // From { to its }, as it stands.
  Result<std::string> nested() {
    const size_t begin = at_;
    int depth = 0;
    bool in_quotes = false;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\\') {
        ++at_;
      } else if (c == '"') {
        in_quotes = !in_quotes;
      } else if (!in_quotes && c == '{') {
        if (++depth > kMaxDepth) return malformed("Too many levels of braces.");
      } else if (!in_quotes && c == '}' && --depth == 0) {
        ++at_;
        return std::string(text_.substr(begin, at_ - begin));
      }
    }
    return malformed("Unexpected end of input.");
  }

  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  bool accept(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Error unexpected() const {
    if (at_ >= text_.size()) return malformed("Unexpected end of input.");
    return malformed(fmt::format("Unexpected \"{}\" character.", text_[at_]));
  }

  std::string_view text_;
  std::string_view kind_;
  size_t at_ = 0;
};

}  // namespace

Result<Value> ColumnReader::read_list(std::string_view text) const {
  const LogicalType& element = duckdb::ListType::GetChildType(type_);
  const ColumnReader reader(element, zone_);
  const bool element_nests =
      element.id() == LogicalTypeId::LIST || element.id() == LogicalTypeId::MAP;
  LiteralScanner scanner(text, "array");
  scanner.skip_bounds();
  TRY(scanner.open());
  duckdb::vector<Value> elements;
  while (true) {
    TRY_ASSIGN(const bool closed, scanner.closed(elements.empty()));
    if (closed) break;
    TRY_ASSIGN(const Token token, scanner.token(false));
    if (!token.quoted && !token.nested && is_null_word(token.text)) {
      elements.emplace_back(element);
      continue;
    }
    if (token.nested && !element_nests) {
      const std::string name = input_type_name(element);
      return scanner.malformed("Its elements are not arrays.")
          .with_hint(fmt::format("Declare the type as {}[][].", name));
    }
    TRY_ASSIGN(Value value, reader.read(token.text));
    elements.push_back(std::move(value));
  }
  return Value::LIST(element, std::move(elements));
}

Result<Value> ColumnReader::read_map(std::string_view text) const {
  const LogicalType& value_type = duckdb::MapType::ValueType(type_);
  const ColumnReader reader(value_type, zone_);
  LiteralScanner scanner(text, "map");
  TRY(scanner.open());
  duckdb::vector<Value> keys, values;
  bool first = true;
  while (true) {
    TRY_ASSIGN(const bool closed, scanner.closed(first));
    if (closed) break;
    first = false;
    TRY_ASSIGN(const Token key, scanner.token(true));
    TRY(scanner.expect_arrow());
    TRY_ASSIGN(const Token token, scanner.token(false));
    Value value(value_type);
    if (token.quoted || token.nested || !is_null_word(token.text)) {
      TRY_ASSIGN(value, reader.read(token.text));
    }
    // The last of two values for one key stays.
    const Value name(key.text);
    const auto same = std::find(keys.begin(), keys.end(), name);
    if (same == keys.end()) {
      keys.push_back(name);
      values.push_back(std::move(value));
    } else {
      values[static_cast<size_t>(same - keys.begin())] = std::move(value);
    }
  }
  return Value::MAP(LogicalType::VARCHAR, value_type, std::move(keys), std::move(values));
}

}  // namespace sluice::engine::functions
