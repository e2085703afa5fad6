#include "arrangement/block_pool.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "base/check.h"

namespace sluice::arrangement {

BlockPool::BlockPool() : pages_(1), memory_(1, nullptr) {}

BlockPool::~BlockPool() {
  for (char* memory : memory_) ::operator delete(memory);
}

// Steps of 8 bytes up to 1 KiB, then eight steps for each doubling.
size_t BlockPool::class_of(size_t bytes) {
  if (bytes <= 1024) return std::max<size_t>((bytes + 7) / 8, 1) - 1;
  const auto octave = static_cast<size_t>(std::bit_width(bytes - 1)) - 11;  // 0: up to 2 KiB
  const size_t base = size_t{1024} << octave;
  const size_t step = base / 8;
  return 128 + octave * 8 + (bytes - base + step - 1) / step - 1;
}

size_t BlockPool::class_bytes(size_t index) {
  if (index < 128) return (index + 1) * 8;
  const size_t base = size_t{1024} << ((index - 128) / 8);
  return base + ((index - 128) % 8 + 1) * (base / 8);
}

uint32_t BlockPool::add_page(size_t bytes, size_t block_bytes) {
  if (free_pages_.empty()) {
    if (pages_.size() >> (32 - kOffsetBits) != 0) throw std::bad_alloc();
    memory_.resize(pages_.size() + 1);
    pages_.emplace_back();
    free_pages_.push_back(static_cast<uint32_t>(pages_.size() - 1));
  }
  const uint32_t number = free_pages_.back();
  Page page;
  page.bytes = bytes;
  page.block_bytes = static_cast<uint32_t>(std::min<size_t>(block_bytes, UINT32_MAX));
  memory_[number] = static_cast<char*>(::operator new(bytes));
  pages_[number] = page;
  free_pages_.pop_back();
  page_bytes_ += bytes;
  return number;
}

void BlockPool::remove_page(uint32_t number) {
  page_bytes_ -= pages_[number].bytes;
  ::operator delete(memory_[number]);
  memory_[number] = nullptr;
  pages_[number] = Page();
  free_pages_.push_back(number);
}

void BlockPool::list(Class& group, uint32_t number) {
  Page& page = pages_[number];
  page.previous = 0;
  page.next = group.first;
  if (group.first != 0) pages_[group.first].previous = number;
  group.first = number;
  page.listed = true;
}

void BlockPool::unlist(Class& group, uint32_t number) {
  Page& page = pages_[number];
  if (page.previous != 0) {
    pages_[page.previous].next = page.next;
  } else {
    group.first = page.next;
  }
  if (page.next != 0) pages_[page.next].previous = page.previous;
  page.listed = false;
}

BlockPool::Id BlockPool::allocate(size_t bytes) {
  if (bytes > kMaxShared) {
    const uint32_t number = add_page(bytes, bytes);
    pages_[number].live = 1;
    return number << kOffsetBits;
  }
  const size_t index = class_of(bytes);
  const size_t block_bytes = class_bytes(index);
  Class& group = classes_[index];
  if (group.first == 0) {
    // The first page of a class is small: most arrangements are.
    const size_t wanted = std::min(kMaxPageBytes, size_t{1024} << std::min(group.pages, 6U));
    const size_t blocks = std::max<size_t>(wanted / block_bytes, 1);
    const uint32_t number = add_page(blocks * block_bytes, block_bytes);
    ++group.pages;
    list(group, number);
  }
  const uint32_t number = group.first;
  Page& page = pages_[number];
  uint32_t granule = page.free;
  if (granule != kFull) {
    std::memcpy(&page.free, memory_[number] + granule * kGranule, sizeof page.free);
  } else {
    granule = page.unused;
    page.unused += static_cast<uint32_t>(block_bytes / kGranule);
  }
  ++page.live;
  if (page.free == kFull && page.unused * kGranule == page.bytes) unlist(group, number);
  return (number << kOffsetBits) | granule;
}

void BlockPool::free(Id block) {
  const uint32_t number = block >> kOffsetBits;
  Page& page = pages_[number];
  CHECK(page.live > 0);
  --page.live;
  if (page.block_bytes > kMaxShared) return remove_page(number);
  Class& group = classes_[class_of(page.block_bytes)];
  if (page.live == 0) {
    if (page.listed) unlist(group, number);
    --group.pages;
    return remove_page(number);
  }
  const size_t at = offset(block);
  std::memcpy(memory_[number] + at, &page.free, sizeof page.free);
  page.free = static_cast<uint32_t>(at / kGranule);
  if (!page.listed) list(group, number);
}

size_t BlockPool::bytes() const {
  return sizeof *this + page_bytes_ + pages_.capacity() * (sizeof(Page) + sizeof(char*)) +
         free_pages_.capacity() * sizeof(uint32_t);
}

}  // namespace sluice::arrangement
