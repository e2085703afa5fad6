#include "parquet/compression.h"

#include <lz4.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <array>

namespace sluice::parquet {
namespace {

constexpr int kZstdLevel = 3;
constexpr int kGzipLevel = 6;

const char* text(std::span<const std::byte> bytes) {
  return reinterpret_cast<const char*>(bytes.data());
}
char* text(uint8_t* bytes) { return reinterpret_cast<char*>(bytes); }

class None final : public Compressor {
 public:
  Status compress(std::span<const std::byte> page, Buffer& out) override {
    out.clear();
    out.append(page.data(), page.size());
    return ok();
  }
};

class Snappy final : public Compressor {
 public:
  Status compress(std::span<const std::byte> page, Buffer& out) override {
    out.clear();
    uint8_t* const begin = out.reserve(snappy::MaxCompressedLength(page.size()));
    size_t size = 0;
    snappy::RawCompress(text(page), page.size(), text(begin), &size);
    out.set_end(begin + size);
    return ok();
  }
};

class Zstd final : public Compressor {
 public:
  explicit Zstd(int level) : level_(level), context_(ZSTD_createCCtx(), ZSTD_freeCCtx) {}
  Status compress(std::span<const std::byte> page, Buffer& out) override {
    if (!context_) return internal("zstd has no memory");
    out.clear();
    const size_t room = ZSTD_compressBound(page.size());
    uint8_t* const begin = out.reserve(room);
    const size_t size =
        ZSTD_compressCCtx(context_.get(), begin, room, page.data(), page.size(), level_);
    if (ZSTD_isError(size)) return internal("zstd: {}", ZSTD_getErrorName(size));
    out.set_end(begin + size);
    return ok();
  }

 private:
  const int level_;
  const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context_;
};

class Gzip final : public Compressor {
 public:
  explicit Gzip(int level) {
    constexpr int kWindowBits = 15, kWithGzipHeader = 16, kMemory = 8;
    ready_ = deflateInit2(&stream_, level, Z_DEFLATED, kWindowBits + kWithGzipHeader, kMemory,
                          Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~Gzip() override { deflateEnd(&stream_); }
  Status compress(std::span<const std::byte> page, Buffer& out) override {
    if (!ready_ || deflateReset(&stream_) != Z_OK) return internal("gzip: no memory");
    out.clear();
    const size_t room = deflateBound(&stream_, page.size());
    uint8_t* const begin = out.reserve(room);
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(page.data()));
    stream_.avail_in = static_cast<uInt>(page.size());
    stream_.next_out = begin;
    stream_.avail_out = static_cast<uInt>(room);
    if (deflate(&stream_, Z_FINISH) != Z_STREAM_END) return internal("gzip: the page did not end");
    out.set_end(stream_.next_out);
    return ok();
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

class Lz4Raw final : public Compressor {
 public:
  Status compress(std::span<const std::byte> page, Buffer& out) override {
    if (page.size() > LZ4_MAX_INPUT_SIZE) return internal("lz4: a page of {} bytes", page.size());
    out.clear();
    const int room = LZ4_compressBound(static_cast<int>(page.size()));
    uint8_t* const begin = out.reserve(static_cast<size_t>(room));
    const int size =
        LZ4_compress_default(text(page), text(begin), static_cast<int>(page.size()), room);
    if (size <= 0 && !page.empty()) return internal("lz4: a page was not compressed");
    out.set_end(begin + size);
    return ok();
  }
};

}  // namespace

Result<Compression> Compression::named(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Codec>, 6> kNames{
      {{"none", Codec::kNone},
       {"uncompressed", Codec::kNone},
       {"snappy", Codec::kSnappy},
       {"gzip", Codec::kGzip},
       {"zstd", Codec::kZstd},
       {"lz4_raw", Codec::kLz4Raw}}};
  for (const auto& [known, codec] : kNames) {
    if (known == name) return Compression{codec, 0};
  }
  return invalid("unknown Parquet compression \"{}\"", name)
      .with_sqlstate("22023")
      .with_hint("Known are none, snappy, gzip, zstd and lz4_raw.");
}

std::unique_ptr<Compressor> Compressor::make(Compression compression) {
  const int level = compression.level;
  switch (compression.codec) {
    case Codec::kNone:
      return std::make_unique<None>();
    case Codec::kSnappy:
      return std::make_unique<Snappy>();
    case Codec::kGzip:
      return std::make_unique<Gzip>(level == 0 ? kGzipLevel : level);
    case Codec::kZstd:
      return std::make_unique<Zstd>(level == 0 ? kZstdLevel : level);
    case Codec::kLz4Raw:
      return std::make_unique<Lz4Raw>();
  }
  return std::make_unique<None>();
}

}  // namespace sluice::parquet
