#include "types/sql_type.h"

#include <gtest/gtest.h>

namespace sluice::types {
namespace {

std::string named(std::string_view text) {
  const Result<SqlType> type = parse_type_name(text);
  return type.ok() ? name(*type) : type.error().sqlstate + " " + type.error().message;
}

TEST(TypeNames, AreReadAsPostgresqlAndMaterializeSpellThem) {
  EXPECT_EQ(named("int8"), "bigint");
  EXPECT_EQ(named(" INT "), "integer");
  EXPECT_EQ(named("double precision"), "double precision");
  EXPECT_EQ(named("float(24)"), "real");
  EXPECT_EQ(named("timestamp with time zone"), "timestamp with time zone");
  EXPECT_EQ(named("timestamp(3) with time zone"), "timestamp with time zone");
  EXPECT_EQ(named("timestamp"), "timestamp without time zone");
  EXPECT_EQ(named("time"), "time without time zone");
  EXPECT_EQ(named("numeric(10,2)"), "numeric(10,2)");
  EXPECT_EQ(named("numeric ( 10 , 2 )"), "numeric(10,2)");
  EXPECT_EQ(named("decimal(5)"), "numeric(5,0)");
  EXPECT_EQ(named("numeric"), "numeric");
  EXPECT_EQ(named("numeric(39,39)"), "numeric(39,39)");
  EXPECT_EQ(named("varchar(10)"), "character varying(10)");
  EXPECT_EQ(named("character varying"), "character varying");
  EXPECT_EQ(named("char"), "character(1)");
  EXPECT_EQ(named("bpchar"), "character");
  EXPECT_EQ(named("\"char\""), "\"char\"");
  EXPECT_EQ(named("pg_catalog.int4"), "integer");
  EXPECT_EQ(named("pg_catalog.\"char\""), "\"char\"");
  EXPECT_EQ(named("int[]"), "integer[]");
  EXPECT_EQ(named("int[3][]"), "integer[]");
  EXPECT_EQ(named("_text"), "text[]");
  EXPECT_EQ(named("integer array"), "integer[]");
  EXPECT_EQ(named("text list"), "text list");
  EXPECT_EQ(named("int list list"), "integer list list");
  EXPECT_EQ(named("numeric(10,2) list"), "numeric(10,2) list");
  EXPECT_EQ(named("map[text=>int]"), "map[text=>integer]");
  EXPECT_EQ(named("map[text => map[text=>jsonb]]"), "map[text=>map[text=>jsonb]]");
  EXPECT_EQ(named("uint8"), "uint8");
  EXPECT_EQ(named("interval day to second"), "interval");
}

TEST(TypeNames, ThatAreWrongAreRefusedWithPostgresqlsCodes) {
  EXPECT_EQ(named("foo"), "42704 type \"foo\" does not exist");
  EXPECT_EQ(named("my.foo"), "42704 type \"my.foo\" does not exist");
  EXPECT_EQ(named("hugeint"), "42704 type \"hugeint\" does not exist");
  EXPECT_EQ(named("varchar(0)"), "22023 length for type varchar must be at least 1");
  EXPECT_EQ(named("numeric(3,4)"), "22023 NUMERIC scale 4 must be between 0 and precision 3");
  EXPECT_EQ(named("numeric(1000)"), "22023 NUMERIC precision 1000 must be between 1 and 39");
  EXPECT_EQ(named("int(4)"), "42601 type modifier is not allowed for type \"int\"");
  EXPECT_EQ(named("map[int=>int]"), "42601 map key type must be text, not integer");
  EXPECT_EQ(named("int["), "42601 invalid type name \"int[\"");
  EXPECT_EQ(named(""), "42601 invalid type name \"\"");
}

TEST(SqlTypes, HavePostgresqlsAndMaterializesOids) {
  EXPECT_EQ(oid(make(TypeId::kInteger)), 23u);
  EXPECT_EQ(oid(array_of(make(TypeId::kInteger))), 1007u);
  EXPECT_EQ(oid(make(TypeId::kUint2)), 16460u);
  EXPECT_EQ(oid(make(TypeId::kUint4)), 16462u);
  EXPECT_EQ(oid(make(TypeId::kUint8)), 16464u);
  EXPECT_EQ(oid(make(TypeId::kMzTimestamp)), 16552u);
  EXPECT_EQ(oid(list_of(make(TypeId::kText))), 16454u);
  EXPECT_EQ(oid(map_of(make(TypeId::kText))), 16455u);
  EXPECT_EQ(typmod(numeric(10, 2)), 655366);
  EXPECT_EQ(typmod(*parse_type_name("varchar(10)")), 14);
  EXPECT_EQ(typmod(numeric()), -1);
  EXPECT_EQ(format_type(1043, 14), "character varying(10)");
  EXPECT_EQ(format_type(1700, 655366), "numeric(10,2)");
  EXPECT_EQ(format_type(1009, std::nullopt), "text[]");
  EXPECT_EQ(format_type(4242, -1), "???");
}

TEST(SqlTypes, AreFoundAgainByTheirOid) {
  for (const SqlType& type : all_types()) {
    EXPECT_EQ(from_oid(oid(type), typmod(type)), type) << name(type);
  }
}

TEST(SqlTypes, ComeBackFromTheEngineUnchanged) {
  for (const char* text : {"boolean",
                           "smallint",
                           "integer",
                           "bigint",
                           "uint2",
                           "uint4",
                           "uint8",
                           "real",
                           "double precision",
                           "numeric",
                           "numeric(10,2)",
                           "date",
                           "time",
                           "timestamp",
                           "timestamptz",
                           "interval",
                           "text",
                           "bytea",
                           "uuid",
                           "jsonb",
                           "mz_timestamp",
                           "oid",
                           "int[]",
                           "jsonb[]",
                           "map[text=>numeric(4,1)]"}) {
    const SqlType type = *parse_type_name(text);
    EXPECT_EQ(from_engine(to_engine(type)), type) << text;
    EXPECT_FALSE(needs_cast(to_engine(type), type)) << text;
  }
  // A list is a LIST too; only the catalog's column says that it is not an array.
  EXPECT_EQ(from_engine(to_engine(list_of(make(TypeId::kText)))), array_of(make(TypeId::kText)));
  EXPECT_EQ(from_engine(engine::LogicalType::HUGEINT), numeric());
}

TEST(SqlTypes, ComeBackFromTheirExactNames) {
  for (const char* text :
       {"integer[][]", "text[][][]", "integer[][] list", "map[text=>integer[][]]",
        "numeric(12,2)[]", "character varying(10)[][]", "integer list list"}) {
    const SqlType type = *parse_type_name(text);
    EXPECT_EQ(exact_name(type), text);
    EXPECT_EQ(*parse_type_name(exact_name(type)), type);
  }
  EXPECT_EQ(name(*parse_type_name("integer[][]")), "integer[]");
}

TEST(SqlTypes, PastTheEnginesDigitsCanBeNamedButNotStored) {
  EXPECT_TRUE(check_storable(numeric(38, 38)).ok());
  EXPECT_EQ(check_storable(numeric(39, 39)).error().sqlstate, "0A000");
  EXPECT_EQ(check_storable(list_of(numeric(39, 0))).error().sqlstate, "0A000");
  EXPECT_EQ(materialize_name(numeric(39, 39)), "Numeric { max_scale: Some(NumericMaxScale(39)) }");
  EXPECT_EQ(materialize_name(make(TypeId::kInterval)), "Interval");
}

}  // namespace
}  // namespace sluice::types
