#include "format/compression.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace sluice::format {
namespace {

Error no_memory(std::string_view codec) {
  return error(ErrorCode::kExhausted, "out of memory for {}", codec).with_sqlstate("53200");
}

// Memory that is not cleared, kept from call to call.
class Output {
 public:
  char* with_room(size_t bytes) {
    if (bytes > capacity_) {
      memory_.reset(new char[bytes]);
      capacity_ = bytes;
    }
    return memory_.get();
  }
  std::string_view first(size_t bytes) const { return {memory_.get(), bytes}; }

 private:
  std::unique_ptr<char[]> memory_;
  size_t capacity_ = 0;
};

class Gzip final : public Compressor {
 public:
  ~Gzip() override { deflateEnd(&stream_); }

  bool open(int level) {
    constexpr int kGzipWindow = 15 + 16;  // zlib's way to ask for gzip's header and checksum
    constexpr int kDefaultMemory = 8;
    return deflateInit2(&stream_, level == 0 ? Z_DEFAULT_COMPRESSION : level, Z_DEFLATED,
                        kGzipWindow, kDefaultMemory, Z_DEFAULT_STRATEGY) == Z_OK;
  }

  Result<std::string_view> compress(std::string_view text) override {
    if (text.size() > kMostText) return internal("a gzip member of {} bytes", text.size());
    if (deflateReset(&stream_) != Z_OK) return internal("gzip could not begin");
    const size_t bound = deflateBound(&stream_, text.size());
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    stream_.next_out = reinterpret_cast<Bytef*>(output_.with_room(bound));
    stream_.avail_out = static_cast<uInt>(bound);
    if (deflate(&stream_, Z_FINISH) != Z_STREAM_END) return internal("gzip did not end");
    return output_.first(stream_.total_out);
  }

 private:
  // What zlib can count at once, and what it may add.
  static constexpr size_t kMostText = size_t{3} << 30;

  z_stream stream_{};
  Output output_;
};

class Zstd final : public Compressor {
 public:
  ~Zstd() override { ZSTD_freeCCtx(context_); }

  bool open(int level) {
    context_ = ZSTD_createCCtx();
    if (context_ == nullptr) return false;
    ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel,
                           level == 0 ? ZSTD_CLEVEL_DEFAULT : level);
    return true;
  }

  Result<std::string_view> compress(std::string_view text) override {
    constexpr size_t kChecksum = 4;
    const size_t bound = ZSTD_compressBound(text.size()) + kChecksum;
    const size_t size =
        ZSTD_compress2(context_, output_.with_room(bound), bound, text.data(), text.size());
    if (ZSTD_isError(size) == 0) return output_.first(size);
    if (ZSTD_getErrorCode(size) == ZSTD_error_memory_allocation) return no_memory("zstd");
    return internal("zstd: {}", ZSTD_getErrorName(size));
  }

 private:
  ZSTD_CCtx* context_ = nullptr;
  Output output_;
};

template <typename Codec>
Result<std::unique_ptr<Compressor>> opened(int level, std::string_view name) {
  auto codec = std::make_unique<Codec>();
  if (!codec->open(level)) return no_memory(name);
  return std::unique_ptr<Compressor>(std::move(codec));
}

}  // namespace

Result<Compression> Compression::named(std::string_view name, int level) {
  Compression compression{Codec::kNone, level};
  int highest = 0;
  if (name == "gzip") {
    compression.codec = Codec::kGzip;
    highest = 9;
  } else if (name == "zstd") {
    compression.codec = Codec::kZstd;
    highest = 22;
  } else if (name != "none") {
    return invalid("unknown COMPRESSION for csv: {}", name)
        .with_sqlstate("22023")
        .with_hint("Say gzip, zstd or none.");
  }
  if (level >= 0 && level <= highest) return compression;
  if (highest == 0) return invalid("COMPRESSION none has no levels").with_sqlstate("22023");
  return invalid("{} has no level {}", name, level)
      .with_sqlstate("22023")
      .with_hint(fmt::format("Levels of {} are 1 to {}.", name, highest));
}

std::string_view Compression::extension() const {
  return codec == Codec::kGzip ? ".gz" : codec == Codec::kZstd ? ".zst" : "";
}

Result<std::unique_ptr<Compressor>> Compressor::make(const Compression& compression) {
  if (compression.codec == Codec::kGzip) return opened<Gzip>(compression.level, "gzip");
  return opened<Zstd>(compression.level, "zstd");
}

// What can't be compressed grows by less than a hundredth, and by what frames a member.
uint64_t Compressor::text_that_fits(uint64_t bytes) {
  const uint64_t added = bytes / 128 + 512;
  return bytes > added ? bytes - added : 0;
}

}  // namespace sluice::format
