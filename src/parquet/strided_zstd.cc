// The sequences of a block are zstd's "experimental" interface, which its shared library exports.
#define ZSTD_STATIC_LINKING_ONLY
#include "parquet/strided_zstd.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <vector>

#include "format/block_compressor.h"
#include "parquet/strides.h"

namespace sluice::parquet {
namespace {

// Shorter ones are cheaper as they are.
constexpr size_t kLeastMatch = 4;
// What zstd compresses at a time (RFC 8878, 3.1.1.2.4).
constexpr size_t kMostBlock = size_t{128} << 10;

const uint8_t* first_of(std::span<const std::byte> page) {
  return reinterpret_cast<const uint8_t*>(page.data());
}

}  // namespace

struct StridedZstd::State {
  bool is_ready = false;
  std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context{ZSTD_createCCtx(), ZSTD_freeCCtx};
  std::vector<ZSTD_Sequence> sequences;  // of a page
};

StridedZstd::StridedZstd(int level) : state_(std::make_unique<State>()) {
  ZSTD_CCtx* const context = state_->context.get();
  if (context == nullptr) return;
  const auto set = [&](ZSTD_cParameter parameter, int value) {
    return ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value)) == 0;
  };
  // The distance is the one before mostly, which takes no bits if zstd is told to look.
  state_->is_ready = set(ZSTD_c_compressionLevel, level) &&
                     set(ZSTD_c_blockDelimiters, ZSTD_sf_explicitBlockDelimiters) &&
                     set(ZSTD_c_searchForExternalRepcodes, ZSTD_ps_enable);
}

StridedZstd::~StridedZstd() = default;

bool StridedZstd::pays(std::span<const std::byte> page, size_t head) {
  constexpr size_t kSample = 192;
  if (page.size() < head + 4 * kSample * kStride) return false;
  const size_t values = (page.size() - head) / kStride;
  const uint8_t* const begin = first_of(page) + head + (values - kSample) / 2 * kStride;
  size_t alike = 0;
  std::array<uint64_t, kSample> ends{};
  for (size_t i = 0; i < kSample; ++i) {
    const uint8_t* const value = begin + i * kStride;
    alike += common_prefix(value, value - kStride);
    ends[i] = word_at(value + 8);
  }
  std::sort(ends.begin(), ends.end());
  const auto different = std::unique(ends.begin(), ends.end()) - ends.begin();
  return alike >= kSample * kStride / 2 && static_cast<size_t>(different) >= kSample / 4 * 3;
}

Status StridedZstd::compress(std::span<const std::byte> page, size_t head, Buffer& out) {
  ZSTD_CCtx* const context = state_->context.get();
  if (context == nullptr) {
    return format::zstd_failure(static_cast<size_t>(-ZSTD_error_memory_allocation));
  }
  if (!state_->is_ready) return internal("this zstd takes no sequences");
  const uint8_t* const begin = first_of(page);
  std::vector<ZSTD_Sequence>& sequences = state_->sequences;
  sequences.clear();
  // Of the first block; a page is hardly longer, and what is left is not looked at.
  const size_t end = std::min(page.size(), kMostBlock);
  size_t plain = 0;  // from here on nothing is in a sequence yet
  for (size_t value = head + kStride; value + kStride <= end; value += kStride) {
    const size_t same = common_prefix(begin + value, begin + value - kStride);
    if (same < kLeastMatch) continue;
    sequences.push_back(
        {kStride, static_cast<unsigned>(value - plain), static_cast<unsigned>(same), 0});
    plain = value + same;
  }
  // A block ends with a sequence of literals only.
  sequences.push_back({0, static_cast<unsigned>(end - plain), 0, 0});
  for (size_t block = end; block < page.size(); block += kMostBlock) {
    const size_t bytes = std::min(page.size() - block, kMostBlock);
    sequences.push_back({0, static_cast<unsigned>(bytes), 0, 0});
  }
  const size_t room = ZSTD_compressBound(page.size());
  uint8_t* const to = out.reserve(room);
  const size_t size = ZSTD_compressSequences(context, to, room, sequences.data(), sequences.size(),
                                             page.data(), page.size());
  if (ZSTD_isError(size) != 0) return format::zstd_failure(size);
  out.set_end(to + size);
  return ok();
}

}  // namespace sluice::parquet
