import pg from 'pg';
import { epochMs, sleep } from '../kernel/clock.ts';
import type { CountCheck } from '../recording/summary.ts';
import { splitStatements, sqlTokens } from '../topology/sql-tokens.ts';
import { classifyStatement } from '../topology/statement-class.ts';
import type { ServerAccess } from './server-sampler.ts';
import { observerName } from './server-sampler.ts';

/** What Pgpool and the servers have counted so far, by server name. */
export interface CounterReading {
  /** Statements that Pgpool sent to each server, from `SHOW POOL_BACKEND_STATS`. Pgpool's own catalog queries are not in it. */
  pgpool: Record<string, { selects: number; inserts: number; updates: number; deletes: number }>;
  /** From each server's own pg_stat_user_tables: rows inserted into the write ledger, index look-ups of the accounts. */
  servers: Record<string, { ledgerInserts: number; accountLookups: number }>;
}

/** One class of the load as far as the counters see it. */
interface CountedClass {
  kind: 'read' | 'write';
  /** Executions that ended ok. */
  ok: number;
  /** SQL of each statement of its script. */
  statements: readonly string[];
}

/** What the client side knows of a run in which nothing failed. */
export interface ClientCounts {
  classes: readonly CountedClass[];
  /** Ok executions of read scripts by server. */
  readsByServer: Readonly<Record<string, number>>;
  /** Sessions' question for their server, by server: one SELECT each. */
  sessionProbes: Readonly<Record<string, number>>;
  primary: string;
  /** Rows found in the write ledger. */
  ledgerRows: number;
}

/**
 * Pgpool's children count in shared memory without a lock, so that two at once may count one: 8 to 16 of 97,000 statements of
 * thirty pgbench clients were missing on 4.3.5, none of one client's (docs/pgpool-observed.md). A tenth of a per cent is let pass.
 */
function mayMissOf(expected: number): number {
  return Math.ceil(expected / 1000);
}

/** Sessions that still hold uncounted work must be gone after so long. */
const quietWithinMs = 3000;

/**
 * Reads all counters.
 *
 * `settle`: PostgreSQL 15 may hold a session's table counters back for up to 10 s while it is idle, and Pgpool keeps
 * sessions open; so they are ended first, which makes each hand in what it has. Only for the end of a run.
 */
export async function readCounters(
  pgpool: Omit<ServerAccess, 'server'>,
  servers: readonly ServerAccess[],
  options: { settle: boolean },
): Promise<CounterReading> {
  const sent = await readPgpool(pgpool, servers);
  const own = await Promise.all(
    servers.map(async (access) => [access.server, await readServer(access, options.settle)] as const),
  );
  return { pgpool: sent, servers: Object.fromEntries(own) };
}

/**
 * Compares what the counters grew by with what the clients did: exact in a run without failures and without drills. Where
 * it is not known which server a read went to, SELECTs are compared over all servers together.
 *
 * Agents' checks, Pgpool's own checks and our observers read no table and are no sessions through Pgpool; the one kind
 * of traffic beside the load's is the sessions' question for their server.
 */
export function counterChecks(
  before: CounterReading,
  after: CounterReading,
  counts: ClientCounts,
): CountCheck[] {
  const checks: CountCheck[] = [];
  const writes = counts.classes.filter(({ kind }) => kind === 'write');
  const reads = counts.classes.filter(({ kind }) => kind === 'read');
  const sum = (classes: readonly CountedClass[], test: (sql: string) => boolean): number =>
    classes.reduce((total, { ok, statements }) => total + ok * statements.filter(test).length, 0);
  const isAttributed = (counts.readsByServer['?'] ?? 0) === 0 && writes.every(readsItsWrites);
  const perReadOf = (test: (sql: string) => boolean): number | null =>
    reads.length === 1 && isAttributed ? (reads[0]?.statements.filter(test).length ?? 0) : null;
  const selectsPerRead = perReadOf(isVerb('select'));
  if (!isAttributed) {
    const actual = total(after.pgpool, 'selects') - total(before.pgpool, 'selects');
    const probes = Object.values(counts.sessionProbes).reduce((all, count) => all + count, 0);
    const expected = sum(counts.classes, isVerb('select')) + probes;
    checks.push({ name: 'SELECTs that Pgpool sent', expected, actual, mayMiss: mayMissOf(expected) });
  }
  for (const [server, { selects }] of Object.entries(after.pgpool)) {
    if (selectsPerRead === null) break;
    const own = (counts.readsByServer[server] ?? 0) * selectsPerRead + (counts.sessionProbes[server] ?? 0);
    const ofWrites = server === counts.primary ? sum(writes, isVerb('select')) : 0;
    const grown = selects - (before.pgpool[server]?.selects ?? 0);
    const expected = own + ofWrites;
    const name = `SELECTs that Pgpool sent to ${server}`;
    checks.push({ name, expected, actual: grown, mayMiss: mayMissOf(expected) });
  }
  for (const [name, field] of [
    ['insert', 'inserts'],
    ['update', 'updates'],
    ['delete', 'deletes'],
  ] as const) {
    const grown = total(after.pgpool, field) - total(before.pgpool, field);
    const expected = sum(counts.classes, isVerb(name));
    checks.push({
      name: `${name.toUpperCase()}s that Pgpool sent`,
      expected,
      actual: grown,
      mayMiss: mayMissOf(expected),
    });
  }
  const inserted = after.servers[counts.primary]?.ledgerInserts ?? 0;
  const insertedBefore = before.servers[counts.primary]?.ledgerInserts ?? 0;
  checks.push({
    name: `rows that ${counts.primary} inserted into the ledger`,
    expected: counts.ledgerRows,
    actual: inserted - insertedBefore,
  });
  for (const [server, { accountLookups }] of Object.entries(after.servers)) {
    const perRead = perReadOf(looksUpAccount);
    if (perRead === null) break;
    const ofWrites = server === counts.primary ? sum(writes, looksUpAccount) : 0;
    const expected = (counts.readsByServer[server] ?? 0) * perRead + ofWrites;
    const actual = accountLookups - (before.servers[server]?.accountLookups ?? 0);
    checks.push({ name: `accounts that ${server} looked up`, expected, actual });
  }
  return checks;
}

const verbs = ['select', 'insert', 'update', 'delete', 'values', 'table'];

/**
 * What Pgpool counts a statement as, which is the kind of its parse tree (stat_count_up of 4.3.5): behind a WITH the
 * statement that the queries are for; '' for anything else.
 */
function verbOf(sql: string): string {
  const [statement = []] = splitStatements(sqlTokens(sql));
  const [first] = statement;
  if (first?.text === '(') return 'select';
  let depth = 0;
  for (const { kind, text } of statement) {
    if (kind === 'symbol') depth += text === '(' ? 1 : text === ')' ? -1 : 0;
    if (kind === 'word' && depth === 0 && verbs.includes(text))
      return text === 'values' || text === 'table' ? 'select' : text;
    if (first?.text !== 'with') return '';
  }
  return '';
}

function isVerb(name: string): (sql: string) => boolean {
  return (sql) => verbOf(sql) === name;
}

/**
 * Whether all that a script of writes reads goes to the primary: Pgpool balances a SELECT outside a transaction, and in one
 * until its first write (disable_load_balance_on_write = transaction, the default).
 */
function readsItsWrites({ statements }: CountedClass): boolean {
  let hasWritten = false;
  let isInside = false;
  return statements.every((sql) => {
    const effect = classifyStatement(sql).transaction;
    if (effect !== 'none') [isInside, hasWritten] = [effect === 'begins', false];
    const verb = verbOf(sql);
    if (verb === 'select') return isInside && hasWritten;
    if (verb !== '') hasWritten = true;
    return true;
  });
}

/** A SELECT or UPDATE of one account by its key, as built-in scripts write it. */
function looksUpAccount(sql: string): boolean {
  return /pgbench_accounts\b[\s\S]*\bwhere\s+aid\s*=/i.test(sql);
}

function total(
  reading: CounterReading['pgpool'],
  field: 'selects' | 'inserts' | 'updates' | 'deletes',
): number {
  return Object.values(reading).reduce((sum, counts) => sum + counts[field], 0);
}

async function readPgpool(
  access: Omit<ServerAccess, 'server'>,
  servers: readonly ServerAccess[],
): Promise<CounterReading['pgpool']> {
  return withSession(access, async (session) => {
    const { rows } = await session.query<Record<string, string>>('SHOW POOL_BACKEND_STATS');
    const nameOf = (row: Record<string, string>): string =>
      servers.find(({ host, port }) => host === row.hostname && String(port) === row.port)?.server ??
      `${row.hostname}:${row.port}`;
    return Object.fromEntries(
      rows.map((row) => [
        nameOf(row),
        {
          selects: Number(row.select_cnt),
          inserts: Number(row.insert_cnt),
          updates: Number(row.update_cnt),
          deletes: Number(row.delete_cnt),
        },
      ]),
    );
  });
}

async function readServer(
  { server: _, ...access }: ServerAccess,
  settle: boolean,
): Promise<CounterReading['servers'][string]> {
  return withSession(access, async (session) => {
    if (settle) await endSessions(session);
    const { rows } = await session.query<{ name: string; inserts: string; lookups: string }>(
      `select relname as name, n_tup_ins as inserts, coalesce(idx_scan, 0) as lookups from pg_stat_user_tables
        where relname in ('pgbench_history', 'pgbench_accounts')`,
    );
    const of = (name: string): { inserts: string; lookups: string } | undefined =>
      rows.find((row) => row.name === name);
    return {
      ledgerInserts: Number(of('pgbench_history')?.inserts ?? 0),
      accountLookups: Number(of('pgbench_accounts')?.lookups ?? 0),
    };
  });
}

async function endSessions(session: pg.Client): Promise<void> {
  const untilMs = epochMs() + quietWithinMs;
  for (;;) {
    const { rowCount } = await session.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where backend_type = 'client backend' and datname = current_database() and pid <> pg_backend_pid()
          and application_name not in ('${observerName}', 'efm')`,
    );
    if (rowCount === 0 || epochMs() > untilMs) return;
    await sleep(50);
  }
}

async function withSession<T>(
  access: Omit<ServerAccess, 'server'>,
  work: (session: pg.Client) => Promise<T>,
): Promise<T> {
  const session = new pg.Client({
    ...access,
    application_name: observerName,
    connectionTimeoutMillis: 5000,
    query_timeout: 10_000,
  });
  session.on('error', () => {});
  try {
    await session.connect();
    return await work(session);
  } finally {
    await session.end().catch(() => {});
  }
}
