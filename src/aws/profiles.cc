#include "aws/profiles.h"

#include <algorithm>

#include "base/text.h"

namespace sluice::aws {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// A comment after a blank ends a value; `a#b` is none.
std::string_view without_comment(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const bool begins_comment = text[i] == '#' || text[i] == ';';
    if (begins_comment && (i == 0 || kBlanks.find(text[i - 1]) != std::string_view::npos)) {
      return text.substr(0, i);
    }
  }
  return text;
}

// The profile that a section is about; none: it is about something else.
std::optional<std::string> profile_name(std::string_view section, ProfileFile kind) {
  if (kind == ProfileFile::kCredentials || section == "default") return std::string(section);
  constexpr std::string_view kPrefix = "profile";
  if (!section.starts_with(kPrefix)) return std::nullopt;
  section.remove_prefix(kPrefix.size());
  if (section.empty() || kBlanks.find(section.front()) == std::string_view::npos) {
    return std::nullopt;
  }
  section = trimmed(section);
  if (section.size() >= 2 && section.front() == '"' && section.back() == '"') {
    section = section.substr(1, section.size() - 2);
  }
  return std::string(section);
}

}  // namespace

Status Profiles::read(std::string_view text, ProfileFile kind) {
  Profile* profile = nullptr;
  bool in_section = false;
  for (int number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view raw = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string_view line = trimmed(without_comment(raw));
    if (line.empty()) continue;
    if (line.front() == '[') {
      if (line.back() != ']')
        return invalid("line {} begins a section and does not end it", number);
      const auto name = profile_name(trimmed(line.substr(1, line.size() - 2)), kind);
      profile = name ? &profiles_[*name] : nullptr;
      in_section = true;
      continue;
    }
    const bool indented = kBlanks.find(raw.front()) != std::string_view::npos;
    const auto equals = line.find('=');
    if (indented && in_section) continue;
    if (!in_section) return invalid("line {} stands before the first section", number);
    if (equals == std::string_view::npos) return invalid("line {} has no `=`", number);
    if (profile == nullptr) continue;
    (*profile)[ascii_lower(trimmed(line.substr(0, equals)))] = trimmed(line.substr(equals + 1));
  }
  return ok();
}

const Profile* Profiles::find(const std::string& name) const {
  const auto found = profiles_.find(name);
  return found == profiles_.end() ? nullptr : &found->second;
}

}  // namespace sluice::aws
