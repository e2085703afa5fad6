#include "sql/store_dialect.h"

#include <algorithm>

namespace sluice::sql {

using Origin = DialectProperty::Origin;

std::string_view name(Origin origin) {
  switch (origin) {
    case Origin::kDefault:
      return "default";
    case Origin::kGiven:
      return "given";
    case Origin::kProbed:
      return "probed";
  }
  return "?";
}

std::vector<DialectProperty> dialect_properties_of(const Connection& connection) {
  const ConnectionOption* const endpoint = connection.option("ENDPOINT");
  const s3::Dialect usual = s3::default_dialect(endpoint == nullptr ? "" : *endpoint->text());
  std::vector<DialectProperty> all;
  for (const std::string_view property : s3::dialect_properties()) {
    DialectProperty one{.property = std::string(property), .value = s3::value_of(usual, property)};
    const auto found =
        std::find_if(connection.probed.begin(), connection.probed.end(),
                     [property](const FoundProperty& kept) { return kept.property == property; });
    if (const ConnectionOption* const given = connection.option(property)) {
      one.origin = Origin::kGiven;
      one.value = *given->text();
    } else if (found != connection.probed.end()) {
      one.origin = Origin::kProbed;
      one.value = found->value;
      one.found_at = found->found_at;
    }
    all.push_back(std::move(one));
  }
  return all;
}

s3::Dialect dialect_of(const Connection& connection) {
  s3::Dialect dialect;
  for (const DialectProperty& one : dialect_properties_of(connection)) {
    // A value that a newer version has written stays the default.
    const Status set = s3::set_property(dialect, one.property, one.value);
    static_cast<void>(set.ok());
  }
  return dialect;
}

Connection with_found(Connection connection,
                      const std::vector<std::pair<std::string, std::string>>& found, int64_t now) {
  for (const auto& [property, value] : found) {
    std::erase_if(connection.probed, [&property = property](const FoundProperty& kept) {
      return kept.property == property;
    });
    connection.probed.push_back({property, value, now});
  }
  return connection;
}

}  // namespace sluice::sql
