// What readers that share nothing with Sluice make of the schema of a folder's Parquet files, as JSON:
//
//   parquet    lines of Parquet's own schema, by hyparquet: `optional INT32 a UINT_16 #1`, children indented
//   embedded   the footer's Arrow schema, as apache-arrow (JavaScript) reads its bytes; null without one
//   arrow      the schema that Arrow's Rust reader gives to a program, with metadata of fields
//
// Arrow's fields are lines `a?: Int32 [extension]`, children indented; `?`: may be NULL.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { asyncBufferFromFile, parquetMetadataAsync } from 'hyparquet';
import { readSchema } from 'parquet-wasm/node';

const [folder] = process.argv.slice(2);
const path = join(folder, readdirSync(folder).filter((name) => name.endsWith('.parquet')).sort()[0]);

function meaning(element) {
  const logical = element.logical_type;
  if (!logical) return element.converted_type ?? '';
  const more = Object.entries(logical).filter(([key]) => key !== 'type').map(([, value]) => value);
  return [logical.type, ...more].join(' ');
}

function parquetLines({ schema }) {
  let next = 1;
  const lines = [];
  const walk = (depth) => {
    const element = schema[next++];
    const type = element.num_children === undefined ? element.type + (element.type_length ? `(${element.type_length})` : '') : 'group';
    const id = element.field_id === undefined ? '' : `#${element.field_id}`;
    lines.push(' '.repeat(depth) + [element.repetition_type.toLowerCase(), type, element.name, meaning(element), id].filter(Boolean).join(' '));
    for (let i = 0; i < (element.num_children ?? 0); i++) walk(depth + 1);
  };
  for (let i = 0; i < schema[0].num_children; i++) walk(0);
  return lines;
}

function arrowLines(schema) {
  const lines = [];
  const walk = (field, depth) => {
    const { type } = field;
    const shown = type.children?.length ? type.constructor.name.replace(/_$/, '') : String(type);
    const extension = field.metadata.get('ARROW:extension:name');
    lines.push(`${' '.repeat(depth)}${field.name}${field.nullable ? '?' : ''}: ${shown}${extension ? ` [${extension}]` : ''}`);
    for (const child of type.children ?? []) walk(child, depth + 1);
  };
  for (const field of schema.fields) walk(field, 0);
  return lines;
}

const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path));
const text = metadata.key_value_metadata?.find(({ key }) => key === 'ARROW:schema')?.value;
console.log(JSON.stringify({
  parquet: parquetLines(metadata),
  embedded: text ? arrowLines(tableFromIPC(Buffer.from(text, 'base64')).schema) : null,
  arrow: arrowLines(tableFromIPC(readSchema(readFileSync(path)).intoIPCStream()).schema),
}));
