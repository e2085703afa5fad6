// jsonb's operators and functions, over documents in normal form (json.h).
#include <algorithm>
#include <charconv>
#include <duckdb/common/vector_operations/binary_executor.hpp>
#include <duckdb/common/vector_operations/unary_executor.hpp>

#include "engine/functions/json.h"
#include "engine/functions/parts.h"
#include "engine/functions/raise.h"
#include "engine/functions/text_out.h"

namespace sluice::engine::functions {
namespace {

using duckdb::BinaryExecutor;
using duckdb::DataChunk;
using duckdb::ExpressionState;
using duckdb::list_entry_t;
using duckdb::ScalarFunction;
using duckdb::string_t;
using duckdb::StringVector;
using duckdb::UnaryExecutor;
using duckdb::ValidityMask;

std::string_view view(const string_t& text) { return {text.GetData(), text.GetSize()}; }

string_t stored(Vector& result, std::string_view text) {
  return StringVector::AddString(result, text.data(), text.size());
}

string_t no_value(ValidityMask& mask, idx_t row) {
  mask.SetInvalid(row);
  return {};
}

// get(document, argument) gives the part, or none for NULL.
template <typename Argument, bool kAsText, typename Get>
void extract(DataChunk& input, Vector& result, const Get& get) {
  BinaryExecutor::ExecuteWithNulls<string_t, Argument, string_t>(
      input.data[0], input.data[1], result, input.size(),
      [&](string_t json, Argument argument, ValidityMask& mask, idx_t row) -> string_t {
        const std::optional<std::string_view> found = get(view(json), argument);
        if (!found) return no_value(mask, row);
        if (!kAsText) return stored(result, *found);
        const std::optional<std::string> text = json_as_text(*found);
        return text ? stored(result, *text) : no_value(mask, row);
      });
}

template <bool kAsText>
void get_key(DataChunk& input, ExpressionState&, Vector& result) {
  extract<string_t, kAsText>(input, result, [](std::string_view json, const string_t& key) {
    return json_get(json, view(key));
  });
}

template <bool kAsText>
void get_index(DataChunk& input, ExpressionState&, Vector& result) {
  extract<int64_t, kAsText>(
      input, result, [](std::string_view json, int64_t index) { return json_get(json, index); });
}

// The texts of a text[]; with a NULL among them, `null_found`.
class TextLists {
 public:
  TextLists(Vector& list, idx_t count) {
    (void)count;
    Vector& child = duckdb::ListVector::GetEntry(list);
    child.ToUnifiedFormat(duckdb::ListVector::GetListSize(list), child_);
    texts_ = duckdb::UnifiedVectorFormat::GetData<string_t>(child_);
  }
  std::vector<std::string_view> at(const list_entry_t& entry, bool& null_found) const {
    std::vector<std::string_view> keys;
    for (idx_t i = entry.offset; i < entry.offset + entry.length; ++i) {
      const idx_t index = child_.sel->get_index(i);
      if (child_.validity.RowIsValid(index)) {
        keys.push_back(view(texts_[index]));
      } else {
        null_found = true;
      }
    }
    return keys;
  }

 private:
  duckdb::UnifiedVectorFormat child_;
  const string_t* texts_ = nullptr;
};

std::optional<std::string_view> follow(std::string_view json,
                                       const std::vector<std::string_view>& path) {
  std::optional<std::string_view> at = json;
  for (const std::string_view step : path) {
    if (json_kind(*at) == JsonKind::kArray) {
      int64_t index = 0;
      const auto [end, code] = std::from_chars(step.data(), step.data() + step.size(), index);
      if (code != std::errc() || end != step.data() + step.size()) return std::nullopt;
      at = json_get(*at, index);
    } else {
      at = json_get(*at, step);
    }
    if (!at) return std::nullopt;
  }
  return at;
}

template <bool kAsText>
void get_path(DataChunk& input, ExpressionState&, Vector& result) {
  const TextLists lists(input.data[1], input.size());
  extract<list_entry_t, kAsText>(
      input, result,
      [&](std::string_view json, const list_entry_t& entry) -> std::optional<std::string_view> {
        bool null_found = false;
        const std::vector<std::string_view> path = lists.at(entry, null_found);
        return null_found ? std::nullopt : follow(json, path);
      });
}

bool has_key(std::string_view json, std::string_view key) {
  switch (json_kind(json)) {
    case JsonKind::kObject:
      return json_get(json, key).has_value();
    case JsonKind::kArray: {
      const std::vector<std::string_view> elements = json_elements(json);
      return std::any_of(elements.begin(), elements.end(), [&](std::string_view element) {
        return json_kind(element) == JsonKind::kString && json_string_text(element) == key;
      });
    }
    case JsonKind::kString:
      return json_string_text(json) == key;
    default:
      return false;
  }
}

void contains(DataChunk& input, ExpressionState&, Vector& result) {
  BinaryExecutor::Execute<string_t, string_t, bool>(
      input.data[0], input.data[1], result, input.size(),
      [](string_t outer, string_t inner) { return json_contains(view(outer), view(inner)); });
}

void has_one_key(DataChunk& input, ExpressionState&, Vector& result) {
  BinaryExecutor::Execute<string_t, string_t, bool>(
      input.data[0], input.data[1], result, input.size(),
      [](string_t json, string_t key) { return has_key(view(json), view(key)); });
}

template <bool kAll>
void has_keys(DataChunk& input, ExpressionState&, Vector& result) {
  const TextLists lists(input.data[1], input.size());
  BinaryExecutor::Execute<string_t, list_entry_t, bool>(
      input.data[0], input.data[1], result, input.size(), [&](string_t json, list_entry_t entry) {
        bool null_found = false;  // PostgreSQL passes over NULLs here
        const std::vector<std::string_view> keys = lists.at(entry, null_found);
        const auto has = [&](std::string_view key) { return has_key(view(json), key); };
        return kAll ? std::all_of(keys.begin(), keys.end(), has)
                    : std::any_of(keys.begin(), keys.end(), has);
      });
}

void append_array(const std::vector<std::string_view>& elements, std::string& out) {
  out += '[';
  for (size_t i = 0; i < elements.size(); ++i) {
    if (i > 0) out += ',';
    out += elements[i];
  }
  out += ']';
}

void append_object(const std::vector<JsonMember>& members, std::string& out) {
  out += '{';
  for (size_t i = 0; i < members.size(); ++i) {
    if (i > 0) out += ',';
    out += members[i].key;
    out += ':';
    out += members[i].value;
  }
  out += '}';
}

std::vector<std::string_view> as_elements(std::string_view json) {
  if (json_kind(json) == JsonKind::kArray) return json_elements(json);
  return {json};
}

std::string concatenated(std::string_view a, std::string_view b) {
  std::string out;
  if (json_kind(a) == JsonKind::kObject && json_kind(b) == JsonKind::kObject) {
    std::vector<JsonMember> members = json_members(a);
    for (const JsonMember& member : json_members(b)) {
      const auto same = std::find_if(members.begin(), members.end(), [&](const JsonMember& mine) {
        return mine.key == member.key;
      });
      if (same == members.end()) {
        members.push_back(member);
      } else {
        same->value = member.value;
      }
    }
    append_object(members, out);
    // The normal form has its keys in order.
    return value_or_raise(normalize_json(out));
  }
  std::vector<std::string_view> elements = as_elements(a);
  const std::vector<std::string_view> more = as_elements(b);
  elements.insert(elements.end(), more.begin(), more.end());
  append_array(elements, out);
  return out;
}

void concat(DataChunk& input, ExpressionState&, Vector& result) {
  BinaryExecutor::Execute<string_t, string_t, string_t>(
      input.data[0], input.data[1], result, input.size(),
      [&](string_t a, string_t b) { return stored(result, concatenated(view(a), view(b))); });
}

std::string without_key(std::string_view json, std::string_view key) {
  std::string out;
  if (json_kind(json) == JsonKind::kObject) {
    std::vector<JsonMember> members = json_members(json);
    std::erase_if(members, [&](const JsonMember& m) { return json_string_text(m.key) == key; });
    append_object(members, out);
  } else if (json_kind(json) == JsonKind::kArray) {
    std::vector<std::string_view> elements = json_elements(json);
    std::erase_if(elements, [&](std::string_view element) {
      return json_kind(element) == JsonKind::kString && json_string_text(element) == key;
    });
    append_array(elements, out);
  } else {
    raise(invalid("cannot delete from scalar").with_sqlstate("22023"));
  }
  return out;
}

std::string without_index(std::string_view json, int64_t index) {
  if (json_kind(json) == JsonKind::kObject) {
    raise(invalid("cannot delete from object using integer index").with_sqlstate("22023"));
  }
  if (json_kind(json) != JsonKind::kArray) {
    raise(invalid("cannot delete from scalar").with_sqlstate("22023"));
  }
  std::vector<std::string_view> elements = json_elements(json);
  if (index < 0) index += static_cast<int64_t>(elements.size());
  if (index >= 0 && index < static_cast<int64_t>(elements.size())) {
    elements.erase(elements.begin() + index);
  }
  std::string out;
  append_array(elements, out);
  return out;
}

void delete_key(DataChunk& input, ExpressionState&, Vector& result) {
  BinaryExecutor::Execute<string_t, string_t, string_t>(
      input.data[0], input.data[1], result, input.size(), [&](string_t json, string_t key) {
        return stored(result, without_key(view(json), view(key)));
      });
}

void delete_index(DataChunk& input, ExpressionState&, Vector& result) {
  BinaryExecutor::Execute<string_t, int64_t, string_t>(
      input.data[0], input.data[1], result, input.size(), [&](string_t json, int64_t index) {
        return stored(result, without_index(view(json), index));
      });
}

std::string_view type_name(JsonKind kind) {
  constexpr std::string_view kNames[] = {"null", "boolean", "number", "string", "array", "object"};
  return kNames[static_cast<size_t>(kind)];
}

void type_of(DataChunk& input, ExpressionState&, Vector& result) {
  UnaryExecutor::Execute<string_t, string_t>(
      input.data[0], result, input.size(),
      [&](string_t json) { return stored(result, type_name(json_kind(view(json)))); });
}

void array_length(DataChunk& input, ExpressionState&, Vector& result) {
  UnaryExecutor::Execute<string_t, int32_t>(input.data[0], result, input.size(), [](string_t json) {
    const JsonKind kind = json_kind(view(json));
    if (kind != JsonKind::kArray) {
      raise(invalid("cannot get array length of {}",
                    kind == JsonKind::kObject ? "a non-array" : "a scalar")
                .with_sqlstate("22023"));
    }
    return static_cast<int32_t>(json_elements(view(json)).size());
  });
}

void append_without_nulls(std::string_view json, std::string& out) {
  if (json_kind(json) == JsonKind::kObject) {
    out += '{';
    bool first = true;
    for (const JsonMember& member : json_members(json)) {
      if (json_kind(member.value) == JsonKind::kNull) continue;
      if (!first) out += ',';
      first = false;
      out += member.key;
      out += ':';
      append_without_nulls(member.value, out);
    }
    out += '}';
  } else if (json_kind(json) == JsonKind::kArray) {
    out += '[';
    bool first = true;
    for (const std::string_view element : json_elements(json)) {
      if (!first) out += ',';
      first = false;
      append_without_nulls(element, out);
    }
    out += ']';
  } else {
    out += json;
  }
}

void strip_nulls(DataChunk& input, ExpressionState&, Vector& result) {
  UnaryExecutor::Execute<string_t, string_t>(input.data[0], result, input.size(),
                                             [&](string_t json) {
                                               std::string out;
                                               append_without_nulls(view(json), out);
                                               return stored(result, out);
                                             });
}

void append_pretty(std::string_view json, size_t indent, std::string& out) {
  const JsonKind kind = json_kind(json);
  if (kind != JsonKind::kObject && kind != JsonKind::kArray) {
    out += json;
    return;
  }
  const bool object = kind == JsonKind::kObject;
  out += object ? '{' : '[';
  bool first = true;
  const auto begin_line = [&] {
    out += first ? "\n" : ",\n";
    first = false;
    out.append(indent + 4, ' ');
  };
  if (object) {
    for (const JsonMember& member : json_members(json)) {
      begin_line();
      out += member.key;
      out += ": ";
      append_pretty(member.value, indent + 4, out);
    }
  } else {
    for (const std::string_view element : json_elements(json)) {
      begin_line();
      append_pretty(element, indent + 4, out);
    }
  }
  out += '\n';
  out.append(indent, ' ');
  out += object ? '}' : ']';
}

void pretty(DataChunk& input, ExpressionState&, Vector& result) {
  UnaryExecutor::Execute<string_t, string_t>(input.data[0], result, input.size(),
                                             [&](string_t json) {
                                               std::string out;
                                               append_pretty(view(json), 0, out);
                                               return stored(result, out);
                                             });
}

}  // namespace

void register_json(duckdb::DatabaseInstance& database) {
  const LogicalType json = LogicalType::JSON(), text = LogicalType::VARCHAR;
  const LogicalType index = LogicalType::BIGINT, texts = LogicalType::LIST(text);
  const LogicalType boolean = LogicalType::BOOLEAN;
  const auto add = [&](const char* name, duckdb::vector<LogicalType> arguments, LogicalType result,
                       duckdb::scalar_function_t function) {
    add_function(database, ScalarFunction(name, std::move(arguments), std::move(result),
                                          std::move(function)));
  };
  add("sluice_json_get", {json, text}, json, get_key<false>);
  add("sluice_json_get", {json, index}, json, get_index<false>);
  add("sluice_json_get_text", {json, text}, text, get_key<true>);
  add("sluice_json_get_text", {json, index}, text, get_index<true>);
  add("sluice_json_path", {json, texts}, json, get_path<false>);
  add("sluice_json_path_text", {json, texts}, text, get_path<true>);
  add("sluice_json_contains", {json, json}, boolean, contains);
  add("sluice_json_has_key", {json, text}, boolean, has_one_key);
  add("sluice_json_has_any", {json, texts}, boolean, has_keys<false>);
  add("sluice_json_has_all", {json, texts}, boolean, has_keys<true>);
  add("sluice_json_concat", {json, json}, json, concat);
  add("sluice_json_delete", {json, text}, json, delete_key);
  add("sluice_json_delete", {json, index}, json, delete_index);
  add("jsonb_typeof", {json}, text, type_of);
  add("jsonb_array_length", {json}, LogicalType::INTEGER, array_length);
  add("jsonb_strip_nulls", {json}, json, strip_nulls);
  add("jsonb_pretty", {json}, text, pretty);
}

}  // namespace sluice::engine::functions
