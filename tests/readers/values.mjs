// The values of exported Parquet files, so that nothing is rounded on the way: as three readers have them that share
// nothing with Sluice or each other.
//
//   node values.mjs duckdb-1.5|hyparquet|arrow FOLDER…    for each folder {rows}: an array of rows, each an object of
//                                                  the columns. By DuckDB also {types}: by column; by hyparquet
//                                                  {dictionaries}: the leaves that were written by dictionary
//
//   integers, dates, times, timestamps, decimals   their number (unscaled), as a text
//   real, double precision                         the bits, in hex
//   intervals of Parquet                           [months, days, microseconds]
//   texts                                          t: and the text
//   bytes, UUIDs                                   in hex
//   texts and bytes longer than 4096               their SHA-256
//   lists, maps, records                           arrays; arrays of [key, value]; objects. NULL: null
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const [reader, ...folders] = process.argv.slice(2);
const filesOf = (folder) => readdirSync(folder).filter((name) => name.endsWith('.parquet')).sort().map((name) => join(folder, name));

const text = (value) => (value.length > 4096 ? createHash('sha256').update(value).digest('hex') : 't:' + value);
const hex = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
const bytesOf = (value) => (value.length > 4096 ? createHash('sha256').update(value).digest('hex') : hex(value));
const bigEndian = (bytes) => BigInt.asIntN(bytes.length * 8, BigInt('0x' + hex(bytes))).toString();

function bits(value, width) {
  const view = new DataView(new ArrayBuffer(width));
  if (width === 4) view.setFloat32(0, value);
  else view.setFloat64(0, value);
  return hex(view);
}

// Parquet's own: three numbers of 32 bits, little endian.
function interval(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [months, days, milliseconds] = [0, 4, 8].map((at) => view.getUint32(at, true));
  return [String(months), String(days), (BigInt(milliseconds) * 1000n).toString()];
}

// ---- hyparquet: its own conversions, but that of texts, are taken off the schema, and done here by what the schema said

const isText = (element) => [element.logical_type?.type, element.converted_type].some((kind) => kind === 'STRING' || kind === 'UTF8');

// It takes maps of a `key` and a `value` only, and stops at those of `keys` and `values`, as Arrow names them. So it is given
// the names that it knows: how the values lie is the same.
const KNOWN_TO_HYPARQUET = { keys: 'key', values: 'value' };
const known = (name) => KNOWN_TO_HYPARQUET[name] ?? name;

function unconverted(metadata) {
  const schema = metadata.schema.map((element) => {
    const { converted_type, logical_type, ...plain } = element;
    return { ...(element.type === undefined || isText(element) ? element : plain), name: known(element.name) };
  });
  const renamed = (column) => ({ ...column, meta_data: { ...column.meta_data, path_in_schema: column.meta_data.path_in_schema.map(known) } });
  return { ...metadata, schema, row_groups: metadata.row_groups.map((group) => ({ ...group, columns: group.columns.map(renamed) })) };
}

function decoder(elements) {
  const element = elements.shift();
  const children = Array.from({ length: element.num_children ?? 0 }, () => decoder(elements));
  const kind = element.logical_type?.type ?? element.converted_type;
  const of = (decode) => (value) => (value === null || value === undefined ? null : decode(value));
  if (element.type === undefined) {
    if (kind === 'LIST') return { name: element.name, decode: of((list) => list.map(children[0].children[0].decode)) };
    if (kind === 'MAP') {
      const [key, value] = children[0].children;
      return { name: element.name, decode: of((map) => Object.entries(map).map(([a, b]) => [key.decode(a), value.decode(b)])) };
    }
    const fields = (record) => Object.fromEntries(children.map((child) => [child.name, child.decode(record[child.name])]));
    return { name: element.name, children, decode: of(fields) };
  }
  const unsigned = element.logical_type?.isSigned === false || String(element.converted_type).startsWith('UINT');
  const width = element.type === 'INT64' ? 64 : 32;
  const integer = (value) => (unsigned ? BigInt.asUintN(width, BigInt(value)) : BigInt(value)).toString();
  const decode = {
    BOOLEAN: (value) => value,
    INT32: integer,
    INT64: integer,
    FLOAT: (value) => bits(value, 4),
    DOUBLE: (value) => bits(value, 8),
    BYTE_ARRAY: isText(element) ? text : kind === 'JSON' ? (value) => text(Buffer.from(value).toString()) : bytesOf,
    FIXED_LEN_BYTE_ARRAY: { DECIMAL: bigEndian, INTERVAL: interval }[kind] ?? hex,
  }[element.type];
  return { name: element.name, decode: of(decode) };
}

async function hyparquet(files) {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const rows = [];
  const dictionaries = [];
  for (const path of files) {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const root = decoder([...metadata.schema]);
    const read = await parquetReadObjects({ file, metadata: unconverted(metadata), compressors, utf8: false });
    rows.push(...read.map(root.decode));
    for (const { meta_data: chunk } of metadata.row_groups.flatMap((group) => group.columns)) {
      if (chunk.encodings.includes('RLE_DICTIONARY')) dictionaries.push(chunk.path_in_schema.join('.'));
    }
  }
  return { rows, dictionaries };
}

// ---- Arrow's Rust reader: out of the arrays that it gives

function arrowValue(types, data, i) {
  if (!data.getValid(i)) return null;
  const { type, values, valueOffsets: offsets, children } = data;
  const range = () => Array.from({ length: Number(offsets[i + 1]) - Number(offsets[i]) }, (_, n) => Number(offsets[i]) + n);
  const bytes = () => values.subarray(Number(offsets[i]), Number(offsets[i + 1]));
  switch (type.typeId) {
    case types.Bool:
      return (values[(data.offset + i) >> 3] & (1 << ((data.offset + i) & 7))) !== 0;
    case types.Int:
    case types.Date:
    case types.Time:
    case types.Timestamp:
      return values[i].toString();
    case types.Float:
      return bits(values[i], values.BYTES_PER_ELEMENT);
    case types.Utf8:
    case types.LargeUtf8:
      return text(Buffer.from(bytes()).toString());
    case types.Binary:
    case types.LargeBinary:
      return bytesOf(bytes());
    case types.FixedSizeBinary:
      return hex(values.subarray(i * type.byteWidth, (i + 1) * type.byteWidth));
    case types.Interval: // of days and milliseconds
      return [values[2 * i], values[2 * i + 1]].map(String);
    case types.Decimal: {
      const width = type.bitWidth / 32;
      let number = 0n;
      for (let word = width - 1; word >= 0; word--) number = (number << 32n) | BigInt(values[i * width + word]);
      return BigInt.asIntN(type.bitWidth, number).toString();
    }
    case types.List:
      return range().map((n) => arrowValue(types, children[0], n));
    case types.Map:
      return range().map((n) => children[0].children.map((child) => arrowValue(types, child, n)));
    case types.Struct:
      return Object.fromEntries(type.children.map((field, n) => [field.name, arrowValue(types, children[n], i)]));
  }
  throw new Error(`no way to show ${type}`);
}

async function arrow(files) {
  const { tableFromIPC, Type } = await import('apache-arrow');
  const parquet = await import('parquet-wasm/node');
  const rows = [];
  for (const path of files) {
    const table = tableFromIPC(parquet.readParquet(readFileSync(path)).intoIPCStream());
    for (const batch of table.batches) {
      for (let i = 0; i < batch.numRows; i++) {
        rows.push(Object.fromEntries(batch.schema.fields.map((field, n) => [field.name, arrowValue(Type, batch.data.children[n], i)])));
      }
    }
  }
  return { rows };
}

// ---- DuckDB

let connection;

function duckdbValue(types, type, value) {
  if (value === null) return null;
  const of = (child, item) => duckdbValue(types, child, item);
  switch (type.typeId) {
    case types.BOOLEAN:
      return value;
    case types.FLOAT:
      return bits(value, 4);
    case types.DOUBLE:
      return bits(value, 8);
    case types.VARCHAR:
      return text(value);
    case types.BLOB:
      return bytesOf(value.bytes);
    case types.DATE:
      return String(value.days);
    case types.TIME:
    case types.TIMESTAMP:
    case types.TIMESTAMP_TZ:
      return String(value.micros);
    case types.INTERVAL:
      return [value.months, value.days, value.micros].map(String);
    case types.UUID:
      return value.toUint128().toString(16).padStart(32, '0');
    case types.DECIMAL:
      return String(value.value);
    case types.LIST:
      return value.items.map((item) => of(type.valueType, item));
    case types.MAP:
      return value.entries.map((entry) => [of(type.keyType, entry.key), of(type.valueType, entry.value)]);
    case types.STRUCT:
      return Object.fromEntries(type.entryNames.map((name, n) => [name, of(type.entryTypes[n], value.entries[name])]));
  }
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  throw new Error(`no way to show ${type}`);
}

async function duckdb(files) {
  const { DuckDBInstance, DuckDBTypeId } = await import('duckdb-1.5');
  connection ??= await (await DuckDBInstance.create(':memory:')).connect();
  const source = `read_parquet([${files.map((file) => `'${file.replaceAll("'", "''")}'`).join(', ')}])`;
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${source}`);
  const read = await connection.runAndReadAll(`SELECT * FROM ${source}`);
  const names = read.columnNames();
  const types = read.columnTypes();
  const rows = read.getRows().map((row) => Object.fromEntries(row.map((value, n) => [names[n], duckdbValue(DuckDBTypeId, types[n], value)])));
  return { rows, types: Object.fromEntries(described.getRows().map(([name, type]) => [name, type])) };
}

const results = [];
for (const folder of folders) results.push(await { 'duckdb-1.5': duckdb, hyparquet, arrow }[reader](filesOf(folder)));
process.stdout.write(JSON.stringify(results));
