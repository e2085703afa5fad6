#!/usr/bin/python3
"""Exported files as others read them: DuckDB 1.5 and hyparquet against the query's own answer."""

import json

import harness


def read(*arguments):
    return json.loads(harness.node("readers/read.mjs", *arguments))


class Readers(harness.ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bucket = harness.bucket()
        with cls.server.wire() as connection:
            harness.create_connection(connection, cls.bucket)
            connection.query("""CREATE TABLE sales (id bigint NOT NULL, day date, moment timestamp, zoned timestamptz, shop text,
                                amount numeric(12,2), rate float8, small smallint, flag boolean)""")
            connection.query("""INSERT INTO sales SELECT i, date '2024-01-01' + (i % 366)::int,
                timestamp '2024-01-01' + (i * interval '1 second'), timestamptz '2024-06-01 00:00:00+00' + (i * interval '1 minute'),
                CASE WHEN i % 10 = 0 THEN NULL WHEN i % 11 = 0 THEN '' ELSE 'shop "' || (i % 100) || E'", ä\\n' END,
                (i * 7919 % 1000003)::numeric / 100, i / 8.0::float8, (i % 1000)::smallint, i % 3 = 0
                FROM generate_series(1, 200000) AS g(i)""")
            connection.query("CREATE VIEW per_shop AS SELECT shop, count(*) AS n, sum(amount) AS total, max(zoned) AS last FROM sales GROUP BY shop")

    def export(self, source, form):
        prefix = self.bucket.fresh()
        header = ", HEADER = true" if form == "csv" else ""
        tag = self.sql.query(f"COPY {source} TO '{self.bucket.url(prefix)}' WITH (AWS CONNECTION = aws_conn, FORMAT = '{form}'{header})").tag
        return self.bucket.download(prefix), int(tag.split()[1])

    # One text that both understand; times by their seconds, texts by their lengths, all sums exact.
    CHECK = """SELECT count(*), sum(id), count(DISTINCT id), min(day)::text, max(day)::text,
        sum(extract(epoch from moment))::bigint, sum(extract(epoch from zoned))::bigint, count(shop), sum(length(shop)), max(shop),
        sum(amount), max(amount), sum(rate), sum(small), sum(CASE WHEN flag THEN 1 ELSE 0 END), count(flag) FROM {}"""
    # What CSV holds are texts; its reader gives them their types.
    TYPED = """(SELECT id::bigint AS id, day::date AS day, moment::timestamp AS moment, zoned::timestamptz AS zoned, shop, amount::numeric(12,2)
        AS amount, rate::float8 AS rate, small::smallint AS small, flag::boolean AS flag FROM data) AS typed"""

    def same(self, mine, theirs):
        self.assertEqual(len(mine), len(theirs))
        for a, b in zip(mine, theirs):
            number = lambda x: isinstance(x, str) and x.replace(".", "").replace("-", "").isdigit() and x.count("-") < 2
            if number(a) and number(b):
                self.assertEqual(float(a), float(b))
            else:
                self.assertEqual(a, b)

    def test_the_judge_is_not_the_server_s_own_duckdb(self):
        folder, _ = self.export("(SELECT 1 AS one)", "parquet")
        ((version,),) = read("duckdb", folder, "parquet", "SELECT version() FROM data")
        self.assertTrue(version.startswith("v1.5."), version)

    def test_a_table_as_parquet(self):
        folder, count = self.export("sales", "parquet")
        self.assertEqual(count, 200000)
        self.same(self.sql.rows(self.CHECK.format("sales"))[0], read("duckdb", folder, "parquet", self.CHECK.format("data"))[0])
        sums = read("hyparquet-sums", folder)
        mine = self.sql.rows("SELECT count(*), count(shop), sum(id), sum(amount), sum(rate), sum(small) FROM sales")[0]
        theirs = [sums["count"], sums["values"]["shop"], *(round(sums["sums"][c], 2) for c in ("id", "amount", "rate", "small"))]
        for a, b in zip(mine, theirs):
            self.assertAlmostEqual(float(a), float(b), delta=abs(float(a)) * 1e-9)

    def test_a_table_as_csv(self):
        folder, count = self.export("sales", "csv")
        self.assertEqual(count, 200000)
        self.same(self.sql.rows(self.CHECK.format("sales"))[0], read("duckdb", folder, "csv", self.CHECK.format(self.TYPED))[0])

    def test_a_view_and_a_query_as_both(self):
        check = "SELECT count(*), count(shop), sum(n::bigint), sum(total::numeric(14,2)), sum(extract(epoch from last::timestamptz))::bigint FROM {}"
        for source, relation in (("per_shop", "per_shop"),
                                 ("(SELECT * FROM per_shop WHERE n > 100)", "(SELECT * FROM per_shop WHERE n > 100) AS q")):
            mine = self.sql.rows(check.format(relation))[0]
            for form in ("parquet", "csv"):
                with self.subTest(source + " " + form):
                    folder, count = self.export(source, form)
                    self.assertEqual(count, int(mine[0]))
                    self.same(mine, read("duckdb", folder, form, check.format("data"))[0])

    def test_every_type_in_parquet(self):
        folder, _ = self.export("""(SELECT true AS bo, 1::smallint AS si, -2 AS i, 3::bigint AS bi, 1.5::real AS re, 2.25::float8 AS fl,
            1234.5::numeric(10,2) AS nu, '12345678901234567890123456789012345678'::numeric(38,0) AS wide, date '2024-02-29' AS da,
            time '10:10:10.5' AS ti, timestamp '2024-02-29 01:02:03.000004' AS ts, timestamptz '2024-02-29 03:02:03+02' AS tz,
            '\\x00ff'::bytea AS ba, 'ä"x' AS te, 'abc'::varchar(5) AS vc, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS id,
            '{"b": [1, null], "a": "x"}'::jsonb AS js, NULL::int AS none
            UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 7)""", "parquet")
        types = dict(read("schema", folder))
        wanted = {"bo": "BOOLEAN", "si": "SMALLINT", "i": "INTEGER", "bi": "BIGINT", "re": "FLOAT", "fl": "DOUBLE", "nu": "DECIMAL(38,2)",
                  "wide": "DECIMAL(38,0)", "da": "DATE", "ti": "TIME", "ts": "TIMESTAMP", "tz": "TIMESTAMP WITH TIME ZONE", "ba": "BLOB",
                  "te": "VARCHAR", "vc": "VARCHAR", "none": "INTEGER"}
        self.assertEqual({name: types[name] for name in wanted}, wanted)
        self.assertEqual(list(types), ["bo", "si", "i", "bi", "re", "fl", "nu", "wide", "da", "ti", "ts", "tz", "ba", "te", "vc", "id", "js", "none"])
        (row,) = [r for r in read("hyparquet", folder) if r["none"] is None]
        self.assertEqual((row["bo"], row["si"], row["i"], str(row["bi"]), row["re"], row["fl"], row["nu"]), (True, 1, -2, "3", 1.5, 2.25, 1234.5))
        self.assertEqual((row["da"][:10], row["ts"][:23], row["tz"][:19]), ("2024-02-29", "2024-02-29T01:02:03.000", "2024-02-29T01:02:03"))
        self.assertEqual((row["ba"], row["te"], row["vc"]), ("00ff", 'ä"x', "abc"))
        ((wide, times, text),) = read("duckdb", folder, "parquet", "SELECT wide::text, ti::text || ' ' || ts::text, js::text FROM data WHERE none IS NULL")
        self.assertEqual((wide, times), ("12345678901234567890123456789012345678", "10:10:10.5 2024-02-29 01:02:03.000004"))
        self.assertEqual(json.loads(text), {"a": "x", "b": [1, None]})

    def test_names_that_occur_twice_are_told_apart(self):
        folder, _ = self.export("(SELECT 1 AS a, 2 AS a, 3 AS a)", "parquet")
        self.assertEqual([name for name, _ in read("schema", folder)], ["a", "a2", "a3"])

    def test_an_empty_result_keeps_its_columns(self):
        folder, count = self.export("(SELECT * FROM sales WHERE false)", "parquet")
        self.assertEqual(count, 0)
        self.assertEqual(read("duckdb", folder, "parquet", "SELECT count(*) FROM data"), [["0"]])
        self.assertEqual([name for name, _ in read("schema", folder)],
                         ["id", "day", "moment", "zoned", "shop", "amount", "rate", "small", "flag"])


if __name__ == "__main__":
    harness.main()
