// A newer DuckDB's own COPY to a local file, measured as export_job does; duckdb.py runs it.
//
//   node duckdb.mjs FILE TARGET FORMAT CODEC THREADS
import { rmSync, statSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';

const [file, target, format, codec, threads] = process.argv.slice(2);
const connection = await (await DuckDBInstance.create(file, { access_mode: 'READ_ONLY', threads })).connect();
await connection.run('SELECT count(*) FROM data');
const compression = codec ? `, COMPRESSION ${codec}` : '';
const processor = process.cpuUsage();
const begin = performance.now();
const result = await connection.runAndReadAll(`COPY data TO '${target}' (FORMAT ${format}${compression})`);
const wall = (performance.now() - begin) / 1000;
const used = process.cpuUsage(processor);
process.stdout.write(JSON.stringify({
  wall, cpu: (used.user + used.system) / 1e6, rows: Number(result.getRows()[0][0]), bytes: statSync(target).size, files: 1,
  peak: process.resourceUsage().maxRSS * 1024, fastest: wall }));
rmSync(target);
