#include "base/background.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>

namespace sluice {
namespace {

int priority() { return getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())); }

TEST(BackgroundThread, IsLessImportantThanTheOneThatMadeIt) {
  const int before = priority();
  int then = before;
  std::thread([&] {
    become_background_thread();
    become_background_thread();
    then = priority();
  }).join();
  EXPECT_EQ(then, before + 5);
  EXPECT_EQ(priority(), before);
}

}  // namespace
}  // namespace sluice
