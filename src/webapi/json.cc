#include "webapi/json.h"

#include "base/sqlstate.h"
#include "base/utf8.h"

namespace sluice::webapi {
namespace {

void append_escaped(std::string& out, std::string_view text) {
  size_t plain = 0;  // where the text begins that is not copied yet
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    out.append(text.substr(plain, i - plain));
    plain = i + 1;
    switch (byte) {
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '"':
      case '\\':
        out += '\\';
        out += static_cast<char>(byte);
        break;
      default:
        out += fmt::format("\\u{:04x}", byte);
    }
  }
  out.append(text.substr(plain));
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '{') out += ',';
  append_string(out, name);
  out += ':';
  append_string(out, value);
}

}  // namespace

void append_string(std::string& out, std::string_view text) {
  out += '"';
  while (true) {
    const size_t valid = valid_utf8_prefix(text);
    append_escaped(out, text.substr(0, valid));
    if (valid == text.size()) break;
    out += "\xEF\xBF\xBD";
    text.remove_prefix(valid + 1);
  }
  out += '"';
}

void append_error(std::string& out, const Error& error) {
  out += '{';
  append_member(out, "message", error.message);
  append_member(out, "code", sqlstate(error));
  if (!error.detail.empty()) append_member(out, "detail", error.detail);
  if (!error.hint.empty()) append_member(out, "hint", error.hint);
  if (error.position > 0) out += fmt::format(",\"position\":{}", error.position);
  out += '}';
}

void append_notice(std::string& out, const session::Notice& notice) {
  out += '{';
  append_member(out, "message", notice.message);
  append_member(out, "code", notice.sqlstate.empty() ? "00000" : notice.sqlstate);
  append_member(out, "severity", notice.severity);
  if (!notice.detail.empty()) append_member(out, "detail", notice.detail);
  if (!notice.hint.empty()) append_member(out, "hint", notice.hint);
  out += '}';
}

}  // namespace sluice::webapi
