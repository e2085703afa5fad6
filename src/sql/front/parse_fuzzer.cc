// Any bytes are statements or an error, never a crash, and their text can be shown.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "sql/front/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view sql(reinterpret_cast<const char*>(data), size);
  const auto statements = sluice::sql::parse(sql);
  (void)sluice::sql::redacted(sql);
  if (!statements.ok()) {
    CHECK(!statements.error().sqlstate.empty());
    CHECK(statements.error().position >= 0);
    return 0;
  }
  for (const auto& statement : *statements) {
    // A statement's own text parses to the same kind of statement.
    const auto again = sluice::sql::parse(statement.text);
    CHECK(again.ok() && again->size() == 1);
    CHECK(again->front().node.index() == statement.node.index());
    CHECK(again->front().parameter_count == statement.parameter_count);
  }
  return 0;
}
