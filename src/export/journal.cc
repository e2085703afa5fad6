#include "export/journal.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/log.h"

namespace sluice::exports {
namespace {

constexpr std::string_view kPrefix = "export/";
constexpr std::string_view kUpload = "/upload/";
constexpr std::string_view kReplaced = "/replaced/";
constexpr size_t kReplacedOfNote = 1'000;  // keys
constexpr size_t kMaxTextBytes = 4'096;    // of a statement, an error
constexpr char kStopped[] = "server stopped while the export was running";

constexpr std::pair<RunState, std::string_view> kStates[] = {{RunState::kRunning, "running"},
                                                             {RunState::kPublishing, "publishing"},
                                                             {RunState::kDone, "done"},
                                                             {RunState::kFailed, "failed"},
                                                             {RunState::kCancelled, "cancelled"}};

std::string_view name(RunState state) {
  for (const auto& [value, text] : kStates) {
    if (value == state) return text;
  }
  return "?";
}

// Throws where there is none of that name, as reading JSON does.
RunState state_of(std::string_view text) {
  for (const auto& [value, known] : kStates) {
    if (known == text) return value;
  }
  throw std::invalid_argument("no state of a run");
}

std::string_view name(RunPhase phase) {
  switch (phase) {
    case RunPhase::kProbing:
      return "probing";
    case RunPhase::kWriting:
      return "writing";
    case RunPhase::kCommitting:
      return "committing";
  }
  return "?";
}

std::string note_key(std::string_view id) { return fmt::format("{}{}", kPrefix, id); }
std::string upload_key(std::string_view id, uint64_t number) {
  return fmt::format("{}{}{}{}", kPrefix, id, kUpload, number);
}

std::string replaced_key(std::string_view id, size_t number) {
  return fmt::format("{}{}{}{:06}", kPrefix, id, kReplaced, number);
}

// Cut between characters.
std::string shortened(std::string text) {
  if (text.size() <= kMaxTextBytes) return text;
  size_t end = kMaxTextBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  return text.substr(0, end) + " …";
}

// Text of the outside world may be no UTF-8.
std::string dumped(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string encoded(const RunRecord& record) {
  return dumped({{"statement", record.statement},
                 {"target", record.target},
                 {"connection", record.connection},
                 {"user", record.user},
                 {"format", record.format},
                 {"logical_time", record.logical_time},
                 {"state", name(record.state)},
                 {"rows", record.rows},
                 {"bytes", record.bytes},
                 {"files", record.files},
                 {"parts", record.parts},
                 {"retries", record.retries},
                 {"started", record.started},
                 {"finished", record.finished},
                 {"error", record.error},
                 {"is_scattered", record.is_scattered},
                 {"to_clean", record.to_clean},
                 {"trouble", record.trouble}});
}

RunRecord decoded(std::string_view id, const nlohmann::json& json) {
  RunRecord record;
  record.id = id;
  json.at("statement").get_to(record.statement);
  json.at("target").get_to(record.target);
  json.at("connection").get_to(record.connection);
  json.at("user").get_to(record.user);
  json.at("format").get_to(record.format);
  json.at("logical_time").get_to(record.logical_time);
  record.state = state_of(json.at("state").get<std::string>());
  json.at("rows").get_to(record.rows);
  json.at("bytes").get_to(record.bytes);
  json.at("files").get_to(record.files);
  json.at("parts").get_to(record.parts);
  json.at("retries").get_to(record.retries);
  json.at("started").get_to(record.started);
  json.at("finished").get_to(record.finished);
  json.at("error").get_to(record.error);
  record.is_scattered = json.value("is_scattered", false);  // older ones don't say
  json.at("to_clean").get_to(record.to_clean);
  json.at("trouble").get_to(record.trouble);
  return record;
}

void take_numbers(const ExportProgress& progress, RunRecord& record) {
  record.rows = progress.rows;
  record.bytes = progress.bytes;
  record.files = progress.files;
  record.parts = progress.parts;
  record.retries = progress.retries;
}

int64_t microseconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

}  // namespace

// ---- a run under way

RecordedRun::~RecordedRun() {
  const std::lock_guard lock(journal_.mutex_);
  if (const auto found = journal_.runs_.find(id_); found != journal_.runs_.end()) {
    take_numbers(*progress_, found->second.record);
    found->second.progress.reset();
  }
}

Status RecordedRun::upload_begun(const store::OpenUpload& upload, const std::stop_token& stop) {
  const uint64_t number = ++uploads_;
  {
    const std::lock_guard lock(journal_.mutex_);
    journal_.runs_.at(id_).uploads[number] = upload;
  }
  return journal_.commit({{upload_key(id_, number), dumped({upload.key, upload.id})}}, stop);
}

Status RecordedRun::publishing(const std::stop_token& stop) {
  RunRecord record = *journal_.find(id_);
  record.state = RunState::kPublishing;
  take_numbers(*progress_, record);
  return journal_.save(record, stop);
}

Status RecordedRun::replacing(const std::vector<std::string>& keys, const std::stop_token& stop) {
  RunRecord record = *journal_.find(id_);
  record.state = RunState::kPublishing;
  take_numbers(*progress_, record);
  Journal::Notes notes;
  for (size_t begin = 0; begin < keys.size(); begin += kReplacedOfNote) {
    const size_t end = std::min(keys.size(), begin + kReplacedOfNote);
    notes.push_back({replaced_key(id_, notes.size()),
                     dumped(std::vector(keys.begin() + static_cast<ptrdiff_t>(begin),
                                        keys.begin() + static_cast<ptrdiff_t>(end)))});
  }
  {
    const std::lock_guard lock(journal_.mutex_);
    journal_.runs_.at(id_).replaced = keys;
  }
  return journal_.save(record, stop, std::move(notes));
}

Status RecordedRun::failed(const Error& error) {
  RunRecord record = *journal_.find(id_);
  take_numbers(*progress_, record);
  const bool cancelled = error.code == ErrorCode::kCancelled;
  journal_.end(record, cancelled ? RunState::kCancelled : RunState::kFailed, error.message);
  record.to_clean = true;
  return journal_.save(record, {});
}

void RecordedRun::ended(const Result<ExportResult>& result) {
  RunRecord record = *journal_.find(id_);
  if (record.has_ended()) return;  // failed() has said so
  if (!result.ok() && record.state == RunState::kPublishing) {
    record.to_clean = true;
    record.trouble = result.error().message;
  } else if (!result.ok()) {
    const bool cancelled = result.error().code == ErrorCode::kCancelled;
    journal_.end(record, cancelled ? RunState::kCancelled : RunState::kFailed,
                 result.error().message);
  } else {
    journal_.end(record, RunState::kDone, "");
  }
  take_numbers(*progress_, record);
  Journal::Notes more = journal_.forget_oldest();
  if (record.state == RunState::kDone) {
    for (auto& note : journal_.details(id_)) more.push_back(std::move(note));
  }
  static_cast<void>(journal_.save(record, {}, std::move(more)));  // it has logged why not
}

// ---- the journal

Status Journal::load() {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, value] : store_.notes()) {
    if (!key.starts_with(kPrefix)) continue;
    const std::string_view rest = std::string_view(key).substr(kPrefix.size());
    const std::string_view id = rest.substr(0, rest.find('/'));
    const auto json = nlohmann::json::parse(value, nullptr, false);
    try {
      if (id == rest) {
        runs_[std::string(id)].record = decoded(id, json);
      } else if (rest.substr(id.size()).starts_with(kReplaced)) {
        for (const auto& replaced : json) {
          runs_[std::string(id)].replaced.push_back(replaced.get<std::string>());
        }
      } else {
        const uint64_t number =
            std::stoull(key.substr(kPrefix.size() + id.size() + kUpload.size()));
        runs_[std::string(id)].uploads[number] = {json.at(0).get<std::string>(),
                                                  json.at(1).get<std::string>()};
      }
    } catch (const std::exception&) {
      return error(ErrorCode::kInternal, "the record {} of an export cannot be read", key)
          .with_sqlstate("XX001")
          .with_hint("Start the version of the server that wrote it.");
    }
  }
  Notes notes;
  for (auto& [id, entry] : runs_) {
    if (entry.record.has_ended()) continue;
    entry.record.to_clean = true;
    // The sentinel has yet to say how one that was publishing has ended.
    if (entry.record.state == RunState::kPublishing) continue;
    end(entry.record, RunState::kFailed, kStopped);
    notes.push_back({note_key(id), encoded(entry.record)});
  }
  if (!notes.empty()) {
    // Nobody else is there yet, so the lock is in nobody's way.
    const bool saved = commit(std::move(notes), {}).ok();
    for (auto& [id, entry] : runs_) entry.is_durable = saved || !entry.record.to_clean;
  }
  return ok();
}

Result<std::unique_ptr<RecordedRun>> Journal::begin(RunRecord record, const std::stop_token& stop) {
  record.statement = shortened(std::move(record.statement));
  record.started = microseconds(clock_.now());
  TRY(commit({{note_key(record.id), encoded(record)}}, stop));
  auto progress = std::make_shared<ExportProgress>();
  const std::string id = record.id;
  {
    const std::lock_guard lock(mutex_);
    runs_[id] = {std::move(record), {}, {}, progress};
  }
  return std::unique_ptr<RecordedRun>(new RecordedRun(*this, id, std::move(progress)));
}

std::vector<Journal::Shown> Journal::runs() const {
  std::vector<Shown> shown;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, entry] : runs_) {
    Shown one{entry.record, std::string(name(entry.record.state))};
    if (!entry.record.has_ended()) {
      one.state = name(entry.progress ? entry.progress->phase.load() : RunPhase::kCommitting);
      if (entry.progress) take_numbers(*entry.progress, one.record);
    }
    shown.push_back(std::move(one));
  }
  return shown;
}

std::vector<std::string> Journal::left() const {
  std::vector<std::string> ids;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, entry] : runs_) {
    if (entry.record.to_clean && !entry.progress) ids.push_back(id);
  }
  return ids;
}

std::optional<Journal::Left> Journal::left(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(id);
  if (found == runs_.end() || !found->second.record.to_clean) return std::nullopt;
  Left left{found->second.record, {}, found->second.replaced};
  for (const auto& [number, upload] : found->second.uploads) left.uploads.push_back(upload);
  return left;
}

Status Journal::decide(const std::string& id, RunState state, const std::string& error) {
  auto record = find(id);
  if (!record) return ok();
  end(*record, state, error);
  if (state != RunState::kDone) return save(*record, {});
  TRY(save(*record, {}));
  return cleaned(id);
}

Status Journal::write_down(const std::string& id) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = runs_.find(id);
    if (found == runs_.end() || found->second.is_durable) return ok();
  }
  return save(*find(id), {});
}

Status Journal::cleaned(const std::string& id) {
  auto record = find(id);
  if (!record) return ok();
  Notes more = details(id);
  record->to_clean = false;
  record->trouble.clear();
  return save(*record, {}, std::move(more));
}

Status Journal::set_trouble(const std::string& id, const std::string& trouble) {
  auto record = find(id);
  if (!record || record->trouble == trouble) return ok();
  record->trouble = shortened(trouble);
  return save(*record, {});
}

Status Journal::commit(Notes notes, const std::stop_token& stop) {
  collection::Commit commit;
  commit.notes = std::move(notes);
  auto committed = store_.commit(std::move(commit), stop);
  if (committed.ok()) return ok();
  if (committed.error().code == ErrorCode::kCancelled) return cancelled();
  return std::move(committed).error().within("record the export");
}

Status Journal::save(const RunRecord& record, const std::stop_token& stop, Notes more) {
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = runs_.at(record.id);
    entry.record = record;
    entry.is_durable = false;
    if (record.has_ended() && !record.to_clean) {
      entry.uploads.clear();
      entry.replaced.clear();
    }
  }
  more.push_back({note_key(record.id), encoded(record)});
  Status saved = commit(std::move(more), stop);
  if (!saved.ok() && saved.error().code != ErrorCode::kCancelled) {
    log::warning("export {}: {}", record.id, saved.error().message);
  }
  if (saved.ok()) {
    const std::lock_guard lock(mutex_);
    runs_.at(record.id).is_durable = true;
  }
  return saved;
}

std::optional<RunRecord> Journal::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(id);
  if (found == runs_.end()) return std::nullopt;
  return found->second.record;
}

Journal::Notes Journal::details(const std::string& id) const {
  Notes notes;
  const std::lock_guard lock(mutex_);
  const Entry& entry = runs_.at(id);
  for (const auto& [number, upload] : entry.uploads) {
    notes.push_back({upload_key(id, number), std::nullopt});
  }
  for (size_t i = 0; i * kReplacedOfNote < entry.replaced.size(); ++i) {
    notes.push_back({replaced_key(id, i), std::nullopt});
  }
  return notes;
}

void Journal::end(RunRecord& record, RunState state, const std::string& error) const {
  record.state = state;
  record.error = shortened(error);
  record.finished = microseconds(clock_.now());
}

// Those that are of no use any more but to readers of history.
Journal::Notes Journal::forget_oldest() {
  Notes notes;
  const std::lock_guard lock(mutex_);
  for (auto run = runs_.begin(); run != runs_.end() && runs_.size() > kept_;) {
    if (!run->second.record.has_ended() || run->second.record.to_clean || run->second.progress) {
      ++run;
      continue;
    }
    notes.push_back({note_key(run->first), std::nullopt});
    run = runs_.erase(run);
  }
  return notes;
}

}  // namespace sluice::exports
