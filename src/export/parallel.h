// Calls a function for each of a number of things, several at once, and waits for all. On threads
// of its own, since they wait for the network; what computes is for base/parallel.h.
#pragma once

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace sluice::exports {

// `work` gets 0 … count - 1, each once, on `most_threads` threads at most, this one included.
template <typename Work>
void in_parallel(size_t count, size_t most_threads, const Work& work) {
  std::atomic<size_t> next{0};
  const auto take = [&] {
    for (size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::jthread> threads;
  for (size_t i = 1; i < std::min(count, most_threads); ++i) threads.emplace_back(take);
  take();
}

}  // namespace sluice::exports
