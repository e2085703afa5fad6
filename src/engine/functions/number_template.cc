// to_char(number, template) and to_number(text, template): PostgreSQL's template patterns for
// numbers in the C locale (a point, commas, no currency).
//
//   9 0      places of digits, blank or zero in front      . D      the point        , G  a comma
//   S        the sign beside the number                    MI PL SG the sign here    PR   <…>
//   V        as many digits more as places follow          EEEE     an exponent
//   RN rn    Roman numbers       TH th  an ordinal's end   FM       no padding       L    (nothing)
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "engine/functions/int128.h"
#include "engine/functions/raise.h"
#include "engine/functions/row_function.h"
#include "engine/functions/text_in.h"
#include "engine/functions/text_out.h"

namespace sluice::engine::functions {
namespace {

enum class Piece {
  kDigit,
  kZero,
  kPoint,
  kComma,
  kLiteral,
  kSign,
  kMinus,
  kPlus,
  kAnySign,
  kAngle,
  kOrdinal,
  kRoman,
  kShift,
  kExponent,
  kCurrency
};

struct Item {
  Piece piece;
  std::string text;  // as it was written; a literal's own characters
};

struct Template {
  std::vector<Item> items;
  bool fill = true;              // no FM
  size_t before = 0;             // places of digits before the point
  size_t after = 0;              // and behind it
  size_t shift = 0;              // places behind V
  size_t zeros_from = SIZE_MAX;  // the first place before the point that is never blank
  size_t zeros_to = 0;           // places behind the point that stay even with FM
  bool point = false;

  bool has(Piece piece) const {
    return std::any_of(items.begin(), items.end(),
                       [&](const Item& item) { return item.piece == piece; });
  }
};

struct Word {
  std::string_view text;
  Piece piece;
};
constexpr auto kWords = std::to_array<Word>({{"EEEE", Piece::kExponent},
                                             {"MI", Piece::kMinus},
                                             {"PL", Piece::kPlus},
                                             {"PR", Piece::kAngle},
                                             {"RN", Piece::kRoman},
                                             {"SG", Piece::kAnySign},
                                             {"TH", Piece::kOrdinal},
                                             {"9", Piece::kDigit},
                                             {"0", Piece::kZero},
                                             {".", Piece::kPoint},
                                             {"D", Piece::kPoint},
                                             {",", Piece::kComma},
                                             {"G", Piece::kComma},
                                             {"S", Piece::kSign},
                                             {"V", Piece::kShift},
                                             {"L", Piece::kCurrency}});

bool starts_with_word(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) {
           return a == (b >= 'a' && b <= 'z' ? static_cast<char>(b - 32) : b);
         });
}

void count(Template& made, Piece piece) {
  const bool shifted = made.has(Piece::kShift);
  if (piece == Piece::kPoint) {
    if (made.point) raise(invalid("multiple decimal points").with_sqlstate("42601"));
    made.point = true;
  } else if (piece == Piece::kDigit || piece == Piece::kZero) {
    if (made.point) {
      ++made.after;
      if (piece == Piece::kZero) made.zeros_to = made.after;
    } else {
      if (piece == Piece::kZero) made.zeros_from = std::min(made.zeros_from, made.before);
      ++made.before;
      if (shifted) ++made.shift;
    }
  }
}

Template parsed(std::string_view text) {
  Template made;
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    if (rest[0] == '"') {
      const size_t end = std::min(rest.find('"', 1), rest.size());
      made.items.push_back({Piece::kLiteral, std::string(rest.substr(1, end - 1))});
      at += std::min(end + 1, rest.size());
      continue;
    }
    if (starts_with_word(rest, "FM")) {
      made.fill = false;
      at += 2;
      continue;
    }
    const auto* word = std::find_if(kWords.begin(), kWords.end(), [&](const Word& one) {
      return starts_with_word(rest, one.text);
    });
    if (word == kWords.end()) {
      made.items.push_back({Piece::kLiteral, std::string(rest.substr(0, 1))});
      ++at;
      continue;
    }
    count(made, word->piece);
    made.items.push_back({word->piece, std::string(rest.substr(0, word->text.size()))});
    at += word->text.size();
  }
  return made;
}

// A number's digits, rounded half away from zero.
struct Digits {
  bool negative = false;
  std::string whole;     // without zeros in front; "0" for none
  std::string fraction;  // exactly as many as the template has
};

void add_one(std::string& digits) {
  for (size_t i = digits.size(); i-- > 0;) {
    if (digits[i] != '9') {
      ++digits[i];
      return;
    }
    digits[i] = '0';
  }
  digits.insert(digits.begin(), '1');
}

// From `-123.45`, without an exponent.
Digits digits_of(std::string_view plain, size_t after, size_t shift) {
  Digits digits;
  digits.negative = plain.starts_with('-');
  if (digits.negative) plain.remove_prefix(1);
  const size_t point = std::min(plain.find('.'), plain.size());
  std::string all(plain.substr(0, point));
  std::string behind(plain.substr(std::min(point + 1, plain.size())));
  const size_t wanted = after + shift;
  const bool up = behind.size() > wanted && behind[wanted] >= '5';
  behind.resize(wanted, '0');
  all += behind;
  if (up) add_one(all);
  if (all.size() < after) all.insert(0, after - all.size(), '0');
  digits.fraction = all.substr(all.size() - after);
  all.resize(all.size() - after);
  all.erase(0, std::min(all.find_first_not_of('0'), all.size()));
  digits.whole = all.empty() ? "0" : all;
  const bool zero =
      digits.whole == "0" && digits.fraction.find_first_not_of('0') == std::string::npos;
  if (zero) digits.negative = false;
  return digits;
}

std::string_view ordinal_of(std::string_view whole, bool small) {
  const char last = whole.back();
  const bool teen = whole.size() > 1 && whole[whole.size() - 2] == '1';
  const size_t index = teen || last < '1' || last > '3' ? 3 : static_cast<size_t>(last - '1');
  constexpr std::string_view kSmall[] = {"st", "nd", "rd", "th"};
  constexpr std::string_view kLarge[] = {"ST", "ND", "RD", "TH"};
  return small ? kSmall[index] : kLarge[index];
}

std::string roman(const Digits& digits, bool fill, bool small) {
  constexpr std::pair<int, const char*> kRomans[] = {
      {1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"},
      {40, "XL"},  {10, "X"},   {9, "IX"},  {5, "V"},    {4, "IV"},  {1, "I"}};
  constexpr size_t kWidth = 15;
  int number = 0;
  if (digits.whole.size() <= 4) {
    std::from_chars(digits.whole.data(), digits.whole.data() + digits.whole.size(), number);
  }
  if (digits.negative || number < 1 || number > 3999) return std::string(kWidth, '#');
  std::string text;
  for (const auto& [value, word] : kRomans) {
    for (; number >= value; number -= value) text += word;
  }
  if (small)
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return static_cast<char>(c + 32); });
  if (fill && text.size() < kWidth) text.insert(0, kWidth - text.size(), ' ');
  return text;
}

class Writer {
 public:
  Writer(const Template& made, const Digits& digits) : made_(made), digits_(digits) {
    too_long_ = digits.whole.size() > made.before && !(digits.whole == "0" && made.after > 0);
    fraction_ = made.after;
    if (!made.fill) {
      while (fraction_ > made.zeros_to && digits.fraction[fraction_ - 1] == '0') --fraction_;
    }
    const bool placed = made.has(Piece::kMinus) || made.has(Piece::kAnySign);
    sign_due_ = !placed && (made.fill || digits.negative || made.has(Piece::kSign));
    bool digit_seen = false;
    for (const Item& item : made.items) {
      digit_seen = digit_seen || item.piece == Piece::kDigit || item.piece == Piece::kZero ||
                   item.piece == Piece::kPoint;
      if (item.piece == Piece::kSign) sign_behind_ = digit_seen;
    }
    if (sign_behind_) sign_due_ = false;
    last_ = made.before + made.after;
  }

  std::string run() {
    for (const Item& item : made_.items) write(item);
    return std::move(out_);
  }

 private:
  void write(const Item& item) {
    switch (item.piece) {
      case Piece::kDigit:
      case Piece::kZero:
        behind_point_ ? write_fraction() : write_whole();
        return written();
      case Piece::kPoint:
        write_sign();
        out_ += '.';
        behind_point_ = true;
        return;
      case Piece::kComma:
        if (inside_) {
          out_ += ',';
        } else {
          blank();
        }
        return;
      case Piece::kMinus:
        digits_.negative ? out_ += '-' : blank();
        return;
      case Piece::kPlus:
        digits_.negative ? blank() : out_ += '+';
        return;
      case Piece::kAnySign:
        out_ += digits_.negative ? '-' : '+';
        return;
      case Piece::kOrdinal:
        if (!digits_.negative && !made_.point && !too_long_) {
          out_ += ordinal_of(digits_.whole, item.text[0] == 't');
        }
        return;
      case Piece::kCurrency:
        blank();
        return;
      case Piece::kLiteral:
        out_ += item.text;
        return;
      default:
        return;
    }
  }

  std::string& blank() {
    if (made_.fill) out_ += ' ';
    return out_;
  }

  void write_sign() {
    if (!sign_due_) return;
    sign_due_ = false;
    if (made_.has(Piece::kSign)) {
      out_ += digits_.negative ? '-' : '+';
    } else if (made_.has(Piece::kAngle)) {
      digits_.negative ? out_ += '<' : blank();
    } else {
      digits_.negative ? out_ += '-' : blank();
    }
  }

  void write_whole() {
    const size_t place = place_;
    inside_ = false;
    if (too_long_) {
      write_sign();
      out_ += '#';
      inside_ = true;
      return;
    }
    // A lone zero before a point is left out, unless nothing else would be left.
    const bool hidden = digits_.whole == "0" && made_.after > 0 && made_.zeros_from == SIZE_MAX &&
                        !(!made_.fill && fraction_ == 0);
    const bool digit = place + digits_.whole.size() >= made_.before;
    if (digit && !hidden) {
      write_sign();
      out_ += digits_.whole[place + digits_.whole.size() - made_.before];
      inside_ = true;
    } else if (place >= made_.zeros_from) {
      write_sign();
      out_ += '0';
      inside_ = true;
    } else {
      blank();
    }
  }

  void write_fraction() {
    const size_t place = place_ - made_.before;
    inside_ = true;
    if (too_long_) {
      out_ += '#';
    } else if (place < fraction_) {
      out_ += digits_.fraction[place];
    }
  }

  // What stands behind the last digit.
  void written() {
    if (++place_ != last_) return;
    if (sign_behind_) out_ += digits_.negative ? '-' : '+';
    if (made_.has(Piece::kAngle)) digits_.negative ? out_ += '>' : blank();
  }

  const Template& made_;
  const Digits& digits_;
  std::string out_;
  bool too_long_ = false;
  bool sign_due_ = false;
  bool sign_behind_ = false;
  bool behind_point_ = false;
  bool inside_ = false;  // the last place written was a digit: a comma shows
  size_t fraction_ = 0;  // digits behind the point that are shown
  size_t place_ = 0;
  size_t last_ = 0;
};

std::string with_exponent(double number, const Template& made) {
  const std::string text = fmt::format("{:.{}e}", number, made.after);
  return number < 0 || !made.fill ? text : " " + text;
}

Value to_char(const Values& arguments, const LogicalType&) {
  const Template made = parsed(text_of(arguments[1]));
  const Value& number = arguments[0];
  if (made.has(Piece::kExponent)) return Value(with_exponent(number.GetValue<double>(), made));
  std::string plain;
  const bool floating = number.type().id() == duckdb::LogicalTypeId::DOUBLE ||
                        number.type().id() == duckdb::LogicalTypeId::FLOAT;
  if (floating) {
    const auto value = number.GetValue<double>();
    if (!std::isfinite(value)) {
      return Value(std::string(made.before + made.after + 1, '#'));
    }
    append_value(number, {}, plain);
    if (plain.find('e') != std::string::npos) plain = fmt::format("{:.10f}", value);
  } else {
    append_value(number, {}, plain);
  }
  const Digits digits = digits_of(plain, made.after, made.shift);
  if (made.has(Piece::kRoman)) {
    const auto small = std::find_if(made.items.begin(), made.items.end(), [](const Item& item) {
      return item.piece == Piece::kRoman && item.text[0] == 'r';
    });
    return Value(roman(digits, made.fill, small != made.items.end()));
  }
  return Value(Writer(made, digits).run());
}

// The digits that the template has places for; everything that is neither digit, point nor sign is
// passed over.
Value to_number(const Values& arguments, const LogicalType&) {
  const std::string& text = text_of(arguments[0]);
  const Template made = parsed(text_of(arguments[1]));
  std::string digits;
  bool negative = false, behind = false;
  size_t before = made.before, after = made.after, shifted = made.shift;
  for (const char c : text) {
    if (c == '-' || c == '<') {
      negative = true;
    } else if (c == '.' && made.point && !behind) {
      behind = true;
      digits += '.';
    } else if (c >= '0' && c <= '9') {
      size_t& left = behind ? after : before;
      if (left == 0) break;
      --left;
      digits += c;
    }
  }
  Int128 number = 0;
  constexpr int kScale = 10;
  if (!read_decimal(digits, 38, kScale, number)) {
    raise(invalid("invalid input syntax for type numeric: \"{}\"", digits.empty() ? " " : digits)
              .with_sqlstate("22P02"));
  }
  for (; shifted > 0; --shifted) number /= 10;
  return Value::DECIMAL(to_hugeint(negative ? -number : number), 38, kScale);
}

duckdb::unique_ptr<duckdb::FunctionData> keep_decimal(duckdb::ClientContext&,
                                                      duckdb::ScalarFunction& function,
                                                      BoundExpressions& arguments) {
  const LogicalType& type = arguments[0]->return_type;
  if (type.id() == duckdb::LogicalTypeId::DECIMAL) function.arguments[0] = type;
  return nullptr;
}

}  // namespace

void register_number_templates(duckdb::DatabaseInstance& database) {
  const LogicalType text = LogicalType::VARCHAR, numeric = LogicalType::DECIMAL(38, 10);
  add_rowwise<to_char>(database, "to_char", {LogicalType::BIGINT, text}, text);
  add_rowwise<to_char>(database, "to_char", {LogicalType::DOUBLE, text}, text);
  add_rowwise<to_char>(database, "to_char", {LogicalType::FLOAT, text}, text);
  duckdb::ScalarFunction decimals("to_char", {numeric, text}, text, each_row<to_char, false>,
                                  keep_decimal);
  add_function(database, std::move(decimals));
  add_rowwise<to_number>(database, "to_number", {text, text}, numeric);
}

}  // namespace sluice::engine::functions
