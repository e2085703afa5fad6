// The seam between formats and exports: one file being encoded by one thread, into a sink of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>

#include "base/result.h"
#include "engine/chunk.h"

namespace sluice::format {

// Where a file's bytes go. One thread at a time.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // Reads `bytes` during the call only. May wait (back-pressure).
  virtual Status append(std::span<const std::byte> bytes, std::stop_token stop) = 0;
};

// One file. One thread at a time; after an error every further call is pointless.
class FileEncoder {
 public:
  virtual ~FileEncoder() = default;
  // Reads `chunk` during the call only.
  virtual Status append(engine::Chunk& chunk, std::stop_token stop) = 0;
  // Writes what is left, header and footer included; to be called once. The sink stays open.
  virtual Status finish(std::stop_token stop) = 0;
  // How large the file would be if it were finished now: what is encoded, and an estimate of what
  // is still buffered.
  virtual uint64_t bytes() const = 0;
};

}  // namespace sluice::format
