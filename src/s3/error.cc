#include "s3/error.h"

#include <algorithm>
#include <pugixml.hpp>
#include <string_view>

namespace sluice::s3 {
namespace {

constexpr size_t kMaxTextBytes = 1024;

// Text from outside that goes into our messages: one line of bounded length.
std::string tamed(std::string_view text) {
  std::string out(text.substr(0, kMaxTextBytes));
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return out;
}

bool is_one_of(std::string_view code, std::initializer_list<std::string_view> codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// The right in AWS's policies that a request needs; empty: none that we know.
std::string_view right_for(std::string_view operation) {
  constexpr std::pair<std::string_view, std::string_view> kRights[] = {
      {"ListObjectsV2", "s3:ListBucket"},
      {"PutObject", "s3:PutObject"},
      {"CreateMultipartUpload", "s3:PutObject"},
      {"UploadPart", "s3:PutObject"},
      {"CompleteMultipartUpload", "s3:PutObject"},
      {"DeleteObject", "s3:DeleteObject"},
      {"AbortMultipartUpload", "s3:AbortMultipartUpload"},
      {"ListMultipartUploads", "s3:ListBucketMultipartUploads"},
      {"GetObject", "s3:GetObject"},
      {"HeadObject", "s3:GetObject"}};
  operation = operation.substr(0, operation.find(' '));  // `UploadPart 7`
  for (const auto& [name, right] : kRights) {
    if (name == operation) return right;
  }
  return "";
}

// What helps against it, where its code says enough.
std::string advice(const ServiceError& error, const Subject& subject) {
  if (error.is_throttling()) return "Try again later, or with fewer exports at once.";
  if (is_one_of(error.code, {"AccessDenied", "Forbidden"})) {
    const std::string_view right = right_for(subject.operation);
    return right.empty() ? "" : fmt::format("The access key needs the right {} here.", right);
  }
  if (error.code == "InvalidAccessKeyId") return "The store does not know this access key.";
  if (error.code == "SignatureDoesNotMatch") {
    return "Most likely the secret access key is not the one that belongs to the access key.";
  }
  if (says_outdated(error.code)) {
    return "A new access key, secret access key and session token are needed.";
  }
  if (error.code == "NoSuchBucket") {
    return "Buckets are not created: check the name, the region and the endpoint.";
  }
  if (error.code == "RequestTimeTooSkewed") return "The clock of this server is wrong.";
  return "";
}

std::string_view word_for(int status) {
  switch (status) {
    case 301:
      return "PermanentRedirect";
    case 307:
      return "TemporaryRedirect";
    case 400:
      return "BadRequest";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "NotFound";
    case 405:
      return "MethodNotAllowed";
    case 408:
      return "RequestTimeout";
    case 409:
      return "Conflict";
    case 412:
      return "PreconditionFailed";
    case 429:
      return "TooManyRequests";
    case 500:
      return "InternalError";
    case 501:
      return "NotImplemented";
    case 503:
      return "ServiceUnavailable";
    default:
      return "Error";
  }
}

}  // namespace

std::string Subject::text() const {
  return key.empty() ? fmt::format("{} s3://{}", operation, bucket)
                     : fmt::format("{} s3://{}/{}", operation, bucket, tamed(key));
}

bool says_outdated(std::string_view code) {
  return is_one_of(
      code, {"ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"});
}

bool ServiceError::is_throttling() const {
  return status == 429 ||
         is_one_of(code, {"SlowDown", "SlowDownRead", "SlowDownWrite", "Throttling",
                          "ThrottlingException", "TooManyRequests", "TooManyRequestsException",
                          "RequestLimitExceeded", "BandwidthLimitExceeded"});
}

bool ServiceError::is_transient() const {
  if (is_throttling() || is_damage()) return true;
  if (status == 501) return false;
  return status >= 500 || status == 408 ||
         is_one_of(code, {"InternalError", "ServiceUnavailable", "RequestTimeout",
                          "OperationAborted", "ConditionalRequestConflict"});
}

bool ServiceError::is_damage() const {
  return is_one_of(code, {"BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"});
}

bool ServiceError::is_ambiguous() const {
  return is_transient() && !is_throttling() && !is_damage() && status != 408 &&
         code != "RequestTimeout" && status != 409;
}

ErrorCode ServiceError::meaning() const {
  if (is_transient()) return ErrorCode::kUnavailable;
  if (status == 403 || status == 401) return ErrorCode::kDenied;
  if (says_outdated(code)) return ErrorCode::kDenied;
  if (status == 404) return ErrorCode::kNotFound;
  if (status == 412) return ErrorCode::kExists;
  return ErrorCode::kInvalid;
}

Error ServiceError::error(const Subject& subject) const {
  std::string text = fmt::format("{}: {} {}", subject.text(), status, code);
  if (!message.empty()) text += ": " + message;
  if (!request_id.empty()) text += fmt::format(" (request {})", request_id);
  Error out(meaning(), std::move(text));
  out.hint = hint.empty() ? advice(*this, subject) : hint;
  return out;
}

std::optional<ServiceError> service_error(const http::Response& response, Body body) {
  const bool is_success = response.status >= 200 && response.status < 300;
  if (is_success && body == Body::kOfObject) return std::nullopt;
  pugi::xml_document document;
  pugi::xml_node root;
  if (!response.body.empty() && document.load_buffer(response.body.data(), response.body.size())) {
    root = document.child("Error");
  }
  if (is_success && root.empty()) return std::nullopt;
  ServiceError out;
  out.status = response.status;
  out.code = tamed(root.child("Code").text().as_string());
  if (out.code.empty()) out.code = word_for(response.status);
  out.message = tamed(root.child("Message").text().as_string());
  out.request_id = tamed(response.header("x-amz-request-id"));
  if (out.request_id.empty()) out.request_id = tamed(root.child("RequestId").text().as_string());
  std::string region = tamed(root.child("Region").text().as_string());
  if (region.empty()) region = tamed(response.header("x-amz-bucket-region"));
  if (!region.empty() && (response.status / 100 == 3 || response.status == 400)) {
    out.hint = fmt::format("The bucket is in region \"{}\".", region);
    out.region = std::move(region);
  }
  return out;
}

}  // namespace sluice::s3
