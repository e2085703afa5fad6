#include "dataflow/testing/view_under_test.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <duckdb.hpp>
#include <set>

#include "engine/functions/register.h"
#include "engine/row_codec.h"

namespace sluice::dataflow::testing {
namespace {

using engine::LogicalType;
using engine::Value;

void add_key_rows(engine::Chunk& rows, const std::vector<int64_t>& weights,
                  const std::vector<LogicalType>& types, std::map<std::string, int64_t>& to) {
  const arrangement::RowCodec codec(types, arrangement::Form::kKey);
  arrangement::ByteRows bytes;
  codec.encode(rows, all_columns(types.size()), bytes);
  for (size_t row = 0; row < rows.size(); ++row) {
    const std::string key(bytes[row]);
    if ((to[key] += weights.empty() ? 1 : weights[row]) == 0) to.erase(key);
  }
}

// Says how much was proven.
class Told final : public ::testing::Environment {
 public:
  void TearDown() override {
    if (ViewUnderTest::judged() > 0) {
      fmt::print("{} answers of views compared with DuckDB's\n", ViewUnderTest::judged());
    }
  }
};

[[maybe_unused]] const ::testing::Environment* const told =
    ::testing::AddGlobalTestEnvironment(new Told);

}  // namespace

// The tables in a schema of their own, changed and asked within one transaction that never commits:
// of what a tick of a test costs, an instance and commits of its own would be the most.
struct ViewUnderTest::Judge {
  duckdb::Connection connection{instance()};
  const std::string schema;
  std::set<std::string> stale;  // tables that are not as they should be
  duckdb::unique_ptr<duckdb::PreparedStatement> prepared;

  explicit Judge(const std::vector<SourceTable>& tables) : schema(next_schema()) {
    must("CREATE SCHEMA " + schema);
    must("SET schema = '" + schema + "'");
    for (const SourceTable& table : tables) {
      std::string columns;
      for (size_t i = 0; i < table.shape.names.size(); ++i) {
        columns +=
            (i > 0 ? ", " : "") + table.shape.names[i] + " " + table.shape.types[i].ToString();
      }
      must("CREATE TABLE " + table.name + " (" + columns + ")");
    }
    must("BEGIN");
  }
  ~Judge() {
    must("ROLLBACK");
    must("DROP SCHEMA " + schema + " CASCADE");
  }
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;

  void must(const std::string& sql) {
    const auto result = connection.Query(sql);
    EXPECT_FALSE(result->HasError()) << result->GetError();
  }

 private:
  static duckdb::DuckDB& instance() {
    static duckdb::DuckDB made = [] {
      duckdb::DuckDB database(nullptr);
      engine::functions::register_functions(*database.instance);
      duckdb::Connection settings(database);
      settings.Query("SET threads = 1");
      // A statement is planned once, before its tables have the rows that it will see.
      settings.Query(
          "SET disabled_optimizers = 'statistics_propagation,compressed_materialization'");
      return database;
    }();
    return made;
  }
  static std::string next_schema() {
    static int made = 0;
    return fmt::format("view_{}", ++made);
  }
};

ViewUnderTest::ViewUnderTest(std::vector<SourceTable> tables, const std::string& sql,
                             const std::string& judge, Beginning beginning)
    : tables_(std::move(tables)),
      judge_sql_(judge.empty() ? sql : judge),
      judge_(std::make_unique<Judge>(tables_)) {
  auto query = engine::Query::parse(sql);
  if (!query.ok()) {
    ADD_FAILURE() << sql << ": " << query.error().message;
    return;
  }
  // One for all, since its instance takes longer to make than most tests.
  static Planner planner(engine::functions::register_functions);
  auto plan = planner.compile(*query, tables_);
  if (!plan.ok()) {
    ADD_FAILURE() << sql << ": " << plan.error().message;
    return;
  }
  // Every number of shards has its turn, and no row is too few for other threads.
  static size_t made = 0;
  auto graph = Graph::make(std::move(*plan), {.shards = 1 + made++ % 3, .from_rows = 1});
  if (!graph.ok()) {
    ADD_FAILURE() << sql << ": " << graph.error().message;
    return;
  }
  graph_ = std::move(*graph);
  if (beginning == Beginning::kEmpty) apply({});
}

ViewUnderTest::~ViewUnderTest() = default;

Graph::Changes ViewUnderTest::batches_of(const Changes& changes, size_t rows_each) {
  Graph::Changes sources;
  for (const SourceTable& table : tables_) {
    const auto found = changes.find(table.name);
    if (found == changes.end()) continue;
    const auto& rows = found->second;
    judge_->stale.insert(table.name);
    for (size_t begin = 0; begin < rows.size(); begin += rows_each) {
      const size_t count = std::min(rows_each, rows.size() - begin);
      auto batch = std::make_shared<Batch>();
      engine::initialize(batch->rows, table.shape.types, count);
      batch->rows.SetCardinality(count);
      for (size_t i = 0; i < count; ++i) {
        const auto& [row, weight] = rows[begin + i];
        for (size_t column = 0; column < row.size(); ++column) {
          batch->rows.SetValue(column, i, row[column]);
        }
        batch->weights.push_back(weight);
        for (int64_t copy = 0; copy < weight; ++copy) model_[table.name].push_back(row);
      }
      sources[table.id].push_back(std::move(batch));
    }
  }
  return sources;
}

void ViewUnderTest::apply(const Changes& changes) {
  Graph::Changes sources = batches_of(changes, kBatchRows);
  for (auto& [id, part] : parts_) {
    auto delta = part->tick(sources, now_);
    ASSERT_TRUE(delta.ok()) << delta.error().message;
    if (!delta->empty()) sources[id] = std::move(*delta);
  }
  auto delta = graph_->tick(sources, now_);
  ASSERT_TRUE(delta.ok()) << delta.error().message;
  for (const BatchPtr& batch : *delta) {
    add_key_rows(batch->rows, batch->weights, graph_->types(), rows_);
  }
}

ViewUnderTest::Changes ViewUnderTest::random_changes(std::mt19937& random,
                                                     const RandomOptions& options) {
  Changes changes;
  std::uniform_real_distribution<> chance(0, 1);
  const bool one_table = random() % 3 == 0;
  const size_t only = random() % tables_.size();
  for (size_t number = 0; number < tables_.size(); ++number) {
    if (one_table && number != only) continue;
    const SourceTable& table = tables_[number];
    auto& model = model_[table.name];
    for (size_t i = 0; i < options.rows; ++i) {
      if (chance(random) < options.deletes && !model.empty()) {
        const size_t victim = random() % model.size();
        changes[table.name].emplace_back(model[victim], -1);
        model[victim] = model.back();
        model.pop_back();
        continue;
      }
      Row row;
      if (!model.empty() && random() % 5 == 0) {
        row = model[random() % model.size()];
      } else {
        for (size_t column = 0; column < table.shape.types.size(); ++column) {
          if (options.make && chance(random) >= options.nulls) {
            row.push_back(options.make(random, table.shape.names[column]));
          } else {
            row.push_back(options.make ? Value(table.shape.types[column])
                                       : random_value(random, table.shape.types[column], options));
          }
        }
      }
      changes[table.name].emplace_back(row, 1);
    }
  }
  return changes;
}

void ViewUnderTest::apply_random(std::mt19937& random, const RandomOptions& options) {
  apply(random_changes(random, options));
}

void ViewUnderTest::fill_random(std::mt19937& random, RandomOptions options) {
  options.deletes = 0;
  Changes changes = random_changes(random, options);
  for (auto& [table, rows] : changes) rows.front().second = 2;
  Graph::Changes pieces = batches_of(changes, 1 + random() % 7);
  // What else is random stays as it is.
  std::mt19937 coin = random;
  coin.discard(3);
  if (coin() % 2 == 0) {
    for (const SourceTable& table : tables_) leave_out(table, pieces[table.id]);
  }
  const auto sink = [&](const Delta& delta) -> Status {
    for (const BatchPtr& batch : delta) {
      // Nothing is taken back.
      for (const int64_t weight : batch->weights) EXPECT_GT(weight, 0);
      add_key_rows(batch->rows, batch->weights, graph_->types(), rows_);
    }
    return {};
  };
  ASSERT_TRUE(graph_->begin_fill(sink, {}, now_).ok());
  std::vector<std::pair<SourceId, BatchPtr>> calls;
  const bool in_order = random() % 2 == 0;
  for (const SourceId source : graph_->fill_order()) {
    const auto found = pieces.find(source);
    if (found == pieces.end()) continue;
    for (const BatchPtr& batch : found->second) calls.emplace_back(source, batch);
  }
  if (!in_order) std::shuffle(calls.begin(), calls.end(), random);
  for (size_t i = 0; i < calls.size(); ++i) {
    const SourceId source = calls[i].first;
    ASSERT_TRUE(graph_->fill(source, {calls[i].second}).ok());
    const bool last = i + 1 == calls.size() || calls[i + 1].first != source;
    if (!in_order || !last) continue;
    ASSERT_TRUE(graph_->end(source).ok());
  }
  ASSERT_TRUE(graph_->finish_fill().ok());
}

// What a scan of the source need not give: all the table's rows are in the model, and in `pieces`
// in the same order.
void ViewUnderTest::leave_out(const SourceTable& table, Delta& pieces) {
  const auto condition =
      graph_->scan_condition(table.id, [&](size_t column) { return table.shape.names[column]; });
  if (!condition) return;
  ++conditions_;
  fill_judge();
  const auto result = judge_->connection.Query("SELECT " + *condition + " FROM " + table.name);
  ASSERT_FALSE(result->HasError()) << *condition << result->GetError();
  size_t at = 0;
  Delta kept;
  for (const BatchPtr& batch : pieces) {
    std::vector<uint32_t> chosen;
    for (uint32_t row = 0; row < batch->size(); ++row) {
      const Value wanted = result->GetValue(0, at);
      if (!wanted.IsNull() && wanted.GetValue<bool>()) chosen.push_back(row);
      at += static_cast<size_t>(batch->weights[row]);
    }
    if (!chosen.empty()) kept.push_back(select_rows(*batch, chosen));
  }
  ASSERT_EQ(at, result->RowCount());
  pieces = kept;
}

bool ViewUnderTest::split_random(std::mt19937& random) {
  const std::vector<const Node*> nodes = graph_->shareable();
  if (nodes.empty()) return false;
  const SourceId id{1'000'000 + parts_.size()};
  auto part = graph_->split(*nodes[random() % nodes.size()], id);
  if (!part) return false;
  parts_.emplace_back(id, std::move(part));
  return true;
}

std::optional<Error> ViewUnderTest::error() const {
  for (const auto& [id, part] : parts_) {
    if (auto error = part->error()) return error;
  }
  return graph_->error();
}

void ViewUnderTest::fill_judge() {
  for (const SourceTable& table : tables_) {
    if (judge_->stale.erase(table.name) == 0) continue;
    judge_->must("DELETE FROM " + table.name);
    duckdb::Appender appender(judge_->connection, judge_->schema, table.name);
    for (const Row& row : model_[table.name]) {
      appender.BeginRow();
      for (const Value& value : row) appender.Append(value);
      appender.EndRow();
    }
    appender.Close();
  }
}

std::string ViewUnderTest::text(const std::string& key) const {
  engine::Chunk row;
  engine::initialize(row, graph_->types(), 1);
  const arrangement::RowCodec codec(graph_->types(), arrangement::Form::kKey);
  const std::string_view view(key);
  codec.decode({&view, 1}, all_columns(graph_->types().size()), row);
  row.SetCardinality(1);
  std::string out;
  for (size_t column = 0; column < row.ColumnCount(); ++column) {
    out += (column > 0 ? " | " : "") + row.GetValue(column, 0).ToString();
  }
  return out;
}

std::string ViewUnderTest::difference_at(uint64_t time) {
  ++judged_;
  fill_judge();
  if (!judge_->prepared) judge_->prepared = judge_->connection.Prepare(judge_sql_);
  // What fails before it has seen a row can't be prepared.
  duckdb::vector<Value> parameters;
  if (judge_sql_.find("$1") != std::string::npos) {
    parameters.push_back(Value::BIGINT(static_cast<int64_t>(time)));
  }
  const duckdb::unique_ptr<duckdb::QueryResult> answer =
      judge_->prepared->HasError() ? judge_->connection.Query(judge_sql_)
                                   : judge_->prepared->Execute(parameters, false);
  const auto error = this->error();
  if (answer->HasError()) {
    // The transaction is lost, and its rows with it.
    judge_->must("ROLLBACK");
    judge_->must("BEGIN");
    for (const SourceTable& table : tables_) judge_->stale.insert(table.name);
    return error ? "" : "DuckDB fails, the view does not: " + answer->GetError();
  }
  if (error) return "the view fails, DuckDB does not: " + error->message;
  std::map<std::string, int64_t> expected;
  while (auto chunk = answer->Fetch()) add_key_rows(*chunk, {}, graph_->types(), expected);
  std::string out;
  for (const auto& [key, count] : expected) {
    const auto found = rows_.find(key);
    const int64_t have = found == rows_.end() ? 0 : found->second;
    if (have != count) out += fmt::format("{} times, not {}: {}\n", have, count, text(key));
  }
  for (const auto& [key, count] : rows_) {
    if (!expected.contains(key)) out += fmt::format("{} times, not 0: {}\n", count, text(key));
  }
  return out;
}

Value random_value(std::mt19937& random, const LogicalType& type, const RandomOptions& options) {
  if (std::uniform_real_distribution<>(0, 1)(random) < options.nulls) return Value(type);
  const auto pick = static_cast<int64_t>(random() % static_cast<uint64_t>(options.values));
  switch (type.id()) {
    case duckdb::LogicalTypeId::DOUBLE: {
      // Halves, so that sums are exact in any order.
      const double odd[] = {-0.0, 0.0, std::nan("1"), -std::nan("2")};
      if (random() % 4 == 0) return Value::DOUBLE(odd[random() % 4]);
      return Value::DOUBLE(static_cast<double>(pick) / 2);
    }
    case duckdb::LogicalTypeId::VARCHAR:
      return {std::string(random() % 4 == 0 ? 20 : 2,
                          static_cast<char>((random() % 4 == 0 ? 'A' : 'a') + pick))};
    case duckdb::LogicalTypeId::DATE:
      return Value::DATE(duckdb::date_t(static_cast<int32_t>(9000 + pick * 30)));
    case duckdb::LogicalTypeId::INTERVAL:
      return random() % 2 == 0 ? Value::INTERVAL(static_cast<int32_t>(pick), 0, 0)
                               : Value::INTERVAL(0, static_cast<int32_t>(pick) * 30, 0);
    case duckdb::LogicalTypeId::LIST: {
      duckdb::vector<Value> values;
      for (int64_t i = 0; i < pick % 4; ++i) {
        values.push_back(random_value(random, duckdb::ListType::GetChildType(type), options));
      }
      return Value::LIST(duckdb::ListType::GetChildType(type), values);
    }
    default:
      return Value::BIGINT(pick).DefaultCastAs(type);
  }
}

}  // namespace sluice::dataflow::testing
