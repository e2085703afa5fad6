#include "format/csv.h"

#include <algorithm>
#include <cstring>

namespace sluice::format {
namespace {

using types::SqlType;
using types::TypeId;

// The characters that texts of a type can have, where they are few and known.
const char* alphabet(TypeId type) {
  switch (type) {
    case TypeId::kBoolean:
      return "tf";
    case TypeId::kSmallInt:
    case TypeId::kInteger:
    case TypeId::kBigInt:
    case TypeId::kUint2:
    case TypeId::kUint4:
    case TypeId::kUint8:
    case TypeId::kMzTimestamp:
    case TypeId::kOid:
      return "-0123456789";
    case TypeId::kNumeric:
      return "-.0123456789";
    case TypeId::kReal:
    case TypeId::kDouble:
      return "-+.0123456789eInfityNa";
    case TypeId::kUuid:
      return "-0123456789abcdef";
    case TypeId::kDate:
      return "- 0123456789BCinfty";
    case TypeId::kTime:
      return ":.0123456789";
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return "-+:. 0123456789BCinfty";
    default:
      return nullptr;
  }
}

// Whether no text of this type can hold the delimiter or the quote, or be the NULL text.
bool is_plain(const SqlType& type, const CsvOptions& options) {
  const char* const characters = alphabet(type.id);
  if (characters == nullptr) return false;
  const auto in_alphabet = [characters](char c) { return std::strchr(characters, c) != nullptr; };
  if (in_alphabet(options.delimiter) || in_alphabet(options.quote)) return false;
  // No value is empty; otherwise any character outside will do.
  for (const char c : options.null_text) {
    if (!in_alphabet(c)) return true;
  }
  return options.null_text.empty();
}

constexpr uint64_t repeated(char c) {
  return 0x0101010101010101ULL * static_cast<unsigned char>(c);
}
// Not zero iff a byte of `word` is zero.
constexpr uint64_t has_zero(uint64_t word) {
  return (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL;
}

// Texts of up to 16 bytes, as most are, without a call.
char* put_text(char* to, std::string_view text) {
  const char* const from = text.data();
  const size_t size = text.size();
  if (size > 16) {
    std::memcpy(to, from, size);
  } else if (size >= 8) {
    std::memcpy(to, from, 8);
    std::memcpy(to + size - 8, from + size - 8, 8);
  } else if (size >= 4) {
    std::memcpy(to, from, 4);
    std::memcpy(to + size - 4, from + size - 4, 4);
  } else {
    for (size_t i = 0; i < size; ++i) to[i] = from[i];
  }
  return to + size;
}

}  // namespace

CsvEncoder::CsvEncoder(std::vector<std::string> names, std::vector<SqlType> types,
                       CsvOptions options, TextOptions text)
    : names_(std::move(names)),
      types_(std::move(types)),
      options_(std::move(options)),
      text_(std::move(text)),
      columns_(types_.size()) {
  for (const SqlType& type : types_) plain_.push_back(is_plain(type, options_));
}

bool CsvEncoder::needs_quotes(std::string_view text) const {
  if (text == options_.null_text) return true;
  if (types_.size() == 1 && text == "\\.") return true;
  const uint64_t delimiters = repeated(options_.delimiter);
  const uint64_t quotes = repeated(options_.quote);
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + i, 8);
    if ((has_zero(word ^ delimiters) | has_zero(word ^ quotes) | has_zero(word ^ repeated('\n')) |
         has_zero(word ^ repeated('\r'))) != 0) {
      return true;
    }
  }
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == options_.delimiter || c == options_.quote || c == '\n' || c == '\r') return true;
  }
  return false;
}

// Takes twice the text's length and two quotes at most.
char* CsvEncoder::put_quoted(char* to, std::string_view text) const {
  *to++ = options_.quote;
  const auto is_escaped = [this](char c) { return c == options_.quote || c == options_.escape; };
  while (!text.empty()) {
    const auto run =
        static_cast<size_t>(std::find_if(text.begin(), text.end(), is_escaped) - text.begin());
    std::memcpy(to, text.data(), run);
    to += run;
    text.remove_prefix(run);
    if (text.empty()) break;
    *to++ = options_.escape;
    *to++ = text.front();
    text.remove_prefix(1);
  }
  *to++ = options_.quote;
  return to;
}

std::string CsvEncoder::header() const {
  std::string line;
  for (size_t i = 0; i < names_.size(); ++i) {
    if (i > 0) line += options_.delimiter;
    if (!needs_quotes(names_[i])) {
      line += names_[i];
      continue;
    }
    std::string quoted(2 * names_[i].size() + 2, '\0');
    quoted.resize(static_cast<size_t>(put_quoted(quoted.data(), names_[i]) - quoted.data()));
    line += quoted;
  }
  line += '\n';
  return line;
}

// Four quick searches through all of a column's texts save looking at each of them.
CsvEncoder::Fields CsvEncoder::fields_of(size_t column) const {
  if (plain_[column]) return Fields::kPlain;
  const std::string& texts = columns_[column].bytes;
  for (const char c : {options_.delimiter, options_.quote, '\n', '\r'}) {
    if (std::memchr(texts.data(), c, texts.size()) != nullptr) return Fields::kAny;
  }
  // A relation of one column has a text of its own that wants quotes.
  return types_.size() == 1 ? Fields::kAny : Fields::kNullText;
}

Status CsvEncoder::encode(engine::Chunk& chunk, std::string& out, std::vector<size_t>& row_ends) {
  const size_t rows = chunk.size();
  size_t bound = rows * (columns_.size() + 1) * (1 + options_.null_text.size());
  fields_.resize(columns_.size());
  for (size_t i = 0; i < columns_.size(); ++i) {
    TRY(encode_text(types_[i], chunk.data[i], rows, text_, columns_[i]));
    fields_[i] = fields_of(i);
    bound += columns_[i].bytes.size();
    if (fields_[i] != Fields::kPlain) bound += rows * (2 + options_.null_text.size());
    if (fields_[i] == Fields::kAny) bound += columns_[i].bytes.size();
  }
  row_ends.reserve(row_ends.size() + rows);
  // Through a pointer, since appending to a string costs more than most fields are long.
  const size_t begin = out.size();
  out.resize(begin + bound);
  char* at = out.data() + begin;
  for (size_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) *at++ = options_.delimiter;
      const TextColumn& column = columns_[i];
      if (column.null[row] != 0) {
        at = put_text(at, options_.null_text);
        continue;
      }
      const std::string_view text = column[row];
      const bool is_quoted = fields_[i] == Fields::kAny        ? needs_quotes(text)
                             : fields_[i] == Fields::kNullText ? text == options_.null_text
                                                               : false;
      at = is_quoted ? put_quoted(at, text) : put_text(at, text);
    }
    *at++ = '\n';
    row_ends.push_back(static_cast<size_t>(at - out.data()));
  }
  out.resize(static_cast<size_t>(at - out.data()));
  return ok();
}

CopyTextEncoder::CopyTextEncoder(std::vector<SqlType> types, CopyTextOptions options,
                                 TextOptions text)
    : types_(std::move(types)),
      options_(std::move(options)),
      text_(std::move(text)),
      columns_(types_.size()) {}

namespace {

// The letter behind the backslash for a character that a line can't hold as it is; 0 for others.
char copy_escape(char c, char delimiter) {
  switch (c) {
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    case '\v':
      return 'v';
    case '\\':
      return '\\';
    default:
      return c == delimiter ? c : '\0';
  }
}

void append_escaped(std::string_view text, char delimiter, std::string& out) {
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char letter = copy_escape(text[i], delimiter);
    if (letter == '\0') continue;
    out.append(text, begin, i - begin);
    out += '\\';
    out += letter;
    begin = i + 1;
  }
  out.append(text, begin, text.size() - begin);
}

}  // namespace

Status CopyTextEncoder::encode(engine::Chunk& chunk, std::string& out,
                               std::vector<size_t>& row_ends) {
  const size_t rows = chunk.size();
  for (size_t i = 0; i < columns_.size(); ++i) {
    TRY(encode_text(types_[i], chunk.data[i], rows, text_, columns_[i]));
  }
  for (size_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) out += options_.delimiter;
      if (columns_[i].null[row] != 0) {
        out += options_.null_text;
      } else {
        append_escaped(columns_[i][row], options_.delimiter, out);
      }
    }
    out += '\n';
    row_ends.push_back(out.size());
  }
  return ok();
}

}  // namespace sluice::format
