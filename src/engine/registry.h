// Objects of ours that SQL refers to by a number: `sluice_rows(7)`.
//
// Threads: safe from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "engine/engine.h"

namespace sluice::engine {

template <typename T>
class Registry : public std::enable_shared_from_this<Registry<T>> {
 public:
  Engine::Registered add(std::shared_ptr<const T> object) {
    const std::lock_guard lock(mutex_);
    const int64_t handle = ++last_handle_;
    objects_.emplace(handle, object.get());
    return {handle, std::make_shared<Entry>(this->shared_from_this(), handle, std::move(object))};
  }
  // nullptr when its token is gone. The object itself is kept alive by the token, and a query
  // keeps the token (Query::keep), so what is found here outlives the query.
  const T* find(int64_t handle) const {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(handle);
    return found == objects_.end() ? nullptr : found->second;
  }

 private:
  struct Entry {
    Entry(std::shared_ptr<Registry> owner, int64_t number, std::shared_ptr<const T> kept)
        : registry(std::move(owner)), handle(number), object(std::move(kept)) {}
    Entry(const Entry&) = delete;
    ~Entry() {
      const std::lock_guard lock(registry->mutex_);
      registry->objects_.erase(handle);
    }
    const std::shared_ptr<Registry> registry;  // shared: a token may outlive the engine
    const int64_t handle;
    const std::shared_ptr<const T> object;
  };

  mutable std::mutex mutex_;
  int64_t last_handle_ = 0;
  std::unordered_map<int64_t, const T*> objects_;
};

}  // namespace sluice::engine
