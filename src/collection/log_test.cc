#include "collection/log.h"

#include <gtest/gtest.h>

#include "collection/bytes.h"
#include "collection/store_fixture.h"

namespace sluice::collection {
namespace {

class Logs : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(files_.make_directory(directory_.path()).ok()); }
  std::string path() const { return directory_.path() + "/" + log_name(1); }
  void write(const std::vector<std::string>& payloads) {
    auto log = LogWriter::create(files_, directory_.path(), 1);
    ASSERT_TRUE(log.ok());
    uint64_t sequence = 0;
    for (const std::string& payload : payloads) {
      ASSERT_TRUE((*log)->append(++sequence, payload).ok());
    }
  }
  Status replay(std::vector<std::string>& payloads, bool last = true) {
    uint64_t sequence = 0;
    payloads.clear();
    return replay_log(files_, directory_.path(), 1, last, sequence, [&](std::string_view payload) {
      payloads.emplace_back(payload);
      return ok();
    });
  }
  void overwrite(const std::string& content) {
    auto file = files_.create(path());
    ASSERT_TRUE(file.ok() && (*file)->append(content).ok());
  }

  Directory directory_;
  Files& files_ = Files::real();
};

TEST_F(Logs, GiveBackWhatWasAppended) {
  const std::vector<std::string> payloads = {"one", std::string(100'000, 'x'), "three"};
  write(payloads);
  std::vector<std::string> read;
  ASSERT_TRUE(replay(read).ok());
  EXPECT_EQ(read, payloads);
}

TEST_F(Logs, CutOffATornEndWhereverItTore) {
  write({"first", "second", "third"});
  const std::string whole = std::move(files_.read(path())).value();
  const size_t third = whole.size() - 16 - 5;
  for (size_t size = third; size < whole.size(); ++size) {
    overwrite(whole.substr(0, size));
    std::vector<std::string> read;
    ASSERT_TRUE(replay(read).ok()) << size;
    EXPECT_EQ(read, (std::vector<std::string>{"first", "second"}));
    EXPECT_EQ(*files_.size(path()), third);
  }
}

TEST_F(Logs, RefuseDamageInTheMiddle) {
  write({"first", "second", "third"});
  const std::string whole = std::move(files_.read(path())).value();
  for (size_t at = 0; at < whole.size() - 16 - 5; ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    overwrite(damaged);
    std::vector<std::string> read;
    const Status status = replay(read);
    ASSERT_FALSE(status.ok()) << at;
    EXPECT_FALSE(status.error().hint.empty());
  }
}

TEST_F(Logs, RefuseATornEndWhereOthersFollow) {
  write({"first", "second"});
  const std::string whole = std::move(files_.read(path())).value();
  overwrite(whole.substr(0, whole.size() - 1));
  std::vector<std::string> read;
  EXPECT_FALSE(replay(read, false).ok());
}

}  // namespace
}  // namespace sluice::collection
