// Functions and casts that give the engine PostgreSQL's meaning. One call puts them into an
// instance; every instance (data and planning) gets the same.
//
// Casts, all through plain CAST and `::`, explicit or implied (nothing to rewrite):
//   VARCHAR -> boolean, integers, floats, DECIMAL, DATE, TIME, TIMESTAMP, TIMESTAMPTZ, INTERVAL,
//              BLOB, UUID, JSON, LIST, MAP, oid, mz_timestamp  PostgreSQL's input syntax and errors
//   any type -> VARCHAR                                         PostgreSQL's text form (true,
//   {1,2}) JSON -> boolean, integers, floats, DECIMAL                  jsonb's casts
// Operators (the sql folder calls these names for the operators in its parse tree):
//   a / b              sluice_div(a, b)     integers truncate, numerics stay exact, 22012
//   a % b, mod(a, b)   sluice_mod(a, b)     sign of the dividend, 22012
//   a * b              sluice_mul(a, b)     DECIMAL without losing digits before the point
//   j -> k             sluice_json_get(j, text | integer)       -> jsonb
//   j ->> k            sluice_json_get_text(j, text | integer)  -> text
//   j #> path          sluice_json_path(j, text[])              -> jsonb
//   j #>> path         sluice_json_path_text(j, text[])         -> text
//   j @> k, k <@ j     sluice_json_contains(j, k)
//   j ? k              sluice_json_has_key(j, text)
//   j ?| ks, j ?& ks   sluice_json_has_any(j, text[]), sluice_json_has_all(j, text[])
//   j || k             sluice_json_concat(j, k)
//   j - k              sluice_json_delete(j, text | integer)
//   jsonb_typeof(j)    jsonb_typeof(j), jsonb_array_length(j), jsonb_strip_nulls(j),
//   jsonb_pretty(j)
// Types with a length, for casts (explicit: cut) and assignments (explicit = false: 22001):
//   sluice_varchar(text, length, explicit), sluice_char(text, length, explicit)
//   sluice_numeric(any number, precision, scale)     22003 `numeric field overflow`
// The names of our types mean nothing to DuckDB's parser (its `oid` is a BIGINT, `numeric` a
// DECIMAL(18,3)): casts in a tree take types::to_engine()'s LogicalType.
// Others, under PostgreSQL's own names:
//   to_char(date | timestamp | timestamptz, text), quote_ident, quote_literal, quote_nullable
//   sluice_text(any)   as CAST(any AS VARCHAR)
#pragma once

namespace duckdb {
class DatabaseInstance;
}

namespace sluice::engine::functions {

void register_functions(duckdb::DatabaseInstance& database);

}  // namespace sluice::engine::functions
