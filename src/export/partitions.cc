#include "export/partitions.h"

#include "export/names.h"

namespace sluice::exports {
namespace {

// S3's keys have 1,024 bytes; the path and the file's name need some of them.
constexpr size_t kMostFolderBytes = 600;

// The value in a row, or nullptr for NULL.
const duckdb::string_t* value_of(const duckdb::UnifiedVectorFormat& format, size_t row) {
  const size_t i = format.sel->get_index(row);
  if (!format.validity.RowIsValid(i)) return nullptr;
  return duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(format) + i;
}

bool equal(const duckdb::string_t* one, const duckdb::string_t* other) {
  if (one == nullptr || other == nullptr) return one == other;
  return *one == *other;
}

}  // namespace

Status PartitionSplitter::split(engine::Chunk& chunk, const Take& take) {
  TRY(group(chunk));
  const size_t columns = chunk.ColumnCount() - names_.size();
  duckdb::vector<engine::LogicalType> types;
  for (size_t i = 0; i < columns; ++i) types.push_back(chunk.data[i].GetType());
  for (Group& group : groups_) {
    engine::Chunk rows;
    rows.InitializeEmpty(types);
    duckdb::SelectionVector selection(group.rows.data());
    for (size_t i = 0; i < columns; ++i) {
      if (groups_.size() == 1) {
        rows.data[i].Reference(chunk.data[i]);
      } else {
        rows.data[i].Slice(chunk.data[i], selection, group.rows.size());
      }
    }
    rows.SetCardinality(group.rows.size());
    TRY(take(group.folder, rows));
  }
  return ok();
}

Status PartitionSplitter::group(engine::Chunk& chunk) {
  values_.clear();
  groups_.clear();
  group_of_key_.clear();
  for (size_t i = chunk.ColumnCount() - names_.size(); i < chunk.ColumnCount(); ++i) {
    chunk.data[i].ToUnifiedFormat(chunk.size(), values_.emplace_back());
  }
  size_t current = 0;
  std::string key;
  for (size_t row = 0; row < chunk.size(); ++row) {
    const auto is_as_before = [&] {
      for (const auto& values : values_) {
        if (!equal(value_of(values, row), value_of(values, row - 1))) return false;
      }
      return true;
    };
    if (row == 0 || !is_as_before()) {
      key.clear();
      for (const auto& values : values_) {
        const duckdb::string_t* const value = value_of(values, row);
        key += value == nullptr ? std::string("-") : std::to_string(value->GetSize());
        key += ':';
        if (value != nullptr) key.append(value->GetData(), value->GetSize());
      }
      const auto [found, is_new] = group_of_key_.emplace(key, groups_.size());
      current = found->second;
      if (is_new) {
        TRY_ASSIGN(std::string folder, folder_of_row(row));
        groups_.push_back({std::move(folder), {}});
      }
    }
    groups_[current].rows.push_back(static_cast<duckdb::sel_t>(row));
  }
  return ok();
}

Result<std::string> PartitionSplitter::folder_of_row(size_t row) const {
  std::string folder;
  for (size_t i = 0; i < names_.size(); ++i) {
    const duckdb::string_t* const value = value_of(values_[i], row);
    std::optional<std::string_view> text;
    if (value != nullptr) text = std::string_view(value->GetData(), value->GetSize());
    folder += partition_folder(names_[i], text);
  }
  if (folder.size() > kMostFolderBytes) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("a partition's folder would have a name of {} bytes, more than {}",
                             folder.size(), kMostFolderBytes))
        .with_sqlstate("22001")
        .with_detail(fmt::format("It begins with {}.", folder.substr(0, 60)))
        .with_hint("PARTITION BY columns of short values.");
  }
  return folder;
}

}  // namespace sluice::exports
