#include "export/sweeper.h"

#include "base/log.h"
#include "export/deadline.h"
#include "export/names.h"
#include "export/sweep.h"

namespace sluice::exports {
namespace {

using std::chrono::milliseconds;

// Passes that find nothing, before a run counts as cleaned.
constexpr int kCleanPasses = 2;
constexpr size_t kNamedRemains = 20;
constexpr char kNotPublished[] = "the server stopped before the sentinel was removed";

std::string described(const Error& error, const std::vector<std::string>& remains) {
  std::string text = error.message;
  if (!error.hint.empty()) text += "\n" + error.hint;
  if (remains.empty()) return text;
  text += "\nLeft: ";
  for (size_t i = 0; i < std::min(remains.size(), kNamedRemains); ++i) {
    text += (i == 0 ? "" : ", ") + remains[i];
  }
  if (remains.size() > kNamedRemains) {
    text += fmt::format(" and {} more", remains.size() - kNamedRemains);
  }
  return text;
}

// What is known to have been begun, where the store cannot be asked.
std::vector<std::string> on_record(const Journal::Left& left) {
  std::vector<std::string> remains;
  for (const store::OpenUpload& upload : left.uploads) {
    remains.push_back(fmt::format("{} (upload {})", upload.key, upload.id));
  }
  remains.push_back(fmt::format("objects below {} whose names begin with mz-{}-",
                                left.record.target, left.record.id));
  return remains;
}

}  // namespace

Sweeper::Sweeper(Journal& journal, Open open, Options options)
    : journal_(journal),
      open_(std::move(open)),
      options_(options),
      random_(options.seed != 0 ? options.seed : std::random_device()()) {}

void Sweeper::start() {
  {
    const std::lock_guard lock(mutex_);
    for (const std::string& id : journal_.left()) jobs_[id].due = options_.clock->steady();
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

void Sweeper::add(const std::string& id) {
  {
    const std::lock_guard lock(mutex_);
    jobs_[id].due = options_.clock->steady() + between(milliseconds(0), options_.first);
  }
  changed_.notify_all();
}

size_t Sweeper::backlog() const {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

void Sweeper::work(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto next = run_due(stop);
    std::unique_lock lock(mutex_);
    // A job that came meanwhile is seen by the predicate, before any waiting.
    const auto sooner = [&] {
      for (const auto& [id, job] : jobs_) {
        if (!next || job.due < *next) return true;
      }
      return false;
    };
    if (next) {
      changed_.wait_until(lock, stop, *next, sooner);
    } else {
      changed_.wait(lock, stop, sooner);
    }
  }
}

std::optional<Sweeper::Steady::time_point> Sweeper::run_due(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::unique_lock lock(mutex_);
    auto first = jobs_.end();
    for (auto job = jobs_.begin(); job != jobs_.end(); ++job) {
      if (first == jobs_.end() || job->second.due < first->second.due) first = job;
    }
    if (first == jobs_.end()) return std::nullopt;
    if (first->second.due > options_.clock->steady()) return first->second.due;
    const std::string id = first->first;
    Job job = first->second;
    lock.unlock();
    const Next next = pass(id, job, stop);
    if (stop.stop_requested()) break;
    lock.lock();
    if (next == Next::kNothing) {
      jobs_.erase(id);
      continue;
    }
    milliseconds wait = options_.confirm;
    if (next == Next::kSettle) wait = options_.settle;
    if (next == Next::kAgain) wait = pause(job);
    job.due = options_.clock->steady() + wait;
    jobs_[id] = job;
  }
  return std::nullopt;
}

Sweeper::Next Sweeper::pass(const std::string& id, Job& job, const std::stop_token& stop) {
  const auto left = journal_.left(id);
  if (!left) return Next::kNothing;
  const auto again = [&](const Error& error, const std::vector<std::string>& remains) {
    if (stop.stop_requested()) return Next::kAgain;
    ++job.failures;
    ++failed_passes_;
    return trouble(*left, error, remains);
  };
  auto place = open_(left->record);
  if (!place.ok()) return again(place.error(), on_record(*left));
  const Deadline bound(
      {.after = doubled(options_.pass_bound, job.failures), .after_stop = milliseconds(0)}, stop);
  if (!left->record.has_ended()) {
    const auto gone = sentinel_is_gone(*place->store, place->prefix, id, bound.token());
    if (!gone.ok()) return again(gone.error(), on_record(*left));
    if (!*gone && !left->replaced.empty()) {
      const Status replaced = finish_replacing(*place, *left, bound.token());
      if (!replaced.ok()) return again(replaced.error(), {});
      log::info("export {} has replaced what was there", id);
      return Next::kNothing;
    }
    if (!*gone && !std::exchange(job.was_seen_open, true)) return Next::kSettle;
    const Status decided = *gone ? journal_.decide(id, RunState::kDone, "")
                                 : journal_.decide(id, RunState::kFailed, kNotPublished);
    // Not before it is on record: without the sentinel the run would look like a success.
    if (!decided.ok()) return again(decided.error(), {});
    log::info("export {} {}", id, *gone ? "is complete" : "was not completed");
    if (*gone) return Next::kNothing;
  }
  if (const Status written = journal_.write_down(id); !written.ok()) {
    return again(written.error(), {});
  }
  const RunTraces traces{place->prefix, id, left->uploads, left->record.is_scattered};
  const Swept swept = sweep(*place->store, traces, bound.token());
  if (!swept.status.ok()) return again(swept.status.error(), swept.left);
  if (swept.uploads_not_listed && job.clean_passes == 0) {
    log::info("export {}: uploads may not be listed; those on record are gone", id);
  }
  if (++job.clean_passes < kCleanPasses) return Next::kConfirm;
  if (const Status cleaned = journal_.cleaned(id); !cleaned.ok()) {
    return again(cleaned.error(), {});
  }
  return Next::kNothing;
}

// Its files are whole, and perhaps some of the old ones are gone already: there is no way back.
Status Sweeper::finish_replacing(const Place& place, const Journal::Left& left,
                                 const std::stop_token& stop) {
  const std::string& id = left.record.id;
  TRY(remove_objects(*place.store, left.replaced, stop));
  TRY(remove_objects(*place.store, {run_key(place.prefix, id, kSentinelSuffix)}, stop));
  return journal_.decide(id, RunState::kDone, "");
}

Sweeper::Next Sweeper::trouble(const Journal::Left& left, const Error& error,
                               const std::vector<std::string>& remains) {
  const std::string text = described(error, remains);
  if (text != left.record.trouble) {
    log::warning("export {} cannot be cleaned up yet: {}", left.record.id, text);
    static_cast<void>(journal_.set_trouble(left.record.id, text));  // it has logged why not
  }
  return Next::kAgain;
}

milliseconds Sweeper::doubled(milliseconds first, int times) const {
  for (int i = 0; i < times && first < options_.longest; ++i) first *= 2;
  return std::min(first, options_.longest);
}

milliseconds Sweeper::pause(const Job& job) {
  const milliseconds most = doubled(options_.shortest, job.failures - 1);
  return between(most / 2, most);
}

milliseconds Sweeper::between(milliseconds least, milliseconds most) {
  std::uniform_int_distribution<milliseconds::rep> uniform(least.count(), most.count());
  return milliseconds(uniform(random_));
}

}  // namespace sluice::exports
