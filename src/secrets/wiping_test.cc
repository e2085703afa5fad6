#include "secrets/wiping.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace sluice::secrets {
namespace {

TEST(Wiping, GrowsAndShrinksAsRealloc) {
  char* memory = static_cast<char*>(wiping_realloc(nullptr, 8));
  std::memcpy(memory, "1234567", 8);
  memory = static_cast<char*>(wiping_realloc(memory, 100'000));
  EXPECT_STREQ(memory, "1234567");
  memory[99'999] = 'x';
  memory = static_cast<char*>(wiping_realloc(memory, 4));
  EXPECT_EQ(std::memcmp(memory, "1234", 4), 0);
  wiping_free(memory);
  wiping_free(nullptr);
}

// The address sanitizer has variables on a stack of its own, which is not what is wiped.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLUICE_STACK_IS_ELSEWHERE
#endif
#endif
#if !defined(SLUICE_STACK_IS_ELSEWHERE) && !defined(__SANITIZE_ADDRESS__)

[[gnu::noinline]] void leave_a_secret(uintptr_t& at) {
  char text[100] = "a secret that a function has held";
  asm volatile("" : "=r"(at) : "0"(text) : "memory");  // or compilers see through it
}

TEST(Wiping, OfTheStackLeavesNothingOfFunctionsThatHaveReturned) {
  uintptr_t at = 0;
  leave_a_secret(at);
  wipe_stack();
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  // It was on this stack, and within what is wiped of it.
  ASSERT_LT(at, here);
  ASSERT_LE(here - at, 60'000u);
  const auto* const left = reinterpret_cast<const volatile char*>(at);
  for (size_t i = 0; i < 30; ++i) EXPECT_EQ(left[i], '\0');
}

#endif

}  // namespace
}  // namespace sluice::secrets
