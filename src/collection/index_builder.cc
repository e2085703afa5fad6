#include "collection/index_builder.h"

#include "base/background.h"
#include "base/log.h"

namespace sluice::collection {

IndexBuilder::IndexBuilder(State& state)
    : state_(state), thread_([this](const std::stop_token& stop) { work(stop); }) {}

void IndexBuilder::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  changed_.notify_all();
  thread_.join();
}

void IndexBuilder::look() {
  if (!state_.index_work.exchange(false)) return;
  {
    const std::lock_guard lock(mutex_);
    asked_ = true;
  }
  changed_.notify_all();
}

void IndexBuilder::work(std::stop_token stop) {
  become_background_thread();
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, stop, std::chrono::seconds(1), [&] { return asked_; });
      asked_ = false;
    }
    for (const CollectionPtr& collection : state_.all()) {
      for (const auto& index : collection->key_indexes()) {
        build(*index, stop);
        index->sweep();
      }
    }
  }
}

void IndexBuilder::build(KeyIndex& index, const std::stop_token& stop) {
  while (const auto part = stop.stop_requested() ? std::nullopt : index.next_part()) {
    if (const Status entered = enter(index, *part, stop); !entered.ok()) {
      if (stop.stop_requested() || index.retired()) return;
      log::error("an index is of no use until the next start: {}", entered.error().message);
      return index.give_up(entered.error().message);
    }
    index.part_done();
  }
}

Status IndexBuilder::enter(KeyIndex& index, const KeyIndex::Part& part,
                           const std::stop_token& stop) {
  if (const auto* batch = std::get_if<BatchPtr>(&part)) {
    TRY_ASSIGN(const std::vector<KeyedRow> keys, keys_of_batch(**batch, index.columns()));
    index.enter(keys);
    return ok();
  }
  return keyed_rows(
      state_.engine, std::get<Segment>(part).table(), index.columns(), "",
      [&](std::span<const KeyedRow> rows) -> Status {
        if (index.retired()) return cancelled();
        index.enter(rows);
        return ok();
      },
      stop);
}

}  // namespace sluice::collection
