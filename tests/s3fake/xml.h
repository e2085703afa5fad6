// The XML of S3's answers.
//
// Pure functions; safe from any thread.
#pragma once

#include <string>
#include <string_view>

namespace sluice::s3fake {

// As the text of an element.
std::string xml_text(std::string_view text);
std::string xml_element(std::string_view name, std::string_view content);
// With S3's namespace.
std::string xml_document(std::string_view root, std::string_view content);

}  // namespace sluice::s3fake
