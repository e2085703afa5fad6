#include "s3fake/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <pugixml.hpp>
#include <set>
#include <thread>

#include "s3fake/checksums.h"
#include "s3fake/xml.h"

namespace sluice::s3fake {
namespace {

constexpr size_t kMaxKeyBytes = 1024;
constexpr uint64_t kMaxBodyBytes = uint64_t{1} << 30;
constexpr auto kTricklePause = std::chrono::milliseconds(1);

const std::vector<std::pair<Fault, std::string>>& fault_names() {
  static const std::vector<std::pair<Fault, std::string>> names = {
      {Fault::kNone, "None"},
      {Fault::kInternalError, "InternalError"},
      {Fault::kSlowDown, "SlowDown"},
      {Fault::kTooManyRequests, "TooManyRequests"},
      {Fault::kRequestTimeout, "RequestTimeout"},
      {Fault::kDenied, "Denied"},
      {Fault::kResetBefore, "ResetBefore"},
      {Fault::kResetDuring, "ResetDuring"},
      {Fault::kLostAnswer, "LostAnswer"},
      {Fault::kHang, "Hang"},
      {Fault::kHangAfter, "HangAfter"},
      {Fault::kTruncated, "Truncated"},
      {Fault::kErrorIn200, "ErrorIn200"},
      {Fault::kErrorIn200AfterAll, "ErrorIn200AfterAll"},
      {Fault::kInternalErrorAfterAll, "InternalErrorAfterAll"},
      {Fault::kWrongEtag, "WrongEtag"},
      {Fault::kEmptyAnswer, "EmptyAnswer"},
      {Fault::kTrickle, "Trickle"},
  };
  return names;
}

bool key_is_sound(const std::string& key) {
  if (key.empty() || key.size() > kMaxKeyBytes) return false;
  if (std::any_of(key.begin(), key.end(), [](unsigned char c) { return c < 0x20; })) return false;
  for (const char* bad : {"/../", "/./"}) {
    if (("/" + key + "/").find(bad) != std::string::npos) return false;
  }
  return true;
}

std::string in_quotes(const std::string& etag) { return "\"" + etag + "\""; }

std::string unquoted(std::string etag) {
  etag.erase(std::remove(etag.begin(), etag.end(), '"'), etag.end());
  return etag;
}

}  // namespace

std::string name(Fault fault) {
  for (const auto& [value, text] : fault_names()) {
    if (value == fault) return text;
  }
  return "?";
}

const std::vector<Fault>& all_faults() {
  static const std::vector<Fault> faults = [] {
    std::vector<Fault> out;
    for (const auto& [value, text] : fault_names()) {
      if (value != Fault::kNone) out.push_back(value);
    }
    return out;
  }();
  return faults;
}

struct Server::Call {
  uint64_t number = 0;  // among all requests, from 1
  std::string operation;
  std::string bucket;
  std::string key;
  std::map<std::string, std::string> query;

  std::string parameter(const std::string& parameter_name) const {
    const auto found = query.find(parameter_name);
    return found == query.end() ? std::string() : found->second;
  }
};

struct Server::Answer {
  int status = 200;
  std::map<std::string, std::string> headers;
  std::string body;
};

Server::Server() : Server(Options()) {}

Server::Server(Options options)
    : options_(std::move(options)),
      dialect_(options_.dialect),
      http_(std::make_unique<HttpServer>(
          [this](const HttpRequest& request, Connection& connection) {
            return handle(request, connection);
          },
          options_.tls)) {}

Server::~Server() { http_.reset(); }

std::string Server::endpoint() const {
  return fmt::format("{}://127.0.0.1:{}", options_.tls ? "https" : "http", http_->port());
}

void Server::fail(FaultRule rule) {
  const std::lock_guard lock(mutex_);
  faults_.push_back({std::move(rule), 0});
}

void Server::clear_faults() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
}

void Server::clear() {
  const std::lock_guard lock(mutex_);
  objects_.clear();
  uploads_.clear();
  aborted_.clear();
}

std::map<std::string, std::string> Server::objects() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::string> out;
  for (const auto& [key, object] : objects_) out[key] = object.content;
  return out;
}

std::string Server::checksum(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(key);
  return found == objects_.end() ? "" : found->second.checksum;
}

void Server::speak(Options::Dialect dialect) {
  const std::lock_guard lock(mutex_);
  dialect_ = std::move(dialect);
}

void Server::put(const std::string& key, std::string content) {
  const std::lock_guard lock(mutex_);
  const std::string etag = hex(md5(content));
  objects_[key] = {std::move(content), etag, ""};
}

std::string Server::open_upload(const std::string& key) {
  const std::lock_guard lock(mutex_);
  std::string id = fmt::format("upload/{}+=", ++last_upload_);
  uploads_[id].key = key;
  return id;
}

std::vector<std::string> Server::open_uploads() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> keys;
  for (const auto& [id, upload] : uploads_) keys.push_back(upload.key);
  return keys;
}

size_t Server::parts() const {
  const std::lock_guard lock(mutex_);
  size_t parts = 0;
  for (const auto& [id, upload] : uploads_) parts += upload.parts.size();
  return parts;
}

std::vector<Record> Server::requests() const {
  const std::lock_guard lock(mutex_);
  return records_;
}

size_t Server::count(const std::string& operation) const {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(
      std::count_if(records_.begin(), records_.end(),
                    [&](const Record& record) { return record.operation == operation; }));
}

void Server::wait_for(const std::string& operation, size_t requests) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    return static_cast<size_t>(std::count_if(
               records_.begin(), records_.end(),
               [&](const Record& record) { return record.operation == operation; })) >= requests;
  });
}

// What is asked for, from method, path and parameters; strict about all three.
Refusal Server::understand(const HttpRequest& request, Call& call) const {
  const auto mark = request.target.find('?');
  const std::string raw_path = request.target.substr(0, mark);
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;
  if (!percent_decode(raw_path, path) || percent_encode(path, "/") != raw_path ||
      (mark != std::string::npos && !parse_query(request.target.substr(mark + 1), query))) {
    return {"InvalidURI", "Couldn't parse the specified URI."};
  }
  for (auto& [parameter, value] : query) {
    if (!call.query.emplace(parameter, value).second) {
      return {"InvalidArgument", "parameter given twice: " + parameter};
    }
  }
  if (options_.sts && request.method == "POST" && request.target == "/") {
    call.operation = "STS";
    return {};
  }
  const std::string host = request.header("host");
  const std::string virtual_host = options_.bucket + ".s3.localhost";
  if (host.rfind(virtual_host + ":", 0) == 0) {
    path = "/" + options_.bucket + path;
  } else if (const std::lock_guard lock(mutex_); !dialect_.path_style) {
    return {"InvalidRequest", "The bucket belongs into the name of the host."};
  }
  const auto slash = path.find('/', 1);
  call.bucket = path.substr(1, slash == std::string::npos ? slash : slash - 1);
  if (slash != std::string::npos) call.key = path.substr(slash + 1);

  std::set<std::string> known;
  for (const auto& [parameter, value] : call.query) known.insert(parameter);
  const auto is = [&](const char* method, bool on_key, const std::set<std::string>& parameters,
                      const std::set<std::string>& optional) {
    if (request.method != method || on_key == call.key.empty()) return false;
    std::set<std::string> rest;
    std::set_difference(known.begin(), known.end(), parameters.begin(), parameters.end(),
                        std::inserter(rest, rest.end()));
    return std::includes(known.begin(), known.end(), parameters.begin(), parameters.end()) &&
           std::includes(optional.begin(), optional.end(), rest.begin(), rest.end());
  };
  if (is("GET", false, {"list-type"}, {"prefix", "max-keys", "start-after"})) {
    call.operation = "ListObjectsV2";
  } else if (is("GET", false, {"uploads"}, {"prefix", "max-uploads"})) {
    call.operation = "ListMultipartUploads";
  } else if (is("PUT", true, {}, {})) {
    call.operation = "PutObject";
  } else if (is("PUT", true, {"partNumber", "uploadId"}, {})) {
    call.operation = "UploadPart";
  } else if (is("GET", true, {}, {})) {
    call.operation = "GetObject";
  } else if (is("HEAD", true, {}, {})) {
    call.operation = "HeadObject";
  } else if (is("DELETE", true, {}, {})) {
    call.operation = "DeleteObject";
  } else if (is("DELETE", true, {"uploadId"}, {})) {
    call.operation = "AbortMultipartUpload";
  } else if (is("POST", true, {"uploads"}, {})) {
    call.operation = "CreateMultipartUpload";
  } else if (is("POST", true, {"uploadId"}, {})) {
    call.operation = "CompleteMultipartUpload";
  } else {
    return {"InvalidRequest", "no such operation: " + request.method + " " + request.target};
  }
  return {};
}

Fault Server::next_fault(const std::string& operation) {
  const std::lock_guard lock(mutex_);
  Fault fault = Fault::kNone;
  for (Armed& armed : faults_) {
    const FaultRule& rule = armed.rule;
    if (!rule.operation.empty() && rule.operation != operation) continue;
    armed.seen++;
    if (armed.seen >= rule.nth && armed.seen < rule.nth + rule.count) fault = rule.fault;
  }
  return fault;
}

bool Server::handle(const HttpRequest& request, Connection& connection) {
  Call call;
  const Refusal misunderstood = understand(request, call);
  if (!misunderstood.code.empty()) call.operation = "?";
  const Fault fault = next_fault(call.operation);
  size_t record = 0;
  {
    const std::lock_guard lock(mutex_);
    record = records_.size();
    records_.push_back({call.operation, request.method, request.target, call.key, 0, fault});
    call.number = records_.size();
    changed_.notify_all();
  }
  std::string body;
  if (request.content_length > kMaxBodyBytes) return false;
  if (fault == Fault::kResetBefore || fault == Fault::kResetDuring) {
    if (fault == Fault::kResetDuring) connection.read(body, request.content_length / 2);
    connection.reset();
    return false;
  }
  if (request.header("expect") == "100-continue") connection.write("HTTP/1.1 100 Continue\r\n\r\n");
  if (!connection.read(body, request.content_length)) return false;
  if (options_.on_body) options_.on_body(call.operation, body);
  if (options_.watch && !options_.watch(Options::Moment::kBefore, call.operation, request.target))
    return false;

  const auto unavailable = "Please reduce your request rate.";
  Answer answer;
  switch (fault) {
    case Fault::kInternalError:
      answer = error(500, "InternalError", "We encountered an internal error.");
      break;
    case Fault::kSlowDown:
      answer = error(503, "SlowDown", unavailable);
      break;
    case Fault::kTooManyRequests:
      answer = error(429, "TooManyRequests", unavailable);
      break;
    case Fault::kRequestTimeout:
      answer = error(400, "RequestTimeout", "Your socket connection was not read in time.");
      break;
    case Fault::kDenied:
      answer = error(403, "AccessDenied", "Access Denied");
      break;
    case Fault::kErrorIn200:
      answer = error(200, "InternalError", "We encountered an internal error.");
      break;
    case Fault::kHang:
      connection.wait_for_close();
      return false;
    default:
      answer = misunderstood.code.empty() ? check_and_act(request, call, body)
                                          : error(400, misunderstood.code, misunderstood.message);
  }
  if (options_.watch && !options_.watch(Options::Moment::kAfter, call.operation, request.target))
    return false;
  const bool acted = answer.status < 300;
  switch (fault) {
    case Fault::kErrorIn200AfterAll:
      if (acted) answer = error(200, "InternalError", "We encountered an internal error.");
      break;
    case Fault::kInternalErrorAfterAll:
      if (acted) answer = error(500, "InternalError", "We encountered an internal error.");
      break;
    case Fault::kWrongEtag:
      if (answer.headers.count("ETag") > 0) answer.headers["ETag"] = in_quotes(hex(md5("wrong")));
      break;
    case Fault::kEmptyAnswer:
      if (acted) answer = Answer{};
      break;
    case Fault::kLostAnswer:
      connection.reset();
      return false;
    case Fault::kHangAfter:
      connection.wait_for_close();
      return false;
    default:
      break;
  }
  if (fault != Fault::kNone) answer.headers["Connection"] = "close";
  {
    const std::lock_guard lock(mutex_);
    answer.headers["x-amz-request-id"] = fmt::format("tx{:04}", ++last_request_);
    records_[record].status = answer.status;
  }
  const std::string text =
      http_answer(answer.status, answer.headers, answer.body, request.method == "HEAD");
  if (fault == Fault::kTruncated) {
    connection.write(std::string_view(text).substr(
        0, text.size() - std::max<size_t>(answer.body.size() / 2, 3)));
    return false;
  }
  if (fault == Fault::kTrickle) {
    for (size_t at = 0; at < text.size(); at += 8) {
      if (!connection.write(std::string_view(text).substr(at, 8))) return false;
      std::this_thread::sleep_for(kTricklePause);
    }
    return false;
  }
  return connection.write(text) && fault == Fault::kNone;
}

Server::Answer Server::error(int status, const std::string& code, const std::string& message) {
  return {status,
          {{"Content-Type", "application/xml"}},
          fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code>"
                      "<Message>{}</Message></Error>",
                      xml_text(code), xml_text(message))};
}

Refusal Server::find_keys(const HttpRequest& request, Keys& keys) const {
  keys = options_.keys;
  if (!options_.sts || claimed_access_key(request) == keys.access_key) return {};
  return options_.sts->find_keys(request, keys);
}

Server::Answer Server::check_and_act(const HttpRequest& request, const Call& call,
                                     const std::string& body) {
  if (call.operation == "STS") {
    const Sts::Answer answer = options_.sts->handle(request, body);
    return {answer.status, {{"Content-Type", "text/xml"}}, answer.body};
  }
  if (call.bucket != options_.bucket) {
    return error(404, "NoSuchBucket", "The specified bucket does not exist");
  }
  Keys keys;
  Refusal refusal = find_keys(request, keys);
  if (refusal.code.empty()) {
    // Unsigned bodies: it is always on the machine of its client.
    refusal = check_signature(request, keys, options_.region, options_.now(), true);
  }
  if (!refusal.code.empty()) {
    const bool bad_request = refusal.code == "AuthorizationHeaderMalformed" ||
                             refusal.code == "ExpiredToken" || refusal.code == "InvalidToken";
    Answer answer = error(bad_request ? 400 : 403, refusal.code, refusal.message);
    if (refusal.message.find("expecting region") != std::string::npos) {
      const int status = options_.wrong_region_status;
      if (status == 301) answer = error(status, "PermanentRedirect", "Ask another endpoint.");
      if (status == 307) answer = error(status, "TemporaryRedirect", "Ask another endpoint.");
      answer.headers["x-amz-bucket-region"] = options_.region;
      if (request.method == "HEAD") answer.body.clear();
    }
    return answer;
  }
  const std::string digest = request.header("x-amz-content-sha256");
  if (digest != "UNSIGNED-PAYLOAD" && digest != hex(sha256(body))) {
    return error(400, "XAmzContentSHA256Mismatch",
                 "The provided 'x-amz-content-sha256' header does not match what was computed.");
  }
  if (const std::lock_guard lock(mutex_);
      digest == "UNSIGNED-PAYLOAD" && !dialect_.takes_unsigned) {
    return error(403, "AccessDenied", "Payloads must be signed.");
  }
  const std::string content_md5 = request.header("content-md5");
  if (!content_md5.empty() && content_md5 != base64(md5(body))) {
    return error(400, "BadDigest", "The Content-MD5 you specified did not match");
  }
  if ((request.method == "PUT" || request.method == "POST") &&
      request.header("content-length").empty()) {
    return error(411, "MissingContentLength", "You must provide the Content-Length HTTP header.");
  }
  if (!call.key.empty() && !key_is_sound(call.key)) {
    return error(400, "KeyTooLongError", "Your key is too long, or not sound");
  }
  if (options_.allowed && !options_.allowed(call.operation, call.key)) {
    return error(403, "AccessDenied", "Access Denied");
  }
  if (options_.sts) {
    refusal = options_.sts->check_right(
        request, wanted_by(call.operation, call.bucket, call.key, call.parameter("prefix")));
    const std::string key = request.header("x-amz-server-side-encryption-aws-kms-key-id");
    if (refusal.code.empty() && !key.empty()) {
      refusal = options_.sts->check_right(request, {"kms:GenerateDataKey", key, {}});
    }
    if (!refusal.code.empty()) return error(403, refusal.code, refusal.message);
  }
  const std::lock_guard lock(mutex_);
  return act(call, request, body);
}

Server::Answer Server::act(const Call& call, const HttpRequest& request, const std::string& body) {
  const std::string& operation = call.operation;
  if (operation == "ListObjectsV2") return list_objects(call);
  if (operation == "ListMultipartUploads") return list_uploads(call);
  if (operation == "PutObject") return put_object(call, request, body);
  if (operation == "CreateMultipartUpload") return create_upload(call, request);
  if (operation == "UploadPart") return upload_part(call, request, body);
  if (operation == "CompleteMultipartUpload") return complete(call, request, body);
  if (operation == "GetObject" || operation == "HeadObject") {
    const auto found = objects_.find(call.key);
    if (found == objects_.end()) {
      Answer missing = error(404, "NoSuchKey", "The specified key does not exist.");
      if (operation == "HeadObject") missing.body.clear();
      return missing;
    }
    return {200, {{"ETag", in_quotes(found->second.etag)}}, found->second.content};
  }
  if (operation == "DeleteObject") {
    objects_.erase(call.key);
    return {204, {}, ""};
  }
  const auto upload = uploads_.find(call.parameter("uploadId"));  // AbortMultipartUpload
  if (upload == uploads_.end() || upload->second.key != call.key) {
    return error(404, "NoSuchUpload", "The specified upload does not exist.");
  }
  aborted_[upload->first] = {upload->second.key, call.number};
  uploads_.erase(upload);
  return {204, {}, ""};
}

Server::Answer Server::list_objects(const Call& call) const {
  const std::string prefix = call.parameter("prefix");
  const std::string after = call.parameter("start-after");
  const std::string max = call.parameter("max-keys");
  const size_t limit = max.empty() ? 1000 : std::min<size_t>(std::stoul(max), 1000);
  std::string content;
  size_t listed = 0;
  bool truncated = false;
  for (const auto& [key, object] : objects_) {
    if (key.rfind(prefix, 0) != 0 || key <= after) continue;
    if (listed == limit) {
      truncated = true;
      break;
    }
    listed++;
    content += fmt::format(
        "<Contents><Key>{}</Key><ETag>{}</ETag><Size>{}</Size><StorageClass>STANDARD"
        "</StorageClass></Contents>",
        xml_text(key), xml_text(in_quotes(object.etag)), object.content.size());
  }
  return {200,
          {},
          xml_document(
              "ListBucketResult",
              fmt::format("<Name>{}</Name><Prefix>{}</Prefix><KeyCount>{}</KeyCount>"
                          "<IsTruncated>{}</IsTruncated>{}",
                          xml_text(call.bucket), xml_text(prefix), listed, truncated, content))};
}

Server::Answer Server::list_uploads(const Call& call) const {
  std::string content;
  for (const auto& [id, upload] : uploads_) {
    if (upload.key.rfind(call.parameter("prefix"), 0) != 0) continue;
    content += fmt::format("<Upload><Key>{}</Key><UploadId>{}</UploadId></Upload>",
                           xml_text(upload.key), xml_text(id));
  }
  return {200,
          {},
          xml_document("ListMultipartUploadsResult", "<IsTruncated>false</IsTruncated>" + content)};
}

Server::Answer Server::put_object(const Call& call, const HttpRequest& request,
                                  const std::string& body) {
  const std::string condition = request.header("if-none-match");
  if (!condition.empty() && condition != "*") {
    return error(501, "NotImplemented", "If-None-Match takes * only");
  }
  using Conditions = Options::Dialect::Conditions;
  if (!condition.empty() && dialect_.conditions == Conditions::kRefused) {
    return error(501, "NotImplemented",
                 "A header you provided implies functionality that is not "
                 "implemented");
  }
  if (!condition.empty() && dialect_.conditions == Conditions::kObeyed &&
      objects_.count(call.key) > 0) {
    return error(412, "PreconditionFailed", "At least one of the pre-conditions did not hold");
  }
  std::string algorithm, checksum;
  if (const auto bad = check_checksum(request, body, algorithm, checksum); !bad.code.empty()) {
    return error(400, bad.code, bad.message);
  }
  const std::string etag = hex(md5(body));
  objects_[call.key] = {body, etag, algorithm.empty() ? "" : algorithm + "=" + checksum};
  return {200, {{"ETag", in_quotes(etag)}}, ""};
}

Refusal Server::check_checksum(const HttpRequest& request, const std::string& body,
                               std::string& algorithm, std::string& found) const {
  if (Refusal bad = claimed_checksum(request, algorithm, found); !bad.code.empty()) {
    return bad;
  }
  if (dialect_.checksums.count(algorithm) == 0) {  // none, or one that this store does not know
    algorithm.clear();
    found.clear();
  } else if (found != base64(checksum_of(algorithm, body))) {
    return {"BadDigest",
            fmt::format("The {} you specified did not match the calculated checksum.", algorithm)};
  }
  return {};
}

Server::Answer Server::create_upload(const Call& call, const HttpRequest& request) {
  Upload upload;
  upload.key = call.key;
  upload.algorithm = request.header("x-amz-checksum-algorithm");
  const std::string type = request.header("x-amz-checksum-type");
  if (dialect_.checksums.count(upload.algorithm) == 0) upload.algorithm.clear();
  upload.full_object = upload.algorithm == "CRC64NVME" || type == "FULL_OBJECT";
  if ((upload.algorithm == "SHA256" && upload.full_object) ||
      (upload.algorithm == "CRC64NVME" && type == "COMPOSITE")) {
    return error(400, "InvalidRequest", "The algorithm knows no checksum of this type.");
  }
  const std::string id = fmt::format("upload/{}+=", ++last_upload_);
  uploads_[id] = std::move(upload);
  return {200,
          {},
          xml_document("InitiateMultipartUploadResult",
                       fmt::format("<Bucket>{}</Bucket><Key>{}</Key><UploadId>{}</UploadId>",
                                   xml_text(call.bucket), xml_text(call.key), xml_text(id)))};
}

Server::Answer Server::upload_part(const Call& call, const HttpRequest& request,
                                   const std::string& body) {
  if (const auto late = aborted_.find(call.parameter("uploadId"));
      options_.keeps_late_parts && late != aborted_.end() && call.number < late->second.at) {
    uploads_[late->first].key = late->second.key;
    aborted_.erase(late);
  }
  const auto upload = uploads_.find(call.parameter("uploadId"));
  if (upload == uploads_.end() || upload->second.key != call.key) {
    return error(404, "NoSuchUpload", "The specified upload does not exist.");
  }
  const int number = std::atoi(call.parameter("partNumber").c_str());
  if (number < 1 || number > dialect_.max_parts) {
    return error(400, "InvalidArgument",
                 fmt::format("Part number must be between 1 and {}", dialect_.max_parts));
  }
  std::string algorithm, checksum;
  if (const auto bad = check_checksum(request, body, algorithm, checksum); !bad.code.empty()) {
    return error(400, bad.code, bad.message);
  }
  if (!upload->second.algorithm.empty() && algorithm != upload->second.algorithm) {
    return error(400, "InvalidRequest",
                 fmt::format("Checksum Type mismatch occurred, expected checksum Type: {}, actual "
                             "checksum Type: {}",
                             upload->second.algorithm, algorithm.empty() ? "null" : algorithm));
  }
  const std::string etag = hex(md5(body));
  upload->second.parts[number] = {body, etag, checksum};
  return {200, {{"ETag", in_quotes(etag)}}, ""};
}

Server::Answer Server::complete(const Call& call, const HttpRequest& request,
                                const std::string& body) {
  const auto found = uploads_.find(call.parameter("uploadId"));
  if (found == uploads_.end() || found->second.key != call.key) {
    return error(404, "NoSuchUpload", "The specified upload does not exist.");
  }
  Upload& upload = found->second;
  pugi::xml_document xml;
  if (!xml.load_buffer(body.data(), body.size()) || !xml.child("CompleteMultipartUpload")) {
    return error(400, "MalformedXML", "The XML you provided was not well-formed");
  }
  std::string content;
  std::string digests;
  std::string checksums;
  const std::string element = "Checksum" + upload.algorithm;
  size_t first_bytes = 0;
  int last_number = 0;
  size_t parts = 0;
  for (const auto& node : xml.child("CompleteMultipartUpload").children("Part")) {
    const int number = node.child("PartNumber").text().as_int();
    if (number <= last_number) {
      return error(400, "InvalidPartOrder", "The list of parts was not in ascending order.");
    }
    const auto part = upload.parts.find(number);
    if (part == upload.parts.end() ||
        part->second.etag != unquoted(node.child("ETag").text().as_string())) {
      return error(400, "InvalidPart", "One or more of the specified parts could not be found.");
    }
    const bool is_last = node.next_sibling("Part").empty();
    if (!is_last && part->second.content.size() < options_.min_part_bytes) {
      return error(400, "EntityTooSmall", "Your proposed upload is smaller than allowed");
    }
    const std::string checksum = node.child(element.c_str()).text().as_string();
    if (checksum.empty() && !upload.algorithm.empty() && !upload.full_object) {
      return error(400, "InvalidRequest",
                   fmt::format("The upload was created using a {} checksum. It was missing for "
                               "part {} in the request.",
                               upload.algorithm, number));
    }
    if (!checksum.empty() && checksum != part->second.checksum) {
      return error(400, "InvalidPart", "A part's checksum is not the one that it came with.");
    }
    const size_t part_bytes = part->second.content.size();
    if (parts == 0) first_bytes = part_bytes;
    if (dialect_.equal_parts && (is_last ? part_bytes > first_bytes : part_bytes != first_bytes)) {
      return error(400, "InvalidPart", "All non-trailing parts must have the same length.");
    }
    last_number = number;
    parts++;
    content += part->second.content;
    digests += md5(part->second.content);
    if (!upload.algorithm.empty()) checksums += checksum_of(upload.algorithm, part->second.content);
  }
  if (parts == 0) return error(400, "MalformedXML", "You must specify at least one part");
  const std::string etag = fmt::format("{}-{}", hex(md5(digests)), parts);
  std::string checksum;
  if (!upload.algorithm.empty()) {
    checksum = base64(upload.full_object ? checksum_of(upload.algorithm, content)
                                         : checksum_of(upload.algorithm, checksums));
    if (!upload.full_object) checksum += fmt::format("-{}", parts);
    const std::string claimed = request.header(checksum_header(upload.algorithm));
    if (!claimed.empty() && claimed != checksum) {
      return error(400, "BadDigest", "The checksum of the object is another one.");
    }
    const std::string type = request.header("x-amz-checksum-type");
    if (!type.empty() && (type == "FULL_OBJECT") != upload.full_object) {
      return error(400, "InvalidRequest", "The upload was begun with another checksum type.");
    }
    checksum = upload.algorithm + "=" + checksum;
  }
  objects_[call.key] = {std::move(content), etag, checksum};
  uploads_.erase(found);
  return {200,
          {},
          xml_document(
              "CompleteMultipartUploadResult",
              fmt::format("<Bucket>{}</Bucket><Key>{}</Key><ETag>{}</ETag>", xml_text(call.bucket),
                          xml_text(call.key), xml_text(in_quotes(etag))))};
}

}  // namespace sluice::s3fake
