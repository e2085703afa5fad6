// Texts into the fields of CSV records: looked at while they are copied, and put in quotes.
//
// All but the _slowly twins, which tests compare them with, write up to kSlack bytes behind the end
// that they return.
//
// Immutable.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "engine/chunk.h"

namespace sluice::format {

class CsvText {
 public:
  static constexpr size_t kSlack = 32;

  CsvText(char delimiter, char quote, char escape)
      : delimiter_(delimiter), quote_(quote), escape_(escape) {
#if defined(__SSE2__)
    delimiters_ = _mm_set1_epi8(delimiter);
    quotes_ = _mm_set1_epi8(quote);
    escapes_ = _mm_set1_epi8(escape);
#endif
  }

  // Copies the text, and says whether a character in it asks for quotes. As soon as one does, the
  // rest need not be copied.
  bool copy(char* to, std::string_view text) const {
#if defined(__SSE2__)
    const char* const from = text.data();
    const size_t size = text.size();
    if (size >= 16) {
      size_t at = 0;
      for (; at + 32 <= size; at += 32) {
        const __m128i found =
            _mm_or_si128(move(to + at, load(from + at)), move(to + at + 16, load(from + at + 16)));
        if (_mm_movemask_epi8(found) != 0) return true;
      }
      if (at + 16 <= size && is_special(move(to + at, load(from + at)))) return true;
      return is_special(move(to + size - 16, load(from + size - 16)));
    }
    if (size >= 8) {
      // The halves overlap, and are put where they belong.
      const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
      const __m128i high = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + size - 8));
      _mm_storel_epi64(reinterpret_cast<__m128i*>(to), low);
      _mm_storel_epi64(reinterpret_cast<__m128i*>(to + size - 8), high);
      return is_special(specials(_mm_unpacklo_epi64(low, high)));
    }
#endif
    return copy_slowly(to, text);
  }

  // The same from the engine's form of a text, of which short ones are a part.
  bool copy(char* to, const duckdb::string_t& text) const {
#if defined(__SSE2__)
    static_assert(sizeof(duckdb::string_t) == 16);
    if (text.IsInlined()) {
      const __m128i bytes = _mm_srli_si128(load(reinterpret_cast<const char*>(&text)), 4);
      const int found = _mm_movemask_epi8(move(to, bytes));
      return (found & ((1 << text.GetSize()) - 1)) != 0;
    }
#endif
    return copy(to, std::string_view(text.GetData(), text.GetSize()));
  }

  // Takes twice the text's length and two quotes at most.
  char* put_quoted(char* to, std::string_view text) const {
#if defined(__SSE2__)
    *to++ = quote_;
    const char* from = text.data();
    size_t left = text.size();
    for (; left >= 32; left -= 16, from += 16) to = put_escaped(to, from, 16);
    // What is near the end is looked at in memory of our own: put_escaped() reads 32 bytes.
    alignas(16) char rest[64] = {};
    if (left > 0) std::memcpy(rest, from, left);
    to = put_escaped(to, rest, left < 16 ? left : 16);
    if (left > 16) to = put_escaped(to, rest + 16, left - 16);
    *to++ = quote_;
    return to;
#else
    return put_quoted_slowly(to, text);
#endif
  }

  bool copy_slowly(char* to, std::string_view text) const {
    bool found = false;
    for (size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      to[i] = c;
      found |= c == delimiter_ || c == quote_ || c == '\n' || c == '\r';
    }
    return found;
  }
  char* put_quoted_slowly(char* to, std::string_view text) const {
    *to++ = quote_;
    for (const char c : text) {
      if (c == quote_ || c == escape_) *to++ = escape_;
      *to++ = c;
    }
    *to++ = quote_;
    return to;
  }

 private:
#if defined(__SSE2__)
  static __m128i load(const char* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  }
  static void store(char* to, __m128i bytes) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
  }
  __m128i specials(__m128i bytes) const {
    const __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')),
                                      _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r')));
    return _mm_or_si128(
        ends, _mm_or_si128(_mm_cmpeq_epi8(bytes, delimiters_), _mm_cmpeq_epi8(bytes, quotes_)));
  }
  static bool is_special(__m128i found) { return _mm_movemask_epi8(found) != 0; }
  __m128i move(char* to, __m128i bytes) const {
    store(to, bytes);
    return specials(bytes);
  }

  // `count` bytes, 16 at most, of 32 that can be read.
  char* put_escaped(char* to, const char* from, size_t count) const {
    const __m128i bytes = load(from);
    store(to, bytes);
    const __m128i found =
        _mm_or_si128(_mm_cmpeq_epi8(bytes, quotes_), _mm_cmpeq_epi8(bytes, escapes_));
    unsigned positions = static_cast<unsigned>(_mm_movemask_epi8(found)) & ((1U << count) - 1);
    // Each moves what is behind it by one: all of it is stored again, since that costs no more.
    for (; positions != 0; positions &= positions - 1) {
      const int position = std::countr_zero(positions);
      to[position] = escape_;
      ++to;
      store(to + position, load(from + position));
    }
    return to + count;
  }

  __m128i delimiters_, quotes_, escapes_;
#endif
  const char delimiter_, quote_, escape_;
};

}  // namespace sluice::format
