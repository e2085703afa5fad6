#include "store/probe_dialect.h"

#include <algorithm>
#include <future>
#include <random>

#include "base/text.h"
#include "s3/client.h"
#include "store/probe_leftovers.h"

namespace sluice::store {
namespace {

using Outcome = ProbedRight::Outcome;

constexpr int kPartsElsewhere = 1'000;  // of stores that take less than S3's 10,000

// What an answer tells of a question: yes, no, or neither, as when the network failed.
enum class Answer { kYes, kNo, kUnclear };
Answer answer_of(const Status& status) {
  if (status.ok()) return Answer::kYes;
  const Error& error = status.error();
  const bool is_refusal = error.code == ErrorCode::kInvalid || contains(error.message, "Digest") ||
                          contains(error.message, "Mismatch") || contains(error.message, ": 501 ");
  return is_refusal ? Answer::kNo : Answer::kUnclear;
}

template <typename T>
Status status_of(const Result<T>& result) {
  return result.ok() ? ok() : Status(result.error());
}

// Asks for one property after the other, each with what is known by then.
class Trials {
 public:
  Trials(const Connect& connect, const AskedStore& asked)
      : connect_(connect),
        asked_(asked),
        folder_(asked.prefix.empty() ? "" : asked.prefix + "/"),
        dialect_(asked.dialect) {
    std::random_device random;
    left_.name = {asked.bucket,
                  fmt::format("{}sluice-probe-{:08x}{:08x}-dialect", folder_, random(), random())};
  }
  ~Trials() { clean_up(true); }

  Result<Probed> run(const std::stop_token& stop);

 private:
  bool is_open(std::string_view property) const {
    return !asked_.given.contains(std::string(property));
  }
  void found(std::string_view property, std::string_view value) {
    CHECK(set_property(dialect_, property, value).ok());
    std::erase_if(found_, [&](const FoundProperty& one) { return one.property == property; });
    found_.push_back({std::string(property), std::string(value)});
  }
  Status speak();  // the dialect as it is now
  Status find_path_style(const std::stop_token& stop);
  Status probe_rights(const std::stop_token& stop);
  void judge_conditional_put();
  void find_checksum(const std::stop_token& stop);
  void find_max_parts(const std::stop_token& stop);
  Status find_equal_parts(const std::stop_token& stop);
  Answer completes(size_t second_part_bytes, const std::stop_token& stop);
  Result<s3::SentPart> send(const std::string& upload, int number, std::span<const std::byte> bytes,
                            const std::stop_token& stop);
  bool right(std::string_view check) const {
    return std::any_of(rights_.begin(), rights_.end(), [check](const ProbedRight& one) {
      return one.check == check && one.outcome == Outcome::kOk;
    });
  }
  void drop_upload(const std::string& id);
  void clean_up(bool was_cut_off);

  const Connect& connect_;
  const AskedStore& asked_;
  const std::string folder_;
  s3::Dialect dialect_;
  std::unique_ptr<s3::Client> client_;
  std::vector<ProbedRight> rights_;
  std::vector<FoundProperty> found_;
  Leftovers left_;
  bool put_is_unclear_ = false;
};

Result<Probed> Trials::run(const std::stop_token& stop) {
  TRY(find_path_style(stop));
  TRY(probe_rights(stop));
  judge_conditional_put();
  const bool can_put = right("put") && right("delete");
  if (can_put) find_checksum(stop);
  const bool can_upload =
      can_put && right("multipart create") && right("multipart upload") && right("multipart abort");
  if (can_upload) {
    find_max_parts(stop);
    TRY(find_equal_parts(stop));
  }
  clean_up(stop.stop_requested() || left_.unknown_upload || put_is_unclear_);
  if (stop.stop_requested()) return cancelled();
  Probed probed;
  probed.rights = std::move(rights_);
  for (const auto property : s3::dialect_properties()) {
    for (FoundProperty& one : found_) {
      if (one.property == property) probed.found.push_back(std::move(one));
    }
  }
  return probed;
}

Status Trials::speak() {
  client_.reset();
  TRY_ASSIGN(client_, connect_(dialect_));
  return ok();
}

Status Trials::find_path_style(const std::stop_token& stop) {
  TRY(speak());
  if (!is_open("PATH STYLE")) return ok();
  const auto answers = [&] {
    const auto listed = client_->list(asked_.bucket, folder_, 1, stop);
    return listed.ok() || contains(listed.error().message, "AccessDenied");
  };
  const bool first = dialect_.path_style;
  if (answers()) return found("PATH STYLE", first ? "true" : "false"), ok();
  if (stop.stop_requested()) return cancelled();
  dialect_.path_style = !first;
  TRY(speak());
  if (answers()) return found("PATH STYLE", first ? "false" : "true"), ok();
  dialect_.path_style = first;
  return speak();
}

Status Trials::probe_rights(const std::stop_token& stop) {
  TRY_ASSIGN(rights_, probe(*client_, asked_.bucket, asked_.prefix, stop));
  if (!is_open("SIGNED PAYLOAD") || !asked_.may_be_unsigned || dialect_.signed_payload) return ok();
  if (right("put")) return found("SIGNED PAYLOAD", "false"), ok();
  if (!right("delete")) return ok();
  dialect_.signed_payload = true;
  TRY(speak());
  TRY_ASSIGN(auto with_signature, probe(*client_, asked_.bucket, asked_.prefix, stop));
  std::swap(rights_, with_signature);
  if (right("put")) return found("SIGNED PAYLOAD", "true"), ok();
  std::swap(rights_, with_signature);
  dialect_.signed_payload = false;
  return speak();
}

void Trials::judge_conditional_put() {
  if (!is_open("CONDITIONAL PUT") || !right("put")) return;
  for (const ProbedRight& one : rights_) {
    if (one.check != "conditional put") continue;
    const bool is_ignored = contains(one.detail, "in spite of");
    const bool is_unknown = contains(one.detail, "NotImplemented");
    if (one.outcome == Outcome::kOk || is_ignored || is_unknown) {
      found("CONDITIONAL PUT", one.outcome == Outcome::kOk ? "true" : "false");
    }
  }
}

void Trials::find_checksum(const std::stop_token& stop) {
  if (!is_open("CHECKSUM")) return;
  const auto put = [&](s3::Checksum checksum, std::string_view sum_of) {
    left_.object = true;
    const Answer answer =
        answer_of(client_->put_with_checksum(left_.name, bytes_of(kProbeContent), checksum,
                                             checksum_of(checksum, bytes_of(sum_of)), stop));
    put_is_unclear_ = put_is_unclear_ || answer == Answer::kUnclear;
    return answer;
  };
  for (const s3::Checksum checksum : s3::all_checksums()) {
    const Answer to_wrong = put(checksum, "something else");
    if (to_wrong == Answer::kUnclear) return;
    if (to_wrong == Answer::kYes) continue;
    const Answer to_right = put(checksum, kProbeContent);
    if (to_right == Answer::kUnclear) return;
    if (to_right == Answer::kYes) return found("CHECKSUM", s3::name(checksum));
  }
  found("CHECKSUM", s3::name(s3::Checksum::kNone));
}

Result<s3::SentPart> Trials::send(const std::string& upload, int number,
                                  std::span<const std::byte> bytes, const std::stop_token& stop) {
  std::promise<Result<s3::SentPart>> promise;
  auto part = promise.get_future();
  client_->upload_part(
      left_.name, upload, number, bytes, stop,
      [&promise](Result<s3::SentPart> answer) { promise.set_value(std::move(answer)); });
  return part.get();
}

void Trials::find_max_parts(const std::stop_token& stop) {
  if (!is_open("MAX PARTS")) return;
  const auto id = client_->create_upload(left_.name, &left_.unknown_upload, stop);
  if (!id.ok()) return;
  left_.uploads.push_back(*id);
  for (const int number : {s3::kMaxParts, kPartsElsewhere}) {
    const Answer answer = answer_of(status_of(send(*id, number, bytes_of(kProbeContent), stop)));
    if (answer == Answer::kYes) found("MAX PARTS", std::to_string(number));
    if (answer != Answer::kNo) break;
  }
  drop_upload(*id);
}

// With checksums too: a store may verify them of objects, and know nothing of those of uploads.
Status Trials::find_equal_parts(const std::stop_token& stop) {
  if (!is_open("EQUAL PARTS")) return ok();
  TRY(speak());
  const auto bytes = static_cast<size_t>(dialect_.min_part_bytes);
  Answer unequal = completes(bytes + 1, stop);
  if (unequal == Answer::kYes) return found("EQUAL PARTS", "false"), ok();
  if (unequal == Answer::kUnclear) return ok();
  if (completes(bytes, stop) == Answer::kYes) return found("EQUAL PARTS", "true"), ok();
  if (dialect_.checksum == s3::Checksum::kNone || !is_open("CHECKSUM")) return ok();
  const std::string checksum(s3::name(dialect_.checksum));
  found("CHECKSUM", s3::name(s3::Checksum::kNone));
  TRY(speak());
  unequal = completes(bytes + 1, stop);
  if (unequal == Answer::kYes) return found("EQUAL PARTS", "false"), ok();
  if (unequal == Answer::kNo && completes(bytes, stop) == Answer::kYes) {
    return found("EQUAL PARTS", "true"), ok();
  }
  found("CHECKSUM", checksum);  // it was not the checksum
  return ok();
}

// An upload of a part of the least size, one of this size, and a last one.
Answer Trials::completes(size_t second_part_bytes, const std::stop_token& stop) {
  const auto id = client_->create_upload(left_.name, &left_.unknown_upload, stop);
  if (!id.ok()) return answer_of(status_of(id));
  left_.uploads.push_back(*id);
  const std::vector<std::byte> memory(second_part_bytes);
  const std::span<const std::byte> all(memory);
  std::vector<s3::SentPart> parts;
  for (const size_t bytes : {static_cast<size_t>(dialect_.min_part_bytes), all.size(), size_t{1}}) {
    auto part = send(*id, static_cast<int>(parts.size()) + 1, all.first(bytes), stop);
    if (!part.ok()) {
      drop_upload(*id);
      return answer_of(status_of(part));
    }
    parts.push_back(std::move(*part));
  }
  const auto completion = client_->complete_upload(left_.name, *id, parts, stop);
  left_.object = left_.object || completion.object.ok() || completion.may_have_happened;
  if (completion.object.ok()) {
    std::erase(left_.uploads, *id);
    return Answer::kYes;
  }
  drop_upload(*id);
  return completion.may_have_happened ? Answer::kUnclear : answer_of(status_of(completion.object));
}

void Trials::drop_upload(const std::string& id) {
  if (client_->abort_upload(left_.name, id, {}, kProbeCleanUpTime).ok())
    std::erase(left_.uploads, id);
}

void Trials::clean_up(bool was_cut_off) {
  if (client_ != nullptr) remove(*client_, left_, was_cut_off);
}

}  // namespace

Result<Probed> probe_store(const Connect& connect, const AskedStore& asked, std::stop_token stop) {
  return Trials(connect, asked).run(stop);
}

}  // namespace sluice::store
