#include "sql/front/refused.h"

namespace sluice::sql {
namespace {

Error refused(const char* message, const char* hint) {
  return invalid("{}", message).with_sqlstate("0A000").with_hint(hint);
}

}  // namespace

Error no_bit_strings() {
  return refused("bit string literals are not supported",
                 "There is no type bit. Write bytea as '\\x1F'::bytea, bits as an integer.");
}

Error no_pivot() {
  return refused("PIVOT is not supported",
                 "Write an aggregate with FILTER (WHERE ...) for each column.");
}

Error no_unpivot() {
  return refused("UNPIVOT is not supported",
                 "Write CROSS JOIN LATERAL (VALUES ('a', a), ('b', b)) AS v(name, value).");
}

Error no_lambdas() {
  return refused("lambda functions are not supported",
                 "Write ARRAY(SELECT ... FROM unnest(...) AS x).");
}

Error no_ties() {
  return refused("FETCH ... WITH TIES is not supported",
                 "Write SELECT ... QUALIFY rank() OVER (ORDER BY ...) <= n ORDER BY ....")
      .with_detail("How many rows are equal to the last one is not known beforehand.");
}

Error no_samples() {
  return refused("TABLESAMPLE is not supported",
                 "Write WHERE random() < 0.1 for about a tenth of the rows.");
}

}  // namespace sluice::sql
