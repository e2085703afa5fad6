// What the tests of views share: a store with two tables, views over them, and DuckDB's answer to
// their queries.
//
// A query may compare the time at which it is asked: [<= k] stands for mz_now() <= k.
#pragma once

#include <fmt/ranges.h>

#include <regex>

#include "collection/faulty_files.h"
#include "collection/store_fixture.h"
#include "engine/functions/register.h"
#include "views/views.h"

namespace sluice::views {

using collection::CollectionId;
using collection::Commit;
using collection::ReadView;
using collection::RowId;
using engine::LogicalType;

struct Made {
  CollectionId id;
  std::string sql;
  engine::Shape shape;
  std::vector<Input> inputs;
};

class MaterializedViews : public collection::StoreTest {
 protected:
  void SetUp() override {
    options_.tail_limit_bytes = 60'000;
    options_.segment_from_bytes = 4'000;
    options_.fold_from_rows = 50;
    options_.retain_history = std::chrono::seconds(30);
    restart();
    t_ = create();
    u_ = create();
  }
  ~MaterializedViews() override { views_.reset(); }

  void restart() {
    views_.reset();
    const Status opened = open(files_);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    views_ = Views::start(*store_, *engine_, engine::functions::register_functions, view_options_);
    for (const Made& made : made_) add(made);
  }
  void add(const Made& made) {
    auto query = engine::Query::parse(
        with_time(made.sql, "sluice_compare(sluice_logical_time(), $2, '$1')"));
    ASSERT_TRUE(query.ok()) << query.error().message;
    views_->add(
        {made.id, fmt::format("v{}", made.id.value), made.shape, std::move(*query), made.inputs});
  }
  Input table(CollectionId id, const std::string& name) const { return {id, name, shape()}; }
  Input view(const Made& made, const std::string& name) const {
    return {made.id, name, made.shape};
  }
  Made make(const std::string& sql, std::vector<LogicalType> types, std::vector<Input> inputs) {
    Made made;
    made.id = store_->new_collection_id();
    made.sql = sql;
    for (size_t i = 0; i < types.size(); ++i) made.shape.names.push_back(fmt::format("c{}", i));
    made.shape.types = std::move(types);
    made.inputs = std::move(inputs);
    Commit commit;
    commit.created.push_back({made.id, {made.shape, {}}});
    const auto done = store_->commit(std::move(commit), {});
    EXPECT_TRUE(done.ok()) << done.error().message;
    add(made);
    made_.push_back(made);
    return made;
  }
  Made sums() {
    return make(
        "SELECT k % 7, count(*), sum(k), min(v) FROM t GROUP BY 1",
        {LogicalType::BIGINT, LogicalType::BIGINT, LogicalType::HUGEINT, LogicalType::VARCHAR},
        {table(t_, "t")});
  }
  Made join() {
    return make("SELECT t.k, t.v, u.v FROM t LEFT JOIN u ON t.k = u.k",
                {LogicalType::BIGINT, LogicalType::VARCHAR, LogicalType::VARCHAR},
                {table(t_, "t"), table(u_, "u")});
  }
  Made above(const Made& below) {
    return make("SELECT c0, count(*) FROM below WHERE c0 % 2 = 0 GROUP BY 1",
                {LogicalType::BIGINT, LogicalType::BIGINT}, {view(below, "below")});
  }

  static std::string with_time(const std::string& sql, const std::string& comparison) {
    static const std::regex form(R"(\[(\S+) ([^\]]+)\])");
    return std::regex_replace(sql, form, comparison);
  }
  static std::string from(const ReadView& at, const Input& input) {
    const auto snapshot = at.snapshot(input.id);
    EXPECT_TRUE(snapshot.ok());
    kept_.push_back(*snapshot);
    return (*snapshot)->table_sql(input.shape.names, std::nullopt);
  }
  // Rows in which the view differs from its query; nothing: it cannot be read at that time.
  std::optional<int64_t> difference(const ReadView& at, const Made& made) {
    const Status readable = views_->check(made.id, at.time());
    if (!readable.ok()) {
      EXPECT_EQ(readable.error().sqlstate, "55000") << readable.error().message;
      return std::nullopt;
    }
    std::string with;
    for (const Input& input : made.inputs) {
      with += fmt::format("{} {} AS (SELECT * FROM {})", with.empty() ? "WITH" : ",", input.name,
                          from(at, input));
    }
    const std::string rows = fmt::format("(SELECT * FROM {})", from(at, {made.id, "", made.shape}));
    const std::string sql = fmt::format(
        "{}, answer AS ({}) SELECT count(*) FROM ((FROM answer EXCEPT ALL FROM {}) UNION ALL "
        "(FROM {} EXCEPT ALL FROM answer))",
        with, with_time(made.sql, fmt::format("({} $1 $2)", at.time().milliseconds)), rows, rows);
    const auto connection = std::move(engine_->connect()).value();
    const auto found = connection->query(sql);
    kept_.clear();
    EXPECT_TRUE(found.ok()) << found.error().message << sql;
    return found.ok() ? (*found)[0][0].GetValue<int64_t>() : -1;
  }
  void expect_right(const Made& made) {
    const Status waited = views_->wait(made.id, {});
    ASSERT_TRUE(waited.ok()) << made.sql << ": " << waited.error().message;
    EXPECT_EQ(difference(*store_->read(), made), 0);
  }
  static Rows numbered(int64_t first, int64_t count) {
    Rows rows;
    for (int64_t i = first; i < first + count; ++i)
      rows.emplace_back(i, fmt::format("value {}", i));
    return rows;
  }
  void load(CollectionId id, int64_t first, int64_t count) {
    auto load = std::move(store_->load(id, shape())).value();
    const Rows many = numbered(first, count);
    for (size_t at = 0; at < many.size(); at += STANDARD_VECTOR_SIZE) {
      engine::Chunk chunk;
      fill(chunk, many, at);
      ASSERT_TRUE(load->append(chunk, {}).ok());
    }
    Commit commit;
    commit.writes.push_back({id, nullptr, {std::move(load->finish({})).value()}});
    ASSERT_TRUE(store_->commit(std::move(commit), {}).ok());
  }

  static inline std::vector<std::shared_ptr<const void>> kept_;
  collection::FaultyFiles files_;
  CollectionId t_, u_;
  Options view_options_;
  std::vector<Made> made_;
  std::unique_ptr<Views> views_;
};

}  // namespace sluice::views
