import type { Client } from 'pg';
import { RealClock } from '../kernel/clock.ts';
import { DrillError, ExitCode } from '../kernel/errors.ts';
import { newClient, type Target } from './target.ts';

/** Filling the tables may take so long, and so much more for each unit of the scale, some ten times what it does take. */
const fillLimitMs = { base: 60_000, perScale: 10_000 } as const;

/** The ledger's rows must be read, or the ledger emptied, within so long. */
const ledgerLimitMs = 60_000;

/** A connection that was told goodbye and still stands after so long is cut. */
const goodbyeMs = 1000;

/** How the work on a server is called off; its connection is cut then. */
export interface CallOff {
  signal?: AbortSignal;
}

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
 * @throws DrillError with the server's message; when it is called off, or takes longer than 60 s and 10 s a unit
 */
export async function loadSchema(primary: Target, scale: number, { signal }: CallOff = {}): Promise<void> {
  const limitMs = fillLimitMs.base + fillLimitMs.perScale * scale;
  await withClient(primary, { limitMs, signal }, async (client) => {
    await client.query('BEGIN');
    for (const sql of schemaSql(scale)) await client.query(sql);
    await client.query('COMMIT');
    await client.query(
      'VACUUM (ANALYZE) pgbench_branches, pgbench_tellers, pgbench_accounts, pgbench_history',
    );
  });
}

/**
 * Operation ids of all rows of the write ledger, trailing blanks included as char(22) gives them.
 *
 * @throws DrillError with the server's message; when it is called off, or takes longer than 60 s
 */
export async function readLedger(primary: Target, { signal }: CallOff = {}): Promise<string[]> {
  return withClient(primary, { limitMs: ledgerLimitMs, signal }, async (client) => {
    const text = 'SELECT filler FROM pgbench_history WHERE filler IS NOT NULL';
    const { rows } = await client.query<[string]>({ text, rowMode: 'array' });
    return rows.map(([id]) => id);
  });
}

/** Empties the write ledger before a run. @throws DrillError as `readLedger` does */
export async function truncateHistory(primary: Target, { signal }: CallOff = {}): Promise<void> {
  await withClient(primary, { limitMs: ledgerLimitMs, signal }, async (client) => {
    await client.query('TRUNCATE pgbench_history');
  });
}

/** Does work on a connection of its own, which is closed at the end, or cut when the work is called off or over its limit. */
async function withClient<Result>(
  target: Target,
  { limitMs, signal }: { limitMs: number; signal: AbortSignal | undefined },
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const where = `the server at ${target.host}:${target.port}`;
  const calledOff = (): DrillError =>
    new DrillError(`the work on ${where} was called off`, { exitCode: ExitCode.interrupted });
  if (signal?.aborted) throw calledOff();
  const clock = new RealClock();
  const client = newClient(target, 'pgdrill set-up');
  client.on('error', () => undefined);
  let cut: (why: DrillError) => void = () => undefined;
  const cutOff = new Promise<never>((_, reject) => {
    cut = reject;
  });
  const onAbort = (): void => cut(calledOff());
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer = clock.setTimeout(
    () => cut(new DrillError(`${where} did not do as asked within ${limitMs / 1000} s`)),
    limitMs,
  );
  try {
    const result = await Promise.race([client.connect().then(() => work(client)), cutOff]);
    await sayGoodbye(client, clock);
    return result;
  } catch (error) {
    client.connection.stream.destroy();
    if (error instanceof DrillError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new DrillError(`${where} did not do as asked: ${why}`, { cause: error });
  } finally {
    clock.clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Closes a connection; one that does not close is cut, for what was asked of it is done. */
async function sayGoodbye(client: Client, clock: RealClock): Promise<void> {
  const timer = clock.setTimeout(() => client.connection.stream.destroy(), goodbyeMs);
  await client.end();
  clock.clearTimeout(timer);
}
