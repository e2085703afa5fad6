// Threads that compute in bulk give way to those that a client waits for: a commit beside an export
// needs little of a processor, but at once.
#pragma once

namespace sluice {

// Lowers the calling thread's priority for good (Linux: its nice value; without a right to do so,
// as with any failure, nothing changes). Cheap when the thread did it before.
void become_background_thread();
// Whether the calling thread did.
bool is_background_thread();

}  // namespace sluice
