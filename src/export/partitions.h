// Rows sorted by the folder that they go into: PARTITION BY.
//
// Threads: one at a time.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "engine/chunk.h"

namespace sluice::exports {

class PartitionSplitter {
 public:
  // The last columns of each chunk, texts, are the values of `names`.
  explicit PartitionSplitter(const std::vector<std::string>& names) : names_(names) {}

  // The rows of one folder in their order, without the columns that say which.
  using Take = std::function<Status(const std::string& folder, engine::Chunk& rows)>;
  Status split(engine::Chunk& chunk, const Take& take);

 private:
  struct Group {
    std::string folder;
    std::vector<duckdb::sel_t> rows;
  };
  Status group(engine::Chunk& chunk);
  Result<std::string> folder_of_row(size_t row) const;

  const std::vector<std::string>& names_;
  std::vector<duckdb::UnifiedVectorFormat> values_;  // of the chunk at hand, as the next two
  std::vector<Group> groups_;
  std::unordered_map<std::string, size_t> group_of_key_;
};

}  // namespace sluice::exports
