#include "sql/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sql/catalog_edit.h"
#include "sql/show_create.h"
#include "sql/system/relations.h"

namespace sluice::sql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const SearchPath kPath = {"public"};
using Records = std::map<std::string, std::string>;

std::shared_ptr<const secrets::Keyring> keys() {
  static const auto made =
      std::make_shared<const secrets::Keyring>(std::vector{*secrets::Key::random()});
  return made;
}

std::shared_ptr<const Catalog> load(const Records& records) {
  auto catalog = Catalog::from_records(records, 7, keys());
  EXPECT_TRUE(catalog.ok()) << catalog.error().message;
  return *catalog;
}

// What the store would hold after the edit's commit.
Records committed(Records records, const CatalogEdit& edit) {
  const auto changed = edit.records();
  EXPECT_TRUE(changed.ok());
  for (const auto& record : *changed) {
    if (record.value)
      records[record.key] = *record.value;
    else
      records.erase(record.key);
  }
  return records;
}

Table table(uint64_t collection = 1) {
  return {.columns = {{.name = "a", .type = types::make(types::TypeId::kInteger), .not_null = true},
                      {.name = "b",
                       .type = types::numeric(10, 2),
                       .default_sql = "1.5",
                       .comment = "the price"}},
          .keys = {{.name = "t_pkey", .columns = {0}, .primary = true}},
          .collection = {collection}};
}

View view(std::vector<ObjectId> dependencies) {
  return {.query_sql = "SELECT a FROM t",
          .search_path = kPath,
          .columns = {{.name = "a", .type = types::make(types::TypeId::kInteger)}},
          .dependencies = std::move(dependencies)};
}

template <typename Body>
ObjectId create(CatalogEdit& edit, const NameParts& name, Body body) {
  auto id = edit.create(name, kPath, std::move(body), {});
  EXPECT_TRUE(id.ok()) << id.error().message;
  return **id;
}

template <typename T>
std::string state_of(const Result<T>& result) {
  return result.ok() ? "ok" : result.error().sqlstate;
}

TEST(Catalog, IsTheSameAfterItsRecordsAreReadBack) {
  CatalogEdit edit(load({}));
  ASSERT_TRUE(edit.create_schema({"s"}, {}).ok());
  const ObjectId t = create(edit, {"s", "T 1"}, table());
  create(edit, {"v"}, view({t}));
  const ObjectId secret = create(edit, {"k"}, Secret{.value = std::string("\x00\xff'", 3)});
  create(edit, {"c"},
         Connection{.type = "aws",
                    .options = {{.name = "ACCESS KEY ID", .value = std::string("AK")},
                                {.name = "SECRET ACCESS KEY", .value = secret}}});
  const auto before = edit.catalog();
  const auto after = load(committed({}, edit));
  ASSERT_EQ(after->objects().size(), before->objects().size());
  for (const auto& [id, object] : before->objects()) {
    const Object* read = after->find(id);
    ASSERT_NE(read, nullptr) << id.text();
    EXPECT_EQ(read->name, object->name);
    EXPECT_EQ(show_create(*after, *read), show_create(*before, *object));
    EXPECT_EQ(read->dependencies(), object->dependencies());
  }
  EXPECT_EQ(after->find(secret)->secret()->value.view(), std::string("\x00\xff'", 3));
  EXPECT_EQ((*after->lookup({"s", "T 1"}, kPath))->columns()[1].comment, "the price");
}

MaterializedView kept_view(std::vector<ObjectId> dependencies, uint64_t collection = 9) {
  return {.query_sql = "SELECT a, b FROM t",
          .search_path = kPath,
          .columns = table().columns,
          .dependencies = std::move(dependencies),
          .collection = {collection},
          .assert_not_null = {1}};
}

TEST(Catalog, MaterializedViewsAreTheSameAfterTheirRecordsAreReadBack) {
  CatalogEdit edit(load({}));
  const ObjectId t = create(edit, {"t"}, table());
  const ObjectId v = create(edit, {"v"}, kept_view({t}));
  EXPECT_THAT(edit.created_collections(),
              ElementsAre(collection::CollectionId{1}, collection::CollectionId{9}));
  const auto catalog = load(committed({}, edit));
  const Object* const found = catalog->find(v);
  ASSERT_NE(found, nullptr);
  ASSERT_NE(found->materialized_view(), nullptr);
  EXPECT_EQ(found->kind, ObjectKind::kMaterializedView);
  EXPECT_EQ(*found->query_sql(), "SELECT a, b FROM t");
  EXPECT_THAT(found->dependencies(), ElementsAre(t));
  EXPECT_THAT(found->materialized_view()->assert_not_null, ElementsAre(1U));
  EXPECT_EQ(catalog->find_collection({9}), found);
  EXPECT_EQ(catalog->find_collection({8}), nullptr);
  CatalogEdit drop(catalog);
  EXPECT_EQ(state_of(drop.drop(ObjectKind::kView, {{"v"}}, kPath, {})), "42809");
  EXPECT_EQ(state_of(drop.drop(ObjectKind::kMaterializedView, {{"t"}}, kPath, {})), "42809");
  EXPECT_EQ(state_of(drop.drop(ObjectKind::kTable, {{"t"}}, kPath, {})), "2BP01");
  ASSERT_TRUE(drop.drop(ObjectKind::kMaterializedView, {{"v"}}, kPath, {}).ok());
  EXPECT_THAT(drop.dropped_collections(), ElementsAre(collection::CollectionId{9}));
}

TEST(Catalog, IndexesAreTheSameAfterTheirRecordsAreReadBack) {
  CatalogEdit edit(load({}));
  const ObjectId t = create(edit, {"t"}, table());
  const ObjectId id = create(edit, {"i"}, Index{.on = t, .columns = {1, 0}});
  ASSERT_TRUE(edit.rename(t, "renamed").ok());
  const Records records = committed({}, edit);
  const auto read = load(records);
  const Object* const index = read->find(id);
  ASSERT_TRUE(index != nullptr && index->index() != nullptr);
  EXPECT_EQ(index->index()->columns, (std::vector<size_t>{1, 0}));
  EXPECT_EQ(read->indexes_of(t), std::vector<const Object*>{index});
  EXPECT_EQ(show_create(*read, *index),
            "CREATE INDEX \"i\" IN CLUSTER \"quickstart\" ON "
            "\"materialize\".\"public\".\"renamed\" (\"b\", \"a\")");
  // Of a table that has lost the columns, it would be read past their end.
  Records damaged = records;
  std::string& record = damaged.at("object/" + id.text());
  record.replace(record.find("[1,0]"), 5, "[2,0]");
  EXPECT_FALSE(Catalog::from_records(damaged, 1, keys()).ok());
}

TEST(CatalogEdit, AnIndexGoesWithItsTableAndStandsInNobodysWay) {
  CatalogEdit edit(load({}));
  const ObjectId t = create(edit, {"t"}, table());
  const ObjectId id = create(edit, {"i"}, Index{.on = t, .columns = {0}});
  EXPECT_EQ(state_of(edit.drop(ObjectKind::kTable, {{"i"}}, kPath, {})), "42809");
  EXPECT_EQ(state_of(edit.drop(ObjectKind::kIndex, {{"t"}}, kPath, {})), "42809");
  ASSERT_TRUE(edit.drop(ObjectKind::kTable, {{"t"}}, kPath, {}).ok());
  EXPECT_EQ(edit.catalog()->find(id), nullptr);
  EXPECT_TRUE(edit.take_notices().empty());
  const ObjectId kept = create(edit, {"t"}, table());
  create(edit, {"i"}, Index{.on = kept, .columns = {0}});
  ASSERT_TRUE(edit.drop(ObjectKind::kIndex, {{"i"}}, kPath, {}).ok());
  EXPECT_NE(edit.catalog()->find(kept), nullptr);
  EXPECT_TRUE(edit.catalog()->indexes_of(kept).empty());
}

TEST(CatalogEdit, ReplacesMaterializedViewsByTheirLikeOnly) {
  CatalogEdit edit(load({}));
  create(edit, {"v"}, kept_view({}));
  create(edit, {"w"}, view({}));
  EXPECT_EQ(state_of(edit.create({"v"}, kPath, view({}), {.or_replace = true})), "42P07");
  EXPECT_EQ(state_of(edit.create({"w"}, kPath, kept_view({}), {.or_replace = true})), "42P07");
  EXPECT_TRUE(edit.create({"v"}, kPath, kept_view({}, 10), {.or_replace = true}).ok());
  EXPECT_THAT(edit.created_collections(), ElementsAre(collection::CollectionId{10}));
}

// What is durable holds nothing of them, in no form in which somebody may have put it there.
TEST(Catalog, RecordsHoldNoCredentialThatCanBeRead) {
  CatalogEdit edit(load({}));
  const ObjectId secret = create(edit, {"k"}, Secret{.value = "hunter2-canary"});
  create(edit, {"c"},
         Connection{.type = "aws",
                    .options = {{.name = "ACCESS KEY ID", .value = std::string("AKIACANARY")},
                                {.name = "SECRET ACCESS KEY", .value = secret},
                                {.name = "SESSION TOKEN", .value = std::string("token-canary")}}});
  const Records records = committed({}, edit);
  for (const auto& [key, value] : records) {
    for (const char* form : {"canary", "CANARY", "hunter2", "68756e74657232", "aHVudGVyM"})
      EXPECT_THAT(value, testing::Not(HasSubstr(form))) << key;
  }
  const auto read = load(records);
  EXPECT_EQ(read->find(secret)->secret()->value.view(), "hunter2-canary");
  const Connection* const connection = (*read->lookup({"c"}, kPath))->connection();
  EXPECT_EQ(*connection->option("ACCESS KEY ID")->text(), "AKIACANARY");
  EXPECT_EQ(*connection->option("SESSION TOKEN")->text(), "token-canary");
}

TEST(Catalog, RefusesASecretThatWasPutIntoAnotherObject) {
  CatalogEdit edit(load({}));
  const ObjectId mine = create(edit, {"mine"}, Secret{.value = "hunter2"});
  const ObjectId yours = create(edit, {"yours"}, Secret{.value = "other"});
  Records records = committed({}, edit);
  const auto key_of = [](ObjectId id) { return "object/" + id.text(); };
  std::string& record = records[key_of(mine)];
  const std::string& other = records[key_of(yours)];
  const auto sealed = [](const std::string& json) {
    const size_t begin = json.find("\"1:");
    return json.substr(begin, json.find('"', begin + 1) - begin);
  };
  record.replace(record.find(sealed(record)), sealed(record).size(), sealed(other));
  const auto read = Catalog::from_records(records, 7, nullptr);
  EXPECT_FALSE(read.ok()) << "without a key";
  EXPECT_FALSE(Catalog::from_records(records, 7, keys()).ok());
}

TEST(Catalog, NeverGivesANumberAgain) {
  Records records;
  CatalogEdit first(load(records));
  const ObjectId old = create(first, {"t"}, table());
  records = committed(records, first);
  CatalogEdit second(load(records));
  ASSERT_TRUE(second.drop(ObjectKind::kTable, {{"t"}}, kPath, {}).ok());
  EXPECT_THAT(second.dropped_collections(), ElementsAre(collection::CollectionId{1}));
  records = committed(records, second);
  CatalogEdit third(load(records));
  EXPECT_GT(create(third, {"t"}, table(2)).number, old.number);
}

TEST(Catalog, FindsNamesByPathAndQualification) {
  CatalogEdit edit(load({}));
  ASSERT_TRUE(edit.create_schema({"s"}, {}).ok());
  const ObjectId own = create(edit, {"public", "t"}, table(1));
  const ObjectId other = create(edit, {"materialize", "s", "t"}, table(2));
  const auto catalog = edit.catalog();
  EXPECT_EQ((*catalog->relation({"t"}, kPath))->id, own);
  EXPECT_EQ((*catalog->relation({"t"}, {"s", "public"}))->id, other);
  EXPECT_EQ((*catalog->relation({"s", "t"}, kPath))->id, other);
  EXPECT_EQ((*catalog->relation({"materialize", "public", "t"}, {}))->id, own);
  EXPECT_EQ((*catalog->relation({"pg_class"}, {}))->oid(), 1259U);
  EXPECT_EQ((*catalog->relation({"mz_tables"}, {}))->name, "mz_tables");
  EXPECT_EQ(state_of(catalog->relation({"mz_aws_connections"}, kPath)), "42P01");
  EXPECT_EQ(state_of(catalog->relation({"nope"}, kPath)), "42P01");
  EXPECT_EQ(state_of(catalog->relation({"nope", "t"}, kPath)), "42P01");
  EXPECT_EQ(state_of(catalog->relation({"other", "public", "t"}, kPath)), "3D000");
  EXPECT_EQ(catalog->relation({"nope"}, kPath).error().message, "relation \"nope\" does not exist");
  EXPECT_FALSE(catalog->is_visible(*catalog->find(other), kPath));
}

TEST(CatalogEdit, RefusesNamesThatAreTaken) {
  CatalogEdit edit(load({}));
  create(edit, {"t"}, table());
  EXPECT_EQ(state_of(edit.create({"t"}, kPath, table(2), {})), "42P07");
  EXPECT_EQ(state_of(edit.create({"t"}, kPath, view({}), {.or_replace = true})), "42P07");
  EXPECT_EQ(state_of(edit.create_schema({"public"}, {})), "42P06");
  EXPECT_EQ(state_of(edit.create({"nope", "t"}, kPath, table(2), {})), "3F000");
  EXPECT_EQ(state_of(edit.create({"pg_catalog", "t"}, kPath, table(2), {})), "42501");
  Table twice = table(2);
  twice.columns[1].name = "a";
  EXPECT_EQ(state_of(edit.create({"t2"}, kPath, twice, {})), "42701");
  auto existing = edit.create({"t"}, kPath, table(2), {.if_not_exists = true});
  ASSERT_TRUE(existing.ok());
  EXPECT_FALSE(existing->has_value());
  const auto notices = edit.take_notices();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].message, "table \"t\" already exists, skipping");
}

TEST(CatalogEdit, DropsWhatDependsOnlyWithCascade) {
  CatalogEdit edit(load({}));
  const ObjectId t = create(edit, {"t"}, table());
  const ObjectId v = create(edit, {"v"}, view({t}));
  create(edit, {"w"}, view({v}));
  const auto refused = edit.drop(ObjectKind::kTable, {{"t"}}, kPath, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().sqlstate, "2BP01");
  EXPECT_EQ(refused.error().message, "cannot drop table \"t\": still depended upon by view \"v\"");
  EXPECT_THAT(refused.error().hint, HasSubstr("CASCADE"));
  EXPECT_NE(edit.catalog()->find(t), nullptr);
  ASSERT_TRUE(edit.drop(ObjectKind::kTable, {{"t"}}, kPath, {.cascade = true}).ok());
  EXPECT_EQ(*edit.catalog()->lookup({"w"}, kPath), nullptr);
  // All of it came and went within the edit: nothing but the next number is left to write.
  EXPECT_EQ(edit.records()->size(), 1U);
  EXPECT_THAT(edit.created_collections(), IsEmpty());
  EXPECT_THAT(edit.dropped_collections(), IsEmpty());
}

TEST(CatalogEdit, DropsSchemasOnlyEmptyOrWithCascade) {
  CatalogEdit edit(load({}));
  ASSERT_TRUE(edit.create_schema({"s"}, {}).ok());
  create(edit, {"s", "t"}, table());
  EXPECT_EQ(state_of(edit.drop(ObjectKind::kSchema, {{"s"}}, kPath, {})), "2BP01");
  ASSERT_TRUE(edit.drop(ObjectKind::kSchema, {{"s"}}, kPath, {.cascade = true}).ok());
  EXPECT_EQ(edit.catalog()->find_schema("s"), nullptr);
  EXPECT_EQ(state_of(edit.drop(ObjectKind::kSchema, {{"public"}}, kPath, {})), "2BP01");
  EXPECT_EQ(state_of(edit.drop(ObjectKind::kSchema, {{"pg_catalog"}}, kPath, {})), "42501");
}

TEST(CatalogEdit, DropIfExistsTellsWhatIsMissing) {
  CatalogEdit edit(load({}));
  EXPECT_EQ(state_of(edit.drop(ObjectKind::kTable, {{"t"}}, kPath, {})), "42P01");
  EXPECT_EQ(state_of(edit.drop(ObjectKind::kSecret, {{"k"}}, kPath, {})), "42704");
  ASSERT_TRUE(edit.drop(ObjectKind::kTable, {{"t"}}, kPath, {.if_exists = true}).ok());
  EXPECT_EQ(edit.take_notices().at(0).message, "table \"t\" does not exist, skipping");
  create(edit, {"t"}, table());
  EXPECT_EQ(state_of(edit.drop(ObjectKind::kView, {{"t"}}, kPath, {.if_exists = true})), "42809");
}

TEST(CatalogEdit, ReplacesViewsThatNothingDependsOn) {
  CatalogEdit edit(load({}));
  const ObjectId first = create(edit, {"v"}, view({}));
  auto second = edit.create({"v"}, kPath, view({}), {.or_replace = true});
  ASSERT_TRUE(second.ok());
  EXPECT_NE(**second, first);
  create(edit, {"w"}, view({**second}));
  EXPECT_EQ(state_of(edit.create({"v"}, kPath, view({}), {.or_replace = true})), "2BP01");
}

TEST(CatalogEdit, KeepsDependenciesThroughRenameAndReplacement) {
  CatalogEdit edit(load({}));
  const ObjectId secret = create(edit, {"k"}, Secret{.value = "one"});
  const ObjectId connection = create(
      edit, {"c"},
      Connection{.type = "aws", .options = {{.name = "SECRET ACCESS KEY", .value = secret}}});
  ASSERT_TRUE(edit.replace_body(secret, Secret{.value = "two"}).ok());
  ASSERT_TRUE(edit.rename(secret, "k2").ok());
  EXPECT_EQ((*edit.catalog()->lookup({"k2"}, kPath))->secret()->value, "two");
  EXPECT_EQ(state_of(edit.drop(ObjectKind::kSecret, {{"k2"}}, kPath, {})), "2BP01");
  ASSERT_TRUE(edit.drop(ObjectKind::kConnection, {{"c"}}, kPath, {}).ok());
  EXPECT_TRUE(edit.drop(ObjectKind::kSecret, {{"k2"}}, kPath, {}).ok());
  EXPECT_EQ(edit.catalog()->find(connection), nullptr);
}

TEST(ShowCreate, NeverShowsASecret) {
  CatalogEdit edit(load({}));
  const ObjectId secret = create(edit, {"k"}, Secret{.value = "hunter2"});
  const ObjectId connection =
      create(edit, {"c"},
             Connection{.type = "aws",
                        .options = {{.name = "ACCESS KEY ID", .value = std::string("A'K")},
                                    {.name = "SECRET ACCESS KEY", .value = secret}}});
  const auto& catalog = *edit.catalog();
  EXPECT_EQ(show_create(catalog, *catalog.find(connection)),
            "CREATE CONNECTION \"materialize\".\"public\".\"c\" TO AWS (ACCESS KEY ID = 'A''K', "
            "SECRET ACCESS KEY = SECRET \"materialize\".\"public\".\"k\")");
  EXPECT_EQ(show_create(catalog, *catalog.find(connection), {.redacted = true}),
            "CREATE CONNECTION \"materialize\".\"public\".\"c\" TO AWS (ACCESS KEY ID = "
            "'<REDACTED>', SECRET ACCESS KEY = SECRET \"materialize\".\"public\".\"k\")");
  EXPECT_THAT(show_create(catalog, *catalog.find(secret)), testing::Not(HasSubstr("hunter2")));
}

TEST(SystemRelations, WriteRowsThatFitTheirColumns) {
  CatalogEdit edit(load({}));
  const ObjectId t = create(edit, {"t"}, table());
  create(edit, {"v"}, view({t}));
  const ObjectId secret = create(edit, {"k"}, Secret{.value = "hunter2"});
  create(edit, {"c"},
         Connection{.type = "aws", .options = {{.name = "SECRET ACCESS KEY", .value = secret}}});
  ResolveContext context;
  context.catalog = edit.catalog();
  context.settings = [] { return Records{{"timezone", "UTC"}}; };
  size_t with_rows = 0;
  for (const auto& definition : system_relations()) {
    SCOPED_TRACE(definition.schema + "." + definition.name);
    const auto rows = rows_of(definition, context);  // a row of another width ends the process
    EXPECT_EQ(rows->ColumnCount(), definition.columns.size());
    with_rows += rows->Count() > 0 ? 1 : 0;
    EXPECT_THAT(rows->ToString(), testing::Not(HasSubstr("hunter2")));
  }
  EXPECT_GT(with_rows, 30U);
}

}  // namespace
}  // namespace sluice::sql
