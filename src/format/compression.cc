#include "format/compression.h"

namespace sluice::format {

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

std::string Compression::text() const {
  const char* const name = codec == Codec::kGzip ? "gzip" : codec == Codec::kZstd ? "zstd" : "none";
  return level == 0 ? name : fmt::format("{} {}", name, level);
}

std::string_view Compression::extension() const {
  return codec == Codec::kGzip ? ".gz" : codec == Codec::kZstd ? ".zst" : "";
}

Compressor::Compressor(const Compression& compression)
    : codec_(compression.codec == Codec::kGzip
                 ? BlockCompressor::gzip(compression.level)
                 : BlockCompressor::zstd(compression.level, /*checksum=*/true)) {}

Result<std::string_view> Compressor::compress(std::string_view text) {
  const size_t bound = codec_->bound(text.size());
  if (bound > capacity_) {
    output_.reset(new std::byte[bound]);
    capacity_ = bound;
  }
  TRY_ASSIGN(const size_t size,
             codec_->compress(std::as_bytes(std::span(text)), {output_.get(), bound}));
  return std::string_view(reinterpret_cast<const char*>(output_.get()), size);
}

// What can't be compressed grows by less than a hundredth, and by what frames a member.
uint64_t Compressor::text_that_fits(uint64_t bytes) {
  const uint64_t added = bytes / 128 + 512;
  return bytes > added ? bytes - added : 0;
}

}  // namespace sluice::format
