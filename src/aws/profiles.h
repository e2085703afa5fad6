// The files ~/.aws/config and ~/.aws/credentials: profiles of settings.
//
//   [profile lake]          in config, [lake] in credentials; [default] in both
//   role_arn = arn:…        a value ends with its line, or with ` #` and ` ;`
//   s3 =
//     max_retries = 3       indented lines belong to the setting above; nobody here needs them
//
// Where both files have a profile, its settings are joined and those of credentials win. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::aws {

enum class ProfileFile { kConfig, kCredentials };

using Profile = std::map<std::string, std::string>;  // names in lower case
class Profiles {
 public:
  // Adds what `text` says; of the two kinds kConfig first. kInvalid, with the line's number and
  // never its content: it is not such a file.
  Status read(std::string_view text, ProfileFile kind);

  const Profile* find(const std::string& name) const;

 private:
  std::map<std::string, Profile> profiles_;
};

}  // namespace sluice::aws
