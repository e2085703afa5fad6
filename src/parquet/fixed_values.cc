// Values of a fixed size: numbers, times, decimals, UUIDs; and booleans, which
// are bits.
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <type_traits>
#include <utility>

#include "parquet/dictionary_encoder.h"

namespace sluice::parquet {
namespace {

using duckdb::hugeint_t;
using duckdb::PhysicalType;

// ---- how a value of the engine is written ----
// Each writes its value at `at`, and may scribble 16 bytes from there on.

// As it is, or widened, in little-endian.
template <typename Target>
struct AsNumber {
  static constexpr size_t width() { return sizeof(Target); }
  template <typename Source>
  static constexpr bool copies() {
    return sizeof(Source) == sizeof(Target);
  }
  template <typename Source>
  void put(Source value, uint8_t* at) const {
    const auto wide = static_cast<Target>(+value);  // as a number, a char too
    std::memcpy(at, &wide, sizeof wide);
  }
};

struct Halves {
  uint64_t high = 0, low = 0;
};
template <typename Source>
Halves halves(Source value) {
  return {static_cast<uint64_t>(int64_t{value} >> 63), static_cast<uint64_t>(int64_t{value})};
}
Halves halves(hugeint_t value) { return {static_cast<uint64_t>(value.upper), value.lower}; }

void put_big_endian(Halves value, uint8_t* at) {
  const std::array<uint64_t, 2> words{__builtin_bswap64(value.high), __builtin_bswap64(value.low)};
  std::memcpy(at, words.data(), sizeof words);
}

// Decimals of 16 bytes, in big-endian.
struct AsSixteenBytes {
  static constexpr size_t width() { return 16; }
  template <typename Source>
  static constexpr bool copies() {
    return false;
  }
  template <typename Source>
  void put(Source value, uint8_t* at) const {
    put_big_endian(halves(value), at);
  }
};

// Decimals of fewer bytes, in big-endian.
struct AsFixedBytes {
  size_t bytes;
  size_t width() const { return bytes; }
  template <typename Source>
  static constexpr bool copies() {
    return false;
  }
  template <typename Source>
  void put(Source value, uint8_t* at) const {
    std::array<uint8_t, 16> all{};
    put_big_endian(halves(value), all.data());
    std::memcpy(at, all.data() + 16 - bytes, bytes);
  }
};

// The engine keeps the first bit inverted, so that its order is that of the
// bytes.
struct AsUuid {
  static constexpr size_t width() { return 16; }
  template <typename Source>
  static constexpr bool copies() {
    return false;
  }
  void put(hugeint_t value, uint8_t* at) const {
    Halves both = halves(value);
    both.high ^= uint64_t{1} << 63;
    put_big_endian(both, at);
  }
};

// Parquet's: three numbers without a sign. What does not fit is refused before (nodes.cc).
struct AsInterval {
  static constexpr size_t width() { return 12; }
  template <typename Source>
  static constexpr bool copies() {
    return false;
  }
  void put(duckdb::interval_t value, uint8_t* at) const {
    const std::array<uint32_t, 3> parts{static_cast<uint32_t>(value.months),
                                        static_cast<uint32_t>(value.days),
                                        static_cast<uint32_t>(value.micros / 1000)};
    std::memcpy(at, parts.data(), sizeof parts);
  }
};

template <typename Source>
bool is_less(Source a, Source b) {
  return a < b;
}
// They have no order in Parquet, so no bounds either.
bool is_less(duckdb::interval_t, duckdb::interval_t) { return false; }
// The engine's own is a call into its library.
bool is_less(hugeint_t a, hugeint_t b) {
  return a.upper != b.upper ? a.upper < b.upper : a.lower < b.lower;
}

// ---- dictionaries ----

template <size_t kBytes>
struct KeyOf;
template <>
struct KeyOf<1> {
  using Type = uint8_t;
};
template <>
struct KeyOf<2> {
  using Type = uint16_t;
};
template <>
struct KeyOf<4> {
  using Type = uint32_t;
};
template <>
struct KeyOf<8> {
  using Type = uint64_t;
};
template <>
struct KeyOf<16> {
  using Type = unsigned __int128;
};

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;
inline uint64_t hash_of(uint64_t key) {
  const uint64_t product = key * kGolden;
  return product ^ product >> 32;
}
inline uint64_t hash_of(unsigned __int128 key) {
  return hash_of(static_cast<uint64_t>(key) ^ hash_of(static_cast<uint64_t>(key >> 64)));
}

// Different keys, numbered as they come. Those near the first one, which are most, are found by
// their distance from it, the others by their hash.
template <typename Key>
class KeyTable {
 public:
  uint32_t intern(Key key) {
    if constexpr (sizeof(Key) <= sizeof(uint64_t)) {
      const auto distance = static_cast<Key>(key - first_near_);
      if (static_cast<uint64_t>(distance) < near_slots_) {
        uint32_t& slot = near_[distance];
        return slot != 0 ? slot - 1 : insert_near(key, slot);
      }
    }
    for (size_t at = hash(key);; at = (at + 1) & mask_) {
      const uint32_t slot = slots_[at];
      if (slot == 0) return insert(key, at);
      if (keys_[slot - 1] == key) return slot - 1;
    }
  }
  const std::vector<Key>& keys() const { return keys_; }
  void clear() {
    if constexpr (sizeof(Key) <= sizeof(uint64_t)) {
      for (const Key key : keys_) {
        if (is_near(key)) near_[static_cast<Key>(key - first_near_)] = 0;
      }
    }
    if (keys_.size() > near_keys_) std::fill(slots_.begin(), slots_.end(), 0);
    keys_.clear();
    near_keys_ = near_slots_ = 0;
  }

 private:
  // The whole range of two bytes, and as many keys around the first one of more.
  static constexpr size_t kNearSlots = sizeof(Key) == 1 ? 256 : 65'536;

  size_t hash(Key key) const {
    if constexpr (sizeof(Key) == 16) return hash_of(key) & mask_;
    return hash_of(static_cast<uint64_t>(key)) & mask_;
  }
  uint32_t number(Key key) {
    keys_.push_back(key);
    return static_cast<uint32_t>(keys_.size());
  }
  uint32_t insert_near(Key key, uint32_t& slot) {
    ++near_keys_;
    slot = number(key);
    return slot - 1;
  }
  uint32_t insert(Key key, size_t at) {
    if (keys_.empty() && sizeof(Key) <= sizeof(uint64_t) && has_near()) {
      first_near_ = static_cast<Key>(key - kNearSlots / 2);
      near_slots_ = kNearSlots;
      return intern(key);
    }
    slots_[at] = number(key);
    if ((keys_.size() - near_keys_) * 2 > slots_.size()) grow();
    return static_cast<uint32_t>(keys_.size()) - 1;
  }
  bool has_near() {
    // Zeroed by the kernel, page by page as they are touched.
    if (!near_) near_.reset(static_cast<uint32_t*>(std::calloc(kNearSlots, sizeof(uint32_t))));
    return near_ != nullptr;
  }
  void grow() {
    slots_.assign(slots_.size() * 2, 0);
    mask_ = slots_.size() - 1;
    for (size_t i = 0; i < keys_.size(); ++i) {
      if (is_near(keys_[i])) continue;
      size_t at = hash(keys_[i]);
      while (slots_[at] != 0) at = (at + 1) & mask_;
      slots_[at] = static_cast<uint32_t>(i + 1);
    }
  }
  bool is_near(Key key) const {
    if constexpr (sizeof(Key) > sizeof(uint64_t)) return false;
    return static_cast<uint64_t>(static_cast<Key>(key - first_near_)) < near_slots_;
  }

  struct Free {
    void operator()(uint32_t* memory) const { std::free(memory); }
  };
  static constexpr size_t kFirstSlots = 1024;
  std::vector<uint32_t> slots_ = std::vector<uint32_t>(kFirstSlots);  // number of a key; 0: free
  size_t mask_ = kFirstSlots - 1;
  std::unique_ptr<uint32_t[], Free> near_;  // the same, by distance
  Key first_near_ = 0;
  size_t near_slots_ = 0;  // 0: not in use yet
  size_t near_keys_ = 0;   // of keys_, how many are there
  std::vector<Key> keys_;
};

// ---- values ----

template <typename Source, typename Convert>
class FixedStore {
 public:
  using Value = Source;
  explicit FixedStore(Convert convert = {}) : convert_(convert) {}

  size_t value_bytes() const { return convert_.width(); }
  size_t plain_bytes(const Source*, const uint32_t*, size_t count) const {
    return count * convert_.width();
  }

  void put_plain(const Source* values, const uint32_t* positions, size_t count, Buffer& out) {
    if (count == 0) return;
    uint8_t* at = out.reserve(count * convert_.width());
    if (positions == nullptr) {
      if constexpr (Convert::template copies<Source>()) {
        std::memcpy(at, values, count * sizeof(Source));
        at += count * sizeof(Source);
      } else {
        for (size_t i = 0; i < count; ++i, at += convert_.width()) convert_.put(values[i], at);
      }
      add_to_bounds(count, [values](size_t i) { return values[i]; });
    } else {
      for (size_t i = 0; i < count; ++i, at += convert_.width()) {
        convert_.put(values[positions[i]], at);
      }
      add_to_bounds(count, [values, positions](size_t i) { return values[positions[i]]; });
    }
    out.set_end(at);
  }

  uint32_t intern(const Source& value) { return table_.intern(std::bit_cast<Key>(value)); }
  size_t entries() const { return table_.keys().size(); }
  size_t dictionary_bytes() const { return entries() * convert_.width(); }

  void write_dictionary(Buffer& out) const {
    uint8_t* at = out.reserve(dictionary_bytes());
    for (const Key key : table_.keys()) {
      convert_.put(std::bit_cast<Source>(key), at);
      at += convert_.width();
    }
    out.set_end(at);
  }
  void put_entries(const uint32_t* indices, size_t count, Buffer& out) const {
    uint8_t* at = out.reserve(count * convert_.width());
    for (size_t i = 0; i < count; ++i, at += convert_.width()) {
      convert_.put(std::bit_cast<Source>(table_.keys()[indices[i]]), at);
    }
    out.set_end(at);
  }

  void add_entry_to_bounds(uint32_t index) {
    const auto value = std::bit_cast<Source>(table_.keys()[index]);
    add_to_bounds(1, [value](size_t) { return value; });
  }
  Bounds end_page_bounds() {
    chunk_.add(page_);
    return as_in_file(std::exchange(page_, {}));
  }
  Bounds chunk_bounds() const { return as_in_file(chunk_); }
  void clear_bounds() { page_ = chunk_ = {}; }

  void clear_dictionary() { table_.clear(); }

 private:
  using Key = typename KeyOf<sizeof(Source)>::Type;

  struct Range {
    bool is_empty = true, has_nan = false;
    Source min{}, max{};

    void add(const Range& other) {
      has_nan = has_nan || other.has_nan;
      if (other.is_empty) return;
      min = is_empty || is_less(other.min, min) ? other.min : min;
      max = is_empty || is_less(max, other.max) ? other.max : max;
      is_empty = false;
    }
  };

  template <typename At>
  void add_to_bounds(size_t count, const At& at) {
    Range range{false, false, at(0), at(0)};
    for (size_t i = 0; i < count; ++i) {
      const Source value = at(i);
      if constexpr (std::is_floating_point_v<Source>) {
        range.has_nan = range.has_nan || std::isnan(value);
      }
      range.min = is_less(value, range.min) ? value : range.min;
      range.max = is_less(range.max, value) ? value : range.max;
    }
    page_.add(range);
  }

  Bounds as_in_file(Range range) const {
    if (range.is_empty || range.has_nan) return {};
    if constexpr (std::is_same_v<Source, duckdb::interval_t>) return {};
    if constexpr (std::is_floating_point_v<Source>) {
      // Whichever zero was seen, both are within.
      if (range.min == 0) range.min = -Source{0};
      if (range.max == 0) range.max = Source{0};
    }
    return {true, as_in_file(range.min), as_in_file(range.max)};
  }
  std::string as_in_file(Source value) const {
    std::array<uint8_t, 16> bytes{};
    convert_.put(value, bytes.data());
    return {reinterpret_cast<const char*>(bytes.data()), convert_.width()};
  }

  Convert convert_;
  KeyTable<Key> table_;
  Range page_, chunk_;
};

class BooleanEncoder final : public ValueEncoder {
 public:
  void append(const uint8_t* data, const uint32_t* positions, size_t count, const Codes*) override {
    const size_t before = values_.size();
    values_.resize(before + count);
    for (size_t i = 0; i < count; ++i) {
      values_[before + i] = data[positions == nullptr ? i : positions[i]] != 0 ? 1 : 0;
    }
  }
  size_t page_bytes() const override { return values_.size() / 8; }
  Page page() override {
    encoded_.clear();
    uint8_t* const begin = encoded_.reserve(kHeadroom + values_.size() / 8 + 8) + kHeadroom;
    const uint8_t* const end = pack_bits(values_.data(), values_.size(), begin);
    Page page{false, begin, static_cast<size_t>(end - begin), {}};
    const auto [min, max] = std::minmax_element(values_.begin(), values_.end());
    if (min != values_.end()) {
      page.bounds = bounds(*min, *max);
      min_ = std::min(min_, *min);
      max_ = std::max(max_, *max);
    }
    return page;
  }
  void end_page() override { values_.clear(); }
  Bounds chunk_bounds() const override { return min_ > max_ ? Bounds{} : bounds(min_, max_); }
  void end_chunk() override {
    min_ = 1;
    max_ = 0;
  }

 private:
  static Bounds bounds(uint8_t min, uint8_t max) {
    return {true, std::string(1, static_cast<char>(min)), std::string(1, static_cast<char>(max))};
  }

  std::vector<uint8_t> values_;
  Buffer encoded_;
  uint8_t min_ = 1, max_ = 0;  // of the chunk; so, there is none
};

// ---- which one ----

using Encoder = std::unique_ptr<ValueEncoder>;

template <typename Source, typename Convert>
Encoder fixed(Convert convert = {}) {
  return std::make_unique<DictionaryEncoder<FixedStore<Source, Convert>>>(
      FixedStore<Source, Convert>(convert));
}

template <typename Source>
Encoder decimal(const Field& field) {
  switch (field.physical) {
    case Physical::kInt32:
      if constexpr (sizeof(Source) <= 4) return fixed<Source, AsNumber<int32_t>>();
      return nullptr;
    case Physical::kInt64:
      if constexpr (sizeof(Source) <= 8) return fixed<Source, AsNumber<int64_t>>();
      return nullptr;
    case Physical::kFixed:
      if (field.fixed_bytes == 16) return fixed<Source, AsSixteenBytes>();
      if (field.fixed_bytes == 0 || field.fixed_bytes > 16) return nullptr;
      return fixed<Source>(AsFixedBytes{field.fixed_bytes});
    default:
      return nullptr;
  }
}

template <typename Source>
Encoder integer(const Field& field) {
  if (field.physical == Physical::kInt64) {
    return fixed<Source, AsNumber<int64_t>>();
  }
  if (field.physical == Physical::kInt32 && sizeof(Source) <= 4) {
    return fixed<Source, AsNumber<int32_t>>();
  }
  return nullptr;
}

template <typename Source>
Encoder number(const Field& field) {
  if (field.meaning == Meaning::kDecimal) return decimal<Source>(field);
  return integer<Source>(field);
}

Encoder find(const Field& field, const engine::LogicalType& source) {
  switch (source.InternalType()) {
    case PhysicalType::BOOL:
      if (field.physical != Physical::kBoolean) return nullptr;
      return std::make_unique<BooleanEncoder>();
    case PhysicalType::INT8:
      return number<int8_t>(field);
    case PhysicalType::INT16:
      return number<int16_t>(field);
    case PhysicalType::INT32:
      return number<int32_t>(field);
    case PhysicalType::INT64:
      return number<int64_t>(field);
    case PhysicalType::UINT8:
      return integer<uint8_t>(field);
    case PhysicalType::UINT16:
      return integer<uint16_t>(field);
    case PhysicalType::UINT32:
      return integer<uint32_t>(field);
    case PhysicalType::UINT64:
      return integer<uint64_t>(field);
    case PhysicalType::FLOAT:
      if (field.physical != Physical::kFloat) return nullptr;
      return fixed<float, AsNumber<float>>();
    case PhysicalType::DOUBLE:
      if (field.physical != Physical::kDouble) return nullptr;
      return fixed<double, AsNumber<double>>();
    case PhysicalType::INTERVAL:
      if (field.meaning != Meaning::kInterval || field.fixed_bytes != 12) return nullptr;
      return fixed<duckdb::interval_t, AsInterval>();
    case PhysicalType::INT128:
      if (field.physical == Physical::kFixed && source.id() == engine::LogicalTypeId::UUID) {
        if (field.fixed_bytes != 16) return nullptr;
        return fixed<hugeint_t, AsUuid>();
      }
      if (field.meaning == Meaning::kDecimal && field.fixed_bytes == 16) {
        return fixed<hugeint_t, AsSixteenBytes>();
      }
      return nullptr;
    case PhysicalType::VARCHAR:
      if (field.physical != Physical::kByteArray) return nullptr;
      return make_text_encoder();
    default:
      return nullptr;
  }
}

}  // namespace

Result<std::unique_ptr<ValueEncoder>> make_value_encoder(const Field& field,
                                                         const engine::LogicalType& source) {
  Encoder encoder = find(field, source);
  if (encoder == nullptr) {
    return internal("column {}: {} has no such form in Parquet", field.name, source.ToString());
  }
  return encoder;
}

}  // namespace sluice::parquet
