#include "base/background.h"

#include <sys/resource.h>
#include <unistd.h>

namespace sluice {
namespace {

// About a third of a normal thread's share where both want the same processor.
constexpr int kNicer = 5;

thread_local bool background = false;

}  // namespace

void become_background_thread() {
  if (background) return;
  background = true;
  // On Linux a thread's id names that thread alone here, against POSIX.
  const auto thread = static_cast<id_t>(gettid());
  static_cast<void>(setpriority(PRIO_PROCESS, thread, getpriority(PRIO_PROCESS, thread) + kNicer));
}

bool is_background_thread() { return background; }

}  // namespace sluice
