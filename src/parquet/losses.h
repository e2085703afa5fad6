// What of a column's type a file does not hold any more, and what the readers
// that a profile is for make of it: said before anything is written.
//
// Pure functions.
#pragma once

#include <string>

#include "parquet/profile.h"
#include "parquet/schema.h"
#include "types/sql_type.h"

namespace sluice::parquet {

// `field` is what map_columns() has made of `type`. Empty: nothing is lost.
std::string loss_of(const types::SqlType& type, const Field& field, const Profile& profile);

// How the profile's readers must be told to load such files; may be empty.
std::string advice_of(const Profile& profile);

}  // namespace sluice::parquet
