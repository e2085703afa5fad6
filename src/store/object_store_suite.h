// One suite for every make of an object store: what is promised in object_store.h. For tests only:
// a test program includes it once and says on which makes it runs.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "store/object_store.h"

namespace sluice::store {

// A store for one test, and a look behind it.
class Make {
 public:
  virtual ~Make() = default;
  virtual ObjectStore& store() = 0;
  // Nothing but objects is left: neither uploads nor temporary files.
  virtual bool is_clean() = 0;
};

struct MakeOf {
  std::string name;
  std::function<std::unique_ptr<Make>()> make;
};
inline std::ostream& operator<<(std::ostream& out, const MakeOf& make) { return out << make.name; }

class ObjectStoreTest : public testing::TestWithParam<MakeOf> {
 protected:
  ObjectStoreTest() : make_(GetParam().make()) {}
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

// To be used once, with a vector of MakeOf.
#define INSTANTIATE_OBJECT_STORE_SUITE(makes)                                \
  INSTANTIATE_TEST_SUITE_P(Makes, ObjectStoreTest, testing::ValuesIn(makes), \
                           [](const auto& test) { return test.param.name; })

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
  EXPECT_THAT(keys(), testing::IsEmpty());
}

TEST_P(ObjectStoreTest, ListsByPrefixInTheOrderOfKeys) {
  for (const char* key : {"run/1", "run-2/x", "run/2/deep", "runner", "other"}) put(key, "x");
  EXPECT_THAT(keys("run"), testing::ElementsAre("run-2/x", "run/1", "run/2/deep", "runner"));
  EXPECT_THAT(keys("run/"), testing::ElementsAre("run/1", "run/2/deep"));
  EXPECT_THAT(keys("run/2/d"), testing::ElementsAre("run/2/deep"));
  EXPECT_THAT(keys("run/2/deep/"), testing::IsEmpty());
  EXPECT_THAT(keys("nothing/"), testing::IsEmpty());
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
  EXPECT_THAT(keys(), testing::IsEmpty());
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
  EXPECT_THAT(keys(), testing::IsEmpty());
  ASSERT_TRUE(writer->close({}).ok());
  EXPECT_THAT(keys(), testing::IsEmpty());
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
  EXPECT_THAT(keys(), testing::IsEmpty());
}

TEST_P(ObjectStoreTest, AbortRemovesWhatWasSentAndWhatWasPublished) {
  const auto open = store().writer("open");
  ASSERT_TRUE(open->append(bytes_of(std::string(6'000'000, 'x')), {}).ok());
  EXPECT_TRUE(open->abort({}).ok());
  EXPECT_TRUE(open->abort({}).ok());
  EXPECT_FALSE(open->append(bytes_of("x"), {}).ok());

  const auto published = store().writer("published");
  ASSERT_TRUE(published->append(bytes_of("x"), {}).ok());
  ASSERT_TRUE(published->close({}).ok());
  ASSERT_TRUE(published->complete({}).ok());
  EXPECT_THAT(keys(), testing::ElementsAre("published"));
  EXPECT_TRUE(published->abort({}).ok());
  EXPECT_THAT(keys(), testing::IsEmpty());
  EXPECT_TRUE(make_->is_clean());
}

TEST_P(ObjectStoreTest, AnUploadIsKnownBeforeItHasBytesAndCanBeAbortedByItsName) {
  std::vector<OpenUpload> begun;
  {
    const auto writer =
        store().writer("p/mz-1-a", [&](const OpenUpload& upload, const std::stop_token&) {
          begun.push_back(upload);
          return ok();
        });
    EXPECT_TRUE(begun.empty());
    ASSERT_TRUE(writer->append(bytes_of(std::string(6'000'000, 'x')), {}).ok());
    ASSERT_EQ(begun.size(), 1U);
    EXPECT_EQ(begun[0].key, "p/mz-1-a");
    const auto other = store().writer("p/mz-2-a");
    ASSERT_TRUE(other->append(bytes_of(std::string(6'000'000, 'x')), {}).ok());
    const auto listed = store().list_uploads("p/mz-1-", {});
    ASSERT_TRUE(listed.ok()) << listed.error().message;
    EXPECT_EQ(*listed, begun);
    EXPECT_TRUE(store().abort_upload(begun[0], {}).ok());
    EXPECT_TRUE(store().abort_upload(begun[0], {}).ok());
    EXPECT_TRUE(store().list_uploads("p/mz-1-", {})->empty());
    EXPECT_EQ(store().list_uploads("p/", {})->size(), 1U);
    EXPECT_TRUE(store().list_uploads("q/", {})->empty());
  }
  EXPECT_TRUE(make_->is_clean());
}

TEST_P(ObjectStoreTest, AbortingByNameLeavesAPublishedObject) {
  OpenUpload begun;
  const auto writer = store().writer("a", [&](const OpenUpload& upload, const std::stop_token&) {
    begun = upload;
    return ok();
  });
  ASSERT_TRUE(writer->append(bytes_of("x"), {}).ok());
  ASSERT_TRUE(writer->close({}).ok());
  ASSERT_TRUE(writer->complete({}).ok());
  EXPECT_TRUE(store().abort_upload(begun, {}).ok());
  EXPECT_EQ(content("a"), "x");
}

TEST_P(ObjectStoreTest, StopsWhenItIsAskedTo) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(store().put("a", bytes_of("x"), stop.get_token()).error().code, ErrorCode::kCancelled);
  const auto writer = store().writer("b");
  (void)writer->append(bytes_of("x"), stop.get_token());
  EXPECT_EQ(writer->close(stop.get_token()).error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(writer->abort({}).ok());
  EXPECT_THAT(keys(), testing::IsEmpty());
  EXPECT_TRUE(make_->is_clean());
}

}  // namespace sluice::store
