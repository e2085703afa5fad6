// Reads CSV files without a header, compressed or not, with DuckDB 1.5, and prints for each file its rows: every value as a
// text, or its SHA-256 as `sha256:…` if it is longer than 4096 characters; as JSON.
//
//   node csv.mjs NULLTEXT FILE…
import { createHash } from 'node:crypto';
import { DuckDBInstance } from 'duckdb-1.5';

const [nullText, ...files] = process.argv.slice(2);
const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
const shown = (value) => (value?.length > 4096 ? 'sha256:' + createHash('sha256').update(value).digest('hex') : value);

const connection = await (await DuckDBInstance.create(':memory:')).connect();
const all = [];
for (const file of files) {
  const reader = await connection.runAndReadAll(
    `SELECT * FROM read_csv(${quoted(file)}, header = false, all_varchar = true, nullstr = ${quoted(nullText)}, allow_quoted_nulls = false,
       delim = ',', quote = '"', escape = '"', new_line = '\\n', max_line_size = 67108864)`);
  all.push(reader.getRowsJson().map((row) => row.map(shown)));
}
process.stdout.write(JSON.stringify(all));
