#include "parquet/column.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/crc.h"

namespace sluice::parquet {
namespace {

enum PageType { kDataPage = 0, kDictionaryPage = 2 };
enum Encoding { kPlain = 0, kRle = 3, kRleDictionary = 8 };
// Buffers larger than this were needed for large values, and are not kept.
constexpr size_t kKeptBytes = size_t{4} << 20;
constexpr size_t kMaxPageBytes = INT32_MAX;
// A filter that nobody has asked for takes one part in so many of its chunk.
constexpr uint64_t kFilterShare = 100;

int32_t checksum(std::span<const std::byte> page) { return static_cast<int32_t>(crc32(page)); }

template <typename Put>
std::string as_thrift(const Put& put) {
  Buffer bytes;
  Thrift out(bytes);
  out.begin();
  put(out);
  out.end();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Of a text that was cut somewhere: its last character may not be whole.
void cut_last_character(std::string& text) {
  while (!text.empty() && (text.back() & 0xC0) == 0x80) text.pop_back();
  if (!text.empty()) text.pop_back();
}

// Makes `prefix` larger than whatever begins with it. Texts stay UTF-8: only
// ASCII is counted up.
bool increment(std::string& prefix, bool is_text) {
  const int largest = is_text ? 0x7E : 0xFE;
  for (; !prefix.empty(); prefix.pop_back()) {
    const int last = static_cast<uint8_t>(prefix.back());
    if (last > largest) continue;
    prefix.back() = static_cast<char>(last + 1);
    return true;
  }
  return false;
}

}  // namespace

Column::Column(Leaf leaf, std::unique_ptr<ValueEncoder> values, Codec codec, PageOptions options,
               Tools tools)
    : leaf_(std::move(leaf)),
      values_(std::move(values)),
      codec_(codec),
      options_(options),
      tools_(tools),
      definition_(leaf_.max_definition),
      repetition_(leaf_.max_repetition),
      pages_(tools.blocks),
      hashes_(*leaf_.field) {}

Status Column::append(const LeafBatch& batch) {
  if (batch.definition == nullptr) {
    definition_.append(static_cast<uint8_t>(leaf_.max_definition), batch.levels);
  } else {
    definition_.append(batch.definition, batch.levels);
  }
  if (batch.repetition == nullptr) {
    repetition_.append(uint8_t{0}, batch.levels);
  } else {
    repetition_.append(batch.repetition, batch.levels);
  }
  page_values_ += batch.values;
  page_rows_ += batch.rows;
  if (batch.values > 0) {
    values_->append(batch.data, batch.positions, batch.values, batch.codes);
  }
  const bool is_full = definition_.size() >= options_.values ||
                       values_->page_bytes() >= options_.bytes || values_->must_end_page();
  return is_full ? end_page() : ok();
}

uint64_t Column::raw_bytes() const {
  return raw_data_bytes_ + definition_.encoded_bytes() + repetition_.encoded_bytes() +
         values_->page_bytes() + values_->dictionary_bytes();
}

uint64_t Column::file_bytes() const {
  const auto open = static_cast<double>(definition_.encoded_bytes() + repetition_.encoded_bytes() +
                                        values_->page_bytes());
  size_t filtered = hashes_.size();
  if (options_.bloom_filters == BloomFilters::kAll) filtered += values_->dictionary_entries();
  const size_t filter_bytes = filtered > 0 ? bloom_filter_bytes(filtered) : 0;
  return pages_.size() + filter_bytes + static_cast<uint64_t>(open * data_ratio_) +
         static_cast<uint64_t>(static_cast<double>(values_->dictionary_bytes()) *
                               dictionary_ratio_);
}

uint64_t Column::buffered_bytes() const {
  return pages_.size() + definition_.size() + values_->page_bytes() + values_->dictionary_bytes() +
         hashes_.buffered_bytes();
}

// The bounds as readers may rely on them: those of long texts are shortened,
// and then not exact.
std::optional<Column::Limits> Column::limits_of(Bounds bounds) const {
  if (!bounds.known) return std::nullopt;
  Limits limits{std::move(bounds.min), std::move(bounds.max)};
  if (leaf_.field->physical != Physical::kByteArray) return limits;
  const bool is_text = leaf_.field->meaning != Meaning::kNone;
  if (limits.min.size() == Bounds::kMaxBytes) {
    limits.is_exact_min = false;
    if (is_text) cut_last_character(limits.min);
  }
  if (limits.max.size() == Bounds::kMaxBytes) {
    limits.is_exact_max = false;
    if (is_text) cut_last_character(limits.max);
    if (!increment(limits.max, is_text)) return std::nullopt;
  }
  return limits;
}

// The page as it is compressed: repetition levels, definition levels, values.
std::span<const std::byte> Column::with_levels(const ValueEncoder::Page& page) {
  levels_.clear();
  repetition_.encode(levels_);
  definition_.encode(levels_);
  if (levels_.size() <= ValueEncoder::kHeadroom) {
    uint8_t* const begin = page.begin - levels_.size();
    if (levels_.size() > 0) std::memcpy(begin, levels_.data(), levels_.size());
    return std::as_bytes(std::span(begin, levels_.size() + page.size));
  }
  joined_.clear_and_keep(kKeptBytes);
  joined_.append(levels_.data(), levels_.size());
  joined_.append(page.begin, page.size);
  return joined_.bytes();
}

Status Column::compress(std::span<const std::byte> page, PageForm form) {
  if (page.size() > kMaxPageBytes) {
    return error(ErrorCode::kExhausted, "a value of column \"{}\" is too large for Parquet",
                 leaf_.path.front())
        .with_sqlstate("54000")
        .with_detail("A page holds at most 2 GB.");
  }
  return tools_.compressor.compress(page, form, tools_.scratch);
}

Status Column::end_page() {
  const size_t levels = definition_.size();
  if (levels == 0) return ok();
  if (values_->wants_comparison()) TRY(compare_with_plain(page_values_));
  const ValueEncoder::Page page = values_->page();
  if (options_.bloom_filters == BloomFilters::kAll && !page.is_dictionary &&
      can_have_bloom_filter(*leaf_.field)) {
    hashes_.add_plain({page.begin, page.size});
  }
  const auto raw = with_levels(page);
  const size_t value_bytes = page.is_dictionary ? 0 : values_->plain_value_bytes();
  TRY(compress(raw, {raw.size() - page.size, value_bytes, page.is_dictionary}));
  const auto compressed = tools_.scratch.bytes();

  header_.clear();
  Thrift header(header_);
  header.begin();
  header.i32(1, kDataPage);
  header.i32(2, static_cast<int64_t>(raw.size()));
  header.i32(3, static_cast<int64_t>(compressed.size()));
  if (options_.has_checksums) header.i32(4, checksum(compressed));
  header.begin_struct(5);
  header.i32(1, static_cast<int64_t>(levels));
  header.i32(2, page.is_dictionary ? kRleDictionary : kPlain);
  header.i32(3, kRle);
  header.i32(4, kRle);
  header.end();
  header.end();

  const uint64_t nulls = levels - page_values_;
  entries_.push_back({pages_.size(), header_.size() + compressed.size(), rows_, nulls,
                      page_values_ == 0, page.bounds});
  pages_.append(header_.data(), header_.size());
  pages_.append(reinterpret_cast<const uint8_t*>(compressed.data()), compressed.size());
  raw_data_bytes_ += header_.size() + raw.size();
  data_ratio_ = static_cast<double>(pages_.size()) / static_cast<double>(raw_data_bytes_);
  (page.is_dictionary ? dictionary_pages_ : plain_pages_) += 1;
  rows_ += page_rows_;
  nulls_ += nulls;
  levels_count_ += levels;

  values_->end_page();
  definition_.clear();
  repetition_.clear();
  page_values_ = page_rows_ = 0;
  tools_.scratch.clear_and_keep(kKeptBytes);
  return ok();
}

// What the open page's values would take without a dictionary.
Status Column::compare_with_plain(size_t page_values) {
  joined_.clear();
  values_->write_plain(joined_);
  TRY(compress(joined_.bytes(), {0, values_->plain_value_bytes(), false}));
  compared_values_ += page_values;
  compared_plain_bytes_ += tools_.scratch.size();
  return ok();
}

Status Column::end_chunk() {
  TRY(end_page());
  dictionary_.clear();
  const size_t entries = values_->dictionary_entries();
  if (entries == 0) return ok();
  joined_.clear();
  values_->write_dictionary(joined_);
  TRY(compress(joined_.bytes(), {0, values_->plain_value_bytes(), false}));
  const auto compressed = tools_.scratch.bytes();
  Thrift header(dictionary_);
  header.begin();
  header.i32(1, kDictionaryPage);
  header.i32(2, static_cast<int64_t>(joined_.size()));
  header.i32(3, static_cast<int64_t>(compressed.size()));
  if (options_.has_checksums) header.i32(4, checksum(compressed));
  header.begin_struct(7);
  header.i32(1, static_cast<int64_t>(entries));
  header.i32(2, kPlain);
  header.end();
  header.end();
  raw_dictionary_bytes_ = dictionary_.size() + joined_.size();
  dictionary_.append(compressed.data(), compressed.size());
  dictionary_ratio_ =
      static_cast<double>(dictionary_.size()) / static_cast<double>(raw_dictionary_bytes_);
  if (filters_dictionary(entries)) {
    hashes_.add_plain({joined_.data(), joined_.size()});
  }
  if (compared_values_ > 0 && compared_values_ == levels_count_ - nulls_ &&
      compared_plain_bytes_ < dictionary_.size() + pages_.size()) {
    values_->prefer_plain();
  }
  return ok();
}

// Not where a chunk has other values too, since a filter knows all or is of no use.
bool Column::filters_dictionary(size_t entries) const {
  if (!can_have_bloom_filter(*leaf_.field)) return false;
  switch (options_.bloom_filters) {
    case BloomFilters::kNone:
      return false;
    case BloomFilters::kAutomatic:
      return plain_pages_ == 0 && bloom_filter_bytes(entries) * kFilterShare <= chunk_bytes();
    case BloomFilters::kAll:
      return true;
  }
  return false;
}

Result<Column::Written> Column::write_chunk(uint64_t offset, uint64_t filter_offset,
                                            const Write& write, const std::stop_token& stop) {
  if (dictionary_.size() > 0) TRY(write(dictionary_.bytes(), stop));
  for (const Buffer& block : pages_.blocks()) TRY(write(block.bytes(), stop));
  Written written;
  written.raw_bytes = raw_dictionary_bytes_ + raw_data_bytes_;
  written.file_bytes = dictionary_.size() + pages_.size();
  if (hashes_.size() > 0) written.bloom_filter = hashes_.build();
  written.metadata =
      as_thrift([&](Thrift& out) { write_metadata(offset, filter_offset, written, out); });
  bool has_bounds = true;
  written.column_index = as_thrift([&](Thrift& out) { has_bounds = write_column_index(out); });
  if (!has_bounds) written.column_index.clear();
  written.offset_index =
      as_thrift([&](Thrift& out) { write_offset_index(offset + dictionary_.size(), out); });
  reset();
  return written;
}

void Column::write_metadata(uint64_t offset, uint64_t filter_offset, const Written& written,
                            Thrift& out) const {
  const size_t dictionary_page = dictionary_.size() > 0 ? 1 : 0;
  out.i32(1, static_cast<int64_t>(leaf_.field->physical));
  // Levels are RLE, a dictionary's own page is PLAIN.
  const bool has_plain = plain_pages_ + dictionary_page > 0;
  out.list_of_i32(2, 1 + (has_plain ? 1 : 0) + dictionary_page);
  if (has_plain) out.element(int64_t{kPlain});
  out.element(int64_t{kRle});
  if (dictionary_page > 0) out.element(int64_t{kRleDictionary});
  out.list_of_binaries(3, leaf_.path.size());
  for (const std::string& name : leaf_.path) out.element(std::string_view(name));
  out.i32(4, static_cast<int64_t>(codec_));
  out.i64(5, static_cast<int64_t>(levels_count_));
  out.i64(6, static_cast<int64_t>(written.raw_bytes));
  out.i64(7, static_cast<int64_t>(written.file_bytes));
  out.i64(9, static_cast<int64_t>(offset + dictionary_.size()));
  if (dictionary_page > 0) out.i64(11, static_cast<int64_t>(offset));
  if (options_.has_statistics) write_statistics(out);
  write_page_counts(out);
  if (!written.bloom_filter.empty()) {
    out.i64(14, static_cast<int64_t>(filter_offset));
    out.i32(15, static_cast<int64_t>(written.bloom_filter.size()));
  }
}

// From it readers know whether a dictionary has all values of the chunk.
void Column::write_page_counts(Thrift& out) const {
  struct Count {
    PageType type;
    Encoding encoding;
    size_t pages;
  };
  const std::array counts = {Count{kDictionaryPage, kPlain, dictionary_.size() > 0 ? 1UL : 0UL},
                             Count{kDataPage, kRleDictionary, dictionary_pages_},
                             Count{kDataPage, kPlain, plain_pages_}};
  const auto is_there = [](const Count& count) { return count.pages > 0; };
  out.list_of_structs(13, static_cast<size_t>(std::ranges::count_if(counts, is_there)));
  for (const Count& count : counts) {
    if (!is_there(count)) continue;
    out.begin();
    out.i32(1, count.type);
    out.i32(2, count.encoding);
    out.i32(3, static_cast<int64_t>(count.pages));
    out.end();
  }
}

void Column::write_statistics(Thrift& out) const {
  out.begin_struct(12);
  out.i64(3, static_cast<int64_t>(nulls_));
  if (const auto limits = limits_of(values_->chunk_bounds())) {
    out.binary(5, limits->max);
    out.binary(6, limits->min);
    out.boolean(7, limits->is_exact_max);
    out.boolean(8, limits->is_exact_min);
  }
  out.end();
}

// Whether there is one: it needs the bounds of all pages that are not NULL
// altogether.
bool Column::write_column_index(Thrift& out) const {
  if (!options_.has_statistics) return false;
  std::vector<std::optional<Limits>> limits;
  for (const PageEntry& page : entries_) {
    limits.push_back(limits_of(page.bounds));
    if (!limits.back() && !page.is_null) return false;
  }
  out.list_of_booleans(1, entries_.size());
  for (const PageEntry& page : entries_) out.element(page.is_null);
  out.list_of_binaries(2, entries_.size());
  for (const auto& page : limits) out.element(std::string_view(page ? page->min : ""));
  out.list_of_binaries(3, entries_.size());
  for (const auto& page : limits) out.element(std::string_view(page ? page->max : ""));
  constexpr int kUnordered = 0;
  out.i32(4, kUnordered);
  out.list_of_i64(5, entries_.size());
  for (const PageEntry& page : entries_) out.element(static_cast<int64_t>(page.nulls));
  return true;
}

void Column::write_offset_index(uint64_t offset, Thrift& out) const {
  out.list_of_structs(1, entries_.size());
  for (const PageEntry& page : entries_) {
    out.begin();
    out.i64(1, static_cast<int64_t>(offset + page.offset));
    out.i32(2, static_cast<int64_t>(page.bytes));
    out.i64(3, static_cast<int64_t>(page.first_row));
    out.end();
  }
}

void Column::reset() {
  pages_.clear();
  dictionary_.clear_and_keep(kKeptBytes);
  joined_.clear_and_keep(kKeptBytes);
  rows_ = levels_count_ = nulls_ = raw_data_bytes_ = raw_dictionary_bytes_ = 0;
  dictionary_pages_ = plain_pages_ = 0;
  compared_values_ = compared_plain_bytes_ = 0;
  entries_.clear();
  hashes_.clear();
  values_->end_chunk();
}

}  // namespace sluice::parquet
