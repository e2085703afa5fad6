#include "collection/manifest.h"

#include <gtest/gtest.h>

#include <fstream>

#include "collection/store_fixture.h"

namespace sluice::collection {
namespace {

class Manifests : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(files_.make_directory(directory_.path()).ok());
    manifest_.log = 3;
    manifest_.head = "000000000003.head";
    manifest_.segments[7] = {{.number = 1,
                              .rows = 60'000,
                              .bytes = 3'682'304,
                              .first_time = 1'795'455'760'476,
                              .last_time = 1'795'455'760'999,
                              .has_times = true,
                              .first_row_id = 1,
                              .last_row_id = 60'000,
                              .padded = false}};
    ASSERT_TRUE(write_manifest(files_, paths_, manifest_).ok());
    whole_ = std::move(files_.read(path())).value();
  }
  std::string path() const { return paths_.root + "/manifest.json"; }
  auto read_from(std::string_view content) {
    std::filesystem::remove(path());  // cutting it would have the disk waited for
    std::ofstream(path(), std::ios::binary) << content;
    return read_manifest(files_, paths_);
  }

  Directory directory_;
  const Paths paths_{directory_.path()};
  Files& files_ = Files::real();
  Manifest manifest_;
  std::string whole_;
};

TEST_F(Manifests, GiveBackWhatWasWritten) {
  const auto read = read_manifest(files_, paths_);
  ASSERT_TRUE(read.ok() && read->has_value());
  EXPECT_EQ((*read)->log, 3U);
  EXPECT_EQ((*read)->head, manifest_.head);
  ASSERT_EQ((*read)->segments.size(), 1U);
  EXPECT_EQ((*read)->segments.at(7).at(0).last_row_id, 60'000);
  EXPECT_FALSE((*read)->segments.at(7).at(0).padded);
}

// A digit that another has taken the place of names other rows, and other files as leftovers.
TEST_F(Manifests, TellDamageOfAnyBit) {
  for (size_t at = 0; at < whole_.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = whole_;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      const auto read = read_from(damaged);
      // Between two words it may still be a blank, and says the same then.
      if (read.ok()) {
        ASSERT_TRUE(std::isspace(whole_[at]) && std::isspace(damaged[at])) << at << " bit " << bit;
      } else {
        ASSERT_EQ(read.error().sqlstate, "XX001") << at << " bit " << bit;
      }
    }
  }
}

TEST_F(Manifests, TellThatTheirEndIsMissing) {
  for (size_t size = 0; size + 2 < whole_.size(); ++size) {
    const auto read = read_from(whole_.substr(0, size));
    ASSERT_FALSE(read.ok()) << size;
    ASSERT_EQ(read.error().sqlstate, "XX001") << size;
  }
}

TEST_F(Manifests, OfEarlierVersionsHaveNoSum) {
  const auto read = read_from(R"({"format": 1, "log": 5, "head": "000000000005.head",
      "segments": [{"collection": 2, "number": 9, "rows": 1, "bytes": 2, "first_time": 3,
      "last_time": 4, "has_times": false, "first_row_id": 5, "last_row_id": 6}]})");
  ASSERT_TRUE(read.ok() && read->has_value());
  EXPECT_EQ((*read)->log, 5U);
  EXPECT_EQ((*read)->segments.at(2).at(0).number, 9U);
  EXPECT_TRUE((*read)->segments.at(2).at(0).padded);
}

}  // namespace
}  // namespace sluice::collection
