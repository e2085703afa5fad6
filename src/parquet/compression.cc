#include "parquet/compression.h"

#include <lz4.h>
#include <snappy.h>

#include <algorithm>
#include <array>

#include "format/block_compressor.h"
#include "parquet/strided_snappy.h"
#include "parquet/strided_zstd.h"
#include "parquet/strides.h"

namespace sluice::parquet {
namespace {

const char* text(std::span<const std::byte> bytes) {
  return reinterpret_cast<const char*>(bytes.data());
}
char* text(uint8_t* bytes) { return reinterpret_cast<char*>(bytes); }

class None final : public Compressor {
 public:
  Status compress(std::span<const std::byte> page, PageForm /*form*/, Buffer& out) override {
    out.clear();
    out.append(page.data(), page.size());
    return ok();
  }
};

class Snappy final : public Compressor {
 public:
  Status compress(std::span<const std::byte> page, PageForm form, Buffer& out) override {
    out.clear();
    if (form.is_packed && is_chance(page, out)) {
      uint8_t* const begin = out.reserve(snappy_literal_bound(page.size()));
      out.set_end(snappy_literal(page, begin));
    } else if (is_better_by_strides(page, form, out)) {
      uint8_t* const begin = out.reserve(strided_snappy_bound(page.size()));
      out.set_end(strided_snappy(page, form.head, begin));
    } else {
      const size_t size = compress_any(page, out);
      out.set_end(out.data() + size);
    }
    return ok();
  }

 private:
  static size_t compress_any(std::span<const std::byte> page, Buffer& out) {
    uint8_t* const begin = out.reserve(snappy::MaxCompressedLength(page.size()));
    size_t size = 0;
    snappy::RawCompress(text(page), page.size(), text(begin), &size);
    return size;
  }

  // Whether nothing repeats in three samples: looking for it in the whole page is not worth it.
  static bool is_chance(std::span<const std::byte> page, Buffer& out) {
    constexpr size_t kSample = 1024;
    if (page.size() < 8 * kSample) return false;
    size_t compressed = 0;
    for (const size_t part : {size_t{1}, size_t{3}, size_t{5}}) {
      compressed += compress_any(page.subspan(page.size() / 6 * part - kSample / 2, kSample), out);
    }
    return compressed * 64 >= 3 * kSample * 63;
  }

  // Values from the middle of the page tell.
  static bool is_better_by_strides(std::span<const std::byte> page, PageForm form, Buffer& out) {
    constexpr size_t kSample = 192;
    if (form.value_bytes != kStride || page.size() < form.head + 4 * kSample * kStride)
      return false;
    const size_t values = (page.size() - form.head) / kStride;
    const auto sample =
        page.subspan(form.head + (values - kSample) / 2 * kStride, kSample * kStride);
    const size_t by_any = compress_any(sample, out);
    uint8_t* const begin = out.reserve(strided_snappy_bound(sample.size()));
    const auto by_strides = static_cast<size_t>(strided_snappy(sample, 0, begin) - begin);
    return by_strides <= by_any + by_any / 64;
  }
};

// gzip and zstd.
class BlockCodec final : public Compressor {
 public:
  explicit BlockCodec(std::unique_ptr<format::BlockCompressor> codec) : codec_(std::move(codec)) {}
  Status compress(std::span<const std::byte> page, PageForm /*form*/, Buffer& out) override {
    out.clear();
    const size_t room = codec_->bound(page.size());
    uint8_t* const begin = out.reserve(room);
    TRY_ASSIGN(const size_t size,
               codec_->compress(page, {reinterpret_cast<std::byte*>(begin), room}));
    out.set_end(begin + size);
    return ok();
  }

 private:
  const std::unique_ptr<format::BlockCompressor> codec_;
};

// Of zstd's default level.
class Zstd final : public Compressor {
 public:
  // A page has a checksum already.
  Zstd() : any_(format::BlockCompressor::zstd(kLevel, /*checksum=*/false)), strided_(kLevel) {}
  Status compress(std::span<const std::byte> page, PageForm form, Buffer& out) override {
    if (form.value_bytes != kStride || !StridedZstd::pays(page, form.head)) {
      return any_.compress(page, form, out);
    }
    out.clear();
    return strided_.compress(page, form.head, out);
  }

 private:
  // Pages are small, and already encoded: higher levels find little more in them
  // (docs/design/parquet.md).
  static constexpr int kLevel = 1;

  BlockCodec any_;
  StridedZstd strided_;
};

class Lz4Raw final : public Compressor {
 public:
  Status compress(std::span<const std::byte> page, PageForm /*form*/, Buffer& out) override {
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

// The first name of a codec is the one that is shown.
constexpr std::array<std::pair<std::string_view, Codec>, 6> kNames{{{"none", Codec::kNone},
                                                                    {"uncompressed", Codec::kNone},
                                                                    {"snappy", Codec::kSnappy},
                                                                    {"gzip", Codec::kGzip},
                                                                    {"zstd", Codec::kZstd},
                                                                    {"lz4_raw", Codec::kLz4Raw}}};

}  // namespace

std::string Compression::text() const {
  const auto* const found =
      std::ranges::find(kNames, codec, [](const auto& one) { return one.second; });
  return fmt::format("{}{}", found->first, level == 0 ? "" : fmt::format(" {}", level));
}

Result<Compression> Compression::named(std::string_view name, int level) {
  for (const auto& [known, codec] : kNames) {
    if (known != name) continue;
    const int highest = codec == Codec::kZstd ? 22 : codec == Codec::kGzip ? 9 : 0;
    if (level >= 0 && level <= highest) return Compression{codec, level};
    return invalid("{} has no level {}", name, level)
        .with_sqlstate("22023")
        .with_hint("Levels of zstd are 1 to 22, of gzip 1 to 9; the others have none.");
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
      return std::make_unique<BlockCodec>(format::BlockCompressor::gzip(level));
    case Codec::kZstd:
      if (level == 0) return std::make_unique<Zstd>();
      return std::make_unique<BlockCodec>(format::BlockCompressor::zstd(level, /*checksum=*/false));
    case Codec::kLz4Raw:
      return std::make_unique<Lz4Raw>();
  }
  return std::make_unique<None>();
}

}  // namespace sluice::parquet
