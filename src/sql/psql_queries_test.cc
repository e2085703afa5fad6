// What psql 15 sends for \l, \dn, \dt, \d and their like to a server that reports version 9.5.0,
// through the parser and the resolver: each must run, and those that matter must be right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <duckdb.hpp>

#include "engine/functions/register.h"
#include "sql/catalog_edit.h"
#include "sql/front/parse.h"
#include "sql/resolve.h"
#include "sql/system/catalog_functions.h"

namespace sluice::sql {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Table t(a integer PRIMARY KEY, b numeric(10,2) DEFAULT 1.5) and view v(a).
class PsqlQueries : public testing::Test {
 protected:
  PsqlQueries() {
    engine::functions::register_functions(*database_.instance);
    system::register_functions(*database_.instance);
    auto catalog = Catalog::from_records({}, 1);
    CatalogEdit edit(*catalog);
    Table table{.columns = {{.name = "a",
                             .type = types::make(types::TypeId::kInteger),
                             .not_null = true,
                             .comment = "the key"},
                            {.name = "b", .type = types::numeric(10, 2), .default_sql = "1.5"}},
                .keys = {{.name = "t_pkey", .columns = {0}, .primary = true}},
                .collection = {1}};
    t_ = **edit.create({"t"}, {"public"}, std::move(table), {});
    View view{.query_sql = "SELECT a FROM t",
              .search_path = {"public"},
              .columns = {{.name = "a", .type = types::make(types::TypeId::kInteger)}},
              .dependencies = {t_}};
    v_ = **edit.create({"v"}, {"public"}, std::move(view), {});
    context_.catalog = edit.catalog();
  }

  // Rows as text: values parted by `|`. {T} and {V} are the oids of t and v.
  std::vector<std::string> rows(std::string sql) {
    replace(sql, "{T}", std::to_string(context_.catalog->find(t_)->oid()));
    replace(sql, "{V}", std::to_string(context_.catalog->find(v_)->oid()));
    auto query = parse_query(sql);
    if (!query.ok()) return {"not parsed: " + query.error().message};
    auto resolved = resolve(std::move(*query), context_);
    if (!resolved.ok()) return {"refused: " + resolved.error().message};
    auto result = connection_.Query(resolved->query.statement().Copy());
    if (result->HasError()) return {"error: " + result->GetError()};
    std::vector<std::string> lines;
    for (auto& row : result->Collection().GetRows()) {
      std::vector<std::string> values;
      for (size_t i = 0; i < result->ColumnCount(); ++i)
        values.push_back(row.GetValue(i).ToString());
      lines.push_back(fmt::format("{}", fmt::join(values, "|")));
    }
    return lines;
  }

  static void replace(std::string& text, std::string_view what, std::string_view by) {
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what))
      text.replace(at, what.size(), by);
  }

  duckdb::DuckDB database_{nullptr};
  duckdb::Connection connection_{database_};
  ResolveContext context_;
  ObjectId t_, v_;
};

// \l
TEST_F(PsqlQueries, ListDatabases) {
  EXPECT_THAT(rows(R"(SELECT d.datname as "Name",
       pg_catalog.pg_get_userbyid(d.datdba) as "Owner",
       pg_catalog.pg_encoding_to_char(d.encoding) as "Encoding",
       d.datcollate as "Collate", d.datctype as "Ctype",
       NULL as "ICU Locale", 'libc' AS "Locale Provider",
       pg_catalog.array_to_string(d.datacl, E'\n') AS "Access privileges"
FROM pg_catalog.pg_database d
ORDER BY 1)"),
              ElementsAre("materialize|materialize|UTF8|C|C|NULL|libc|NULL"));
}

// \dn
TEST_F(PsqlQueries, ListSchemas) {
  EXPECT_THAT(rows(R"(SELECT n.nspname AS "Name",
  pg_catalog.pg_get_userbyid(n.nspowner) AS "Owner"
FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND n.nspname !~ '^mz_'
ORDER BY 1)"),
              ElementsAre("public|materialize", "sluice_internal|materialize"));
}

constexpr const char* kRelations = R"(SELECT n.nspname as "Schema",
  c.relname as "Name",
  CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
    WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 'p' THEN 'partitioned table' END as "Type",
  pg_catalog.pg_get_userbyid(c.relowner) as "Owner"
FROM pg_catalog.pg_class c
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ({})
      AND n.nspname <> 'pg_catalog'
      AND n.nspname !~ '^pg_toast'
      AND n.nspname <> 'information_schema'
  AND pg_catalog.pg_table_is_visible(c.oid)
ORDER BY 1,2)";

// \dt, \dv, \d
TEST_F(PsqlQueries, ListRelations) {
  EXPECT_THAT(rows(fmt::format(fmt::runtime(kRelations), "'r','p',''")),
              ElementsAre("public|t|table|materialize"));
  EXPECT_THAT(rows(fmt::format(fmt::runtime(kRelations), "'v',''")),
              ElementsAre("public|v|view|materialize"));
  EXPECT_THAT(rows(fmt::format(fmt::runtime(kRelations), "'r','p','v','m','S','f',''")),
              ElementsAre("public|t|table|materialize", "public|v|view|materialize"));
}

// \dt+
TEST_F(PsqlQueries, ListRelationsWithSizes) {
  EXPECT_THAT(rows(R"(SELECT n.nspname as "Schema", c.relname as "Name",
  CASE c.relpersistence WHEN 'p' THEN 'permanent' WHEN 't' THEN 'temporary' END as "Persistence",
  pg_catalog.pg_size_pretty(pg_catalog.pg_table_size(c.oid)) as "Size",
  pg_catalog.obj_description(c.oid, 'pg_class') as "Description"
FROM pg_catalog.pg_class c
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r','p','') AND pg_catalog.pg_table_is_visible(c.oid)
ORDER BY 1,2)"),
              ElementsAre("public|t|permanent|NULL|NULL"));
}

// \d t: the relation, its columns, its keys, and what it has none of.
TEST_F(PsqlQueries, DescribeTable) {
  const std::string oid = std::to_string(context_.catalog->find(t_)->oid());
  EXPECT_THAT(rows(R"(SELECT c.oid, n.nspname, c.relname
FROM pg_catalog.pg_class c
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname OPERATOR(pg_catalog.~) '^(t)$'
  AND pg_catalog.pg_table_is_visible(c.oid)
ORDER BY 2, 3)"),
              ElementsAre(oid + "|public|t"));
  EXPECT_THAT(rows(R"(SELECT c.relchecks, c.relkind, c.relhasindex, c.relhasrules,
  c.relhastriggers, c.relrowsecurity, c.relforcerowsecurity, c.relhasoids,
  false as relispartition, '', c.reltablespace,
  CASE WHEN c.reloftype = 0 THEN '' ELSE c.reloftype::pg_catalog.regtype::pg_catalog.text END,
  c.relpersistence, c.relreplident
FROM pg_catalog.pg_class c
 LEFT JOIN pg_catalog.pg_class tc ON (c.reltoastrelid = tc.oid)
WHERE c.oid = '{T}')"),
              ElementsAre("0|r|true|false|false|false|false|false|false||0||p|d"));
  EXPECT_THAT(rows(R"(SELECT a.attname,
  pg_catalog.format_type(a.atttypid, a.atttypmod),
  (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true)
   FROM pg_catalog.pg_attrdef d
   WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef),
  a.attnotnull,
  (SELECT c.collname FROM pg_catalog.pg_collation c, pg_catalog.pg_type t
   WHERE c.oid = a.attcollation AND t.oid = a.atttypid AND a.attcollation <> t.typcollation)
    AS attcollation,
  ''::pg_catalog.char AS attidentity, ''::pg_catalog.char AS attgenerated,
  a.attstorage,
  CASE WHEN a.attstattarget=-1 THEN NULL ELSE a.attstattarget END AS attstattarget,
  pg_catalog.col_description(a.attrelid, a.attnum)
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = '{T}' AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum)"),
              ElementsAre("a|integer|NULL|true|NULL|||p|NULL|the key",
                          "b|numeric(10,2)|1.5|false|NULL|||x|NULL|NULL"));
  EXPECT_THAT(rows(R"(SELECT c2.relname, i.indisprimary, i.indisunique, i.indisclustered,
  i.indisvalid, pg_catalog.pg_get_indexdef(i.indexrelid, 0, true),
  pg_catalog.pg_get_constraintdef(con.oid, true), contype, condeferrable, condeferred,
  i.indisreplident, c2.reltablespace
FROM pg_catalog.pg_class c, pg_catalog.pg_class c2, pg_catalog.pg_index i
  LEFT JOIN pg_catalog.pg_constraint con ON (conrelid = i.indrelid AND conindid = i.indexrelid
    AND contype IN ('p','u','x'))
WHERE c.oid = '{T}' AND c.oid = i.indrelid AND i.indexrelid = c2.oid
ORDER BY i.indisprimary DESC, c2.relname)"),
              ElementsAre("t_pkey|true|true|false|true|CREATE UNIQUE INDEX t_pkey ON public.t "
                          "USING btree (a)|PRIMARY KEY (a)|p|false|false|false|0"));
  EXPECT_THAT(rows(R"(SELECT pol.polname, 't' as polpermissive,
  CASE WHEN pol.polroles = '{0}' THEN NULL ELSE pg_catalog.array_to_string(array(select rolname
    from pg_catalog.pg_roles where oid = any (pol.polroles) order by 1),',') END,
  pg_catalog.pg_get_expr(pol.polqual, pol.polrelid),
  pg_catalog.pg_get_expr(pol.polwithcheck, pol.polrelid),
  CASE pol.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' END AS cmd
FROM pg_catalog.pg_policy pol
WHERE pol.polrelid = '{T}' ORDER BY 1)"),
              IsEmpty());
  EXPECT_THAT(rows(R"(SELECT c.oid::pg_catalog.regclass
FROM pg_catalog.pg_class c, pg_catalog.pg_inherits i
WHERE c.oid = i.inhparent AND i.inhrelid = '{T}'
  AND c.relkind != 'p' AND c.relkind != 'I'
ORDER BY inhseqno)"),
              IsEmpty());
  EXPECT_THAT(rows(R"(SELECT c.oid::pg_catalog.regclass, c.relkind, false AS inhdetachpending, NULL
FROM pg_catalog.pg_class c, pg_catalog.pg_inherits i
WHERE c.oid = i.inhrelid AND i.inhparent = '{T}'
ORDER BY c.oid::pg_catalog.regclass::pg_catalog.text)"),
              IsEmpty());
}

// \d+ t, \d+ v, \sv
TEST_F(PsqlQueries, DescribeMore) {
  EXPECT_THAT(rows(R"(SELECT pg_catalog.array_to_string(c.reloptions || array(select 'toast.' || x
    from pg_catalog.unnest(tc.reloptions) x), ', '), c.relkind
FROM pg_catalog.pg_class c
 LEFT JOIN pg_catalog.pg_class tc ON (c.reltoastrelid = tc.oid)
WHERE c.oid = '{V}')"),
              ElementsAre(testing::AnyOf("|v", "NULL|v")));  // psql shows nothing for either
  EXPECT_THAT(rows("SELECT pg_catalog.pg_get_viewdef('{V}'::pg_catalog.oid, true)"),
              ElementsAre(" SELECT a FROM t;"));
  EXPECT_THAT(rows("SELECT 'v'::pg_catalog.regclass::pg_catalog.oid = {V}"), ElementsAre("true"));
}

// \di
TEST_F(PsqlQueries, ListIndexes) {
  EXPECT_THAT(rows(R"(SELECT n.nspname as "Schema", c.relname as "Name", c2.relname as "Table"
FROM pg_catalog.pg_class c
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
     LEFT JOIN pg_catalog.pg_class c2 ON i.indrelid = c2.oid
WHERE c.relkind IN ('i','I','')
      AND n.nspname !~ '^pg_toast'
  AND pg_catalog.pg_table_is_visible(c.oid)
ORDER BY 1,2)"),
              ElementsAre("public|t_pkey|t"));
}

// \du
TEST_F(PsqlQueries, ListRoles) {
  EXPECT_THAT(rows(R"(SELECT r.rolname, r.rolsuper, r.rolinherit,
  r.rolcreaterole, r.rolcreatedb, r.rolcanlogin,
  r.rolconnlimit, r.rolvaliduntil,
  ARRAY(SELECT b.rolname
        FROM pg_catalog.pg_auth_members m
        JOIN pg_catalog.pg_roles b ON (m.roleid = b.oid)
        WHERE m.member = r.oid) as memberof
, r.rolreplication
, r.rolbypassrls
FROM pg_catalog.pg_roles r
WHERE r.rolname !~ '^pg_'
ORDER BY 1)"),
              ElementsAre("materialize|true|true|true|true|true|-1|NULL|[]|false|false"));
}

// \df and \dT: nothing of a user's.
TEST_F(PsqlQueries, ListFunctionsAndTypes) {
  EXPECT_THAT(rows(R"(SELECT n.nspname as "Schema", p.proname as "Name",
  pg_catalog.pg_get_function_result(p.oid) as "Result data type",
  pg_catalog.pg_get_function_arguments(p.oid) as "Argument data types",
 CASE WHEN p.proisagg THEN 'agg' WHEN p.proiswindow THEN 'window'
  WHEN p.prorettype = 'pg_catalog.text'::pg_catalog.regtype THEN 'trigger' ELSE 'func'
 END as "Type"
FROM pg_catalog.pg_proc p
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE pg_catalog.pg_function_is_visible(p.oid)
      AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema'
ORDER BY 1, 2, 4)"),
              IsEmpty());
  EXPECT_THAT(rows(R"(SELECT n.nspname as "Schema",
  pg_catalog.format_type(t.oid, NULL) AS "Name",
  pg_catalog.obj_description(t.oid, 'pg_type') as "Description"
FROM pg_catalog.pg_type t
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE (t.typrelid = 0 OR (SELECT c.relkind = 'c' FROM pg_catalog.pg_class c
                          WHERE c.oid = t.typrelid))
  AND NOT EXISTS(SELECT 1 FROM pg_catalog.pg_type el
                 WHERE el.oid = t.typelem AND el.typarray = t.oid)
      AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema'
  AND pg_catalog.pg_type_is_visible(t.oid)
ORDER BY 1, 2)"),
              IsEmpty());
}

// \dx, \db, \drds
TEST_F(PsqlQueries, ListTheRest) {
  EXPECT_THAT(rows(R"(SELECT e.extname AS "Name", e.extversion AS "Version",
  n.nspname AS "Schema", c.description AS "Description"
FROM pg_catalog.pg_extension e
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
  LEFT JOIN pg_catalog.pg_description c ON c.objoid = e.oid
    AND c.classoid = 'pg_catalog.pg_extension'::pg_catalog.regclass
ORDER BY 1)"),
              IsEmpty());
  EXPECT_THAT(rows(R"(SELECT spcname AS "Name", pg_catalog.pg_get_userbyid(spcowner) AS "Owner",
  pg_catalog.pg_tablespace_location(oid) AS "Location"
FROM pg_catalog.pg_tablespace ORDER BY 1)"),
              ElementsAre("pg_default|materialize|NULL"));
  EXPECT_THAT(rows(R"(SELECT rolname AS "Role", datname AS "Database",
pg_catalog.array_to_string(setconfig, E'\n') AS "Settings"
FROM pg_catalog.pg_db_role_setting s
LEFT JOIN pg_catalog.pg_database d ON d.oid = setdatabase
LEFT JOIN pg_catalog.pg_roles r ON r.oid = setrole
ORDER BY 1, 2)"),
              IsEmpty());
}

}  // namespace
}  // namespace sluice::sql
