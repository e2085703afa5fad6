#include "format/block_compressor.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace sluice::format {
namespace {

Error no_memory(std::string_view codec) {
  return error(ErrorCode::kExhausted, "out of memory for {}", codec).with_sqlstate("53200");
}

class Gzip final : public BlockCompressor {
 public:
  explicit Gzip(int level) {
    constexpr int kGzipWindow = 15 + 16;  // zlib's way to ask for gzip's header and checksum
    constexpr int kDefaultMemory = 8;
    ready_ = deflateInit2(&stream_, level == 0 ? Z_DEFAULT_COMPRESSION : level, Z_DEFLATED,
                          kGzipWindow, kDefaultMemory, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~Gzip() override {
    if (ready_) deflateEnd(&stream_);
  }

  size_t bound(size_t bytes) override { return deflateBound(&stream_, bytes); }

  Result<size_t> compress(std::span<const std::byte> block, std::span<std::byte> out) override {
    if (!ready_) return no_memory("gzip");
    if (block.size() > kMostBytes) return internal("a gzip member of {} bytes", block.size());
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(block.data()));
    stream_.avail_in = static_cast<uInt>(block.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int ended = deflate(&stream_, Z_FINISH);
    const size_t size = stream_.total_out;
    // Now, since bound() is right only for a stream that has not begun.
    const int reset = deflateReset(&stream_);
    if (ended != Z_STREAM_END || reset != Z_OK) return internal("gzip did not end");
    return size;
  }

 private:
  // What zlib can count at once, and what it may add.
  static constexpr size_t kMostBytes = size_t{3} << 30;

  z_stream stream_{};
  bool ready_ = false;
};

class Zstd final : public BlockCompressor {
 public:
  Zstd(int level, bool checksum) : context_(ZSTD_createCCtx(), ZSTD_freeCCtx) {
    if (!context_) return;
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, checksum ? 1 : 0);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel,
                           level == 0 ? ZSTD_CLEVEL_DEFAULT : level);
  }

  size_t bound(size_t bytes) override {
    constexpr size_t kChecksum = 4;
    return ZSTD_compressBound(bytes) + kChecksum;
  }

  Result<size_t> compress(std::span<const std::byte> block, std::span<std::byte> out) override {
    if (!context_) return no_memory("zstd");
    const size_t size =
        ZSTD_compress2(context_.get(), out.data(), out.size(), block.data(), block.size());
    if (ZSTD_isError(size) == 0) return size;
    return zstd_failure(size);
  }

 private:
  const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context_;
};

}  // namespace

std::unique_ptr<BlockCompressor> BlockCompressor::gzip(int level) {
  return std::make_unique<Gzip>(level);
}

std::unique_ptr<BlockCompressor> BlockCompressor::zstd(int level, bool checksum) {
  return std::make_unique<Zstd>(level, checksum);
}

Error zstd_failure(size_t result) {
  if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) return no_memory("zstd");
  return internal("zstd: {}", ZSTD_getErrorName(result));
}

}  // namespace sluice::format
