// Texts and blobs: BYTE_ARRAY.
#include <bit>
#include <utility>

#include "parquet/dictionary_encoder.h"

namespace sluice::parquet {
namespace {

using Text = duckdb::string_t;
constexpr size_t kLengthBytes = sizeof(uint32_t);

// A text as the engine has it: length, and its bytes if there are up to 12,
// else four of them and a pointer.
struct Words {
  uint64_t head = 0, tail = 0;
};
Words words_of(const Text& text) {
  static_assert(sizeof(Text) == sizeof(Words));
  Words words;
  std::memcpy(static_cast<void*>(&words), &text, sizeof words);
  return words;
}

uint64_t mix(uint64_t a, uint64_t b) {
  const unsigned __int128 product =
      static_cast<unsigned __int128>(a ^ 0x9E3779B97F4A7C15) * (b ^ 0xD6E8FEB86659FD93);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t load(const char* bytes) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// Of more than 8 bytes; the last ones are taken twice where they fill no word.
uint64_t hash_long(const char* bytes, size_t size) {
  uint64_t hash = size;
  const char* const last = bytes + size - sizeof(uint64_t);
  for (; bytes < last; bytes += sizeof(uint64_t)) hash = mix(hash, load(bytes));
  return mix(hash, load(last));
}

// The first four bytes as a number that has their order. Short texts are padded
// with zeros.
uint32_t prefix_of(const Text& text) {
  uint32_t prefix = 0;
  std::memcpy(&prefix, text.GetPrefix(), sizeof prefix);
  return __builtin_bswap32(prefix);
}

bool less(const Text& a, const Text& b) {
  const uint32_t a_prefix = prefix_of(a), b_prefix = prefix_of(b);
  if (a_prefix != b_prefix) return a_prefix < b_prefix;
  const size_t common = std::min(a.GetSize(), b.GetSize());
  const int order = std::memcmp(a.GetData(), b.GetData(), common);
  return order != 0 ? order < 0 : a.GetSize() < b.GetSize();
}

class TextStore {
 public:
  using Value = Text;

  size_t value_bytes() const { return 0; }
  size_t plain_bytes(const Text* texts, const uint32_t* positions, size_t count) const {
    size_t bytes = count * kLengthBytes;
    if (positions == nullptr) {
      for (size_t i = 0; i < count; ++i) bytes += texts[i].GetSize();
    } else {
      for (size_t i = 0; i < count; ++i) bytes += texts[positions[i]].GetSize();
    }
    return bytes;
  }

  void put_plain(const Text* texts, const uint32_t* positions, size_t count, Buffer& out) {
    if (count == 0) return;
    uint8_t* at = out.reserve(plain_bytes(texts, positions, count));
    const Text* min = &texts[positions == nullptr ? 0 : positions[0]];
    const Text* max = min;
    for (size_t i = 0; i < count; ++i) {
      const Text& text = texts[positions == nullptr ? i : positions[i]];
      at = put(text, at);
      if (less(text, *min)) {
        min = &text;
      } else if (less(*max, text)) {
        max = &text;
      }
    }
    out.set_end(at);
    add_to_bounds(*min);
    add_to_bounds(*max);
  }

  uint32_t intern(const Text& text) {
    const Words words = words_of(text);
    const bool is_inlined = text.IsInlined();
    const uint64_t hash =
        is_inlined ? mix(words.head, words.tail) : hash_long(text.GetData(), text.GetSize());
    const auto tag = static_cast<uint32_t>(hash >> 32);
    for (size_t at = hash & mask_;; at = (at + 1) & mask_) {
      const Slot slot = slots_[at];
      if (slot.entry == 0) return insert(text, words, tag, at);
      if (slot.tag != tag) continue;
      const Entry& entry = entries_[slot.entry - 1];
      if (entry.words.head != words.head) continue;
      if (is_inlined ? entry.words.tail == words.tail
                     : std::memcmp(dictionary_.data() + entry.begin, text.GetData(),
                                   text.GetSize()) == 0) {
        return slot.entry - 1;
      }
    }
  }

  size_t entries() const { return entries_.size(); }
  size_t dictionary_bytes() const { return dictionary_.size(); }
  void write_dictionary(Buffer& out) const { out.append(dictionary_.data(), dictionary_.size()); }
  void put_entries(const uint32_t* indices, size_t count, Buffer& out) const {
    for (size_t i = 0; i < count; ++i) {
      const Entry& entry = entries_[indices[i]];
      out.append(dictionary_.data() + entry.begin - kLengthBytes, entry.size() + kLengthBytes);
    }
  }

  void add_entry_to_bounds(uint32_t index) {
    const Entry& entry = entries_[index];
    add_to_bounds(Text(reinterpret_cast<const char*>(dictionary_.data() + entry.begin),
                       static_cast<uint32_t>(entry.size())));
  }
  Bounds end_page_bounds() {
    if (page_.known) {
      add(page_.min, chunk_);
      add(page_.max, chunk_);
    }
    return std::exchange(page_, {});
  }
  Bounds chunk_bounds() const { return chunk_; }
  void clear_bounds() { page_ = chunk_ = {}; }

  void clear_dictionary() {
    if (!entries_.empty()) std::fill(slots_.begin(), slots_.end(), Slot{});
    entries_.clear();
    dictionary_.clear_and_keep(2 * kMaxDictionaryBytes);
  }

 private:
  struct Slot {
    uint32_t tag = 0;
    uint32_t entry = 0;  // its index + 1; 0: free
  };
  struct Entry {
    Words words;
    size_t begin = 0;  // of its bytes in dictionary_, behind their length
    size_t size() const { return static_cast<uint32_t>(words.head); }
  };

  static uint8_t* put(const Text& text, uint8_t* at) {
    const auto size = static_cast<uint32_t>(text.GetSize());
    std::memcpy(at, &size, kLengthBytes);
    at += kLengthBytes;
    const char* const bytes = text.GetData();
    if (size <= Text::INLINE_BYTES) {
      std::memcpy(at, bytes, Text::INLINE_BYTES);  // the rest is slack
    } else if (size <= 32) {
      std::memcpy(at, bytes, 12);
      // The last bytes overlap with the first ones, or begin where those end.
      std::memcpy(at + size - 12, bytes + size - 12, 12);
      if (size > 24) std::memcpy(at + 12, bytes + 12, 12);
    } else {
      std::memcpy(at, bytes, size);
    }
    return at + size;
  }

  uint32_t insert(const Text& text, const Words& words, uint32_t tag, size_t at) {
    const auto index = static_cast<uint32_t>(entries_.size());
    slots_[at] = {tag, index + 1};
    uint8_t* const begin = dictionary_.reserve(text.GetSize() + kLengthBytes);
    dictionary_.set_end(put(text, begin));
    entries_.push_back({words, dictionary_.size() - text.GetSize()});
    if (entries_.size() * 2 > slots_.size()) grow();
    return index;
  }

  void grow() {
    slots_.assign(slots_.size() * 2, Slot{});
    mask_ = slots_.size() - 1;
    for (size_t i = 0; i < entries_.size(); ++i) {
      const Entry& entry = entries_[i];
      const char* const bytes = reinterpret_cast<const char*>(dictionary_.data() + entry.begin);
      const uint64_t hash = entry.size() <= Text::INLINE_BYTES
                                ? mix(entry.words.head, entry.words.tail)
                                : hash_long(bytes, entry.size());
      size_t at = hash & mask_;
      while (slots_[at].entry != 0) at = (at + 1) & mask_;
      slots_[at] = {static_cast<uint32_t>(hash >> 32), static_cast<uint32_t>(i + 1)};
    }
  }

  void add_to_bounds(const Text& text) {
    add({text.GetData(), std::min<size_t>(text.GetSize(), Bounds::kMaxBytes)}, page_);
  }
  // Bytes are compared as unsigned ones here. The first bytes of the smallest
  // value are the smallest of all first bytes.
  static void add(std::string_view value, Bounds& bounds) {
    if (!bounds.known || value < bounds.min) bounds.min = value;
    if (!bounds.known || value > bounds.max) bounds.max = value;
    bounds.known = true;
  }

  static constexpr size_t kFirstSlots = 1024;
  std::vector<Slot> slots_ = std::vector<Slot>(kFirstSlots);
  size_t mask_ = kFirstSlots - 1;
  std::vector<Entry> entries_;
  Buffer dictionary_;  // as its page has it
  Bounds page_, chunk_;
};

}  // namespace

std::unique_ptr<ValueEncoder> make_text_encoder() {
  return std::make_unique<DictionaryEncoder<TextStore>>(TextStore());
}

}  // namespace sluice::parquet
