// EXPLAIN COPY … TO: what an export would write, without asking its store anything.
//
// Pure function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "export/export.h"

namespace sluice::session {

// Of the rows of describe_export(): item, name, sql_type, file_type, arrow_type, note.
std::vector<std::string> export_description_columns();

// `rows` is the planner's guess; nothing where it has none.
Result<std::vector<std::vector<std::string>>> describe_export(const exports::ExportSpec& spec,
                                                              std::optional<uint64_t> rows);

}  // namespace sluice::session
