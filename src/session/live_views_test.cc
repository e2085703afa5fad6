#include "session/live_views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sql/catalog_edit.h"

namespace sluice::session {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Writes down what it is told to keep.
class FakeViews final : public views::Views {
 public:
  explicit FakeViews(std::vector<std::string>& told) : told_(told) {}
  Result<std::string> explain(const engine::Query&, std::span<const views::Input>) override {
    return std::string("Source\nAggregate");
  }
  void add(views::Definition definition) override {
    std::string inputs;
    for (const views::Input& input : definition.inputs) inputs += " " + input.name;
    told_.push_back(fmt::format("add {} over{}", definition.name, inputs));
    views::ViewInfo info;
    info.id = definition.id;
    info.phase = views::Phase::kLive;
    info.complete = collection::Time{90};
    infos_.push_back(std::move(info));
  }
  void remove(collection::CollectionId id) override {
    told_.push_back(fmt::format("remove {}", id.value));
    std::erase_if(infos_, [id](const auto& info) { return info.id == id; });
  }
  Status check(collection::CollectionId id, collection::Time) override {
    if (id.value == 7) return invalid("division by zero").with_sqlstate("22012");
    return ok();
  }
  Status wait(collection::CollectionId, std::stop_token) override { return ok(); }
  std::vector<views::ViewInfo> info() override { return infos_; }

 private:
  std::vector<std::string>& told_;
  std::vector<views::ViewInfo> infos_;
};

const sql::SearchPath kPath = {"public"};
const std::vector<sql::Column> kColumns = {
    {.name = "a", .type = types::make(types::TypeId::kInteger)}};

class LiveViewsTest : public testing::Test {
 protected:
  LiveViewsTest() : live_([this] { return newest(); }, [] { return collection::Time{100}; }) {
    change([](sql::CatalogEdit& edit) {
      create(edit, "t", sql::Table{.columns = kColumns, .keys = {}, .collection = {1}});
    });
  }

  Result<std::shared_ptr<const sql::Catalog>> newest() { return catalog_; }

  template <typename Body>
  static void create(sql::CatalogEdit& edit, const std::string& name, Body body) {
    EXPECT_TRUE(edit.create({name}, kPath, std::move(body), {}).ok());
  }
  static sql::MaterializedView view(const std::string& query, const std::string& reads,
                                    const sql::CatalogEdit& edit, uint64_t collection) {
    return {.query_sql = query,
            .search_path = kPath,
            .columns = kColumns,
            .dependencies = {(*edit.catalog()->lookup({reads}, kPath))->id},
            .collection = {collection}};
  }
  // Two views, one on the other.
  void create_views() {
    change([](sql::CatalogEdit& edit) {
      create(edit, "v", view("SELECT a FROM t", "t", edit, 7));
      create(edit, "w", view("SELECT a FROM v", "v", edit, 8));
    });
  }
  // As a session's commit.
  void change(const std::function<void(sql::CatalogEdit&)>& work) {
    sql::CatalogEdit edit(catalog_);
    work(edit);
    catalog_ = edit.catalog();
  }
  void drop(sql::ObjectKind kind, const std::string& name) {
    change([&](sql::CatalogEdit& edit) {
      EXPECT_TRUE(edit.drop(kind, {{name}}, kPath, {.cascade = true}).ok());
    });
  }
  void start() { live_.start(std::make_unique<FakeViews>(told_)); }

  std::vector<std::string> told_;
  std::shared_ptr<const sql::Catalog> catalog_ = *sql::Catalog::from_records({}, 1);
  LiveViews live_;
};

TEST_F(LiveViewsTest, AddsFromWhatIsReadToItsReadersAndRemovesTheOtherWay) {
  create_views();
  start();
  EXPECT_THAT(told_, ElementsAre("add public.v over u2", "add public.w over u3"));
  told_.clear();
  live_.sync();
  EXPECT_THAT(told_, IsEmpty());
  drop(sql::ObjectKind::kTable, "t");
  live_.sync();
  EXPECT_THAT(told_, ElementsAre("remove 8", "remove 7"));
  EXPECT_THAT(live_.states(), IsEmpty());
}

TEST_F(LiveViewsTest, ANewNameIsNoNewView) {
  create_views();
  start();
  told_.clear();
  change([](sql::CatalogEdit& edit) {
    EXPECT_TRUE(edit.rename((*edit.catalog()->lookup({"w"}, kPath))->id, "x").ok());
  });
  live_.sync();
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(LiveViewsTest, AViewThatIsReadBeforeItIsAddedIsAddedThen) {
  start();
  create_views();
  EXPECT_TRUE(live_.check({8}, {100}).ok());
  EXPECT_EQ(told_.size(), 2U);
  drop(sql::ObjectKind::kMaterializedView, "w");
  live_.sync();
  EXPECT_EQ(live_.check({8}, {100}).error().sqlstate, "42P01");
}

TEST_F(LiveViewsTest, AnErrorTellsInWhichViewItIs) {
  create_views();
  start();
  const Status failed = live_.check({7}, {100});
  EXPECT_EQ(failed.error().sqlstate, "22012");
  EXPECT_THAT(failed.error().detail, HasSubstr("public.v"));
}

TEST_F(LiveViewsTest, AViewThatCannotBePlannedAnyMoreHoldsUpNoOther) {
  change([](sql::CatalogEdit& edit) {
    create(edit, "bad", view("SELECT now()::text::int AS a FROM t", "t", edit, 5));
    create(edit, "above", view("SELECT a FROM bad", "bad", edit, 6));
  });
  create_views();
  start();
  EXPECT_THAT(told_, testing::IsSupersetOf({"add public.v over u2", "add public.w over u5"}));
  EXPECT_THAT(told_, testing::Not(testing::Contains(HasSubstr("add public.bad"))));
  EXPECT_THAT(told_, testing::Not(testing::Contains(HasSubstr("add public.above"))));
  EXPECT_TRUE(live_.check({8}, {100}).ok());
  EXPECT_THAT(live_.check({5}, {100}).error().message,
              HasSubstr("public.bad cannot be kept up to date"));
  EXPECT_EQ(live_.check({5}, {100}).error().sqlstate, "0A000");
  EXPECT_THAT(live_.wait({6}, {}).error().message, HasSubstr("public.bad"));
  const auto states = live_.states();
  ASSERT_EQ(states.size(), 4U);
  EXPECT_EQ(states[0].phase, "broken");
  EXPECT_EQ(states[3].phase, "live");
  EXPECT_EQ(states[3].lag_ms, 10);
  drop(sql::ObjectKind::kMaterializedView, "bad");
  live_.sync();
  EXPECT_EQ(live_.states().size(), 2U);
}

}  // namespace
}  // namespace sluice::session
