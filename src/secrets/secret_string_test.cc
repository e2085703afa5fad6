#include "secrets/secret_string.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>

// This program's memory is looked through when it is given back; not with the thread sanitizer,
// whose operators nobody can replace.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLUICE_MEMORY_IS_ELSEWHERE
#endif
#endif

#ifndef SLUICE_MEMORY_IS_ELSEWHERE
namespace {
constexpr char kCanary[] = "canary-0123456789-canary-0123456789";
bool watching = false;
int seen = 0;

void give_back(void* memory) {
  // Not every compiler's code tells the size.
  if (watching && memory != nullptr &&
      memmem(memory, malloc_usable_size(memory), kCanary, sizeof kCanary - 1) != nullptr) {
    ++seen;
  }
  std::free(memory);
}
}  // namespace

void* operator new(size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, size_t) noexcept { give_back(memory); }
#endif

namespace sluice::secrets {
namespace {

#ifndef SLUICE_MEMORY_IS_ELSEWHERE
// How often the canary was in memory that was given back meanwhile.
template <typename Action>
int left_in_memory(const Action& action) {
  seen = 0;
  watching = true;
  action();
  watching = false;
  return seen;
}

#endif

TEST(SecretString, HoldsAnyBytes) {
  const std::string bytes("\x00\xff'\n", 4);
  const SecretString secret(bytes);
  EXPECT_EQ(secret.view(), bytes);
  EXPECT_EQ(secret.size(), 4U);
  EXPECT_EQ(secret, SecretString(bytes));
  EXPECT_FALSE(secret == SecretString("other"));
  EXPECT_TRUE(SecretString().empty());
}

#ifndef SLUICE_MEMORY_IS_ELSEWHERE
TEST(SecretString, LeavesNothingInMemoryThatItGivesBack) {
  const auto use = []<typename Text>(Text text) {
    Text copy = text;
    Text moved = std::move(text);
    copy = Text("short");
    text = moved;
  };
  EXPECT_GT(left_in_memory([&] { use(std::string(kCanary)); }), 0) << "it would be seen";
  EXPECT_EQ(left_in_memory([&] { use(SecretString(kCanary)); }), 0);
}

TEST(SecretString, WipesTheStringThatItIsTakenFrom) {
  EXPECT_EQ(left_in_memory([] {
              std::string text = kCanary;
              const SecretString secret(std::move(text));
            }),
            0);
}
#endif

TEST(SecretString, IsEmptyAfterAMove) {
  SecretString from("hunter2");
  const SecretString to = std::move(from);
  EXPECT_TRUE(from.empty());  // NOLINT: what is promised
  EXPECT_EQ(to.view(), "hunter2");
}

// Nothing can print it: neither a log nor an error's text.
static_assert(!std::is_convertible_v<SecretString, std::string_view>);
static_assert(!std::is_convertible_v<SecretString, std::string>);

}  // namespace
}  // namespace sluice::secrets
