// Reads one CSV file, compressed or not, with DuckDB: every value as a text, as JSON.
//
//   node csv.mjs FILE NULLTEXT
import { DuckDBInstance } from '@duckdb/node-api';

const [file, nullText] = process.argv.slice(2);
const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
const connection = await (await DuckDBInstance.create(':memory:')).connect();
const reader = await connection.runAndReadAll(
  `SELECT * FROM read_csv(${quoted(file)}, header = false, all_varchar = true, nullstr = ${quoted(nullText)}, allow_quoted_nulls = false,
     delim = ',', quote = '"', escape = '"', new_line = '\\n', max_line_size = 67108864)`);
process.stdout.write(JSON.stringify(reader.getRowsJson()));
