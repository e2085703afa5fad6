// The windows that a statement names: SELECT … OVER (b ROWS 1 PRECEDING) FROM t WINDOW a AS
// (PARTITION BY k), b AS (a ORDER BY v).
//
// DuckDB follows such a name only once: it would take b's ORDER BY and lose a's partitions. So what
// b says is to be written in the place of the name b. Which definition a name means is told by the
// tokens of the whole statement alone; where it has two of the name, none is guessed.
//
// Threads: immutable.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sql/front/lexer.h"

namespace sluice::sql {

class NamedWindows {
 public:
  // Goes over the tokens [begin, end) once. `tokens` must outlive it.
  NamedWindows(const Tokens& tokens, size_t begin, size_t end);

  // The token where the definition begins that has to be written instead of the name at `at`, up to
  // the parenthesis that closes it; nothing: the name can stay, or is no window's.
  Result<std::optional<size_t>> definition_instead_of(size_t at) const;

 private:
  bool is_name(size_t at) const;

  const Tokens& tokens_;
  const size_t end_;
  std::map<std::string, std::vector<size_t>> definitions_;  // the tokens behind each `name AS (`
};

}  // namespace sluice::sql
