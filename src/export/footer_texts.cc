#include "export/footer_texts.h"

#include "base/version.h"
#include "export/digest.h"

namespace sluice::exports {
namespace {

std::string quoted(const std::string& name) {
  std::string out = "\"";
  for (const char letter : name) out.append(letter == '"' ? 2 : 1, letter);
  return out + '"';
}

}  // namespace

std::vector<std::pair<std::string, std::string>> footer_texts(const ExportSpec& spec) {
  std::string schema;
  for (size_t i = 0; i < spec.names.size(); ++i) {
    if (i > 0) schema += ", ";
    schema += quoted(spec.names[i]) + ' ' + types::exact_name(spec.types[i]);
  }
  return {{"sluice.version", kVersion},
          {"sluice.run_id", spec.id},
          {"sluice.logical_time", std::to_string(spec.logical_time)},
          {"sluice.query_sha256", sha256(spec.query)},
          {"sluice.schema", std::move(schema)}};
}

}  // namespace sluice::exports
