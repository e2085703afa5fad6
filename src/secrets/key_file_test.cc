#include "secrets/key_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace sluice::secrets {
namespace {

using testing::HasSubstr;

class KeyFile : public testing::Test {
 protected:
  KeyFile() {
    std::string name = testing::TempDir() + "key_file_XXXXXX";
    folder_ = mkdtemp(name.data());
    path_ = folder_ + "/secrets.key";
  }
  ~KeyFile() override { std::filesystem::remove_all(folder_); }

  void put(const std::string& text, mode_t mode = 0600) const {
    std::ofstream(path_) << text;
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }
  std::string text() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  Error refusal() const {
    auto keys = read_key_file(path_);
    EXPECT_FALSE(keys.ok());
    return keys.ok() ? Error() : keys.error();
  }

  std::string folder_, path_;
  const Keyring keys_ = Keyring({*Key::random(), *Key::random()});
};

TEST_F(KeyFile, IsReadAsItWasWritten) {
  ASSERT_TRUE(write_key_file(path_, keys_, {}).ok());
  const auto read = read_key_file(path_);
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(read->keys().size(), 2U);
  for (size_t i = 0; i < 2; ++i) EXPECT_EQ(read->keys()[i].bytes(), keys_.keys()[i].bytes());
}

TEST_F(KeyFile, IsItsOwnersAloneAndNothingElseIsLeft) {
  ASSERT_TRUE(write_key_file(path_, keys_, {}).ok());
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  const auto count = std::distance(std::filesystem::directory_iterator(folder_), {});
  EXPECT_EQ(count, 1);
}

TEST_F(KeyFile, IsRefusedWhenOthersMayReadOrChangeIt) {
  ASSERT_TRUE(write_key_file(path_, keys_, {}).ok());
  for (const mode_t mode : {0640U, 0604U, 0620U, 0602U, 0601U, 0644U}) {
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    const Error error = refusal();
    EXPECT_EQ(error.code, ErrorCode::kDenied);
    EXPECT_THAT(error.message, HasSubstr(path_));
    EXPECT_EQ(error.hint, "Make it private: chmod 600 " + path_);
  }
  ASSERT_EQ(chmod(path_.c_str(), 0400), 0);
  EXPECT_TRUE(read_key_file(path_).ok());
}

TEST_F(KeyFile, ThatIsMissingIsToldFromOneThatIsBroken) {
  EXPECT_EQ(refusal().code, ErrorCode::kNotFound);
  ASSERT_TRUE(write_key_file(path_, keys_, {}).ok());
  const std::string whole = text();
  const std::string changed_key = [&] {
    std::string text = whole;
    text[text.size() - 2] = text[text.size() - 2] == '0' ? '1' : '0';
    return text;
  }();
  for (const std::string& broken :
       {std::string(), std::string("sluice secrets key 1\n"), std::string("sluice secrets key 2\n"),
        whole + "more\n", whole + "key 12 34\n", whole.substr(0, whole.size() - 3), changed_key}) {
    put(broken);
    const Error error = refusal();
    EXPECT_EQ(error.code, ErrorCode::kInvalid) << broken;
    EXPECT_THAT(error.message, HasSubstr(path_));
    EXPECT_FALSE(error.hint.empty());
  }
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_EQ(refusal().code, ErrorCode::kInvalid);
}

TEST_F(KeyFile, IsNotReplacedUnlessAskedTo) {
  ASSERT_TRUE(write_key_file(path_, keys_, {}).ok());
  const std::string before = text();
  const Keyring others({*Key::random()});
  EXPECT_EQ(write_key_file(path_, others, {}).error().code, ErrorCode::kExists);
  EXPECT_EQ(text(), before);
  std::ofstream(path_ + ".new") << "left by a process that was killed";
  ASSERT_TRUE(write_key_file(path_, others, {.replace = true}).ok());
  EXPECT_EQ(read_key_file(path_)->sealing_key().id(), others.sealing_key().id());
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

TEST_F(KeyFile, ThatCannotBeWrittenLeavesNothing) {
  const std::string nowhere = folder_ + "/not/there.key";
  const auto written = write_key_file(nowhere, keys_, {});
  ASSERT_FALSE(written.ok());
  EXPECT_THAT(written.error().message, HasSubstr(nowhere));
}

}  // namespace
}  // namespace sluice::secrets
