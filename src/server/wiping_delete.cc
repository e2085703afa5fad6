// What this process gives back by delete is wiped before, up to a size: so texts of statements,
// trees, requests and answers, with whatever secret was in them, do not lie about in free memory.
// Strings that are known to be secrets do so themselves (secrets/secret_string.h), wherever they
// are used. Larger blocks are rows, and buffers that are wiped by their owners.
//
// Not with sanitizers, which have an operator delete of their own.
#include <malloc.h>
#include <string.h>

#include <cstdlib>
#include <new>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define SLUICE_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLUICE_SANITIZED
#endif

#ifndef SLUICE_SANITIZED

namespace {

// A secret has 24 KiB at most.
constexpr size_t kMaxWiped = size_t{64} << 10;

void wipe_and_free(void* memory) {
  if (memory == nullptr) return;
  const size_t bytes = malloc_usable_size(memory);
  if (bytes <= kMaxWiped) explicit_bzero(memory, bytes);
  std::free(memory);
}

}  // namespace

// libstdc++'s operator new takes its memory from malloc and its like.
void operator delete(void* memory) noexcept { wipe_and_free(memory); }
void operator delete[](void* memory) noexcept { wipe_and_free(memory); }
void operator delete(void* memory, size_t) noexcept { wipe_and_free(memory); }
void operator delete[](void* memory, size_t) noexcept { wipe_and_free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { wipe_and_free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { wipe_and_free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { wipe_and_free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { wipe_and_free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { wipe_and_free(memory); }
void operator delete[](void* memory, size_t, std::align_val_t) noexcept { wipe_and_free(memory); }

#endif
