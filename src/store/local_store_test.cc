// What only a local folder can get wrong; the rest is in object_store_test.cc.
#include "store/local_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/text.h"

namespace sluice::store {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

// base/allowed is the store's; base/outside must stay as it is.
class LocalStoreTest : public testing::Test {
 protected:
  LocalStoreTest() {
    char path[] = "/tmp/local-store-XXXXXX";
    base_ = mkdtemp(path);
    fs::create_directories(base_ / "allowed");
    fs::create_directories(base_ / "outside");
    std::ofstream(base_ / "outside" / "secret") << "do not read";
    store_ = LocalStore::make((base_ / "allowed").string()).value();
  }
  ~LocalStoreTest() override {
    EXPECT_EQ(files_in(base_ / "outside"), std::vector<std::string>{"secret"});
    fs::remove_all(base_);
  }
  static std::vector<std::string> files_in(const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }
  // Every way in, with one key.
  std::vector<Status> all_ways(const std::string& key) {
    const auto got = store_->get(key, {});
    return {store_->put(key, bytes_of("x"), {}), store_->remove(key, {}),
            got.ok() ? Status() : Status(got.error())};
  }

  fs::path base_;
  std::unique_ptr<LocalStore> store_;
};

TEST_F(LocalStoreTest, RefusesKeysThatAreNoPaths) {
  const std::vector<std::string> keys = {"",
                                         "/",
                                         "/a",
                                         "a/",
                                         "a//b",
                                         ".",
                                         "..",
                                         "../outside/secret",
                                         "a/../../outside/secret",
                                         "a/./b",
                                         ".a.0123456789abcdef.sluice-part",
                                         std::string("a\0b", 3),
                                         std::string(256, 'n')};
  for (const std::string& key : keys) {
    for (const Status& status : all_ways(key)) {
      ASSERT_FALSE(status.ok()) << key;
      EXPECT_EQ(Status(status).error().code, ErrorCode::kInvalid) << key;
    }
  }
  EXPECT_THAT(files_in(base_ / "allowed"), IsEmpty());
}

TEST_F(LocalStoreTest, GoesThroughNoLinks) {
  fs::create_directory_symlink("../outside", base_ / "allowed" / "folder");
  fs::create_directory_symlink(".", base_ / "allowed" / "itself");
  for (const char* key : {"folder/secret", "folder/new", "itself/a"}) {
    for (const Status& status : all_ways(key)) EXPECT_FALSE(status.ok()) << key;
  }
  EXPECT_THAT(store_->list("", 10, {})->objects, IsEmpty());
  EXPECT_THAT(store_->list("folder/", 10, {})->objects, IsEmpty());
}

TEST_F(LocalStoreTest, ReadsNoLinkAndPutsAFileInItsPlace) {
  fs::create_symlink("../outside/secret", base_ / "allowed" / "link");
  EXPECT_FALSE(store_->get("link", {}).ok());
  EXPECT_THAT(store_->list("", 10, {})->objects, IsEmpty());
  EXPECT_TRUE(store_->put("link", bytes_of("ours"), {}).ok());
  EXPECT_EQ(store_->get("link", {}).value(), "ours");
  EXPECT_FALSE(fs::is_symlink(base_ / "allowed" / "link"));
  std::string outside;
  std::getline(std::ifstream(base_ / "outside" / "secret"), outside);
  EXPECT_EQ(outside, "do not read");
}

TEST_F(LocalStoreTest, RemovesALinkAndNotWhatItPointsTo) {
  fs::create_symlink("../outside/secret", base_ / "allowed" / "link");
  EXPECT_TRUE(store_->remove("link", {}).ok());
  EXPECT_FALSE(fs::exists(fs::symlink_status(base_ / "allowed" / "link")));
}

TEST_F(LocalStoreTest, IsNotHeldUpByAPipe) {
  ASSERT_EQ(mkfifo((base_ / "allowed" / "pipe").c_str(), 0600), 0);
  EXPECT_FALSE(store_->get("pipe", {}).ok());
}

TEST_F(LocalStoreTest, StaysWhereItWasOpenedWhenTheFolderMoves) {
  fs::rename(base_ / "allowed", base_ / "moved");
  fs::create_directory_symlink("outside", base_ / "allowed");
  EXPECT_TRUE(store_->put("a", bytes_of("x"), {}).ok());
  EXPECT_TRUE(fs::exists(base_ / "moved" / "a"));
}

TEST_F(LocalStoreTest, RefusesANameThatIsAFolder) {
  ASSERT_TRUE(store_->put("a/b", bytes_of("x"), {}).ok());
  for (const Status& status : all_ways("a")) EXPECT_FALSE(status.ok());
  const auto below_a_file = store_->put("a/b/c", bytes_of("x"), {});
  EXPECT_EQ(Status(below_a_file).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(store_->get("a/b", {}).value(), "x");
}

TEST_F(LocalStoreTest, HidesWhatIsBeingWritten) {
  const auto writer = store_->writer("name");
  ASSERT_TRUE(writer->append(bytes_of("x"), {}).ok());
  ASSERT_EQ(files_in(base_ / "allowed").size(), 1U);
  EXPECT_THAT(files_in(base_ / "allowed")[0], testing::StartsWith(".name."));
  EXPECT_THAT(store_->list("", 10, {})->objects, IsEmpty());
  EXPECT_THAT(store_->list(".name", 10, {})->objects, IsEmpty());
}

TEST_F(LocalStoreTest, WritesNamesAsLongAsTheyMayBe) {
  const std::string name(255, 'n');
  EXPECT_TRUE(store_->put(name, bytes_of("x"), {}).ok());
  EXPECT_EQ(store_->get(name, {}).value(), "x");
}

TEST_F(LocalStoreTest, SaysWhatIsMissing) {
  const auto none = LocalStore::make((base_ / "none").string());
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(LocalStore::make("relative").ok());
  EXPECT_FALSE(LocalStore::make((base_ / "outside" / "secret").string()).ok());
  EXPECT_EQ(store_->url("a/b"), "file://" + (base_ / "allowed" / "a/b").string());
}

TEST_F(LocalStoreTest, OpensOnlyTargetsInAllowedFolders) {
  fs::create_directories(base_ / "allowed" / "inner");
  const std::string root = base_.string();
  const std::vector<std::string> allowed = {root + "/allowed/", root + "/allowed/inner"};
  const auto open = [&](const std::string& path) {
    return open_local_target("file://" + path, allowed);
  };
  EXPECT_EQ(open(root + "/allowed/x/y").value().key, "x/y");
  EXPECT_EQ(open(root + "/allowed").value().key, "");
  EXPECT_EQ(open(root + "/allowed/").value().key, "");
  EXPECT_EQ(open(root + "/allowed/inner/x").value().key, "x");
  for (const char* path : {"/outside/x", "/allowed2/x", "/allowedx", ""}) {
    const auto target = open(root + path);
    ASSERT_FALSE(target.ok()) << path;
    EXPECT_EQ(target.error().code, ErrorCode::kDenied);
    EXPECT_THAT(target.error().hint, HasSubstr("--local-export-dir"));
  }
  for (const char* path : {"/allowed/../outside", "/allowed//x", "/allowed/./x"}) {
    EXPECT_EQ(open(root + path).error().code, ErrorCode::kInvalid) << path;
  }
  EXPECT_EQ(open_local_target("file://host/x", allowed).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(open_local_target("file:///x", {}).error().code, ErrorCode::kDenied);
}

TEST_F(LocalStoreTest, AnErrorOfAWriterSaysWhatItWasDoing) {
  std::ofstream(base_ / "allowed" / "file") << "x";
  const auto writer = store_->writer("file/a");
  const Status refused = writer->append(bytes_of("x"), {});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("write file://"));
}

TEST_F(LocalStoreTest, FilesThatWaitForTheirPublicationAreNotHeldOpen) {
  std::vector<std::unique_ptr<ObjectWriter>> writers;
  const auto open_files = [] { return files_in("/proc/self/fd").size(); };
  const size_t before = open_files();
  for (int i = 0; i < 100; ++i) {
    auto& writer = writers.emplace_back(store_->writer(fmt::format("k={}/a", i)));
    ASSERT_TRUE(writer->append(bytes_of("x"), {}).ok());
    ASSERT_TRUE(writer->close({}).ok());
  }
  EXPECT_EQ(open_files(), before);
  ASSERT_TRUE(writers[7]->complete({}).ok());
  EXPECT_EQ(store_->get("k=7/a", {}).value(), "x");
  ASSERT_TRUE(writers[8]->abort({}).ok());
  writers.clear();
  EXPECT_THAT(files_in(base_ / "allowed" / "k=9"), IsEmpty());
  EXPECT_EQ(open_files(), before);
}

}  // namespace
}  // namespace sluice::store
