#include "server/secrets_key.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "engine/engine.h"
#include "secrets/key_file.h"
#include "sql/catalog_edit.h"

namespace sluice::server {
namespace {

using testing::HasSubstr;

// A store with one secret, whose key is in a file.
class SecretsKey : public testing::Test {
 protected:
  SecretsKey() {
    std::string name = testing::TempDir() + "secrets_key_XXXXXX";
    folder_ = mkdtemp(name.data());
    file_ = folder_ + "/first.key";
    new_file_ = folder_ + "/second.key";
    engine_ = *engine::Engine::open({.memory_limit_bytes = uint64_t{256} << 20,
                                     .threads = 1,
                                     .temp_directory = folder_ + "/spill",
                                     .readable_directories = {folder_}},
                                    [](engine::Engine::Instance&) {});
    store_ = *collection::Store::open({.directory = folder_ + "/data"}, *engine_);
    const auto keys = open_secrets_key(*store_, file_);
    EXPECT_TRUE(keys.ok());
    sql::CatalogEdit edit(*sql::Catalog::from_records({}, store_->records().second, *keys));
    EXPECT_TRUE(edit.create({"k"}, {"public"}, sql::Secret{.value = "hunter2"}, {}).ok());
    collection::Commit commit;
    commit.records = *edit.records();
    EXPECT_TRUE(store_->commit(std::move(commit), {}).ok());
  }
  ~SecretsKey() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Whether a start with the file would find the secret.
  testing::AssertionResult opens(const std::string& file) {
    const auto keys = open_secrets_key(*store_, file);
    if (!keys.ok()) return testing::AssertionFailure() << keys.error().message;
    const auto [records, revision] = store_->records();
    const auto catalog = sql::Catalog::from_records(records, revision, *keys);
    if (!catalog.ok()) return testing::AssertionFailure() << catalog.error().message;
    const auto found = (*catalog)->lookup({"k"}, {"public"});
    const sql::Object* const secret = found.ok() ? *found : nullptr;
    if (secret == nullptr || secret->secret()->value.view() != "hunter2")
      return testing::AssertionFailure() << "the secret is another";
    return testing::AssertionSuccess();
  }
  std::string record() const {
    for (const auto& [key, value] : store_->records().first)
      if (value.find("\"secret\"") != std::string::npos) return value;
    return "";
  }
  static size_t keys_in(const std::string& file) {
    const auto keys = secrets::read_key_file(file);
    return keys.ok() ? keys->keys().size() : 0;
  }
  // The first step of a rotation, as it is when nothing follows.
  void cut_off_after_the_file(const std::string& file) {
    auto old = secrets::read_key_file(file_);
    ASSERT_TRUE(old.ok());
    ASSERT_TRUE(secrets::write_key_file(
                    file, secrets::Keyring({*secrets::Key::random(), old->sealing_key()}),
                    {.replace = true})
                    .ok());
  }

  std::string folder_, file_, new_file_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<collection::Store> store_;
};

TEST_F(SecretsKey, IsMadeOnceAndFoundAgain) {
  EXPECT_TRUE(opens(file_));
  EXPECT_EQ(keys_in(file_), 1U);
}

TEST_F(SecretsKey, ThatIsMissingOrAnothersIsRefusedAndNoneIsMade) {
  const auto missing = open_secrets_key(*store_, new_file_);
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message, HasSubstr(new_file_));
  EXPECT_FALSE(std::filesystem::exists(new_file_));
  ASSERT_TRUE(
      secrets::write_key_file(new_file_, secrets::Keyring({*secrets::Key::random()}), {}).ok());
  const auto other = open_secrets_key(*store_, new_file_);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, ErrorCode::kDenied);
  EXPECT_THAT(other.error().message, HasSubstr(new_file_));
}

TEST_F(SecretsKey, ARotationSealsEverythingAnew) {
  const std::string before = record();
  ASSERT_TRUE(rotate_secrets_key(*store_, {.file = file_, .new_file = file_}).ok());
  EXPECT_NE(record(), before);
  EXPECT_EQ(keys_in(file_), 1U);
  EXPECT_TRUE(opens(file_));
  ASSERT_TRUE(rotate_secrets_key(*store_, {.file = file_, .new_file = new_file_}).ok());
  EXPECT_FALSE(std::filesystem::exists(file_));
  EXPECT_TRUE(opens(new_file_));
}

TEST_F(SecretsKey, ARotationThatIsCutOffIsEndedByTheNextStart) {
  const std::string before = record();
  cut_off_after_the_file(file_);
  ASSERT_EQ(keys_in(file_), 2U);
  std::filesystem::copy_file(file_, file_ + ".new");  // of another that was killed while it wrote
  EXPECT_TRUE(opens(file_));
  EXPECT_NE(record(), before);
  EXPECT_EQ(keys_in(file_), 1U) << "the old key is gone when nothing needs it";
  EXPECT_FALSE(std::filesystem::exists(file_ + ".new"));
  EXPECT_TRUE(opens(file_));
}

TEST_F(SecretsKey, ARotationToAnotherFileThatIsCutOffCanStillBeOpenedWithEither) {
  cut_off_after_the_file(new_file_);
  EXPECT_TRUE(opens(file_));
  ASSERT_TRUE(rotate_secrets_key(*store_, {.file = file_, .new_file = new_file_}).ok());
  EXPECT_TRUE(opens(new_file_));
  EXPECT_FALSE(std::filesystem::exists(file_));
  // Killed between the last two steps, and run again: the old file has nothing to say any more.
  ASSERT_TRUE(rotate_secrets_key(*store_, {.file = file_, .new_file = new_file_}).ok());
  EXPECT_TRUE(opens(new_file_));
}

TEST_F(SecretsKey, ThatIsLostLeavesASecretWithoutAValueWhenToldTo) {
  SecretsKeyRotation rotation{.file = file_, .new_file = file_, .discard_secrets = true};
  const auto refused = rotate_secrets_key(*store_, rotation);
  ASSERT_FALSE(refused.ok()) << "the key is there";
  EXPECT_TRUE(opens(file_));
  std::filesystem::remove(file_);
  rotation.discard_secrets = false;
  EXPECT_FALSE(rotate_secrets_key(*store_, rotation).ok());
  rotation.discard_secrets = true;
  ASSERT_TRUE(rotate_secrets_key(*store_, rotation).ok());
  const auto keys = open_secrets_key(*store_, file_);
  ASSERT_TRUE(keys.ok()) << keys.error().message;
  const auto catalog = sql::Catalog::from_records(store_->records().first, 1, *keys);
  ASSERT_TRUE(catalog.ok()) << catalog.error().message;
  EXPECT_TRUE((*(*catalog)->lookup({"k"}, {"public"}))->secret()->value.empty());
}

TEST_F(SecretsKey, ARotationThatCannotWriteItsFileChangesNothing) {
  const std::string before = record();
  EXPECT_FALSE(
      rotate_secrets_key(*store_, {.file = file_, .new_file = folder_ + "/not/there.key"}).ok());
  EXPECT_EQ(record(), before);
  EXPECT_TRUE(opens(file_));
}

}  // namespace
}  // namespace sluice::server
