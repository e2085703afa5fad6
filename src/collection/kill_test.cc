// A process that commits is killed at any moment: everything it has acknowledged is there, and
// nothing half.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "collection/store_fixture.h"

namespace sluice::collection {
namespace {

class KilledStores : public StoreTest {
 protected:
  // In the child: commits the same key to two collections, again and again, and says so.
  [[noreturn]] void commit_for_ever(int acknowledge) {
    if (!open().ok()) ::_exit(1);
    const uint64_t last =
        store_->records().first.empty() ? 0 : std::stoull(store_->records().first.at("last"));
    for (uint64_t key = last + 1;; ++key) {
      Commit commit;
      const auto number = static_cast<int64_t>(key);
      for (const CollectionId id : {CollectionId{1}, CollectionId{2}}) {
        commit.writes.push_back({id, overlay(id, {{number, std::string(200, 'x')}}), {}});
      }
      commit.records.push_back({"last", std::to_string(key)});
      if (!store_->commit(std::move(commit), {}).ok()) ::_exit(2);
      if (::write(acknowledge, &key, sizeof key) != sizeof key) ::_exit(3);
    }
  }
};

TEST_F(KilledStores, KeepWhatTheyAcknowledged) {
  options_.tail_limit_bytes = 100'000;
  options_.segment_from_bytes = 10'000;
  reopen();
  const CollectionId first = create(), second = create();
  ASSERT_EQ(first.value, 1u);
  ASSERT_EQ(second.value, 2u);
  std::mt19937 random(11);
  uint64_t acknowledged = 0;
  for (int round = 0; round < 8; ++round) {
    close();  // no threads of ours may be there at the fork
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      commit_for_ever(ends[1]);
    }
    ::close(ends[1]);
    const uint64_t until = acknowledged + 1 + random() % 300;
    uint64_t key = 0;
    while (acknowledged < until && ::read(ends[0], &key, sizeof key) == sizeof key) {
      acknowledged = key;
    }
    ::kill(child, SIGKILL);
    while (::read(ends[0], &key, sizeof key) == sizeof key) acknowledged = key;
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "exit code " << WEXITSTATUS(status);
    reopen();
    const auto rows_first = rows(first);
    EXPECT_EQ(rows_first, rows(second));
    const uint64_t last = std::stoull(store_->records().first.at("last"));
    EXPECT_EQ(rows_first.size(), last);
    EXPECT_GE(last, acknowledged);
    EXPECT_LE(last, acknowledged + 1);
    acknowledged = last;
  }
}

}  // namespace
}  // namespace sluice::collection
