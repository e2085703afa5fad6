#include "s3/client.h"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <pugixml.hpp>

#include "base/text.h"

namespace sluice::s3 {
namespace {

constexpr int kMaxKeysOfPage = 1000;
constexpr int kPartEtagDigits = 32;

std::string unquoted(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  return std::string(etag);
}

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
      default:
        out += c;
    }
  }
  return out;
}

// A check of answers that must be XML with this root.
auto must_be(const char* root) {
  return [root](const http::Response& response) -> std::optional<std::string> {
    pugi::xml_document document;
    const auto parsed = document.load_buffer(response.body.data(), response.body.size());
    if (!parsed || document.child(root).empty()) return fmt::format("without a {}", root);
    return std::nullopt;
  };
}

std::optional<std::string> must_have_etag(const http::Response& response) {
  if (response.header("etag").empty()) return "without an ETag";
  return std::nullopt;
}

std::optional<std::string> must_have_upload_id(const http::Response& response) {
  pugi::xml_document document;
  if (!document.load_buffer(response.body.data(), response.body.size()) ||
      document.child("InitiateMultipartUploadResult").child("UploadId").text().empty()) {
    return "without an UploadId";
  }
  return std::nullopt;
}

ObjectInfo object_of(const pugi::xml_node& node) {
  return {.key = node.child("Key").text().as_string(),
          .bytes = node.child("Size").text().as_ullong(),
          .etag = unquoted(node.child("ETag").text().as_string())};
}

std::string completion_body(const std::vector<SentPart>& parts, Checksum checksum) {
  std::string body = "<CompleteMultipartUpload>";
  for (size_t i = 0; i < parts.size(); ++i) {
    body += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>\"{}\"</ETag>", i + 1,
                        xml_text(parts[i].etag));
    if (!parts[i].checksum.empty()) {
      body += fmt::format("<{0}>{1}</{0}>", checksum_element(checksum), base64(parts[i].checksum));
    }
    body += "</Part>";
  }
  return body + "</CompleteMultipartUpload>";
}

void add_checksum(Operation& operation, Checksum checksum, std::string_view sum) {
  if (checksum == Checksum::kNone) return;
  operation.headers.push_back({checksum_header(checksum), base64(sum)});
  operation.headers.push_back({"x-amz-sdk-checksum-algorithm", std::string(name(checksum))});
  if (checksum == Checksum::kSha256) operation.body_sha256 = sum;
}

// Some services leave the ETag of this answer empty.
std::string completed_etag(const http::Response& response, const std::string& expected) {
  pugi::xml_document document;
  document.load_buffer(response.body.data(), response.body.size());
  const auto root = document.child("CompleteMultipartUploadResult");
  const std::string etag = unquoted(root.child("ETag").text().as_string());
  return etag.empty() ? expected : etag;
}

// What the object looks like when the upload has been completed.
struct Expected {
  uint64_t bytes = 0;
  size_t parts = 0;
  std::string etag;  // empty: can't be foretold

  // Can be no other object.
  bool is_surely(const ObjectInfo& object) const {
    return !etag.empty() && object.etag == etag && object.bytes == bytes;
  }
  // Services with ETags of their own still end them with the number of parts.
  bool may_be(const ObjectInfo& object) const {
    return object.bytes == bytes && object.etag.ends_with(fmt::format("-{}", parts));
  }
};

}  // namespace

std::string multipart_etag(const std::vector<SentPart>& parts) {
  std::string digests;
  for (const auto& [etag, bytes, checksum] : parts) {
    if (etag.size() != kPartEtagDigits) return {};
    for (size_t i = 0; i < etag.size(); i += 2) {
      unsigned int byte = 0;
      const auto [end, code] = std::from_chars(&etag[i], &etag[i] + 2, byte, 16);
      if (code != std::errc() || end != &etag[i] + 2) return {};
      digests += static_cast<char>(byte);
    }
  }
  unsigned char md5[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  CHECK(EVP_Digest(digests.data(), digests.size(), md5, &length, EVP_md5(), nullptr) == 1);
  std::string out;
  for (unsigned int i = 0; i < length; ++i) out += fmt::format("{:02x}", md5[i]);
  return fmt::format("{}-{}", out, parts.size());
}

Result<std::unique_ptr<Client>> Client::make(http::Client& http,
                                             std::shared_ptr<CredentialsProvider> credentials,
                                             Options options) {
  TRY_ASSIGN(auto requester, Requester::make(http, std::move(credentials), std::move(options)));
  return std::unique_ptr<Client>(new Client(std::move(requester)));
}

Client::Client(std::unique_ptr<Requester> requester)
    : requester_(std::move(requester)),
      cleaner_([this](std::stop_token stop) { clean_up(std::move(stop)); }) {}

Client::~Client() {
  wait_for_clean_up(kCleanUpBound);
  cleaner_.request_stop();
  cleaner_.join();
}

Result<Listing> Client::list(const std::string& bucket, const std::string& prefix, int max_keys,
                             std::stop_token stop, const std::string& after) {
  Operation operation("GET", {"ListObjectsV2", bucket, ""});
  operation.query = {{"list-type", "2"},
                     {"max-keys", std::to_string(std::clamp(max_keys, 1, kMaxKeysOfPage))},
                     {"prefix", prefix}};
  if (!after.empty()) operation.query.push_back({"start-after", after});
  operation.complaint = must_be("ListBucketResult");
  TRY_ASSIGN(const auto response, requester_->run(std::move(operation), std::move(stop)).response);
  pugi::xml_document document;
  document.load_buffer(response.body.data(), response.body.size());
  const auto root = document.child("ListBucketResult");
  Listing listing;
  listing.truncated = root.child("IsTruncated").text().as_bool();
  for (const auto& node : root.children("Contents")) listing.objects.push_back(object_of(node));
  return listing;
}  // namespace sluice::s3

Result<std::string> Client::put_object(const ObjectName& name, std::span<const std::byte> body,
                                       IfExists if_exists, std::stop_token stop) {
  Operation operation("PUT", {"PutObject", name.bucket, name.key});
  operation.body = body;
  operation.headers = requester_->object_headers();
  add_checksum(operation, dialect().checksum, checksum_of(dialect().checksum, body));
  if (if_exists == IfExists::kFail) {
    operation.headers.push_back({"If-None-Match", "*"});
    // Or a request sent twice by libcurl could be refused for its own object.
    operation.send_at_most_once = true;
  }
  Outcome outcome = requester_->run(std::move(operation), stop);
  if (outcome.response.ok()) return unquoted(outcome.response->header("etag"));
  const bool refused_after_doubt = if_exists == IfExists::kFail && outcome.ambiguous &&
                                   outcome.refusal && outcome.refusal->status == 412;
  if (!refused_after_doubt) return std::move(outcome.response).error();
  // The object in the way may be ours, from the try whose answer was lost.
  const auto there = get_object(name, body.size(), stop);
  if (there.ok() && std::ranges::equal(bytes_of(*there), body)) return std::string();
  const bool is_another = there.ok() || there.error().code == ErrorCode::kExhausted;
  Error failure = std::move(outcome.response).error();
  if (!is_another) failure.code = ErrorCode::kUnknown;
  return failure;
}

Status Client::put_with_checksum(const ObjectName& name, std::span<const std::byte> body,
                                 Checksum checksum, std::string_view sum, std::stop_token stop) {
  Operation operation("PUT", {"PutObject", name.bucket, name.key});
  operation.body = body;
  operation.headers = requester_->object_headers();
  add_checksum(operation, checksum, sum);
  operation.body_sha256.clear();  // the signature is to be right
  operation.tries = 1;
  TRY(requester_->run(std::move(operation), std::move(stop)).response);
  return ok();
}

Result<std::string> Client::get_object(const ObjectName& name, size_t max_bytes,
                                       std::stop_token stop) {
  Operation operation("GET", {"GetObject", name.bucket, name.key});
  operation.answer = Body::kOfObject;
  // An error's text must fit as well.
  operation.max_answer_bytes = std::max(max_bytes, size_t{64} << 10);
  operation.complaint = must_have_etag;
  TRY_ASSIGN(auto response, requester_->run(std::move(operation), std::move(stop)).response);
  if (response.body.size() > max_bytes) {
    return error(ErrorCode::kExhausted, "GetObject {}: the object is longer than {} bytes",
                 name.url(), max_bytes);
  }
  return std::move(response.body);
}

Result<ObjectInfo> Client::head_object(const ObjectName& name, std::stop_token stop) {
  Operation operation("HEAD", {"HeadObject", name.bucket, name.key});
  operation.complaint = must_have_etag;
  TRY_ASSIGN(const auto response, requester_->run(std::move(operation), std::move(stop)).response);
  ObjectInfo object{name.key, 0, unquoted(response.header("etag"))};
  const std::string_view length = response.header("content-length");
  std::from_chars(length.data(), length.data() + length.size(), object.bytes);
  return object;
}

Status Client::delete_object(const ObjectName& name, std::stop_token stop, Deadline deadline) {
  Operation operation("DELETE", {"DeleteObject", name.bucket, name.key});
  operation.cleans_up = true;
  operation.deadline = deadline;
  TRY(requester_->run(std::move(operation), std::move(stop)).response);
  return ok();
}

Result<std::string> Client::create_upload(const ObjectName& name, bool* may_be_others,
                                          std::stop_token stop) {
  Operation operation("POST", {"CreateMultipartUpload", name.bucket, name.key});
  operation.query = {{"uploads", ""}};
  operation.headers = requester_->object_headers();
  if (const Checksum checksum = dialect().checksum; checksum != Checksum::kNone) {
    operation.headers.push_back(
        {"x-amz-checksum-algorithm", std::string(sluice::s3::name(checksum))});
    if (is_of_full_object(checksum)) {
      operation.headers.push_back({"x-amz-checksum-type", "FULL_OBJECT"});
    }
  }
  operation.complaint = must_have_upload_id;
  operation.send_at_most_once = true;
  Outcome outcome = requester_->run(std::move(operation), std::move(stop));
  if (may_be_others != nullptr) *may_be_others = *may_be_others || outcome.ambiguous;
  TRY_ASSIGN(const auto response, std::move(outcome.response));
  pugi::xml_document document;
  document.load_buffer(response.body.data(), response.body.size());
  return std::string(
      document.child("InitiateMultipartUploadResult").child("UploadId").text().as_string());
}

void Client::upload_part(const ObjectName& name, const std::string& upload_id, int part_number,
                         std::span<const std::byte> body, std::stop_token stop,
                         std::function<void(Result<SentPart>)> done) {
  Operation operation("PUT", {fmt::format("UploadPart {}", part_number), name.bucket, name.key});
  operation.query = {{"partNumber", std::to_string(part_number)}, {"uploadId", upload_id}};
  operation.body = body;
  operation.complaint = must_have_etag;
  SentPart part;
  part.bytes = body.size();
  part.checksum = checksum_of(dialect().checksum, body);
  add_checksum(operation, dialect().checksum, part.checksum);
  requester_->start(std::move(operation), std::move(stop),
                    [done = std::move(done), part = std::move(part)](Outcome outcome) mutable {
                      if (!outcome.response.ok()) return done(std::move(outcome.response).error());
                      part.etag = unquoted(outcome.response->header("etag"));
                      done(std::move(part));
                    });
}

// Tries by itself, one at a time, since between two of them it has to look.
Client::Completion Client::complete_upload(const ObjectName& name, const std::string& upload_id,
                                           const std::vector<SentPart>& parts,
                                           std::stop_token stop) {
  const Checksum checksum = dialect().checksum;
  uint64_t bytes = 0;
  for (const SentPart& part : parts) bytes += part.bytes;
  const Expected expected{bytes, parts.size(), multipart_etag(parts)};
  const std::string body = completion_body(parts, checksum);
  Operation operation("POST", {"CompleteMultipartUpload", name.bucket, name.key});
  operation.query = {{"uploadId", upload_id}};
  operation.body = bytes_of(body);
  operation.complaint = must_be("CompleteMultipartUploadResult");
  if (const std::string sum = full_object_checksum(checksum, parts); !sum.empty()) {
    operation.headers = {{checksum_header(checksum), base64(sum)},
                         {"x-amz-checksum-type", "FULL_OBJECT"}};
  }
  operation.tries = 1;
  operation.send_at_most_once = true;
  const auto& policy = requester_->policy();
  const auto deadline = requester_->clock().steady() + policy.deadline;
  bool ambiguous = false;
  for (int tries = 1;; ++tries) {
    Outcome outcome = requester_->run(operation, stop);
    // The parts were acknowledged one by one, so their sum needs no look.
    if (outcome.response.ok()) {
      return {ObjectInfo{name.key, bytes, completed_etag(*outcome.response, expected.etag)}};
    }
    ambiguous = ambiguous || outcome.ambiguous;
    Error& failure = outcome.response.error();
    const bool is_gone = outcome.refusal && outcome.refusal->status == 404;
    if ((ambiguous || is_gone) && !stop.stop_requested()) {
      auto there = look(name, stop);
      const bool found = there.ok() && there->has_value();
      if (found && expected.is_surely(**there)) return {std::move(**there)};
      // Only completing ends an upload that nobody aborts, and nobody else knows its id.
      if (found && is_gone && expected.may_be(**there)) return {std::move(**there)};
    }
    const bool again = failure.code == ErrorCode::kUnavailable && tries < policy.tries &&
                       requester_->clock().steady() < deadline;
    if (!again || !requester_->pause(tries, stop).ok()) {
      if (ambiguous && failure.code != ErrorCode::kCancelled) failure.code = ErrorCode::kUnknown;
      return {std::move(failure), ambiguous};
    }
  }
}

Result<std::optional<ObjectInfo>> Client::look(const ObjectName& name, std::stop_token stop) {
  auto head = head_object(name, stop);
  if (head.ok()) return std::optional(std::move(*head));
  if (head.error().code == ErrorCode::kNotFound) return std::optional<ObjectInfo>();
  if (head.error().code != ErrorCode::kDenied) return std::move(head).error();
  // A key sorts before all that begin with it.
  TRY_ASSIGN(auto listing, list(name.bucket, name.key, 1, std::move(stop)));
  if (listing.objects.empty() || listing.objects[0].key != name.key) {
    return std::optional<ObjectInfo>();
  }
  return std::optional(std::move(listing.objects[0]));
}

Status Client::abort_upload(const ObjectName& name, const std::string& upload_id,
                            std::stop_token stop, Deadline deadline) {
  Operation operation("DELETE", {"AbortMultipartUpload", name.bucket, name.key});
  operation.cleans_up = true;
  operation.query = {{"uploadId", upload_id}};
  operation.deadline = deadline;
  Outcome outcome = requester_->run(std::move(operation), std::move(stop));
  if (outcome.refusal && outcome.refusal->code == "NoSuchUpload") return ok();
  TRY(std::move(outcome.response));
  return ok();
}

Result<std::vector<OpenUpload>> Client::list_uploads(const std::string& bucket,
                                                     const std::string& prefix,
                                                     std::stop_token stop, Deadline deadline) {
  Operation operation("GET", {"ListMultipartUploads", bucket, ""});
  operation.query = {{"prefix", prefix}, {"uploads", ""}};
  operation.deadline = deadline;
  operation.complaint = must_be("ListMultipartUploadsResult");
  TRY_ASSIGN(const auto response, requester_->run(std::move(operation), std::move(stop)).response);
  pugi::xml_document document;
  document.load_buffer(response.body.data(), response.body.size());
  std::vector<OpenUpload> uploads;
  for (const auto& node : document.child("ListMultipartUploadsResult").children("Upload")) {
    uploads.push_back({.key = node.child("Key").text().as_string(),
                       .id = node.child("UploadId").text().as_string()});
  }
  return uploads;
}

void Client::clean_up_later(std::function<void(std::stop_token)> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_all();
}

bool Client::wait_for_clean_up(std::chrono::milliseconds bound) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, bound, [this] { return tasks_.empty() && !cleaning_; });
}

void Client::clean_up(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !tasks_.empty(); })) {
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    cleaning_ = true;
    lock.unlock();
    task(stop);
    lock.lock();
    cleaning_ = false;
    changed_.notify_all();
  }
}

}  // namespace sluice::s3
