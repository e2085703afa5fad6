// The manifest of a run: a JSON object that says what the run has written, with which schema, of
// which time (docs/manifest.md).
//
// Pure function over what the run knows when its files are published.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "export/export.h"
#include "export/run_files.h"

namespace sluice::exports {

// `data` are the files of `result`, in its order. May be called once: it ends their digests.
Result<std::string> manifest_of(const ExportSpec& spec, const ExportResult& result,
                                const std::vector<RunFile*>& data);

}  // namespace sluice::exports
