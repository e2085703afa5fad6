// Making, taking apart and changing jsonb, over documents in normal form (json.h):
//
//   sluice_to_json(any)                        to_jsonb(): arrays, records, times as ISO 8601
//   sluice_json_build_object(key, value, …), sluice_json_build_array(value, …)
//   sluice_json_of_list(any[])                 what jsonb_agg() makes of the list of its values
//   sluice_json_of_pairs((key, value)[])       and jsonb_object_agg()
//   jsonb_object(text[] [, text[]])
//   sluice_json_elements(j), sluice_json_elements_text(j), sluice_json_keys(j),
//   sluice_json_each(j), sluice_json_each_text(j)      lists, whose rows the sql folder unnests
//   jsonb_set(j, path, value [, create]), jsonb_insert(j, path, value [, after]),
//   sluice_json_delete_path(j, path)           j #- path
//   jsonb_extract_path(j, step, …), jsonb_extract_path_text(j, step, …)
#include <charconv>
#include <cmath>
#include <map>

#include "engine/functions/json.h"
#include "engine/functions/raise.h"
#include "engine/functions/row_function.h"
#include "engine/functions/text_out.h"

namespace sluice::engine::functions {
namespace {

using duckdb::ListValue;
using duckdb::LogicalTypeId;
using duckdb::StructValue;

// A document out of text in normal form, which it keeps.
Value json_value(std::string json) {
  Value value(std::move(json));
  value.Reinterpret(LogicalType::JSON());
  return value;
}

std::string text_form(const Value& value) {
  std::string text;
  append_value(value, {.long_booleans = true}, text);
  return text;
}

void append_object(const std::map<std::string, std::string>& members, std::string& out) {
  out += '{';
  bool first = true;
  for (const auto& [key, value] : members) {
    if (!first) out += ',';
    append_json_string(key, out);
    out += ':' + value;
    first = false;
  }
  out += '}';
}

void append_any(const Value& value, std::string& out);

std::string any_json(const Value& value) {
  std::string out;
  append_any(value, out);
  return out;
}

void append_list(const duckdb::vector<Value>& elements, std::string& out) {
  out += '[';
  for (size_t i = 0; i < elements.size(); ++i) {
    if (i > 0) out += ',';
    append_any(elements[i], out);
  }
  out += ']';
}

void append_struct(const Value& value, std::string& out) {
  const auto& fields = duckdb::StructType::GetChildTypes(value.type());
  const auto& values = StructValue::GetChildren(value);
  std::map<std::string, std::string> members;
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string name = fields[i].first.empty() ? fmt::format("f{}", i + 1) : fields[i].first;
    members[name] = any_json(values[i]);
  }
  append_object(members, out);
}

void append_number(const Value& value, std::string& out) {
  const bool floating =
      value.type().id() == LogicalTypeId::DOUBLE || value.type().id() == LogicalTypeId::FLOAT;
  const std::string text = text_form(value);
  if (floating && !std::isfinite(value.GetValue<double>())) return append_json_string(text, out);
  const auto normal = normalize_json(text);  // without an exponent
  out += normal.ok() ? *normal : text;
}

void append_any(const Value& value, std::string& out) {
  if (value.IsNull()) {
    out += "null";
    return;
  }
  const LogicalType& type = value.type();
  if (type.IsJSONType()) {
    out += text_of(value);
  } else if (type.id() == LogicalTypeId::BOOLEAN) {
    out += value.GetValue<bool>() ? "true" : "false";
  } else if (type.IsNumeric()) {
    append_number(value, out);
  } else if (type.id() == LogicalTypeId::LIST) {
    append_list(ListValue::GetChildren(value), out);
  } else if (type.id() == LogicalTypeId::STRUCT) {
    append_struct(value, out);
  } else {
    std::string text = text_form(value);
    const bool instant =
        type.id() == LogicalTypeId::TIMESTAMP || type.id() == LogicalTypeId::TIMESTAMP_TZ;
    if (const size_t blank = text.find(' '); instant && blank != std::string::npos) {
      text[blank] = 'T';
      if (type.id() == LogicalTypeId::TIMESTAMP_TZ) text += ":00";
    }
    append_json_string(text, out);
  }
}

Value to_json(const Values& arguments, const LogicalType&) {
  return json_value(any_json(arguments[0]));
}

std::string key_of(const Value& value) {
  if (value.IsNull()) {
    raise(invalid("argument list must not contain a null key")
              .with_sqlstate("22023")
              .with_hint("The keys of an object are texts."));
  }
  return value.type().IsJSONType() ? json_as_text(text_of(value)).value_or("null")
                                   : text_form(value);
}

Value build_object(const Values& arguments, const LogicalType&) {
  if (arguments.size() % 2 != 0) {
    raise(invalid("argument list must have even number of elements")
              .with_sqlstate("22023")
              .with_hint("The arguments of jsonb_build_object() must consist of alternating keys "
                         "and values."));
  }
  std::map<std::string, std::string> members;
  for (size_t i = 0; i < arguments.size(); i += 2) {
    if (arguments[i].IsNull()) {
      raise(invalid("argument {}: key must not be null", i + 1).with_sqlstate("22023"));
    }
    members[key_of(arguments[i])] = any_json(arguments[i + 1]);
  }
  std::string out;
  append_object(members, out);
  return json_value(std::move(out));
}

Value build_array(const Values& arguments, const LogicalType&) {
  std::string out;
  append_list({arguments.begin(), arguments.end()}, out);
  return json_value(std::move(out));
}

Value json_of_pairs(const Values& arguments, const LogicalType&) {
  std::map<std::string, std::string> members;
  for (const Value& pair : ListValue::GetChildren(arguments[0])) {
    const auto& fields = StructValue::GetChildren(pair);
    if (fields[0].IsNull()) {
      raise(invalid("field name must not be null").with_sqlstate("22023"));
    }
    members[key_of(fields[0])] = any_json(fields[1]);
  }
  std::string out;
  append_object(members, out);
  return json_value(std::move(out));
}

Value object_of_texts(const Values& arguments, const LogicalType&) {
  const auto& first = ListValue::GetChildren(arguments[0]);
  const bool two = arguments.size() > 1;
  if (!two && first.size() % 2 != 0) {
    raise(invalid("array must have even number of elements").with_sqlstate("2202E"));
  }
  if (two && ListValue::GetChildren(arguments[1]).size() != first.size()) {
    raise(invalid("mismatched array dimensions").with_sqlstate("2202E"));
  }
  std::map<std::string, std::string> members;
  for (size_t i = 0; i < first.size(); i += two ? 1 : 2) {
    if (first[i].IsNull()) {
      raise(invalid("null value not allowed for object key").with_sqlstate("22004"));
    }
    members[text_of(first[i])] =
        any_json(two ? ListValue::GetChildren(arguments[1])[i] : first[i + 1]);
  }
  std::string out;
  append_object(members, out);
  return json_value(std::move(out));
}

// ---- taken apart

[[noreturn]] void wrong_kind(std::string_view message) {
  raise(invalid("{}", message).with_sqlstate("22023"));
}

Value text_value(std::string_view json) {
  auto text = json_as_text(json);
  return text ? Value(std::move(*text)) : Value(LogicalType::VARCHAR);
}

const char* elements_error(JsonKind kind) {
  return kind == JsonKind::kObject ? "cannot extract elements from an object"
                                   : "cannot extract elements from a scalar";
}

template <bool kAsText>
Value elements(const Values& arguments, const LogicalType& result) {
  const std::string& json = text_of(arguments[0]);
  if (json_kind(json) != JsonKind::kArray) wrong_kind(elements_error(json_kind(json)));
  duckdb::vector<Value> list;
  for (const auto element : json_elements(json)) {
    list.push_back(kAsText ? text_value(element) : json_value(std::string(element)));
  }
  return Value::LIST(duckdb::ListType::GetChildType(result), std::move(list));
}

std::vector<JsonMember> members_or_raise(const std::string& json, std::string_view function) {
  if (json_kind(json) == JsonKind::kObject) return json_members(json);
  if (function == "jsonb_object_keys") {
    wrong_kind(fmt::format("cannot call {} on {}", function,
                           json_kind(json) == JsonKind::kArray ? "an array" : "a scalar"));
  }
  wrong_kind(fmt::format("cannot call {} on a non-object", function));
}

Value keys(const Values& arguments, const LogicalType&) {
  duckdb::vector<Value> list;
  for (const JsonMember& member : members_or_raise(text_of(arguments[0]), "jsonb_object_keys")) {
    list.emplace_back(json_string_text(member.key));
  }
  return Value::LIST(LogicalType::VARCHAR, std::move(list));
}

template <bool kAsText>
Value each(const Values& arguments, const LogicalType& result) {
  duckdb::vector<Value> list;
  for (const JsonMember& member :
       members_or_raise(text_of(arguments[0]), kAsText ? "jsonb_each_text" : "jsonb_each")) {
    duckdb::child_list_t<Value> fields;
    fields.emplace_back("key", Value(json_string_text(member.key)));
    fields.emplace_back("value",
                        kAsText ? text_value(member.value) : json_value(std::string(member.value)));
    list.push_back(Value::STRUCT(std::move(fields)));
  }
  return Value::LIST(duckdb::ListType::GetChildType(result), std::move(list));
}

Value extract_path(const Values& arguments, const LogicalType& result) {
  std::string_view at = text_of(arguments[0]);
  for (size_t i = 1; i < arguments.size(); ++i) {
    const std::string& step = text_of(arguments[i]);
    std::optional<std::string_view> found;
    if (json_kind(at) == JsonKind::kArray) {
      int64_t index = 0;
      const auto read = std::from_chars(step.data(), step.data() + step.size(), index);
      if (read.ec == std::errc() && read.ptr == step.data() + step.size()) {
        found = json_get(at, index);
      }
    } else {
      found = json_get(at, std::string_view(step));
    }
    if (!found) return Value(result);
    at = *found;
  }
  if (result.IsJSONType()) return json_value(std::string(at));
  return text_value(at);
}

// ---- changed

enum class Change { kSet, kSetOrAdd, kInsertBefore, kInsertAfter, kDelete };

struct Edit {
  const std::vector<std::string>& path;
  std::string_view value;
  Change change;
};

int64_t index_at(const Edit& edit, size_t step) {
  const std::string& text = edit.path[step];
  int64_t index = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), index);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
    raise(invalid("path element at position {} is not an integer: \"{}\"", step + 1, text)
              .with_sqlstate("22P02"));
  }
  return index;
}

std::string edited(std::string_view json, const Edit& edit, size_t step);

std::string edited_object(std::string_view json, const Edit& edit, size_t step) {
  const std::string& key = edit.path[step];
  const bool last = step + 1 == edit.path.size();
  std::map<std::string, std::string> members;
  for (const JsonMember& member : json_members(json)) {
    members[json_string_text(member.key)] = std::string(member.value);
  }
  const auto found = members.find(key);
  if (!last) {
    if (found != members.end()) found->second = edited(found->second, edit, step + 1);
  } else if (edit.change == Change::kDelete) {
    members.erase(key);
  } else if (found == members.end()) {
    if (edit.change != Change::kSet) members[key] = std::string(edit.value);
  } else if (edit.change == Change::kSet || edit.change == Change::kSetOrAdd) {
    found->second = std::string(edit.value);
  } else {
    raise(invalid("cannot replace existing key")
              .with_sqlstate("22023")
              .with_hint("Try using the function jsonb_set to replace key value."));
  }
  std::string out;
  append_object(members, out);
  return out;
}

std::string edited_array(std::string_view json, const Edit& edit, size_t step) {
  std::vector<std::string> list;
  for (const auto element : json_elements(json)) list.emplace_back(element);
  const auto size = static_cast<int64_t>(list.size());
  int64_t index = index_at(edit, step);
  const bool from_end = index < 0;
  if (from_end) index += size;
  const bool inside = index >= 0 && index < size;
  const auto place = [&](int64_t at) { return list.begin() + static_cast<ptrdiff_t>(at); };
  if (step + 1 < edit.path.size()) {
    if (inside) list[static_cast<size_t>(index)] = edited(*place(index), edit, step + 1);
  } else if (edit.change == Change::kDelete) {
    if (inside) list.erase(place(index));
  } else if (edit.change == Change::kSet || edit.change == Change::kSetOrAdd) {
    if (inside) {
      *place(index) = std::string(edit.value);
    } else if (edit.change == Change::kSetOrAdd) {
      list.insert(from_end ? list.begin() : list.end(), std::string(edit.value));
    }
  } else {
    const int64_t after = edit.change == Change::kInsertAfter && inside ? 1 : 0;
    list.insert(place(std::clamp<int64_t>(index + after, 0, size)), std::string(edit.value));
  }
  return fmt::format("[{}]", fmt::join(list, ","));
}

std::string edited(std::string_view json, const Edit& edit, size_t step) {
  switch (json_kind(json)) {
    case JsonKind::kObject:
      return edited_object(json, edit, step);
    case JsonKind::kArray:
      return edited_array(json, edit, step);
    default:
      return std::string(json);
  }
}

Value changed(const Values& arguments, std::string_view value, Change change, const char* verb) {
  const std::string& json = text_of(arguments[0]);
  std::vector<std::string> path;
  for (const Value& step : ListValue::GetChildren(arguments[1])) {
    if (step.IsNull()) {
      raise(invalid("path element at position {} is null", path.size() + 1).with_sqlstate("22004"));
    }
    path.push_back(text_of(step));
  }
  const JsonKind kind = json_kind(json);
  if (kind != JsonKind::kObject && kind != JsonKind::kArray) {
    wrong_kind(fmt::format("cannot {} in scalar", verb));
  }
  if (path.empty()) return arguments[0];
  return json_value(edited(json, {path, value, change}, 0));
}

Value set(const Values& arguments, const LogicalType&) {
  const bool create = arguments.size() < 4 || arguments[3].GetValue<bool>();
  return changed(arguments, text_of(arguments[2]), create ? Change::kSetOrAdd : Change::kSet,
                 "set path");
}

Value insert(const Values& arguments, const LogicalType&) {
  const bool after = arguments.size() > 3 && arguments[3].GetValue<bool>();
  return changed(arguments, text_of(arguments[2]),
                 after ? Change::kInsertAfter : Change::kInsertBefore, "set path");
}

Value delete_path(const Values& arguments, const LogicalType&) {
  return changed(arguments, "", Change::kDelete, "delete path");
}

}  // namespace

void register_json_build(duckdb::DatabaseInstance& database) {
  const LogicalType text = LogicalType::VARCHAR, json = LogicalType::JSON();
  const LogicalType any = LogicalType::ANY, boolean = LogicalType::BOOLEAN;
  const LogicalType texts = LogicalType::LIST(text);
  const auto pair = [&](const LogicalType& value) {
    return LogicalType::LIST(LogicalType::STRUCT({{"key", text}, {"value", value}}));
  };
  add_rowwise<to_json>(database, "sluice_to_json", {any}, json);
  add_rowwise<to_json>(database, "sluice_json_of_list", {LogicalType::LIST(any)}, json);
  add_rowwise<json_of_pairs>(database, "sluice_json_of_pairs", {LogicalType::LIST(any)}, json);
  add_rowwise<build_object, true>(database, "sluice_json_build_object", {}, json, any);
  add_rowwise<build_array, true>(database, "sluice_json_build_array", {}, json, any);
  add_rowwise<object_of_texts>(database, "jsonb_object", {texts}, json);
  add_rowwise<object_of_texts>(database, "jsonb_object", {texts, texts}, json);
  add_rowwise<elements<false>>(database, "sluice_json_elements", {json}, LogicalType::LIST(json));
  add_rowwise<elements<true>>(database, "sluice_json_elements_text", {json}, texts);
  add_rowwise<keys>(database, "sluice_json_keys", {json}, texts);
  add_rowwise<each<false>>(database, "sluice_json_each", {json}, pair(json));
  add_rowwise<each<true>>(database, "sluice_json_each_text", {json}, pair(text));
  add_rowwise<extract_path>(database, "jsonb_extract_path", {json}, json, text);
  add_rowwise<extract_path>(database, "jsonb_extract_path_text", {json}, text, text);
  add_rowwise<set>(database, "jsonb_set", {json, texts, json}, json);
  add_rowwise<set>(database, "jsonb_set", {json, texts, json, boolean}, json);
  add_rowwise<insert>(database, "jsonb_insert", {json, texts, json}, json);
  add_rowwise<insert>(database, "jsonb_insert", {json, texts, json, boolean}, json);
  add_rowwise<delete_path>(database, "sluice_json_delete_path", {json, texts}, json);
}

}  // namespace sluice::engine::functions
