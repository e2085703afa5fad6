#include "parquet/mapping.h"

#include <gtest/gtest.h>

#include "parquet/test_types.h"

namespace sluice::parquet {
namespace {

TEST(Mapping, TellsColumnsOfOneNameApart) {
  const auto columns = *map_columns({"a", "a", "a2", "a"}, types_of({"int", "int", "int", "int"}));
  std::vector<std::string> names;
  for (const MappedColumn& column : columns) {
    names.push_back(column.name);
    EXPECT_EQ(column.field.name, column.name);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"a", "a3", "a2", "a4"}));
}

TEST(Mapping, GivesDecimalsAllDigitsAndTheirOwnScale) {
  const auto columns =
      *map_columns({"bare", "narrow", "wide"},
                   types_of({"numeric", "numeric(5,2)", "numeric(38,7)"}), Profile::materialize());
  const std::vector<int> scales = {10, 2, 7};
  for (size_t i = 0; i < columns.size(); ++i) {
    EXPECT_EQ(columns[i].field.physical, Physical::kFixed);
    EXPECT_EQ(columns[i].field.fixed_bytes, 16);
    EXPECT_EQ(columns[i].field.precision, 38);
    EXPECT_EQ(columns[i].field.scale, scales[i]);
  }
  // They come as narrow as the engine has them.
  EXPECT_EQ(columns[1].input, engine::LogicalType::DECIMAL(5, 2));
}

TEST(Mapping, NestsAsReadersExpectIt) {
  const auto columns = *map_columns({"l", "m"}, types_of({"int list", "map[text=>int[]]"}));
  const Field& list = columns[0].field;
  EXPECT_EQ(list.kind, FieldKind::kList);
  EXPECT_EQ(list.repeated_name, "list");
  EXPECT_EQ(list.children.at(0).name, "element");
  const Field& map = columns[1].field;
  EXPECT_EQ(map.kind, FieldKind::kMap);
  EXPECT_EQ(map.repeated_name, "key_value");
  EXPECT_FALSE(map.children.at(0).nullable);
  EXPECT_EQ(map.children.at(1).kind, FieldKind::kList);
}

TEST(Mapping, TakesEveryTypeThatATableCanHave) {
  for (const types::SqlType& type : types::all_types()) {
    if (!types::check_storable(type).ok() || (type.id == types::TypeId::kMap) ||
        (type.id == types::TypeId::kList)) {
      continue;  // lists and maps of nothing are in the list, too
    }
    EXPECT_TRUE(map_columns({"a"}, {type}).ok()) << types::exact_name(type);
  }
}

TEST(Mapping, NamesAllColumnsAtOnceThatNoFileCanHold) {
  const auto refused =
      map_columns({"m", "n", "ok"}, types_of({"numeric(39,39)[]", "numeric(39,39)", "int"}));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message,
            "Cannot encode the following columns/types: [\"m: Array(Numeric { max_scale: "
            "Some(NumericMaxScale(39)) })\", \"n: Numeric { max_scale: "
            "Some(NumericMaxScale(39)) }\"]");
  EXPECT_EQ(refused.error().sqlstate, "0A000");
}

}  // namespace
}  // namespace sluice::parquet
