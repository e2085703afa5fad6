// What the footer of each Parquet file says of where it comes from, besides its schema: texts under
// keys that begin with `sluice.` (docs/formats.md).
//
// Pure function.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "export/export.h"

namespace sluice::exports {

std::vector<std::pair<std::string, std::string>> footer_texts(const ExportSpec& spec);

}  // namespace sluice::exports
