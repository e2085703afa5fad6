#include "sql/front/windows.h"

#include <algorithm>

namespace sluice::sql {

// Tables of WITH look alike. They do no harm, since none begins with a window's name.
NamedWindows::NamedWindows(const Tokens& tokens, size_t begin, size_t end)
    : tokens_(tokens), end_(end) {
  for (size_t at = begin; at + 4 < end; ++at) {
    if (!tokens.is(at, "window") && !tokens.is(at, ",")) continue;
    if (!is_name(at + 1) || !tokens.is(at + 2, "as") || !tokens.is(at + 3, "(")) continue;
    definitions_[tokens.word(at + 1)].push_back(at + 4);
  }
}

bool NamedWindows::is_name(size_t at) const {
  return at < end_ &&
         (tokens_.is_kind(at, Token::Kind::kWord) || tokens_.is_kind(at, Token::Kind::kQuotedWord));
}

Result<std::optional<size_t>> NamedWindows::definition_instead_of(size_t at) const {
  const auto found = definitions_.find(tokens_.word(at));
  if (found == definitions_.end()) return std::nullopt;
  const auto& [name, begins] = *found;
  // `begin == at`: a window that is made of itself, which is DuckDB's to refuse.
  const bool of_another = std::any_of(begins.begin(), begins.end(), [&](size_t begin) {
    return begin != at && is_name(begin) && definitions_.contains(tokens_.word(begin));
  });
  if (!of_another) return std::nullopt;
  if (begins.size() == 1) return begins.front();
  return invalid("window \"{}\" is made of another, and the statement defines it twice", name)
      .with_sqlstate("0A000")
      .with_hint("Give the windows of the statement different names.")
      .at(tokens_.position(at));
}

}  // namespace sluice::sql
