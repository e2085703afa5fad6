// Bytes from outside: COPY's input in both formats, texts and binary values of every type. None may
// crash, and what is accepted must be readable in its own text form.
#include <cstdlib>

#include "format/binary.h"
#include "format/copy_in.h"

namespace {

using namespace sluice;

const std::vector<types::SqlType>& kinds() {
  static const auto* const kAll = [] {
    auto* all = new std::vector<types::SqlType>;
    for (const char* name : {"bool", "int", "uint8", "double precision", "numeric(20,5)", "date",
                             "time", "timestamp", "timestamptz", "interval", "text", "bytea",
                             "uuid", "jsonb", "int[]", "text[][]", "map[text=>int]"}) {
      all->push_back(*types::parse_type_name(name));
    }
    return all;
  }();
  return *kAll;
}

void copy(std::string_view bytes, format::CopyInOptions options) {
  options.max_record_bytes = 1 << 16;
  format::CopyParser parser(
      "t", {{"a", types::make(types::TypeId::kInteger)}, {"b", types::make(types::TypeId::kText)}},
      std::move(options));
  const auto sink = [](engine::Chunk&) { return ok(); };
  const size_t half = bytes.size() / 2;
  if (!parser.feed({bytes.data(), half}, sink).ok()) return;
  if (!parser.feed({bytes.data() + half, bytes.size() - half}, sink).ok()) return;
  (void)parser.finish(sink);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const types::SqlType& type = kinds()[data[0] % kinds().size()];
  copy(bytes, data[0] % 2 == 0 ? format::CopyInOptions::text() : format::CopyInOptions::csv());
  if (const auto value = format::decode_text(type, bytes); value.ok()) {
    const auto text = format::text_of(type, *value);
    if (!text.ok() || !format::decode_text(type, *text).ok()) std::abort();
  }
  if (format::supports_binary(type)) {
    const std::span<const char> span(bytes.data(), bytes.size());
    if (const auto value = format::decode_binary(type, std::as_bytes(span)); value.ok()) {
      (void)format::text_of(type, *value);
    }
  }
  return 0;
}
