// At which times a view's rows are right, and which error reading them gives then. With a form that
// is kept as a note in the store.
//
//   ────[ first span )──── left behind ────[ second span … still open
//          ok | error | ok                    ok
//
// Threads: one at a time.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "base/result.h"
#include "collection/store.h"

namespace sluice::views {

class Readable {
 public:
  // From the note that to_note() made; one that is damaged: never.
  static Readable from_note(const std::string& note);
  // Its last span only, and at most the errors since it began.
  std::string to_note() const;

  bool is_open() const { return !spans_.empty() && !spans_.back().end; }
  // From this time on. Not while it is open.
  void begin(collection::Time time);
  // No longer from this time on, or from when it is due, if that is earlier; nothing if it isn't
  // open.
  void end(collection::Time time);
  // Time itself makes its rows others from then on: until something has been done about that, it
  // is right only before. None: that does not happen. True: it is another time than before.
  bool set_due(std::optional<collection::Time> time);
  // Whether it is open and was due before this time.
  bool is_overdue(collection::Time time) const { return is_open() && due_ && *due_ < time; }
  // What reading gives from this time on. True: it is another one than before.
  bool set_error(collection::Time time, const std::optional<Error>& error);
  // Forgets what only times before this one ask for.
  void forget_before(collection::Time time);

  bool contains(collection::Time time) const;
  std::optional<Error> error_at(collection::Time time) const;
  const std::optional<Error>& last_error() const;
  // The time from which it is not readable any more; nothing while it is open or never was.
  std::optional<collection::Time> ended() const;

  // What it is now, to go back to after a step that has not happened.
  struct Mark;
  Mark mark() const;
  void go_back(const Mark& mark);

 private:
  struct Span {
    collection::Time begin;
    std::optional<collection::Time> end;  // not in it
  };
  struct Change {
    collection::Time time;
    std::optional<Error> error;
  };
  std::deque<Span> spans_;  // in order
  std::optional<collection::Time> due_;
  std::deque<Change> errors_;  // in order
  // Of all that there have been, how many are gone from the front.
  size_t spans_forgotten_ = 0, errors_forgotten_ = 0;
};

struct Readable::Mark {
  size_t spans = 0, errors = 0;        // that there had been
  std::optional<Readable::Span> last;  // span
  std::optional<collection::Time> due;
};

}  // namespace sluice::views
