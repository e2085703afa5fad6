#include "store/probe.h"

#include <algorithm>
#include <future>
#include <random>

#include "base/text.h"
#include "s3/client.h"
#include "store/probe_leftovers.h"

namespace sluice::store {
namespace {

using Outcome = ProbedRight::Outcome;

// A name that no other probe has used.
std::string new_name() {
  std::random_device random;
  return fmt::format("sluice-probe-{:08x}{:08x}", random(), random());
}

// `kms:GenerateDataKey`, where the store names the right to a key that it lacks.
std::string kms_right(std::string_view message) {
  const size_t begin = message.find("kms:");
  if (begin == std::string_view::npos) return "";
  size_t end = begin + 4;
  while (end < message.size() && ((message[end] >= 'a' && message[end] <= 'z') ||
                                  (message[end] >= 'A' && message[end] <= 'Z'))) {
    ++end;
  }
  return std::string(message.substr(begin, end - begin));
}

// What is missing, before the store's own words.
std::string missing(const Error& error, std::string_view action, const std::string& resource) {
  const std::string_view words = error.message;
  if (const std::string kms = kms_right(words); !kms.empty()) {
    return fmt::format("{} on the key of KMS KEY ID, or of the bucket: {}", kms, words);
  }
  if (contains(words, "KMS."))
    return fmt::format("a key of KMS that is there and enabled: {}", words);
  if (error.code == ErrorCode::kDenied && contains(words, "403") &&
      (contains(words, "AccessDenied") || contains(words, "Forbidden"))) {
    return fmt::format("{} on {}: {}", action, resource, words);
  }
  // Where a bucket is elsewhere the hint names its region.
  return error.hint.empty() ? std::string(words) : fmt::format("{} ({})", words, error.hint);
}

class Probe {
 public:
  Probe(s3::Client& client, const std::string& bucket, const std::string& prefix)
      : client_(client),
        folder_(prefix.empty() ? "" : prefix + "/"),
        left_{.name = {bucket, folder_ + new_name()}} {}

  ~Probe() { clean_up(true); }

  Result<std::vector<ProbedRight>> run(std::stop_token stop) {
    try_list(stop);
    try_delete(stop);
    try_put(stop);
    try_conditional_put(stop);
    try_multipart(stop);
    const bool put_is_unclear = left_.object && put_.outcome != Outcome::kOk;
    if (left_.object && !put_is_unclear) remove_object(stop);
    clean_up(stop.stop_requested() || left_.unknown_upload || put_is_unclear);
    if (stop.stop_requested()) return cancelled();
    rights_ = {list_, put_, conditional_, create_, part_, abort_, delete_};
    return std::move(rights_);
  }

 private:
  void try_list(const std::stop_token& stop);
  void try_delete(const std::stop_token& stop);
  void try_put(const std::stop_token& stop);
  void try_conditional_put(const std::stop_token& stop);
  void try_multipart(const std::stop_token& stop);
  void remove_object(const std::stop_token& stop);
  Result<s3::SentPart> upload_part(const std::string& id, const std::stop_token& stop);
  Status abort(const std::string& id, const std::stop_token& stop);
  void end_upload(const std::string& id, const Result<s3::SentPart>& part,
                  const std::stop_token& stop);
  void clean_up(bool was_cut_off);

  // Sets the outcome by the answer; whether it was a success.
  bool judge(ProbedRight& right, const Status& answer, std::string_view action) const {
    right.outcome = answer.ok() ? Outcome::kOk : Outcome::kFailed;
    if (!answer.ok()) right.detail = missing(answer.error(), action, below());
    return answer.ok();
  }
  std::string below() const { return fmt::format("{}/{}*", left_.name.bucket, folder_); }

  s3::Client& client_;
  const std::string folder_;
  ProbedRight list_{.check = "list"}, put_{.check = "put"},
      conditional_{.check = "conditional put"}, create_{.check = "multipart create"},
      part_{.check = "multipart upload"}, abort_{.check = "multipart abort"},
      delete_{.check = "delete"};
  std::vector<ProbedRight> rights_;
  Leftovers left_;  // the object and the upload have one name
};

void Probe::try_list(const std::stop_token& stop) {
  const auto listed = client_.list(left_.name.bucket, folder_, 1, stop);
  list_.outcome = listed.ok() ? Outcome::kOk : Outcome::kFailed;
  if (listed.ok()) return;
  const std::string condition =
      folder_.empty() ? "" : fmt::format(" (condition s3:prefix {}*)", folder_);
  list_.detail = missing(listed.error(), "s3:ListBucket", left_.name.bucket + condition);
}

// Of a key that nobody has, as COPY does it: so nothing needs to be there.
void Probe::try_delete(const std::stop_token& stop) {
  const Status removed = client_.delete_object(left_.name, stop);
  const bool is_absent = !removed.ok() && removed.error().code == ErrorCode::kNotFound &&
                         !contains(removed.error().message, "NoSuchBucket");
  judge(delete_, is_absent ? ok() : removed, "s3:DeleteObject");
}

void Probe::try_put(const std::stop_token& stop) {
  if (delete_.outcome != Outcome::kOk) {
    put_.detail = "what is put could not be removed without s3:DeleteObject";
    return;
  }
  const auto put =
      client_.put_object(left_.name, bytes_of(kProbeContent), s3::IfExists::kReplace, stop);
  // Only a clear refusal says that nothing was written.
  left_.object = put.ok() || (put.error().code != ErrorCode::kDenied &&
                              put.error().code != ErrorCode::kInvalid &&
                              put.error().code != ErrorCode::kNotFound);
  judge(put_, put.ok() ? ok() : Status(put.error()), "s3:PutObject");
}

void Probe::try_conditional_put(const std::stop_token& stop) {
  if (put_.outcome != Outcome::kOk) {
    conditional_.detail = "there is no object to put it over";
    return;
  }
  const auto put =
      client_.put_object(left_.name, bytes_of(kProbeContent), s3::IfExists::kFail, stop);
  if (put.ok()) {
    conditional_.outcome = Outcome::kFailed;
    conditional_.detail = "the store puts over an object in spite of If-None-Match";
    return;
  }
  conditional_.outcome = put.error().code == ErrorCode::kExists ? Outcome::kOk : Outcome::kFailed;
  if (conditional_.outcome == Outcome::kFailed) {
    conditional_.detail = missing(put.error(), "s3:PutObject with If-None-Match", below());
  }
}

Status Probe::abort(const std::string& id, const std::stop_token& stop) {
  return client_.abort_upload(left_.name, id, stop);
}

Result<s3::SentPart> Probe::upload_part(const std::string& id, const std::stop_token& stop) {
  std::promise<Result<s3::SentPart>> promise;
  auto part = promise.get_future();
  client_.upload_part(
      left_.name, id, 1, bytes_of(kProbeContent), stop,
      [&promise](Result<s3::SentPart> answer) { promise.set_value(std::move(answer)); });
  return part.get();
}

void Probe::try_multipart(const std::stop_token& stop) {
  // An upload that nobody has: its abort tells of the right alone.
  const bool can_undo = delete_.outcome == Outcome::kOk || abort("0", stop).ok();
  if (!can_undo) {
    const std::string why =
        "an upload could not be removed without s3:AbortMultipartUpload or s3:DeleteObject";
    create_.detail = part_.detail = abort_.detail = why;
    return;
  }
  const auto id = client_.create_upload(left_.name, &left_.unknown_upload, stop);
  if (!judge(create_, id.ok() ? ok() : Status(id.error()), "s3:PutObject")) {
    part_.detail = abort_.detail = "there is no upload";
    return;
  }
  left_.uploads.push_back(*id);
  const auto part = upload_part(*id, stop);
  judge(part_, part.ok() ? ok() : Status(part.error()), "s3:PutObject");
  end_upload(*id, part, stop);
}

// Where it can't be aborted, it is made an object, which can be removed.
void Probe::end_upload(const std::string& id, const Result<s3::SentPart>& part,
                       const std::stop_token& stop) {
  if (judge(abort_, abort(id, stop), "s3:AbortMultipartUpload")) {
    std::erase(left_.uploads, id);
    return;
  }
  if (!part.ok()) return;
  const auto completion = client_.complete_upload(left_.name, id, {*part}, stop);
  left_.object = left_.object || completion.object.ok() || completion.may_have_happened;
  if (completion.object.ok()) std::erase(left_.uploads, id);
}

void Probe::remove_object(const std::stop_token& stop) {
  const Status removed = client_.delete_object(left_.name, stop);
  if (removed.ok() || removed.error().code == ErrorCode::kNotFound) {
    left_.object = false;
  } else {
    judge(delete_, removed, "s3:DeleteObject");
  }
}

// What is left is told where the administrator looks.
void Probe::clean_up(bool was_cut_off) {
  for (const LeftBehind& one : remove(client_, left_, was_cut_off)) {
    ProbedRight& right = one.is_upload ? abort_ : delete_;
    right.outcome = Outcome::kFailed;
    right.detail = one.is_upload
                       ? fmt::format(
                             "{} is left behind, for a lifecycle rule of the bucket to remove "
                             "(AbortIncompleteMultipartUpload): {}",
                             one.what, one.error.message)
                       : fmt::format("{} is left behind: {}", one.what, one.error.message);
  }
}

}  // namespace

std::string_view name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return "ok";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kSkipped:
      return "skipped";
  }
  return "?";
}

Result<std::vector<ProbedRight>> probe(s3::Client& client, const std::string& bucket,
                                       const std::string& prefix, std::stop_token stop) {
  return Probe(client, bucket, prefix).run(std::move(stop));
}

}  // namespace sluice::store
