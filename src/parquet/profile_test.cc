#include "parquet/profile.h"

#include <gtest/gtest.h>

#include <duckdb.hpp>
#include <filesystem>
#include <fstream>

#include "parquet/arrow_schema.h"
#include "parquet/losses.h"
#include "parquet/mapping.h"
#include "parquet/test_types.h"
#include "parquet/writer.h"

namespace sluice::parquet {
namespace {

std::string text_of(const Field& field);

std::string texts_of(const std::vector<Field>& fields) {
  std::string out;
  for (const Field& field : fields) out += (out.empty() ? "" : ", ") + text_of(field);
  return out;
}

std::string meaning_of(const Field& field) {
  const char* const utc = field.is_utc ? "utc" : "local";
  switch (field.meaning) {
    case Meaning::kNone:
      return "";
    case Meaning::kString:
      return " string";
    case Meaning::kJson:
      return " json";
    case Meaning::kUuid:
      return " uuid";
    case Meaning::kDate:
      return " date";
    case Meaning::kTimeMicros:
      return " time";
    case Meaning::kTimestampMicros:
      return fmt::format(" micros {}", utc);
    case Meaning::kInteger:
      return fmt::format(" {}{}", field.is_signed ? "int" : "uint", field.bits);
    case Meaning::kDecimal:
      return fmt::format(" decimal({},{})", field.precision, field.scale);
    case Meaning::kInterval:
      return " interval";
  }
  return "?";
}

// `name?`: with NULLs; `#`: the field's id; `large`, and in brackets what Arrow's schema says
// besides.
std::string text_of(const Field& field) {
  std::string out = field.name + (field.nullable ? "? " : " ");
  if (field.id) out += fmt::format("#{} ", *field.id);
  switch (field.kind) {
    case FieldKind::kStruct:
    case FieldKind::kArray:
      out += "{" + texts_of(field.children) + "}";
      break;
    case FieldKind::kList:
    case FieldKind::kMap:
      out += field.repeated_name + "(" + texts_of(field.children) + ")";
      break;
    case FieldKind::kLeaf: {
      constexpr std::array kNames = {"bool", "i32", "i64", "", "float", "double", "bytes", "fixed"};
      out += kNames[static_cast<size_t>(field.physical)];
      if (field.physical == Physical::kFixed) out += std::to_string(field.fixed_bytes);
      out += meaning_of(field) + (field.is_large ? " large" : "");
    }
  }
  return field.extension.empty() ? out : out + " [" + field.extension + "]";
}

types::SqlType pair_of(const std::string& a, const std::string& b) {
  types::SqlType type = types::make(types::TypeId::kRecord);
  type.arguments = types_of({a, b});
  type.field_names = {"x", "X"};
  return type;
}

std::string column(const Profile& profile, const types::SqlType& type) {
  return text_of(map_columns({"_"}, {type}, profile)->at(0).field).substr(1);
}
std::string column(const Profile& profile, const std::string& type) {
  return column(profile, types_of({type})[0]);
}

// A profile's form of each of these types.
using Forms = std::vector<std::pair<std::string, std::string>>;
void expect_forms(const Profile& profile, const Forms& forms) {
  for (const auto& [type, form] : forms) {
    EXPECT_EQ(column(profile, type), "? " + form) << profile.name << " " << type;
  }
}

TEST(Profile, MaterializeHasTheFormsOfTheReference) {
  expect_forms(
      Profile::materialize(),
      {{"boolean", "bool [materialize.v1.boolean]"},
       {"smallint", "i32 int16 [materialize.v1.smallint]"},
       {"integer", "i32 [materialize.v1.integer]"},
       {"bigint", "i64 [materialize.v1.bigint]"},
       {"uint2", "i32 uint16 [materialize.v1.uint2]"},
       {"uint4", "i32 uint32 [materialize.v1.uint4]"},
       {"uint8", "i64 uint64 [materialize.v1.uint8]"},
       {"real", "float [materialize.v1.real]"},
       {"double precision", "double [materialize.v1.double]"},
       {"numeric", "fixed16 decimal(38,10) [materialize.v1.numeric]"},
       {"numeric(5,2)", "fixed16 decimal(38,2) [materialize.v1.numeric]"},
       {"date", "i32 date [materialize.v1.date]"},
       {"time", "i64 time [materialize.v1.time]"},
       {"timestamp", "i64 micros local [materialize.v1.timestamp]"},
       {"timestamptz", "i64 micros utc [materialize.v1.timestamptz]"},
       {"bytea", "bytes large [materialize.v1.bytea]"},
       {"text", "bytes string large [materialize.v1.text]"},
       {"varchar(3)", "bytes string [materialize.v1.text]"},
       {"varchar", "bytes string large [materialize.v1.text]"},
       {"uuid", "fixed16 [materialize.v1.uuid]"},
       {"jsonb", "bytes string large [materialize.v1.jsonb]"},
       {"mz_timestamp", "i64 uint64 [materialize.v1.mz_timestamp]"},
       {"int[][]",
        "{items list(item? i32 [materialize.v1.integer]) [materialize.v1.array_items], "
        "dimensions i32 uint8 [materialize.v1.array_dimensions]} [materialize.v1.array]"},
       {"int list list",
        "list(item? list(item? i32 [materialize.v1.integer]) [materialize.v1.list]) "
        "[materialize.v1.list]"},
       {"map[text=>int]",
        "entries(keys bytes string, values? i32 [materialize.v1.integer]) [materialize.v1.map]"},
       // What the reference refuses, as in `default`.
       {"interval", "bytes string"},
       {"oid", "i32 uint32"},
       {"name", "bytes string"}});
  EXPECT_EQ(map_columns({"a"}, types_of({"timestamptz"}), Profile::materialize())->at(0).field.zone,
            "+00:00");
}

TEST(Profile, DefaultHasParquetsOwnLogicalTypes) {
  expect_forms(Profile::standard(),
               {{"uuid", "fixed16 uuid [arrow.uuid]"},
                {"jsonb", "bytes json [arrow.json]"},
                {"numeric(9,2)", "i32 decimal(9,2)"},
                {"numeric(18,2)", "i64 decimal(18,2)"},
                {"numeric(19,2)", "fixed16 decimal(19,2)"},
                {"numeric", "fixed16 decimal(38,10)"},
                {"uint8", "i64 uint64"},
                {"time", "i64 time"},
                {"timestamptz", "i64 micros utc"},
                {"interval", "bytes string"},
                {"text", "bytes string"},
                {"int[][]", "list(element? list(element? i32))"},
                {"map[text=>int]", "key_value(key bytes string, value? i32)"}});
}

TEST(Profile, WarehousesGetWhatTheyCanLoad) {
  for (const Profile& profile :
       {Profile::snowflake(), Profile::bigquery(), Profile::redshift(), Profile::databricks()}) {
    const bool numbered = profile.field_ids == FieldIds::kNumbered;
    const auto form = [&](const std::string& text) { return (numbered ? "#1 " : "") + text; };
    expect_forms(profile, {{"uuid", form("bytes string")},
                           {"jsonb", form("bytes string")},
                           {"interval", form("bytes string")},
                           {"uint2", form("i32")},
                           {"uint4", form("i64")},
                           {"oid", form("i64")},
                           {"uint8", form("fixed16 decimal(20,0)")},
                           {"mz_timestamp", form("fixed16 decimal(20,0)")},
                           {"timestamp", form("i64 micros local")}});
    EXPECT_EQ(profile.arrow_schema, ArrowSchema::kNone);
  }
  expect_forms(Profile::redshift(), {{"timestamptz", "i64 micros local"},
                                     {"time", "bytes string"},
                                     {"numeric(5,2)", "fixed16 decimal(5,2)"}});
  expect_forms(Profile::bigquery(), {{"timestamptz", "i64 micros utc"},
                                     {"time", "i64 time"},
                                     {"numeric(5,2)", "i32 decimal(5,2)"}});
  expect_forms(Profile::databricks(),
               {{"timestamptz", "#1 i64 micros utc"}, {"time", "#1 bytes string"}});
  expect_forms(
      Profile::snowflake(),
      {{"map[text=>int[]]", "#1 key_value(key #2 bytes string, value? #3 list(element? #4 i32))"}});
}

TEST(Profile, BoundsTheYearsOfDatesForWarehouses) {
  const auto is_bounded = [](const Profile& profile, const char* type) {
    return map_columns({"a"}, types_of({type}), profile)->at(0).field.is_usual_year;
  };
  for (const char* const type : {"date", "timestamp", "timestamptz"}) {
    EXPECT_TRUE(is_bounded(Profile::redshift(), type));
    EXPECT_FALSE(is_bounded(Profile::standard(), type));
    EXPECT_FALSE(is_bounded(Profile::materialize(), type));
  }
  EXPECT_FALSE(is_bounded(Profile::bigquery(), "time"));
}

TEST(Profile, DuckdbGetsItsOwnInterval) {
  expect_forms(Profile::duckdb(), {{"interval", "fixed12 interval"},
                                   {"uuid", "fixed16 uuid [arrow.uuid]"},
                                   {"uint8", "i64 uint64"}});
}

TEST(Profile, WidensWithinNestedTypesToo) {
  const auto columns = *map_columns({"a"}, types_of({"uint8 list"}), Profile::bigquery());
  EXPECT_EQ(columns[0].input, engine::LogicalType::LIST(engine::LogicalType::DECIMAL(20, 0)));
  EXPECT_EQ(text_of(columns[0].field), "a? list(element? fixed16 decimal(20,0))");
}

TEST(Profile, NumbersFieldsInTheOrderOfTheFile) {
  const auto columns = *map_columns(
      {"a", "b", "c"}, {types_of({"int"})[0], pair_of("int", "text"), types_of({"int"})[0]},
      Profile::databricks());
  EXPECT_EQ(text_of(columns[1].field), "b? #2 {x? #3 i32, X2? #4 bytes string}");
  EXPECT_EQ(text_of(columns[2].field), "c? #5 i32");
}

TEST(Profile, NamesColumnsAsTheirReadersCanTakeThem) {
  using Names = std::vector<std::string>;
  const Names names = {"Id", "id", "ID2", "a b", "äh", "1", "a;b"};
  EXPECT_EQ(names_in_file(names, Profile::materialize()), names);
  EXPECT_EQ(names_in_file(names, Profile::duckdb()),
            (Names{"Id", "id3", "ID2", "a b", "äh", "1", "a;b"}));
  EXPECT_EQ(names_in_file(names, Profile::snowflake()),
            (Names{"ID", "ID3", "ID2", "A B", "äH", "1", "A;B"}));
  EXPECT_EQ(names_in_file(names, Profile::redshift()),
            (Names{"id", "id3", "id2", "a b", "äh", "1", "a;b"}));
  EXPECT_EQ(names_in_file(names, Profile::bigquery()),
            (Names{"Id", "id3", "ID2", "a_b", "_h", "_1", "a_b2"}));
  EXPECT_EQ(names_in_file(names, Profile::databricks()),
            (Names{"Id", "id3", "ID2", "a_b", "äh", "1", "a_b2"}));
}

TEST(Profile, SaysRequiredWhereNoNullCanBe) {
  const auto nullable = [](const Profile& profile) {
    const auto columns = *map_columns({"a", "b"}, types_of({"int", "int"}), profile, {true, false});
    return std::pair(columns[0].field.nullable, columns[1].field.nullable);
  };
  EXPECT_EQ(nullable(Profile::materialize()), std::pair(false, true));
  EXPECT_EQ(nullable(Profile::standard()), std::pair(false, true));
  EXPECT_EQ(nullable(Profile::redshift()), std::pair(true, true));
}

TEST(Profile, IsFoundByItsNameWhateverItsCase) {
  for (const std::string_view name : profile_names()) EXPECT_EQ(Profile::named(name)->name, name);
  EXPECT_EQ(*Profile::named("BigQuery"), Profile::bigquery());
  const auto unknown = Profile::named("oracle");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().message, "unknown PROFILE: oracle");
  EXPECT_EQ(unknown.error().sqlstate, "22023");
  EXPECT_EQ(unknown.error().hint,
            "There are: materialize, default, snowflake, bigquery, redshift, databricks, duckdb.");
}

// ---- what is lost ----

std::string loss(const Profile& profile, const std::string& type) {
  const auto sql = types_of({type})[0];
  return loss_of(sql, map_columns({"a"}, {sql}, profile)->at(0).field, profile);
}

TEST(Profile, TellsWhatIsLost) {
  EXPECT_EQ(loss(Profile::materialize(), "int"), "");
  EXPECT_EQ(loss(Profile::materialize(), "numeric(5,2)"), "the precision is not kept");
  EXPECT_EQ(loss(Profile::standard(), "numeric(5,2)"), "");
  EXPECT_EQ(loss(Profile::materialize(), "int[]"), "");
  EXPECT_EQ(loss(Profile::materialize(), "int[][]"),
            "the lengths of its dimensions are not kept; uneven ones are an error");
  EXPECT_EQ(loss(Profile::standard(), "int[][]"), "");
  EXPECT_EQ(loss(Profile::materialize(), "interval"),
            "as its text; Materialize refuses it; as in PROFILE 'default'");
  EXPECT_EQ(loss(Profile::standard(), "uuid"), "");
  EXPECT_EQ(loss(Profile::standard(), "jsonb"), "");
  EXPECT_EQ(loss(Profile::databricks(), "uuid list"), "as its text");
  EXPECT_EQ(loss(Profile::redshift(), "timestamptz"),
            "the clock of UTC, without a zone; beyond the years 1 to 9999, BC and infinity are an "
            "error");
  EXPECT_EQ(loss(Profile::bigquery(), "numeric(38,10)"), "needs BIGNUMERIC");
  EXPECT_EQ(loss(Profile::bigquery(), "numeric(38,9)"), "");
  EXPECT_EQ(loss(Profile::duckdb(), "interval"),
            "parts of milliseconds, below zero, and 1194 hours and more are an error");
  EXPECT_EQ(loss(Profile::redshift(), "varchar"), "fails to load past 65,535 bytes");
  EXPECT_EQ(loss(Profile::redshift(), "varchar(10)"), "the length is not kept");
}

TEST(Profile, TellsWhatBecomesOfDatesThatReadersDoNotHave) {
  const char* const refused = "beyond the years 1 to 9999, BC and infinity are an error";
  for (const Profile& profile :
       {Profile::snowflake(), Profile::bigquery(), Profile::databricks()}) {
    EXPECT_EQ(loss(profile, "date"), refused) << profile.name;
    EXPECT_EQ(loss(profile, "timestamp"), refused) << profile.name;
    EXPECT_EQ(loss(profile, "timestamptz"), fmt::format("in UTC; {}", refused)) << profile.name;
    EXPECT_EQ(loss(profile, "time").find(refused), std::string::npos) << profile.name;
  }
  EXPECT_EQ(loss(Profile::databricks(), "map[text=>date]"), refused);
  EXPECT_EQ(loss(Profile::redshift(), "timestamp list"),
            fmt::format("loads as SUPER; {}", refused));
  for (const Profile& profile : {Profile::materialize(), Profile::standard()}) {
    EXPECT_EQ(loss(profile, "date"), "infinity as 2147483647 days") << profile.name;
    EXPECT_EQ(loss(profile, "timestamp list"), "infinity as 9223372036854775807 microseconds")
        << profile.name;
  }
  EXPECT_EQ(loss(Profile::duckdb(), "date"), "");
  EXPECT_EQ(loss(Profile::duckdb(), "timestamp"), "");
}

// ---- Arrow's schema ----

// One column `a` of int32 without NULLs, as Arrow's own readers have read it.
TEST(ArrowSchema, IsAnEncapsulatedMessage) {
  Field field;
  field.name = "a";
  field.nullable = false;
  field.physical = Physical::kInt32;
  EXPECT_EQ(arrow_schema({field}),
            "/////4AAAAAQAAAACgALAAgACgAEAAAADAAAABAAAAAEAAEACAAKAAgABAAIAAAACAAAAAAAAAABAAAAFAAAAB"
            "AAEgAEABAAEQAIAAAADAAQAAAAEAAAABwAAAAkAAAAAAIAAAEAAABhAAgACQAEAAgAAAAKAAAAIAAAAAEAAAAA"
            "AAAAAAAAAA==");
}

TEST(Profile, FieldsOfRecordsHaveNames) {
  types::SqlType row = pair_of("integer", "text");
  row.field_names = {"", ""};
  EXPECT_EQ(column(Profile::standard(), row), "? {f1? i32, f2? bytes string}");
}

// ---- arrays as items and dimensions ----

class Arrays : public testing::TestWithParam<int> {
 protected:
  Arrays() : connection_(database_) {
    path_ = std::filesystem::temp_directory_path() /
            fmt::format("parquet_arrays.{}.{}", getpid(), GetParam());
  }
  ~Arrays() override { std::filesystem::remove(path_); }

  void run(const std::string& sql) {
    const auto done = connection_.Query(sql);
    ASSERT_FALSE(done->HasError()) << sql << ": " << done->GetError();
  }
  std::string value(const std::string& sql) {
    auto rows = connection_.Query(sql);
    EXPECT_FALSE(rows->HasError()) << sql << ": " << rows->GetError();
    return rows->HasError() ? "" : rows->GetValue(0, 0).ToString();
  }

  Status write(const std::vector<types::SqlType>& types) {
    auto rows = connection_.Query("FROM t");
    TRY_ASSIGN(auto columns, map_columns({rows->names.begin(), rows->names.end()}, types,
                                         Profile::materialize()));
    WriterOptions options;
    for (MappedColumn& column : columns) {
      options.fields.push_back(std::move(column.field));
      options.sources.push_back(column.input);
    }
    options.max_group_rows = 700;
    std::ofstream file(path_, std::ios::binary);
    TRY_ASSIGN(const auto writer, Writer::make(std::move(options)));
    const auto put = [&](std::span<const std::byte> bytes, const std::stop_token&) {
      file.write(reinterpret_cast<const char*>(bytes.data()),
                 static_cast<std::streamsize>(bytes.size()));
      return ok();
    };
    TRY(writer->begin(put, {}));
    while (const auto chunk = rows->Fetch()) TRY(writer->append(*chunk, {}));
    return writer->finish({});
  }

  duckdb::DuckDB database_;
  duckdb::Connection connection_;
  std::filesystem::path path_;
};

// Of every size up to 3 x 3, with NULLs of items and of arrays, on their own and in a list.
TEST_P(Arrays, HaveTheirItemsInOrderAndTheirDimensions) {
  const std::string array = fmt::format(
      "CASE WHEN hash({{0}}, {0}) % 5 = 0 THEN NULL ELSE list_transform(range((hash({{0}}, 1) % "
      "4)::BIGINT), x -> list_transform(range((hash({{0}}, 2) % 4)::BIGINT), y -> CASE WHEN "
      "hash({{0}}, x, y) % 3 = 0 THEN NULL ELSE (hash({{0}}, x, y) % 1000)::INTEGER END)) END",
      GetParam());
  const std::string key = "hash(i, j)";
  ASSERT_NO_FATAL_FAILURE(run(fmt::format(
      "CREATE TABLE t AS SELECT i::INTEGER AS i, {} AS a, list_transform(range((hash(i, 9) % "
      "3)::BIGINT), j -> {}) AS l FROM range(3000) r(i)",
      fmt::format(fmt::runtime(array), "i"), fmt::format(fmt::runtime(array), key))));
  const types::SqlType flat =
      types::array_of(types::array_of(types::make(types::TypeId::kInteger)));
  const Status status = write({types::make(types::TypeId::kInteger), flat, types::list_of(flat)});
  ASSERT_TRUE(status.ok()) << status.error().message;

  const auto as_group = [](const std::string& name) {
    return fmt::format(
        "CASE WHEN {0} IS NULL THEN NULL ELSE {{{{'items': flatten({0}), 'dimensions': CASE WHEN "
        "len(flatten({0})) = 0 THEN 0 ELSE 2 END::UTINYINT}}}} END",
        name);
  };
  const std::string wanted =
      fmt::format(fmt::runtime("SELECT i, " + as_group("a") + " AS a, list_transform(l, e -> " +
                               as_group("e") + ") AS l FROM t"));
  const std::string read = fmt::format("SELECT * FROM read_parquet('{}')", path_.string());
  EXPECT_EQ(value(fmt::format("SELECT count(*) FROM (({}) EXCEPT ALL ({}))", wanted, read)), "0");
  EXPECT_EQ(value(fmt::format("SELECT count(*) FROM (({}) EXCEPT ALL ({}))", read, wanted)), "0");
  EXPECT_EQ(value("SELECT count(*) FROM (" + read + ")"), "3000");
}

TEST_P(Arrays, OfDifferentLengthsAreRefused) {
  ASSERT_NO_FATAL_FAILURE(
      run("CREATE TABLE t AS SELECT CASE WHEN i < 2500 THEN [[1], [2]] WHEN i % "
          "2 = 0 THEN [[1], [2, 3]] ELSE [[1], NULL] END AS a FROM range(3000) r(i)"));
  const Status status =
      write({types::array_of(types::array_of(types::make(types::TypeId::kInteger)))});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().sqlstate, "2202E");
}

INSTANTIATE_TEST_SUITE_P(Seeds, Arrays, testing::Range(1, 6));

}  // namespace
}  // namespace sluice::parquet
