// One pass of maintenance: makes logs short by moving what they say into segments and a new head.
//
//   cut       later commits go to a new log; everything before is captured   (on the sequencer)
//   write     large tails become segments; segments with many deleted rows, and many small ones,
//             are rewritten; the rest goes into the new head                 (beside commits)
//   switch    the manifest is replaced: from here on the pass has happened
//   publish   readers find the new segments in the place of the old           (on the sequencer)
//   clean     old logs and the old head go; old segments once nobody reads them
//
// A pass that fails before the switch has changed nothing, and is tried again later. Rewriting that
// fails is left out of the pass, and tried again after a while.
#pragma once

#include <stop_token>

#include "collection/manifest.h"
#include "collection/sequencer.h"

namespace sluice::collection {

// Whether a pass would do something worth its cost.
bool checkpoint_is_due(const State& state);
// Whether it should be looked at now and not within a second: a cheap part of the above.
bool memory_is_due(const State& state);

// One at a time.
Status checkpoint(State& state, Sequencer& sequencer);

}  // namespace sluice::collection
