// SHA-256 of bytes that come piece by piece.
//
// Threads: one at a time.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sluice::exports {

class Digest {
 public:
  Digest();
  Digest(Digest&&) noexcept;
  ~Digest();

  void add(std::span<const std::byte> bytes);
  // In hex; to be called once.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256(std::string_view text);

}  // namespace sluice::exports
