// Writes three million flights of 2001 as CSV to standard output: date, delay, distance, origin,
// destination. They are a file of the npm package vega-datasets.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, '..', 'node_modules', 'vega-datasets', 'data', 'flights-3m.parquet');
const connection = await (await DuckDBInstance.create(':memory:')).connect();
await connection.run(`COPY (SELECT * FROM read_parquet('${source.replaceAll("'", "''")}')) TO '/dev/stdout' (FORMAT csv, HEADER false)`);
