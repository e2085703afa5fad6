// Bytes that are wiped from memory before it is given back: values of secrets, keys, tokens.
//
// It cannot be printed: no conversion to text, no formatter. view() is for those who encrypt, sign
// or send it. What they make of it (a header, a string of another library) is theirs to wipe.
//
// Threads: as a std::string.
#pragma once

#include <openssl/crypto.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::secrets {

// Wipes what it gives back, so that neither growth nor a move nor the end leaves a copy.
template <typename T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <typename U>
  WipingAllocator(const WipingAllocator<U>& /*other*/) {}  // NOLINT: implicit
  T* allocate(size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* memory, size_t count) {
    OPENSSL_cleanse(memory, count * sizeof(T));
    std::allocator<T>().deallocate(memory, count);
  }
  bool operator==(const WipingAllocator& /*other*/) const { return true; }
};

class SecretString {
 public:
  SecretString() = default;
  SecretString(std::string_view bytes)  // NOLINT: implicit
      : bytes_(bytes.begin(), bytes.end()) {}
  SecretString(const char* text) : SecretString(std::string_view(text)) {}  // NOLINT: implicit
  SecretString(const std::string& bytes)
      : SecretString(std::string_view(bytes)) {}  // NOLINT: implicit
  // Wipes the string that it is taken from.
  SecretString(std::string&& bytes) : SecretString(std::string_view(bytes)) {  // NOLINT: implicit
    OPENSSL_cleanse(bytes.data(), bytes.size());
    bytes.clear();
  }

  std::string_view view() const { return {bytes_.data(), bytes_.size()}; }
  bool empty() const { return bytes_.empty(); }
  size_t size() const { return bytes_.size(); }
  bool operator==(const SecretString& other) const { return bytes_ == other.bytes_; }

 private:
  // Not a string: a short one would lie in the object itself, where no allocator wipes it.
  std::vector<char, WipingAllocator<char>> bytes_;
};

}  // namespace sluice::secrets
