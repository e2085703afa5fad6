// EXPLAIN COPY … TO: what an export would write, without asking its store anything.
//
// Pure function.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "export/export.h"
#include "session/export_estimate.h"
#include "session/export_layout.h"

namespace sluice::session {

// Of the rows of describe_export(): item, name, sql_type, file_type, arrow_type, note.
std::vector<std::string> export_description_columns();

Result<std::vector<std::vector<std::string>>> describe_export(const exports::ExportSpec& spec,
                                                              const Partitions& partitions,
                                                              const ExportEstimate& estimate);

}  // namespace sluice::session
