// One suite for every make of an object store: what is promised in object_store.h.
#include "store/object_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "s3fake/server.h"
#include "store/local_store.h"
#include "store/s3_store.h"

namespace sluice::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// A store for one test, and a look behind it.
class Make {
 public:
  virtual ~Make() = default;
  virtual ObjectStore& store() = 0;
  // Nothing but objects is left: neither uploads nor temporary files.
  virtual bool is_clean() = 0;
};

class S3Make final : public Make {
 public:
  S3Make() : pool_(size_t{32} << 20) {
    S3Store::Options options;
    options.bucket = server_.options().bucket;
    options.client.endpoint.url = server_.endpoint();
    options.client.region = server_.options().region;
    options.writer.first_part_bytes = size_t{5} << 20;
    const auto& keys = server_.options().keys;
    auto made = S3Store::make(
        http_, pool_, s3::fixed_credentials({keys.access_key, keys.secret_key, "", {}}), options);
    store_ = std::move(made).value();
  }
  ObjectStore& store() override { return *store_; }
  bool is_clean() override {
    return store_->client().wait_for_clean_up(std::chrono::seconds(10)) &&
           server_.open_uploads().empty();
  }

 private:
  s3fake::Server server_;
  http::Client http_;
  s3::PartPool pool_;
  std::unique_ptr<S3Store> store_;
};

class LocalMake final : public Make {
 public:
  LocalMake() {
    char path[] = "/tmp/object-store-XXXXXX";
    folder_ = mkdtemp(path);
    store_ = LocalStore::make(folder_.string()).value();
  }
  ~LocalMake() override { std::filesystem::remove_all(folder_); }
  ObjectStore& store() override { return *store_; }
  bool is_clean() override {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      if (entry.path().filename().string().ends_with(".sluice-part")) return false;
    }
    return true;
  }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<LocalStore> store_;
};

class ObjectStoreTest : public testing::TestWithParam<const char*> {
 protected:
  ObjectStoreTest() {
    if (GetParam() == std::string_view("s3")) {
      make_ = std::make_unique<S3Make>();
    } else {
      make_ = std::make_unique<LocalMake>();
    }
  }
  ObjectStore& store() { return make_->store(); }
  void put(const std::string& key, std::string_view content) {
    const auto status = store().put(key, bytes_of(content), {});
    ASSERT_TRUE(status.ok()) << status.error().message;
  }
  std::vector<std::string> keys(const std::string& prefix = "", int max_keys = 1000) {
    const auto listing = store().list(prefix, max_keys, {});
    EXPECT_TRUE(listing.ok()) << listing.error().message;
    std::vector<std::string> out;
    for (const ObjectInfo& object : listing->objects) out.push_back(object.key);
    return out;
  }
  std::string content(const std::string& key) {
    const auto got = store().get(key, {});
    return got.ok() ? *got : "error: " + got.error().message;
  }

  std::unique_ptr<Make> make_;
};

INSTANTIATE_TEST_SUITE_P(Makes, ObjectStoreTest, testing::Values("s3", "local"),
                         [](const auto& test) { return std::string(test.param); });

TEST_P(ObjectStoreTest, GivesBackWhatWasPut) {
  put("a/b.txt", "hello");
  put("empty", "");
  EXPECT_EQ(content("a/b.txt"), "hello");
  EXPECT_EQ(content("empty"), "");
  put("a/b.txt", "in its place");
  EXPECT_EQ(content("a/b.txt"), "in its place");
}

TEST_P(ObjectStoreTest, SaysNotFoundForWhatIsNotThere) {
  const auto got = store().get("no/such", {});
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(got.error().message, testing::HasSubstr(store().url("no/such")));
}

TEST_P(ObjectStoreTest, KeepsKeysAsTheyAre) {
  const std::vector<std::string> odd = {"#hash", "a b",   "a&b=c",  "percent%20",
                                        "plus+", "q?x=1", "~tilde", "ünï/çödé"};
  for (const std::string& key : odd) put(key, key);
  EXPECT_EQ(keys(), odd);
  for (const std::string& key : odd) EXPECT_EQ(content(key), key);
  for (const std::string& key : odd) EXPECT_TRUE(store().remove(key, {}).ok()) << key;
  EXPECT_THAT(keys(), IsEmpty());
}

TEST_P(ObjectStoreTest, ListsByPrefixInTheOrderOfKeys) {
  for (const char* key : {"run/1", "run-2/x", "run/2/deep", "runner", "other"}) put(key, "x");
  EXPECT_THAT(keys("run"), ElementsAre("run-2/x", "run/1", "run/2/deep", "runner"));
  EXPECT_THAT(keys("run/"), ElementsAre("run/1", "run/2/deep"));
  EXPECT_THAT(keys("run/2/d"), ElementsAre("run/2/deep"));
  EXPECT_THAT(keys("run/2/deep/"), IsEmpty());
  EXPECT_THAT(keys("nothing/"), IsEmpty());
}

TEST_P(ObjectStoreTest, ListsOnlyTheFirstPage) {
  for (const char* key : {"a", "b", "c"}) put(key, "12345");
  const auto page = store().list("", 2, {});
  ASSERT_TRUE(page.ok());
  EXPECT_TRUE(page->truncated);
  ASSERT_EQ(page->objects.size(), 2U);
  EXPECT_EQ(page->objects[1].key, "b");
  EXPECT_EQ(page->objects[1].bytes, 5U);
  const auto all = store().list("", 3, {});
  EXPECT_FALSE(all->truncated);
}

TEST_P(ObjectStoreTest, RemovesObjects) {
  put("a", "x");
  EXPECT_TRUE(store().remove("a", {}).ok());
  EXPECT_THAT(keys(), IsEmpty());
  // S3 can't tell; a folder can.
  const auto again = store().remove("a", {});
  EXPECT_TRUE(again.ok() || again.error().code == ErrorCode::kNotFound);
  const auto nowhere = store().remove("no/such/folder/a", {});
  EXPECT_TRUE(nowhere.ok() || nowhere.error().code == ErrorCode::kNotFound);
}

TEST_P(ObjectStoreTest, AWriterPublishesOnlyWhenItCompletes) {
  const std::string piece(3'000'000, 'p');
  const auto writer = store().writer("out/big");
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(writer->append(bytes_of(piece), {}).ok());
  EXPECT_EQ(writer->bytes(), 12'000'000U);
  EXPECT_THAT(keys(), IsEmpty());
  ASSERT_TRUE(writer->close({}).ok());
  EXPECT_THAT(keys(), IsEmpty());
  const auto object = writer->complete({});
  ASSERT_TRUE(object.ok()) << object.error().message;
  EXPECT_EQ(object->key, "out/big");
  EXPECT_EQ(object->bytes, 12'000'000U);
  EXPECT_EQ(content("out/big"), piece + piece + piece + piece);
  EXPECT_TRUE(make_->is_clean());
}

TEST_P(ObjectStoreTest, AWriterMayWriteNothing) {
  const auto writer = store().writer("empty");
  ASSERT_TRUE(writer->close({}).ok());
  const auto object = writer->complete({});
  ASSERT_TRUE(object.ok()) << object.error().message;
  EXPECT_EQ(object->bytes, 0U);
  EXPECT_EQ(content("empty"), "");
}

TEST_P(ObjectStoreTest, ADroppedWriterLeavesNothing) {
  {
    const auto unused = store().writer("a");
    const auto open = store().writer("b");
    ASSERT_TRUE(open->append(bytes_of(std::string(6'000'000, 'x')), {}).ok());
    const auto closed = store().writer("c");
    ASSERT_TRUE(closed->append(bytes_of("x"), {}).ok());
    ASSERT_TRUE(closed->close({}).ok());
  }
  EXPECT_TRUE(make_->is_clean());
  EXPECT_THAT(keys(), IsEmpty());
}

TEST_P(ObjectStoreTest, AbortRemovesWhatWasSentAndWhatWasPublished) {
  const auto open = store().writer("open");
  ASSERT_TRUE(open->append(bytes_of(std::string(6'000'000, 'x')), {}).ok());
  EXPECT_TRUE(open->abort().ok());
  EXPECT_TRUE(open->abort().ok());
  EXPECT_FALSE(open->append(bytes_of("x"), {}).ok());

  const auto published = store().writer("published");
  ASSERT_TRUE(published->append(bytes_of("x"), {}).ok());
  ASSERT_TRUE(published->close({}).ok());
  ASSERT_TRUE(published->complete({}).ok());
  EXPECT_THAT(keys(), ElementsAre("published"));
  EXPECT_TRUE(published->abort().ok());
  EXPECT_THAT(keys(), IsEmpty());
  EXPECT_TRUE(make_->is_clean());
}

TEST_P(ObjectStoreTest, StopsWhenItIsAskedTo) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(store().put("a", bytes_of("x"), stop.get_token()).error().code, ErrorCode::kCancelled);
  const auto writer = store().writer("b");
  (void)writer->append(bytes_of("x"), stop.get_token());
  EXPECT_EQ(writer->close(stop.get_token()).error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(writer->abort().ok());
  EXPECT_THAT(keys(), IsEmpty());
  EXPECT_TRUE(make_->is_clean());
}

}  // namespace
}  // namespace sluice::store
