#include "secrets/wiping.h"

#include <malloc.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace sluice::secrets {

void wiping_free(void* memory) {
  if (memory == nullptr) return;
  OPENSSL_cleanse(memory, malloc_usable_size(memory));
  std::free(memory);
}

void* wiping_realloc(void* memory, size_t bytes) {
  if (memory == nullptr) return std::malloc(bytes);
  const size_t before = malloc_usable_size(memory);
  if (bytes > 0 && bytes <= before) return memory;
  void* const moved = std::malloc(bytes);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, memory, std::min(before, bytes));
  wiping_free(memory);
  return moved;
}

[[gnu::noinline]] void wipe_stack() {
  char below[size_t{64} << 10];
  OPENSSL_cleanse(below, sizeof(below));
}

}  // namespace sluice::secrets
