#include "s3fake/xml.h"

#include <fmt/format.h>

namespace sluice::s3fake {

std::string xml_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string xml_element(std::string_view name, std::string_view content) {
  return fmt::format("<{0}>{1}</{0}>", name, content);
}

std::string xml_document(std::string_view root, std::string_view content) {
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<{0} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{1}</{0}>",
      root, content);
}

}  // namespace sluice::s3fake
