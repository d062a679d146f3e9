import type { Client } from 'pg';
import { DrillError } from '../kernel/errors.ts';
import { newClient, type Target } from './target.ts';

/**
 * pgbench's tables at a scale: 1 branch, 10 tellers and 100 000 accounts for each unit, an empty history. Column types,
 * keys and fill factors as in pgbench 15, so that its scripts and its own program work on them.
 */
function schemaSql(scale: number): string[] {
  return [
    'DROP TABLE IF EXISTS pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers',
    `CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22))`,
    `CREATE TABLE pgbench_tellers (tid int NOT NULL, bid int, tbalance int, filler char(84)) WITH (fillfactor = 100)`,
    `CREATE TABLE pgbench_accounts (aid int NOT NULL, bid int, abalance int, filler char(84)) WITH (fillfactor = 100)`,
    `CREATE TABLE pgbench_branches (bid int NOT NULL, bbalance int, filler char(88)) WITH (fillfactor = 100)`,
    `INSERT INTO pgbench_branches (bid, bbalance) SELECT n, 0 FROM generate_series(1, ${scale}) AS n`,
    `INSERT INTO pgbench_tellers (tid, bid, tbalance)
       SELECT n, (n - 1) / 10 + 1, 0 FROM generate_series(1, ${scale * 10}) AS n`,
    `INSERT INTO pgbench_accounts (aid, bid, abalance, filler)
       SELECT n, (n - 1) / 100000 + 1, 0, '' FROM generate_series(1, ${scale * 100_000}) AS n`,
    'ALTER TABLE pgbench_branches ADD PRIMARY KEY (bid)',
    'ALTER TABLE pgbench_tellers ADD PRIMARY KEY (tid)',
    'ALTER TABLE pgbench_accounts ADD PRIMARY KEY (aid)',
  ];
}

/**
 * Makes and fills pgbench's tables through a connection to the primary itself; older ones of the same names go.
 *
 * @param scale pgbench scale factor, from 1
 * @throws DrillError with the server's message
 */
export async function loadSchema(primary: Target, scale: number): Promise<void> {
  await withClient(primary, async (client) => {
    await client.query('BEGIN');
    for (const sql of schemaSql(scale)) await client.query(sql);
    await client.query('COMMIT');
    await client.query(
      'VACUUM (ANALYZE) pgbench_branches, pgbench_tellers, pgbench_accounts, pgbench_history',
    );
  });
}

/** Operation ids of all rows of the write ledger, trailing blanks included as char(22) gives them. */
export async function readLedger(primary: Target): Promise<string[]> {
  return withClient(primary, async (client) => {
    const text = 'SELECT filler FROM pgbench_history WHERE filler IS NOT NULL';
    const { rows } = await client.query<[string]>({ text, rowMode: 'array' });
    return rows.map(([id]) => id);
  });
}

/** Empties the write ledger before a run. */
export async function truncateHistory(primary: Target): Promise<void> {
  await withClient(primary, async (client) => {
    await client.query('TRUNCATE pgbench_history');
  });
}

async function withClient<Result>(
  target: Target,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = newClient(target, 'pgdrill set-up');
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new DrillError(`the server at ${target.host}:${target.port} did not do as asked: ${why}`, {
      cause: error,
    });
  } finally {
    await client.end();
  }
}
