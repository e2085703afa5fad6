// Three tables like TPC-H's, each row a function of its number and a version, so that any row can
// be taken back and made anew without being kept.
#pragma once

#include <array>
#include <random>
#include <string>
#include <vector>

#include "dataflow/batch.h"
#include "dataflow/shells.h"

namespace sluice::bench {

// How the rows of lineitem are spread over orders, and those of orders over customers.
enum class Keys : uint8_t { kUniform, kHalfOnOne, kHalfNull };

class Tables {
 public:
  static constexpr size_t kLineitem = 0;
  static constexpr size_t kOrders = 1;
  static constexpr size_t kCustomer = 2;
  static constexpr size_t kCount = 3;

  // So many rows of lineitem, a quarter of orders, a fortieth of customers.
  Tables(int64_t lineitems, Keys keys);

  int64_t rows(size_t table) const { return rows_[table]; }
  std::vector<dataflow::SourceTable> sources() const;

  // Adds changes: `count` rows in sum, half of them the old version of a random row, the others its
  // new one. A single one is taken back or put, in turns.
  void change(size_t table, size_t count, std::mt19937_64& random, dataflow::Delta& changes);
  // Changes that make every row what it was at first, some thousands; none when all are.
  dataflow::Delta restore(size_t table);
  // Rows from number `first` on, as they are at first.
  dataflow::BatchPtr rows_from(size_t table, int64_t first, size_t count) const;

 private:
  // A row's number, version and change.
  struct Pick {
    int64_t id;
    uint32_t version;
    int64_t weight;
  };

  dataflow::BatchPtr batch(size_t table, const std::vector<Pick>& picks) const;
  void put_lineitems(const std::vector<Pick>& picks, engine::Chunk& rows) const;
  void put_orders(const std::vector<Pick>& picks, engine::Chunk& rows) const;
  void put_customers(const std::vector<Pick>& picks, engine::Chunk& rows) const;
  void put_key(uint64_t drawn, int64_t range, engine::Vector& column, size_t row) const;
  void add_in_batches(size_t table, const std::vector<Pick>& picks, dataflow::Delta& to) const;

  std::array<int64_t, kCount> rows_;
  Keys keys_;
  std::array<std::vector<uint32_t>, kCount> versions_;
  std::array<std::vector<int64_t>, kCount> changed_;
  std::array<int64_t, kCount> taken_back_;  // the row that is gone at the moment; -1: none
};

}  // namespace sluice::bench
