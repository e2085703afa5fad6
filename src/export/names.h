// The names of a run's objects.
//
//   {path}/mz-{id}-batch-{batch}-{index}.csv      data; or as a pattern says
//   {path}/{column}={value}/mz-{id}-…             data, with partitions
//   {path}/mz-{id}-manifest.json                  the manifest
//   {path}/mz-{id}-INCOMPLETE                     the sentinel
//
// Every name of a run has its id in it, so no two runs, and no clean-up after one of them, ever
// touch an object of another.
//
// Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "export/export.h"

namespace sluice::exports {

inline constexpr std::string_view kSentinelSuffix = "-INCOMPLETE";
inline constexpr std::string_view kManifestSuffix = "-manifest.json";

// The path with its separator, or nothing at a store's root.
std::string folder_of(std::string_view prefix);
// `mz-{id}{suffix}` below the run's path; no character is added before it at the store's root.
std::string run_key(std::string_view prefix, std::string_view id, std::string_view suffix);
inline std::string run_key(const ExportSpec& spec, std::string_view suffix) {
  return run_key(spec.prefix, spec.id, suffix);
}

// A data file's key; `folder` lies below the path and is empty or ends with a slash.
std::string data_key(const ExportSpec& spec, std::string_view folder, uint32_t batch,
                     uint32_t index);

// `column=value/`, as Hive writes it: NULL, and an empty text as it, is
// __HIVE_DEFAULT_PARTITION__.
std::string partition_folder(std::string_view column, std::optional<std::string_view> value);

// FILE NAME PATTERN: `{id}`, `{batch}` and `{index}` stand for what they say, all else for itself;
// the format's extension is added. 22023 unless all three are there (with a single file the id
// alone), so that names can't collide, and the rest can be in a name.
Status check_file_name_pattern(std::string_view pattern, bool single_file);

}  // namespace sluice::exports
