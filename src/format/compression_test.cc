#include "format/compression.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <random>

namespace sluice::format {
namespace {

std::string gunzipped(std::string_view file) {
  std::string text(size_t{8} << 20, '\0');
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(file.data()));
  stream.avail_in = static_cast<uInt>(file.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  while (stream.avail_in > 0) {
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    EXPECT_EQ(inflateReset(&stream), Z_OK);
  }
  const size_t unused = stream.avail_out;
  inflateEnd(&stream);
  return text.substr(0, text.size() - unused);
}

std::string unzstded(std::string_view file) {
  std::string text(size_t{8} << 20, '\0');
  const size_t size = ZSTD_decompress(text.data(), text.size(), file.data(), file.size());
  EXPECT_FALSE(ZSTD_isError(size)) << ZSTD_getErrorName(size);
  text.resize(size);
  return text;
}

std::string random_text(size_t size) {
  std::mt19937 random(7);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

struct Case {
  Codec codec;
  int level;
  std::string (*read)(std::string_view);
};
constexpr Case kCases[] = {{Codec::kGzip, 0, gunzipped}, {Codec::kGzip, 1, gunzipped},
                           {Codec::kGzip, 9, gunzipped}, {Codec::kZstd, 0, unzstded},
                           {Codec::kZstd, 1, unzstded},  {Codec::kZstd, 22, unzstded}};

TEST(Compression, IsReadBackFromAllItsFramesAtOnce) {
  for (const Case& of : kCases) {
    Compressor compressor({of.codec, of.level});
    std::string file;
    std::string wanted;
    for (const std::string& text :
         {std::string("a,b\n"), std::string(), std::string(3 << 20, 'x'), random_text(100'000)}) {
      const auto frame = compressor.compress(text);
      ASSERT_TRUE(frame.ok()) << frame.error().message;
      file += *frame;
      wanted += text;
    }
    EXPECT_EQ(of.read(file), wanted);
    EXPECT_LT(file.size(), size_t{200'000});
  }
}

TEST(Compression, OfTheWorstTextFitsWhereItShould) {
  for (const Case& of : kCases) {
    Compressor compressor({of.codec, of.level});
    for (const size_t room : std::vector<size_t>{600, 5'000, 100'000, 1'000'000, 3'000'000}) {
      const auto frame = compressor.compress(random_text(Compressor::text_that_fits(room)));
      ASSERT_TRUE(frame.ok());
      EXPECT_LE(frame->size(), room);
    }
  }
  EXPECT_EQ(Compressor::text_that_fits(500), 0U);
}

TEST(Compression, HasTheCodecsLevels) {
  EXPECT_EQ(Compression::named("zstd", 22)->level, 22);
  EXPECT_EQ(Compression::named("gzip", 0)->extension(), ".gz");
  EXPECT_EQ(Compression::named("none", 0)->extension(), "");
  const auto high = Compression::named("gzip", 10);
  EXPECT_EQ(high.error().message, "gzip has no level 10");
  EXPECT_EQ(high.error().hint, "Levels of gzip are 1 to 9.");
  EXPECT_EQ(Compression::named("snappy", 0).error().sqlstate, "22023");
  EXPECT_FALSE(Compression::named("none", 1).ok());
  EXPECT_FALSE(Compression::named("zstd", -1).ok());
}

}  // namespace
}  // namespace sluice::format
