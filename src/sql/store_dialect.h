// What the store of a connection understands (s3/dialect.h), from three sources. For each property
// the first of these that has it:
//
//   given     an option of the connection: PATH STYLE, CHECKSUM, …
//   probed    found out by VALIDATE CONNECTION … WITH (S3 PATH = …), and kept with the connection
//   default   Amazon's, or what all stores understand
//
// Pure functions; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3/dialect.h"
#include "sql/catalog.h"

namespace sluice::sql {

struct DialectProperty {
  enum class Origin { kDefault, kGiven, kProbed };
  std::string property;
  std::string value;
  Origin origin = Origin::kDefault;
  int64_t found_at = 0;  // microseconds since 1970; 0: it was not
};
std::string_view name(DialectProperty::Origin origin);  // default, given, probed

// All of them, in their order.
std::vector<DialectProperty> dialect_properties_of(const Connection& connection);
s3::Dialect dialect_of(const Connection& connection);

// The connection with what was found out of its store, in the place of what was found before; what
// is not among it stays.
Connection with_found(Connection connection,
                      const std::vector<std::pair<std::string, std::string>>& found, int64_t now);

}  // namespace sluice::sql
