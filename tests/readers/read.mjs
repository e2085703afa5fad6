// Reads exported files with readers that share nothing with Sluice, and prints what they see as JSON.
//
//   node read.mjs duckdb FOLDER csv|parquet SQL    rows of SQL over the relation `data`, as texts, by DuckDB 1.5 (the server
//                                                  has 1.4 in it)
//   node read.mjs schema FOLDER                    DuckDB's names and types of the Parquet files' columns
//   node read.mjs hyparquet FOLDER                 all rows
//   node read.mjs hyparquet-range FOLDER COLUMN FIRST END    the one file's page indexes of the column, as [first row,
//                                                  least, greatest, NULLs]; its rows FIRST to before END, and how many
//                                                  bytes of it were read for them
//   node read.mjs hyparquet-sums FOLDER            count of rows; for each column the count of values that
//                                                  are not null, and the sum where they are numbers
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from 'duckdb-1.5';
import {
  asyncBufferFromFile, parquetMetadataAsync, parquetRead, parquetReadObjects, readColumnIndex, readOffsetIndex,
} from 'hyparquet';

const [command, folder, ...rest] = process.argv.slice(2);

const files = (ending) => readdirSync(folder).filter((name) => name.endsWith(ending)).sort().map((name) => join(folder, name));

function plain(_, value) {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value instanceof Map) return Object.fromEntries(value);
  return value;
}

async function duckdb(format, sql) {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run("SET TimeZone = 'UTC'");
  const quoted = `'${folder.replaceAll("'", "''")}/*.${format}'`;
  const source = format === 'parquet'
    ? `read_parquet(${quoted})`
    : `read_csv(${quoted}, header = true, all_varchar = true, nullstr = '', allow_quoted_nulls = false, auto_detect = false, delim = ',',
        quote = '"', escape = '"', new_line = '\\n', columns = ${await csvColumns(connection, quoted)})`;
  await connection.run(`CREATE VIEW data AS SELECT * FROM ${source}`);
  const reader = await connection.runAndReadAll(sql);
  return reader.getRowsJson().map((row) => row.map((value) => (value === null ? null : typeof value === 'string' ? value : JSON.stringify(value))));
}

// Names from the header line, all as text: nothing is guessed.
async function csvColumns(connection, quoted) {
  const reader = await connection.runAndReadAll(
    `SELECT * FROM read_csv(${quoted}, header = false, all_varchar = true, delim = ',', quote = '"', escape = '"') LIMIT 1`);
  const names = reader.getRowsJson()[0];
  return `{${names.map((name) => `'${name.replaceAll("'", "''")}': 'VARCHAR'`).join(', ')}}`;
}

async function schema() {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const reader = await connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet('${folder}/*.parquet')`);
  return reader.getRowsJson().map(([name, type]) => [name, type]);
}

async function rows() {
  const all = [];
  for (const path of files('.parquet')) {
    all.push(...(await parquetReadObjects({ file: await asyncBufferFromFile(path), utf8: false })));
  }
  return all;
}

async function range(name, first, end) {
  const [path] = files('.parquet');
  const whole = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(whole);
  const pages = [];
  let begin = 0;
  for (const group of metadata.row_groups) {
    const chunk = group.columns.find((column) => column.meta_data.path_in_schema[0] === name);
    const bytes = async (offset, length) => ({ view: new DataView(await whole.slice(Number(offset), Number(offset) + length)), offset: 0 });
    const element = metadata.schema.find((node) => node.name === name);
    const bounds = readColumnIndex(await bytes(chunk.column_index_offset, chunk.column_index_length), element);
    const { page_locations } = readOffsetIndex(await bytes(chunk.offset_index_offset, chunk.offset_index_length));
    page_locations.forEach((page, i) =>
      pages.push([begin + Number(page.first_row_index), bounds.min_values[i], bounds.max_values[i], bounds.null_counts[i]]));
    begin += Number(group.num_rows);
  }
  let read = 0;
  const file = {
    byteLength: whole.byteLength,
    slice(from, to) {
      read += (to ?? whole.byteLength) - from;
      return whole.slice(from, to);
    },
  };
  const rows = await parquetReadObjects({ file, metadata, columns: [name], rowStart: Number(first), rowEnd: Number(end), useOffsetIndex: true });
  return { pages, rows, read };
}

async function sums() {
  const result = { count: 0, values: {}, sums: {} };
  for (const path of files('.parquet')) {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    result.count += Number(metadata.num_rows);
    await parquetRead({
      file,
      metadata,
      onChunk: ({ columnName, columnData }) => {
        let values = 0, sum = 0;
        for (const value of columnData) {
          if (value === null || value === undefined) continue;
          values++;
          if (typeof value === 'number') sum += value;
          else if (typeof value === 'bigint') sum += Number(value);
        }
        result.values[columnName] = (result.values[columnName] ?? 0) + values;
        result.sums[columnName] = (result.sums[columnName] ?? 0) + sum;
      },
    });
  }
  return result;
}

const commands = {
  duckdb: () => duckdb(...rest),
  schema,
  hyparquet: rows,
  'hyparquet-range': () => range(...rest),
  'hyparquet-sums': sums,
};
console.log(JSON.stringify(await commands[command](), plain));
