#include "engine/functions/json.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "engine/functions/text_out.h"

namespace sluice::engine::functions {
namespace {

constexpr int kMaxDepth = 512;
// What a plain decimal may grow to when an exponent is written out.
constexpr int64_t kMaxExponent = 1000;

void append_utf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

// Recursive descent straight into the normal form; only objects keep their members for sorting.
class Normalizer {
 public:
  explicit Normalizer(std::string_view text) : text_(text) {}

  Result<std::string> run() {
    std::string out;
    out.reserve(text_.size());
    TRY(value(out, 0));
    skip_space();
    if (at_ != text_.size()) return wrong();
    return out;
  }

 private:
  Status value(std::string& out, int depth) {
    if (depth > kMaxDepth) return invalid("jsonb is nested too deeply").with_sqlstate("54001");
    skip_space();
    if (at_ >= text_.size()) return wrong();
    switch (text_[at_]) {
      case '{':
        return object(out, depth);
      case '[':
        return array(out, depth);
      case '"': {
        std::string text;
        TRY(string(text));
        append_json_string(text, out);
        return ok();
      }
      case 't':
        return word("true", out);
      case 'f':
        return word("false", out);
      case 'n':
        return word("null", out);
      default:
        return number(out);
    }
  }

  Status object(std::string& out, int depth) {
    struct Member {
      std::string key, value;
    };
    std::vector<Member> members;
    ++at_;
    skip_space();
    if (!accept('}')) {
      do {
        Member member;
        skip_space();
        if (at_ >= text_.size() || text_[at_] != '"') return wrong();
        TRY(string(member.key));
        skip_space();
        if (!accept(':')) return wrong();
        TRY(value(member.value, depth + 1));
        members.push_back(std::move(member));
        skip_space();
      } while (accept(','));
      if (!accept('}')) return wrong();
    }
    std::stable_sort(members.begin(), members.end(),
                     [](const Member& a, const Member& b) { return a.key < b.key; });
    out += '{';
    bool first = true;
    for (size_t i = 0; i < members.size(); ++i) {
      if (i + 1 < members.size() && members[i + 1].key == members[i].key) continue;
      if (!first) out += ',';
      first = false;
      append_json_string(members[i].key, out);
      out += ':';
      out += members[i].value;
    }
    out += '}';
    return ok();
  }

  Status array(std::string& out, int depth) {
    ++at_;
    out += '[';
    skip_space();
    if (!accept(']')) {
      bool first = true;
      do {
        if (!first) out += ',';
        first = false;
        TRY(value(out, depth + 1));
        skip_space();
      } while (accept(','));
      if (!accept(']')) return wrong();
    }
    out += ']';
    return ok();
  }

  Status word(std::string_view expected, std::string& out) {
    if (text_.substr(at_, expected.size()) != expected) return wrong();
    at_ += expected.size();
    if (at_ < text_.size() && std::isalnum(static_cast<unsigned char>(text_[at_])) != 0) {
      return wrong();
    }
    out += expected;
    return ok();
  }

  std::string_view digits() {
    const size_t begin = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  Status number(std::string& out) {
    const bool negative = accept('-');
    const std::string_view whole = digits();
    if (whole.empty() || (whole.size() > 1 && whole[0] == '0')) return wrong();
    std::string_view fraction;
    if (accept('.')) {
      fraction = digits();
      if (fraction.empty()) return wrong();
    }
    int64_t exponent = 0;
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      ++at_;
      const bool minus = accept('-');
      if (!minus) accept('+');
      const std::string_view power = digits();
      if (power.empty()) return wrong();
      std::from_chars(power.data(), power.data() + power.size(), exponent);
      if (power.size() > 6 || exponent > kMaxExponent) {
        return invalid("value overflows numeric format").with_sqlstate("22003");
      }
      if (minus) exponent = -exponent;
    }
    if (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0)) {
      return wrong();
    }
    append_number(negative, whole, fraction, exponent, out);
    return ok();
  }

  static void append_number(bool negative, std::string_view whole, std::string_view fraction,
                            int64_t exponent, std::string& out) {
    std::string digits(whole);
    digits += fraction;
    const bool zero = digits.find_first_not_of('0') == std::string::npos;
    // The point stands behind `point` digits.
    int64_t point = static_cast<int64_t>(whole.size()) + exponent;
    if (point <= 0) {
      digits.insert(0, static_cast<size_t>(1 - point), '0');
      point = 1;
    } else if (point > static_cast<int64_t>(digits.size())) {
      digits.append(static_cast<size_t>(point) - digits.size(), '0');
    }
    size_t zeros = 0;
    while (zeros + 1 < static_cast<size_t>(point) && digits[zeros] == '0') ++zeros;
    if (negative && !zero) out += '-';
    out.append(digits, zeros, static_cast<size_t>(point) - zeros);
    if (static_cast<size_t>(point) == digits.size()) return;
    out += '.';
    out.append(digits, static_cast<size_t>(point));
  }

  Status string(std::string& out) {
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return ok();
      if (static_cast<unsigned char>(c) < 0x20) return --at_, wrong();
      if (c == '\\') {
        TRY(escape(out));
      } else {
        out += c;
      }
    }
    return wrong();
  }

  Status escape(std::string& out) {
    if (at_ >= text_.size()) return wrong();
    const char c = text_[at_++];
    switch (c) {
      case '"':
      case '\\':
      case '/':
        out += c;
        return ok();
      case 'b':
        out += '\b';
        return ok();
      case 'f':
        out += '\f';
        return ok();
      case 'n':
        out += '\n';
        return ok();
      case 'r':
        out += '\r';
        return ok();
      case 't':
        out += '\t';
        return ok();
      case 'u':
        return unicode(out);
      default:
        return wrong();
    }
  }

  bool hex4(uint32_t& code) {
    if (text_.size() - at_ < 4) return false;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, begin + 4, code, 16);
    at_ += 4;
    return error == std::errc() && end == begin + 4;
  }

  Status unicode(std::string& out) {
    uint32_t code = 0;
    if (!hex4(code)) return wrong();
    if (code == 0) {
      return invalid("unsupported Unicode escape sequence")
          .with_sqlstate("22P05")
          .with_detail("\\u0000 cannot be converted to text.");
    }
    if (code >= 0xdc00 && code < 0xe000) return surrogate();
    if (code >= 0xd800 && code < 0xdc00) {
      uint32_t low = 0;
      if (text_.substr(at_, 2) != "\\u") return surrogate();
      at_ += 2;
      if (!hex4(low) || low < 0xdc00 || low >= 0xe000) return surrogate();
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(code, out);
    return ok();
  }

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }
  bool accept(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Error wrong() const {
    // PostgreSQL names the token; the text from there on does as well.
    std::string detail = "The input string ended unexpectedly.";
    if (at_ < text_.size()) {
      size_t end = at_ + 1;
      while (end < text_.size() && end - at_ < 32 &&
             std::isalnum(static_cast<unsigned char>(text_[end])) != 0 &&
             std::isalnum(static_cast<unsigned char>(text_[at_])) != 0) {
        ++end;
      }
      detail = fmt::format("Token \"{}\" is invalid.", text_.substr(at_, end - at_));
    }
    return invalid("invalid input syntax for type json")
        .with_sqlstate("22P02")
        .with_detail(std::move(detail));
  }
  Error surrogate() const {
    return invalid("invalid input syntax for type json")
        .with_sqlstate("22P02")
        .with_detail("Unicode surrogates must come in pairs.");
  }

  std::string_view text_;
  size_t at_ = 0;
};

// The end of the value that begins at `at` of a document in normal form.
size_t end_of(std::string_view json, size_t at) {
  int depth = 0;
  bool in_string = false;
  for (; at < json.size(); ++at) {
    const char c = json[at];
    if (in_string) {
      if (c == '\\') {
        ++at;
      } else if (c == '"') {
        in_string = false;
        if (depth == 0) return at + 1;
      }
      continue;
    }
    if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return at;
      if (--depth == 0) return at + 1;
    } else if ((c == ',' || c == ':') && depth == 0) {
      return at;
    }
  }
  return json.size();
}

// The value of a number in normal form, for comparing 1.0 with 1.
std::string_view without_trailing_zeros(std::string_view number) {
  if (number.find('.') == std::string_view::npos) return number;
  while (number.back() == '0') number.remove_suffix(1);
  if (number.back() == '.') number.remove_suffix(1);
  return number;
}

bool json_equal(std::string_view a, std::string_view b) {
  const JsonKind kind = json_kind(a);
  if (kind != json_kind(b)) return false;
  if (kind == JsonKind::kNumber) return without_trailing_zeros(a) == without_trailing_zeros(b);
  return a == b;
}

}  // namespace

Result<std::string> normalize_json(std::string_view text) { return Normalizer(text).run(); }

void append_json_string(std::string_view text, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
      case '\\':
        out += '\\';
        out += c;
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += kHex[static_cast<uint8_t>(c) >> 4];
          out += kHex[static_cast<uint8_t>(c) & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

std::string json_string_text(std::string_view json) {
  std::string out;
  if (json.size() < 2) return out;
  json = json.substr(1, json.size() - 2);
  for (size_t i = 0; i < json.size(); ++i) {
    if (json[i] != '\\' || i + 1 >= json.size()) {
      out += json[i];
      continue;
    }
    switch (json[++i]) {
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u': {
        uint32_t code = 0;
        const std::string_view digits = json.substr(i + 1, 4);
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
        append_utf8(code, out);
        i += 4;
        break;
      }
      default:
        out += json[i];
    }
  }
  return out;
}

JsonKind json_kind(std::string_view json) {
  switch (json.empty() ? 'n' : json[0]) {
    case '{':
      return JsonKind::kObject;
    case '[':
      return JsonKind::kArray;
    case '"':
      return JsonKind::kString;
    case 't':
    case 'f':
      return JsonKind::kBoolean;
    case 'n':
      return JsonKind::kNull;
    default:
      return JsonKind::kNumber;
  }
}

std::vector<std::string_view> json_elements(std::string_view array) {
  std::vector<std::string_view> elements;
  size_t at = 1;
  while (at < array.size() && array[at] != ']') {
    const size_t end = end_of(array, at);
    elements.push_back(array.substr(at, end - at));
    at = end < array.size() && array[end] == ',' ? end + 1 : end;
  }
  return elements;
}

std::vector<JsonMember> json_members(std::string_view object) {
  std::vector<JsonMember> members;
  size_t at = 1;
  while (at < object.size() && object[at] != '}') {
    const size_t key_end = end_of(object, at);
    if (key_end + 1 >= object.size()) break;
    const size_t end = end_of(object, key_end + 1);
    members.push_back(
        {object.substr(at, key_end - at), object.substr(key_end + 1, end - key_end - 1)});
    at = end < object.size() && object[end] == ',' ? end + 1 : end;
  }
  return members;
}

std::optional<std::string_view> json_get(std::string_view json, std::string_view key) {
  if (json_kind(json) != JsonKind::kObject) return std::nullopt;
  std::string quoted;
  append_json_string(key, quoted);
  size_t at = 1;
  while (at < json.size() && json[at] != '}') {
    const size_t key_end = end_of(json, at);
    if (key_end + 1 >= json.size()) break;
    const size_t end = end_of(json, key_end + 1);
    if (json.substr(at, key_end - at) == quoted) return json.substr(key_end + 1, end - key_end - 1);
    at = end < json.size() && json[end] == ',' ? end + 1 : end;
  }
  return std::nullopt;
}

std::optional<std::string_view> json_get(std::string_view json, int64_t index) {
  if (json_kind(json) != JsonKind::kArray) return std::nullopt;
  const std::vector<std::string_view> elements = json_elements(json);
  if (index < 0) index += static_cast<int64_t>(elements.size());
  if (index < 0 || index >= static_cast<int64_t>(elements.size())) return std::nullopt;
  return elements[static_cast<size_t>(index)];
}

std::optional<std::string> json_as_text(std::string_view json) {
  switch (json_kind(json)) {
    case JsonKind::kNull:
      return std::nullopt;
    case JsonKind::kString:
      return json_string_text(json);
    default: {
      std::string out;
      append_json(json, true, out);
      return out;
    }
  }
}

bool json_contains(std::string_view outer, std::string_view inner) {
  const JsonKind outer_kind = json_kind(outer), inner_kind = json_kind(inner);
  if (outer_kind == JsonKind::kArray) {
    const std::vector<std::string_view> elements = json_elements(outer);
    const auto holds = [&](std::string_view wanted) {
      const JsonKind kind = json_kind(wanted);
      const bool nested = kind == JsonKind::kArray || kind == JsonKind::kObject;
      return std::any_of(elements.begin(), elements.end(), [&](std::string_view element) {
        return nested ? json_kind(element) == kind && json_contains(element, wanted)
                      : json_equal(element, wanted);
      });
    };
    if (inner_kind == JsonKind::kArray) {
      const std::vector<std::string_view> wanted = json_elements(inner);
      return std::all_of(wanted.begin(), wanted.end(), holds);
    }
    // An array may contain a primitive value.
    return inner_kind != JsonKind::kObject && holds(inner);
  }
  if (outer_kind != inner_kind) return false;
  if (outer_kind != JsonKind::kObject) return json_equal(outer, inner);
  for (const JsonMember& member : json_members(inner)) {
    const auto found = json_get(outer, json_string_text(member.key));
    if (!found || !json_contains(*found, member.value)) return false;
    // Inside an object an array does not stand for its element.
    if (json_kind(*found) != json_kind(member.value)) return false;
  }
  return true;
}

}  // namespace sluice::engine::functions
