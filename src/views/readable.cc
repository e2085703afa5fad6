#include "views/readable.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sluice::views {
namespace {

using collection::Time;
using Json = nlohmann::json;

bool same(const std::optional<Error>& a, const std::optional<Error>& b) {
  if (a.has_value() != b.has_value()) return false;
  return !a || (a->message == b->message && a->sqlstate == b->sqlstate);
}

}  // namespace

Readable Readable::from_note(const std::string& note) {
  Readable readable;
  try {
    const Json json = Json::parse(note);
    Span span{{json.at("from").get<int64_t>()}, std::nullopt};
    if (json.contains("due")) readable.due_ = Time{json["due"].get<int64_t>()};
    if (json.contains("until")) span.end = Time{json["until"].get<int64_t>()};
    for (const Json& one : json.at("errors")) {
      Change change{{one.at("at").get<int64_t>()}, std::nullopt};
      if (one.contains("message")) {
        change.error = Error(ErrorCode::kInvalid, one["message"].get<std::string>());
        change.error->sqlstate = one.at("sqlstate").get<std::string>();
        change.error->detail = one.value("detail", "");
        change.error->hint = one.value("hint", "");
      }
      readable.errors_.push_back(std::move(change));
    }
    readable.spans_.push_back(span);
  } catch (const std::exception&) {
    return {};
  }
  return readable;
}

std::string Readable::to_note() const {
  if (spans_.empty()) return "{}";
  Json json{{"from", spans_.back().begin.milliseconds}};
  if (spans_.back().end) json["until"] = spans_.back().end->milliseconds;
  if (due_) json["due"] = due_->milliseconds;
  json["errors"] = Json::array();
  for (const Change& change : errors_) {
    Json one{{"at", change.time.milliseconds}};
    if (change.error) {
      one["message"] = change.error->message;
      one["sqlstate"] = change.error->sqlstate;
      if (!change.error->detail.empty()) one["detail"] = change.error->detail;
      if (!change.error->hint.empty()) one["hint"] = change.error->hint;
    }
    json["errors"].push_back(std::move(one));
  }
  // Words of an error may quote a row's bytes.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void Readable::begin(Time time) {
  CHECK(!is_open());
  due_.reset();
  if (!spans_.empty() && spans_.back().end == time) {
    spans_.back().end.reset();
  } else {
    spans_.push_back({time, std::nullopt});
  }
}

void Readable::end(Time time) {
  if (!is_open()) return;
  spans_.back().end = due_ ? std::min(time, *due_) : time;
  due_.reset();
}

bool Readable::set_due(std::optional<Time> time) {
  if (due_ == time) return false;
  due_ = time;
  return true;
}

bool Readable::set_error(Time time, const std::optional<Error>& error) {
  if (same(last_error(), error)) return false;
  errors_.push_back({time, error});
  return true;
}

void Readable::forget_before(Time time) {
  while (spans_.size() > 1 && spans_.front().end && *spans_.front().end <= time) {
    spans_.pop_front();
    ++spans_forgotten_;
  }
  while (errors_.size() > 1 && errors_[1].time <= time) {
    errors_.pop_front();
    ++errors_forgotten_;
  }
}

Readable::Mark Readable::mark() const {
  Mark mark;
  mark.spans = spans_forgotten_ + spans_.size();
  mark.errors = errors_forgotten_ + errors_.size();
  if (!spans_.empty()) mark.last = spans_.back();
  mark.due = due_;
  return mark;
}

void Readable::go_back(const Mark& mark) {
  while (!spans_.empty() && spans_forgotten_ + spans_.size() > mark.spans) spans_.pop_back();
  while (!errors_.empty() && errors_forgotten_ + errors_.size() > mark.errors) errors_.pop_back();
  due_ = mark.due;
  if (!mark.last) return;
  if (!spans_.empty()) {
    spans_.back() = *mark.last;
  } else {
    // It was forgotten when the next one began.
    spans_.push_back(*mark.last);
    spans_forgotten_ = mark.spans - 1;
  }
}

bool Readable::contains(Time time) const {
  // The newest are asked for most. Only the last of them may have no end.
  for (auto span = spans_.rbegin(); span != spans_.rend(); ++span) {
    const std::optional<Time>& end = span->end ? span->end : due_;
    if (end && time >= *end) return false;
    if (span->begin <= time) return true;
  }
  return false;
}

std::optional<Error> Readable::error_at(Time time) const {
  for (auto change = errors_.rbegin(); change != errors_.rend(); ++change) {
    if (change->time <= time) return change->error;
  }
  return std::nullopt;
}

const std::optional<Error>& Readable::last_error() const {
  static const std::optional<Error> none;
  return errors_.empty() ? none : errors_.back().error;
}

std::optional<Time> Readable::ended() const {
  return spans_.empty() ? std::nullopt : spans_.back().end;
}

}  // namespace sluice::views
