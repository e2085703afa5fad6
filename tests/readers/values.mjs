// The values of exported Parquet files, so that nothing is rounded on the way: as three readers have them that share
// nothing with Sluice or each other.
//
//   node values.mjs READER FOLDER…    for each folder {rows}: an array of rows, each an object of the columns
//
//   duckdb-1.5           DuckDB. Also {types}: by column
//   arrow                Arrow's Rust reader
//   hyparquet            hyparquet, kept from three defects of its. Also {dictionaries}: the leaves that were written by
//                        dictionary; {mends}: which of the defects
//   hyparquet-unmended   hyparquet with these defects. A folder that it cannot read: {error}
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

// ---- hyparquet: as it is, with the options that its types.d.ts documents, but for three defects

// In place of its own conversions, which round (a Date has milliseconds, a JSON number 15 digits) or drop a byte order mark.
const EXACT = {
  dateFromDays: (days) => days,
  timestampFromMilliseconds: (milliseconds) => milliseconds,
  timestampFromMicroseconds: (microseconds) => microseconds,
  timestampFromNanoseconds: (nanoseconds) => nanoseconds,
  stringFromBytes: (bytes) => bytes && Buffer.from(bytes).toString(),
  jsonFromBytes: (bytes) => bytes && Buffer.from(bytes).toString(),
  uuidFromBytes: (bytes) => bytes,
};

// What hyparquet 1.31.5 cannot read though it is right. Only the schema's words for these are changed before it reads, so
// that it has plain numbers or bytes, and these are decoded here; how values lie in the file is left to hyparquet.
// test_parquet_values.py sees to it that each of them fails without that (`hyparquet-unmended`).
const DEFECTS = {
  // It multiplies a decimal with a power of ten, both as doubles: the 16th digit is wrong.
  decimal: (element) => element.converted_type === 'DECIMAL' && element.precision > 15,
  // It throws `parquet interval not supported`.
  interval: (element) => element.converted_type === 'INTERVAL',
};
// It takes maps of a `key` and a `value` only. At those of `keys` and `values`, as Arrow and Materialize name them, it throws
// `parquet map column missing keys`.
const MAP_NAMES = { keys: 'key', values: 'value' };

// The file's metadata for hyparquet, and which of the defects it had to be kept from.
function mended(metadata) {
  const mends = new Set();
  const renamed = renamedInMaps(metadata.schema);
  const schema = metadata.schema.map((element, n) => {
    const defect = Object.keys(DEFECTS).find((name) => DEFECTS[name](element));
    if (defect) mends.add(defect);
    if (renamed.has(n)) mends.add('map');
    const { converted_type, logical_type, ...plain } = element;
    return { ...(defect ? plain : element), name: renamed.get(n) ?? element.name };
  });
  const paths = pathsOf(schema);
  const row_groups = metadata.row_groups.map((group) => ({
    ...group, columns: group.columns.map((column, n) => ({ ...column, meta_data: { ...column.meta_data, path_in_schema: paths[n] } })),
  }));
  return { metadata: { ...metadata, schema, row_groups }, mends: [...mends].sort() };
}

// {position in the schema: name} of what lies in maps and has not the name that hyparquet knows.
function renamedInMaps(schema) {
  const renamed = new Map();
  schema.forEach((element, n) => {
    if (element.converted_type !== 'MAP') return;
    walk(schema, n + 1, (child, at, depth) => {
      if (depth === 1 && MAP_NAMES[child.name]) renamed.set(at, MAP_NAMES[child.name]);
    });
  });
  return renamed;
}

// Calls visit(element, position, depth) for the element and all below it; returns the position behind them.
function walk(schema, position, visit, depth = 0) {
  visit(schema[position], position, depth);
  let next = position + 1;
  for (let i = 0; i < (schema[position].num_children ?? 0); i++) next = walk(schema, next, visit, depth + 1);
  return next;
}

// The path of each leaf, in order.
function pathsOf(schema) {
  const paths = [];
  const path = [];
  walk(schema, 0, (element, _, depth) => {
    path.length = Math.max(depth - 1, 0);
    if (depth > 0) path.push(element.name);
    if (element.num_children === undefined) paths.push([...path]);
  });
  return paths;
}

// From hyparquet's value to the one that is shown, by the schema as it is in the file.
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
  return { name: element.name, decode: of(leafDecoder(element, kind)) };
}

function leafDecoder(element, kind) {
  // Up to 15 digits a double has them all.
  const decimal = (value) => (value instanceof Uint8Array ? bigEndian(value)
    : typeof value === 'bigint' ? value.toString() : BigInt(Math.round(value * 10 ** element.scale)).toString());
  if (kind === 'DECIMAL') return decimal;
  if (kind === 'INTERVAL') return interval;
  return {
    BOOLEAN: (value) => value,
    INT32: String,
    INT64: String,
    FLOAT: (value) => bits(value, 4),
    DOUBLE: (value) => bits(value, 8),
    BYTE_ARRAY: (value) => (typeof value === 'string' ? text(value) : bytesOf(value)),
    FIXED_LEN_BYTE_ARRAY: hex,
  }[element.type];
}

async function hyparquet(files, mend = mended) {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const rows = [];
  const dictionaries = [];
  const mends = new Set();
  for (const path of files) {
    const file = await asyncBufferFromFile(path);
    const asItIs = await parquetMetadataAsync(file);
    const { metadata, mends: needed } = mend(asItIs);
    needed.forEach((name) => mends.add(name));
    const read = await parquetReadObjects({ file, metadata, compressors, parsers: EXACT, utf8: false });
    rows.push(...read.map(decoder([...asItIs.schema]).decode));
    for (const { meta_data: chunk } of asItIs.row_groups.flatMap((group) => group.columns)) {
      if (chunk.encodings.includes('RLE_DICTIONARY')) dictionaries.push(chunk.path_in_schema.join('.'));
    }
  }
  return { rows, dictionaries, mends: [...mends].sort() };
}

const unmended = (files) => hyparquet(files, (metadata) => ({ metadata, mends: [] }));

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

const read = { 'duckdb-1.5': duckdb, hyparquet, 'hyparquet-unmended': unmended, arrow }[reader];
const results = [];
for (const folder of folders) {
  const result = read(filesOf(folder));
  results.push(await (read === unmended ? result.catch((error) => ({ error: error.message })) : result));
}
process.stdout.write(JSON.stringify(results));
