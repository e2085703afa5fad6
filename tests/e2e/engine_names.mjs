// Prints what the engine of this version knows by name, as JSON, from an instance of its own.
import { DuckDBInstance } from '@duckdb/node-api';

const connection = await (await DuckDBInstance.create(':memory:')).connect();
async function names(sql) {
  const result = await connection.runAndReadAll(sql);
  return result.getRows().map((row) => String(row[0])).sort();
}

console.log(JSON.stringify({
  version: (await names('SELECT version()'))[0],
  functions: await names("SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type NOT IN ('table', 'table_macro', 'pragma')"),
  tables: await names("SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('table', 'table_macro')"),
  pragmas: await names("SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'pragma'"),
  types: await names('SELECT DISTINCT type_name FROM duckdb_types()'),
  settings: await names('SELECT DISTINCT name FROM duckdb_settings()'),
  relations: await names('SELECT DISTINCT view_name FROM duckdb_views() WHERE internal'),
}));
