// node-pg against a server: node node_pg.mjs HOST PORT
import assert from 'node:assert/strict';
import pg from 'pg';

const [host, port] = process.argv.slice(2);
const settings = { host, port: Number(port), user: 'materialize', database: 'materialize' };
const client = new pg.Client(settings);
await client.connect();

const one = async (text, values) => (await client.query(text, values)).rows[0];

// Values with their types.
assert.deepEqual(await one('SELECT $1::int AS a, $2::text AS b, $3::boolean AS c, $4::float8 AS d', [1, 'ä', true, 2.5]),
  { a: 1, b: 'ä', c: true, d: 2.5 });
assert.deepEqual(await one(`SELECT 1::bigint AS a, 1.50::numeric(4,2) AS b, NULL AS c, ARRAY[1,2] AS d, '{"x": [1]}'::jsonb AS e`),
  { a: '1', b: '1.50', c: null, d: [1, 2], e: { x: [1] } });
assert.equal((await one(`SELECT timestamptz '2024-01-02 03:04:05+00' AS t`)).t.toISOString(), '2024-01-02T03:04:05.000Z');
assert.deepEqual((await one(`SELECT '\\x00ff'::bytea AS b`)).b, Buffer.from([0, 255]));

// Tables, with parameters; a named statement twice.
await client.query('CREATE TABLE node_t (id int PRIMARY KEY, name text, at timestamp)');
const insert = { name: 'insert', text: 'INSERT INTO node_t VALUES ($1, $2, $3)' };
for (let i = 0; i < 20; i++) {
  const result = await client.query({ ...insert, values: [i, `name ${i}`, '2024-01-02 03:04:05'] });
  assert.equal(result.rowCount, 1);
  assert.equal(result.command, 'INSERT');
}
assert.deepEqual((await client.query('SELECT id, name FROM node_t WHERE id >= $1 ORDER BY id', [18])).rows,
  [{ id: 18, name: 'name 18' }, { id: 19, name: 'name 19' }]);
assert.equal((await client.query('UPDATE node_t SET name = $1 WHERE id < $2', ['x', 5])).rowCount, 5);
assert.equal((await client.query('DELETE FROM node_t WHERE id = ANY($1::int[])', [[1, 2, 3]])).rowCount, 3);
assert.equal((await client.query('SELECT * FROM node_t WHERE false')).rowCount, 0);

// A prepared statement sees what has changed since.
const count = { name: 'count', text: 'SELECT count(*)::int AS n FROM node_t WHERE id > $1' };
assert.equal((await client.query({ ...count, values: [10] })).rows[0].n, 9);
await client.query('INSERT INTO node_t VALUES (100, NULL, NULL)');
assert.equal((await client.query({ ...count, values: [10] })).rows[0].n, 10);

// Errors, and life after them.
await assert.rejects(client.query('INSERT INTO node_t VALUES ($1, $2, $3)', [100, 'again', null]), { code: '23505' });
await assert.rejects(client.query('SELECT $1::int', ['x']), { code: '22P02' });
await assert.rejects(client.query('SELECT nosuch'), { code: '42703', position: '8' });
assert.deepEqual(await one('SELECT 1 AS a'), { a: 1 });

// Transactions.
await client.query('BEGIN');
await client.query('DELETE FROM node_t');
assert.equal((await one('SELECT count(*)::int AS n FROM node_t')).n, 0);
await client.query('ROLLBACK');
assert.equal((await one('SELECT count(*)::int AS n FROM node_t')).n, 18);

// Many at once through a pool.
const pool = new pg.Pool({ ...settings, max: 10 });
const sums = await Promise.all(Array.from({ length: 100 }, (_, i) =>
  pool.query('SELECT sum(g)::int AS s FROM generate_series(1, $1::int) AS g', [i + 1])));
sums.forEach((result, i) => assert.equal(result.rows[0].s, (i + 1) * (i + 2) / 2));
await pool.end();

await client.end();
console.log('all well');
