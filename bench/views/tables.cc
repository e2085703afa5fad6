#include "bench/views/tables.h"

#include <duckdb.hpp>

#include "engine/row_codec.h"

namespace sluice::bench {
namespace {

using dataflow::kBatchRows;
using engine::LogicalType;

uint64_t mixed(int64_t id, uint32_t version, uint64_t column) {
  uint64_t word = static_cast<uint64_t>(id) * 0x9E3779B97F4A7C15ULL +
                  version * 0xD6E8FEB86659FD93ULL + column * 0xA0761D6478BD642FULL;
  word = (word ^ (word >> 32)) * 0xD6E8FEB86659FD93ULL;
  word = (word ^ (word >> 29)) * 0x9E3779B97F4A7C15ULL;
  return word ^ (word >> 32);
}

template <typename T>
T* values(engine::Vector& column) {
  return reinterpret_cast<T*>(duckdb::FlatVector::GetData(column));
}

void put_text(engine::Vector& column, size_t row, const std::string& text) {
  values<duckdb::string_t>(column)[row] = duckdb::StringVector::AddString(column, text);
}

constexpr int32_t kFirstDay = 8035;  // 1992-01-01
constexpr uint64_t kDays = 2400;
const LogicalType kMoney = LogicalType::DECIMAL(12, 2);

const std::array<engine::Shape, Tables::kCount>& shapes() {
  static const std::array<engine::Shape, Tables::kCount> all = {
      engine::Shape{{"l_orderkey", "l_quantity", "l_extendedprice", "l_discount", "l_tax",
                     "l_returnflag", "l_linestatus", "l_shipdate", "l_shipmode"},
                    {LogicalType::BIGINT, kMoney, kMoney, kMoney, kMoney, LogicalType::VARCHAR,
                     LogicalType::VARCHAR, LogicalType::DATE, LogicalType::VARCHAR}},
      engine::Shape{{"o_orderkey", "o_custkey", "o_orderdate", "o_shippriority", "o_totalprice",
                     "o_orderpriority", "o_comment"},
                    {LogicalType::BIGINT, LogicalType::BIGINT, LogicalType::DATE,
                     LogicalType::INTEGER, kMoney, LogicalType::VARCHAR, LogicalType::VARCHAR}},
      engine::Shape{{"c_custkey", "c_mktsegment", "c_nationkey"},
                    {LogicalType::BIGINT, LogicalType::VARCHAR, LogicalType::INTEGER}}};
  return all;
}

}  // namespace

Tables::Tables(int64_t lineitems, Keys keys)
    : rows_{lineitems, lineitems / 4, lineitems / 40}, keys_(keys) {
  for (size_t table = 0; table < kCount; ++table) {
    versions_[table].assign(static_cast<size_t>(rows_[table]), 0);
    taken_back_[table] = -1;
  }
}

std::vector<dataflow::SourceTable> Tables::sources() const {
  const char* const names[] = {"lineitem", "orders", "customer"};
  std::vector<dataflow::SourceTable> result;
  for (size_t table = 0; table < kCount; ++table) {
    result.push_back({names[table], shapes()[table], {table}, static_cast<uint64_t>(rows_[table])});
  }
  return result;
}

void Tables::put_key(uint64_t drawn, int64_t range, engine::Vector& column, size_t row) const {
  const bool odd = (drawn >> 60 & 1) != 0;
  values<int64_t>(column)[row] = static_cast<int64_t>(drawn % static_cast<uint64_t>(range));
  if (keys_ == Keys::kHalfOnOne && odd) values<int64_t>(column)[row] = 1;
  if (keys_ == Keys::kHalfNull && odd) duckdb::FlatVector::SetNull(column, row, true);
}

void Tables::put_lineitems(const std::vector<Pick>& picks, engine::Chunk& rows) const {
  const char* const modes[] = {"AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"};
  for (size_t row = 0; row < picks.size(); ++row) {
    const auto draw = [&](uint64_t column, uint64_t below) {
      return static_cast<int64_t>(mixed(picks[row].id, picks[row].version, column) % below);
    };
    // An update leaves the key as it is.
    put_key(mixed(picks[row].id, 0, 0), rows_[kOrders], rows.data[0], row);
    values<int64_t>(rows.data[1])[row] = 100 * (1 + draw(1, 50));
    values<int64_t>(rows.data[2])[row] = 90000 + draw(2, 10000000);
    values<int64_t>(rows.data[3])[row] = draw(3, 11);
    values<int64_t>(rows.data[4])[row] = draw(4, 9);
    put_text(rows.data[5], row, std::string(1, "ANR"[draw(5, 3)]));
    put_text(rows.data[6], row, std::string(1, "FO"[draw(6, 2)]));
    values<int32_t>(rows.data[7])[row] = kFirstDay + static_cast<int32_t>(draw(7, kDays));
    put_text(rows.data[8], row, modes[draw(8, 7)]);
  }
}

void Tables::put_orders(const std::vector<Pick>& picks, engine::Chunk& rows) const {
  const char* const priorities[] = {"1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW"};
  const char* const words[] = {"carefully", "quick", "special", "requests", "deposits", "final"};
  for (size_t row = 0; row < picks.size(); ++row) {
    const auto draw = [&](uint64_t column, uint64_t below) {
      return static_cast<int64_t>(mixed(picks[row].id, picks[row].version, column) % below);
    };
    values<int64_t>(rows.data[0])[row] = picks[row].id;
    put_key(mixed(picks[row].id, 0, 10), rows_[kCustomer], rows.data[1], row);
    values<int32_t>(rows.data[2])[row] = kFirstDay + static_cast<int32_t>(draw(2, kDays));
    values<int32_t>(rows.data[3])[row] = 0;
    values<int64_t>(rows.data[4])[row] = 90000 + draw(4, 50000000);
    put_text(rows.data[5], row, priorities[draw(5, 5)]);
    put_text(rows.data[6], row,
             fmt::format("{} {} {}", words[draw(6, 6)], words[draw(7, 6)], words[draw(8, 6)]));
  }
}

void Tables::put_customers(const std::vector<Pick>& picks, engine::Chunk& rows) const {
  const char* const segments[] = {"AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY"};
  for (size_t row = 0; row < picks.size(); ++row) {
    values<int64_t>(rows.data[0])[row] = picks[row].id;
    put_text(rows.data[1], row, segments[mixed(picks[row].id, picks[row].version, 1) % 5]);
    values<int32_t>(rows.data[2])[row] =
        static_cast<int32_t>(mixed(picks[row].id, picks[row].version, 2) % 25);
  }
}

dataflow::BatchPtr Tables::batch(size_t table, const std::vector<Pick>& picks) const {
  auto made = std::make_shared<dataflow::Batch>();
  engine::initialize(made->rows, shapes()[table].types, picks.size());
  if (table == kLineitem) put_lineitems(picks, made->rows);
  if (table == kOrders) put_orders(picks, made->rows);
  if (table == kCustomer) put_customers(picks, made->rows);
  made->rows.SetCardinality(picks.size());
  for (const Pick& pick : picks) made->weights.push_back(pick.weight);
  return made;
}

void Tables::add_in_batches(size_t table, const std::vector<Pick>& picks,
                            dataflow::Delta& to) const {
  for (size_t begin = 0; begin < picks.size(); begin += kBatchRows) {
    const auto first = picks.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto count = static_cast<std::ptrdiff_t>(std::min(kBatchRows, picks.size() - begin));
    to.push_back(batch(table, {first, first + count}));
  }
}

void Tables::change(size_t table, size_t count, std::mt19937_64& random, dataflow::Delta& changes) {
  std::vector<Pick> picks;
  auto& versions = versions_[table];
  if (count == 1) {
    const bool puts = taken_back_[table] >= 0;
    const auto id = puts ? taken_back_[table] : static_cast<int64_t>(random() % versions.size());
    uint32_t& version = versions[static_cast<size_t>(id)];
    if (puts) ++version;
    picks.push_back({id, version, puts ? 1 : -1});
    taken_back_[table] = puts ? -1 : id;
    if (puts) changed_[table].push_back(id);
  } else {
    for (size_t i = 0; i < count / 2; ++i) {
      const size_t id = random() % versions.size();
      if (static_cast<int64_t>(id) == taken_back_[table]) continue;
      picks.push_back({static_cast<int64_t>(id), versions[id], -1});
      picks.push_back({static_cast<int64_t>(id), ++versions[id], 1});
      changed_[table].push_back(static_cast<int64_t>(id));
    }
  }
  add_in_batches(table, picks, changes);
}

dataflow::Delta Tables::restore(size_t table) {
  constexpr size_t kAtATime = 5000;
  std::vector<Pick> picks;
  auto& changed = changed_[table];
  if (const int64_t id = taken_back_[table]; id >= 0) {
    picks.push_back({id, versions_[table][static_cast<size_t>(id)], 1});
    changed.push_back(id);
    taken_back_[table] = -1;
  }
  for (; !changed.empty() && picks.size() < kAtATime; changed.pop_back()) {
    uint32_t& version = versions_[table][static_cast<size_t>(changed.back())];
    if (version == 0) continue;
    picks.push_back({changed.back(), version, -1});
    picks.push_back({changed.back(), 0, 1});
    version = 0;
  }
  dataflow::Delta changes;
  add_in_batches(table, picks, changes);
  return changes;
}

dataflow::BatchPtr Tables::rows_from(size_t table, int64_t first, size_t count) const {
  std::vector<Pick> picks;
  picks.reserve(count);
  for (size_t i = 0; i < count; ++i) picks.push_back({first + static_cast<int64_t>(i), 0, 1});
  return batch(table, picks);
}

}  // namespace sluice::bench
