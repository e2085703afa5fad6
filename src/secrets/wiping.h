// Memory functions for libraries that let us give them ours: what they give back is wiped.
//
// Threads: safe from any, as malloc().
#pragma once

#include <cstddef>

namespace sluice::secrets {

void wiping_free(void* memory);
// Never grows in place where that would leave a copy that is not wiped.
void* wiping_realloc(void* memory, size_t bytes);

// What functions that have returned left of their variables on this thread's stack, and the
// processor's registers that were saved there. To be called by who has called them.
void wipe_stack();

}  // namespace sluice::secrets
