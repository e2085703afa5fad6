#include "parquet/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"

namespace sluice::parquet {
namespace {

struct Named {
  std::string_view name;
  Profile (*make)();
};
constexpr std::array kProfiles = {
    Named{"materialize", Profile::materialize}, Named{"default", Profile::standard},
    Named{"snowflake", Profile::snowflake},     Named{"bigquery", Profile::bigquery},
    Named{"redshift", Profile::redshift},       Named{"databricks", Profile::databricks},
    Named{"duckdb", Profile::duckdb},
};

// What loaders of warehouses have in common: none takes UUIDs or unsigned numbers
// as such, infinity would be a day in the year 294247, and names are the same whatever their case.
Profile warehouse(std::string_view name) {
  Profile profile;
  profile.name = name;
  profile.uuid = UuidForm::kText;
  profile.unsigned_integers = UnsignedForm::kWidened;
  profile.json = JsonForm::kText;
  profile.years = Years::k1To9999;
  profile.name_clash = NameClash::kAnyCase;
  profile.arrow_schema = ArrowSchema::kNone;
  return profile;
}

}  // namespace

Profile Profile::materialize() {
  Profile profile;
  profile.name = "materialize";
  profile.uuid = UuidForm::kBytes;
  profile.decimals = DecimalForm::k38Digits;
  profile.json = JsonForm::kText;
  profile.arrays = ArrayForm::kItemsAndDimensions;
  profile.nested_names = NestedNames::kArrow;
  profile.arrow_schema = ArrowSchema::kMaterialize;
  return profile;
}

// INFER_SCHEMA takes names as they are, and those in upper case need no quotes there.
Profile Profile::snowflake() {
  Profile profile = warehouse("snowflake");
  profile.name_case = NameCase::kUpper;
  profile.field_ids = FieldIds::kNumbered;
  return profile;
}

Profile Profile::bigquery() {
  Profile profile = warehouse("bigquery");
  profile.name_characters = NameCharacters::kWords;
  return profile;
}

// COPY goes by position, and fails where a column is not just what it expects.
Profile Profile::redshift() {
  Profile profile = warehouse("redshift");
  profile.decimals = DecimalForm::kFixedByPrecision;
  profile.times = TimeForm::kText;
  profile.zoned_timestamps = ZonedForm::kLocal;
  profile.name_case = NameCase::kLower;
  profile.nullability = Nullability::kOptional;
  return profile;
}

// Spark refuses files with a TIME or a UUID, and Delta some characters in names.
Profile Profile::databricks() {
  Profile profile = warehouse("databricks");
  profile.times = TimeForm::kText;
  profile.name_characters = NameCharacters::kNoSeparators;
  profile.field_ids = FieldIds::kNumbered;
  return profile;
}

Profile Profile::duckdb() {
  Profile profile;
  profile.name = "duckdb";
  profile.intervals = IntervalForm::kParquet;
  profile.name_clash = NameClash::kAnyCase;
  profile.arrow_schema = ArrowSchema::kNone;
  return profile;
}

Result<Profile> Profile::named(std::string_view name) {
  const std::string lower = ascii_lower(name);
  for (const Named& profile : kProfiles) {
    if (profile.name == lower) return profile.make();
  }
  return invalid("unknown PROFILE: {}", name)
      .with_sqlstate("22023")
      .with_detail("A profile says which form each type has in Parquet files.")
      .with_hint(fmt::format("There are: {}.", fmt::join(profile_names(), ", ")));
}

std::vector<std::string_view> profile_names() {
  std::vector<std::string_view> names;
  names.reserve(std::size(kProfiles));
  for (const Named& profile : kProfiles) names.push_back(profile.name);
  return names;
}

}  // namespace sluice::parquet
