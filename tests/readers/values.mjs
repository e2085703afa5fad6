// The values of exported Parquet files below their logical types, so that nothing is rounded on the way: as two readers
// have them that share nothing with Sluice or each other.
//
//   node values.mjs hyparquet|arrow FOLDER…    for each folder an array of rows, each an object of the columns
//
//   integers, dates, times, timestamps, decimals   their number (unscaled), as a text
//   real, double precision                         JavaScript's text; NaN, Infinity, -0
//   texts                                          t: and the text, or its SHA-256 where it is longer than 4096
//   bytes                                          in hex
//   lists, maps, records                           arrays; arrays of [key, value]; objects. NULL: null
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const [reader, ...folders] = process.argv.slice(2);
const filesOf = (folder) => readdirSync(folder).filter((name) => name.endsWith('.parquet')).sort().map((name) => join(folder, name));

const text = (value) => (value.length > 4096 ? createHash('sha256').update(value).digest('hex') : 't:' + value);
const float = (value) => (Object.is(value, -0) ? '-0' : String(value));
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const bigEndian = (bytes) => BigInt.asIntN(bytes.length * 8, BigInt('0x' + hex(bytes))).toString();

// ---- hyparquet: its own conversions, but that of texts, are taken off the schema, and done here by what the schema said

const isText = (element) => [element.logical_type?.type, element.converted_type].some((kind) => kind === 'STRING' || kind === 'UTF8');

function unconverted(metadata) {
  const schema = metadata.schema.map((element) => {
    if (element.type === undefined || isText(element)) return element;
    const { converted_type, logical_type, ...plain } = element;
    return plain;
  });
  return { ...metadata, schema };
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
      const pairs = (map) => (map instanceof Map ? [...map] : Array.isArray(map) ? map.map((pair) => [pair.key, pair.value]) : Object.entries(map));
      return { name: element.name, decode: of((map) => pairs(map).map(([a, b]) => [key.decode(a), value.decode(b)])) };
    }
    const fields = (record) => Object.fromEntries(children.map((child) => [child.name, child.decode(record[child.name])]));
    return { name: element.name, children, decode: of(fields) };
  }
  const unsigned = element.logical_type?.isSigned === false || String(element.converted_type).startsWith('UINT');
  const bits = element.type === 'INT64' ? 64 : 32;
  const integer = (value) => (unsigned ? BigInt.asUintN(bits, BigInt(value)) : BigInt(value)).toString();
  const decode = {
    BOOLEAN: (value) => value,
    INT32: integer,
    INT64: integer,
    FLOAT: float,
    DOUBLE: float,
    BYTE_ARRAY: isText(element) ? text : kind === 'JSON' ? (value) => text(Buffer.from(value).toString()) : hex,
    FIXED_LEN_BYTE_ARRAY: kind === 'DECIMAL' ? bigEndian : hex,
  }[element.type];
  return { name: element.name, decode: of(decode) };
}

async function hyparquet(files) {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const rows = [];
  for (const path of files) {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const root = decoder([...metadata.schema]);
    const read = await parquetReadObjects({ file, metadata: unconverted(metadata), compressors, utf8: false });
    rows.push(...read.map(root.decode));
  }
  return rows;
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
      return float(values[i]);
    case types.Utf8:
    case types.LargeUtf8:
      return text(Buffer.from(bytes()).toString());
    case types.Binary:
    case types.LargeBinary:
      return hex(bytes());
    case types.FixedSizeBinary:
      return hex(values.subarray(i * type.byteWidth, (i + 1) * type.byteWidth));
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
  return rows;
}

const results = [];
for (const folder of folders) results.push(await { hyparquet, arrow }[reader](filesOf(folder)));
process.stdout.write(JSON.stringify(results));
