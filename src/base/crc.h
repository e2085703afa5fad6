// Cyclic redundancy checks: of our own files, and those by which S3 compares what it got with what
// was sent.
//
//   CRC32       as in Ethernet and zip
//   CRC32C      Castagnoli's
//   CRC64NVME   of the NVM Command Set Specification
//
// By carry-less multiplication where the processor has it (Gopal et al., "Fast CRC computation for
// generic polynomials using PCLMULQDQ", 2009), rests of CRC32C by its own instruction, else by
// tables. All three read bits from the lowest on, begin with ones and are inverted at the end. What
// the processor can do is asked once; `tables` are the twins that need nothing of it.
//
// Pure functions; safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice {

uint32_t crc32(std::span<const std::byte> bytes);
// Of what `before` is the sum of, followed by `bytes`.
uint32_t crc32c(std::span<const std::byte> bytes, uint32_t before = 0);
uint64_t crc64nvme(std::span<const std::byte> bytes);

// The sum of `a` followed by `b`, from the sums of both and the length of `b`.
uint64_t joined_crc64nvme(uint64_t a, uint64_t b, uint64_t bytes_of_b);

namespace tables {
uint32_t crc32(std::span<const std::byte> bytes);
uint32_t crc32c(std::span<const std::byte> bytes, uint32_t before = 0);
uint64_t crc64nvme(std::span<const std::byte> bytes);
}  // namespace tables

}  // namespace sluice
