// Goal: the expected counts follow from the scripts and from who served what; a single statement too many is seen.
// Method: a run small enough to count by hand; then each actual count moved by one.
import { expect, test } from 'vitest';
import { type ClientCounts, type CounterReading, counterChecks } from '../../src/observe/counters.ts';
import { agrees } from '../../src/recording/summary.ts';

const zero: CounterReading = {
  pgpool: {
    a: { selects: 5, inserts: 1, updates: 0, deletes: 0 },
    b: { selects: 7, inserts: 0, updates: 0, deletes: 0 },
  },
  servers: { a: { ledgerInserts: 2, accountLookups: 3 }, b: { ledgerInserts: 0, accountLookups: 4 } },
};

const counts: ClientCounts = {
  classes: [
    { kind: 'read', ok: 10, statements: ['SELECT abalance FROM pgbench_accounts WHERE aid = :aid'] },
    {
      kind: 'write',
      ok: 3,
      statements: [
        'BEGIN',
        'UPDATE pgbench_accounts SET abalance = 1 WHERE aid = :aid',
        'SELECT abalance FROM pgbench_accounts WHERE aid = :aid',
        'INSERT INTO pgbench_history (filler) VALUES (1)',
        'END',
      ],
    },
  ],
  readsByServer: { b: 10 },
  sessionProbes: { b: 2 },
  primary: 'a',
  ledgerRows: 3,
};

function exact(): CounterReading {
  return {
    pgpool: {
      a: { selects: 5 + 3, inserts: 1 + 3, updates: 3, deletes: 0 },
      b: { selects: 7 + 10 + 2, inserts: 0, updates: 0, deletes: 0 },
    },
    servers: {
      a: { ledgerInserts: 2 + 3, accountLookups: 3 + 6 },
      b: { ledgerInserts: 0, accountLookups: 4 + 10 },
    },
  };
}

const wrong = (after: CounterReading): string[] =>
  counterChecks(zero, after, counts).flatMap(({ name, expected, actual }) =>
    expected === actual ? [] : [name],
  );

test('a run in which everything was counted once', () => {
  expect(counterChecks(zero, exact(), counts)).toHaveLength(8);
  expect(wrong(exact())).toEqual([]);
});

/** Adds to one of the counts of a server. */
function add<Counts extends object>(
  all: Record<string, Counts>,
  server: string,
  change: Partial<Record<keyof Counts, number>>,
): void {
  const counts = all[server] as Record<string, number>;
  for (const [name, by] of Object.entries(change)) counts[name] = (counts[name] ?? 0) + Number(by);
}

test.each<[string, (after: CounterReading) => void]>([
  ['SELECTs that Pgpool sent to a', ({ pgpool }) => add(pgpool, 'a', { selects: 1 })],
  ['SELECTs that Pgpool sent to b', ({ pgpool }) => add(pgpool, 'b', { selects: -1 })],
  ['UPDATEs that Pgpool sent', ({ pgpool }) => add(pgpool, 'b', { updates: 1 })],
  ['rows that a inserted into the ledger', ({ servers }) => add(servers, 'a', { ledgerInserts: 1 })],
  ['accounts that b looked up', ({ servers }) => add(servers, 'b', { accountLookups: 1 })],
])('%s: one more or less is seen', (name, disturb) => {
  const after = exact();
  disturb(after);
  expect(wrong(after)).toEqual([name]);
});

test('Pgpool may miss a statement in a thousand, and count none that was not sent; servers must agree exactly', () => {
  const checks = counterChecks(zero, exact(), counts);
  for (const check of checks) {
    const ofPgpool = check.name.includes('that Pgpool sent');
    const slack = ofPgpool ? Math.ceil(check.expected / 1000) : 0;
    expect(agrees(check), check.name).toBe(true);
    expect(agrees({ ...check, actual: check.expected - slack }), check.name).toBe(true);
    expect(agrees({ ...check, actual: check.expected - slack - 1 }), check.name).toBe(false);
    expect(agrees({ ...check, actual: check.expected + 1 }), check.name).toBe(false);
  }
  expect(checks.some(({ mayMiss = 0 }) => mayMiss > 0)).toBe(true);
});

test('a thousandth is a thousandth of many, too', () => {
  const [read, write] = counts.classes;
  if (!read || !write) throw new Error('two classes are counted');
  const many = { ...counts, classes: [{ ...read, ok: 12_345 }, write], readsByServer: { b: 12_345 } };
  const check = counterChecks(zero, exact(), many).find(({ name }) => name.endsWith('sent to b'));
  expect(check).toMatchObject({ expected: 12_347, mayMiss: 13 });
});

test('reads of unknown servers are compared over all servers together, each statement still counted', () => {
  const unknown = { ...counts, readsByServer: { b: 6, '?': 4 } };
  const names = counterChecks(zero, exact(), unknown).map(({ name }) => name);
  expect(names).toContain('SELECTs that Pgpool sent');
  expect(names.filter((name) => /sent to|looked up/.test(name))).toEqual([]);
  const off = (after: CounterReading): string[] =>
    counterChecks(zero, after, unknown).flatMap(({ name, expected, actual }) =>
      expected === actual ? [] : [name],
    );
  expect(off(exact())).toEqual([]);
  const after = exact();
  add(after.pgpool, 'a', { selects: 1 });
  expect(off(after)).toEqual(['SELECTs that Pgpool sent']);
});

test('with two classes of reads nobody knows how many statements of which a server got: no check a server', () => {
  const [read, write] = counts.classes;
  if (!read || !write) throw new Error('two classes are counted');
  const two = { ...read, statements: [...read.statements, 'SELECT 1'] };
  const names = counterChecks(zero, exact(), { ...counts, classes: [read, two, write] }).map(
    ({ name }) => name,
  );
  expect(names.filter((name) => /SELECTs that|looked up/.test(name))).toEqual([]);
  expect(names).toContain('INSERTs that Pgpool sent');
});

test.each([
  ['insert', 'inserts', '-- first\n/* then */ INSERT INTO pgbench_history VALUES (1)'],
  [
    'insert',
    'inserts',
    'WITH a AS (SELECT 1), b AS (DELETE FROM x RETURNING y) INSERT INTO z SELECT * FROM b',
  ],
  ['update', 'updates', 'with recursive a (n) as (values (1)) update pgbench_tellers set tbalance = 1'],
  ['delete', 'deletes', 'DELETE FROM pgbench_history WHERE (SELECT true)'],
] as const)('a statement counts as what it does: %s', (_, field, sql) => {
  const [read, write] = counts.classes;
  if (!read || !write) throw new Error('two classes are counted');
  const one = { ...counts, classes: [read, { ...write, statements: [sql] }], ledgerRows: 0 };
  const checks = counterChecks(zero, exact(), one);
  for (const name of ['insert', 'update', 'delete'] as const) {
    const check = checks.find(({ name: told }) => told === `${name.toUpperCase()}s that Pgpool sent`);
    expect(check?.expected, name).toBe(`${name}s` === field ? write.ok : 0);
  }
});

test.each<[string, string[], boolean]>([
  ['after a write in its transaction', ['BEGIN', 'UPDATE a SET b = 1', 'SELECT b FROM a', 'COMMIT'], true],
  ['before the write', ['BEGIN', 'SELECT b FROM a', 'UPDATE a SET b = 1', 'COMMIT'], false],
  ['without a transaction', ['UPDATE a SET b = 1', 'SELECT b FROM a'], false],
  ['after the transaction', ['BEGIN', 'UPDATE a SET b = 1', 'END', 'WITH c AS (SELECT 1) TABLE c'], false],
])(
  'a SELECT of a write script %s: by server only where Pgpool must send it to the primary',
  (_, statements, byServer) => {
    const [read, write] = counts.classes;
    if (!read || !write) throw new Error('two classes are counted');
    const checks = counterChecks(zero, exact(), { ...counts, classes: [read, { ...write, statements }] });
    const selects = checks.filter(({ name }) => name.startsWith('SELECTs'));
    expect(selects.map(({ name }) => name)).toEqual(
      byServer
        ? ['SELECTs that Pgpool sent to a', 'SELECTs that Pgpool sent to b']
        : ['SELECTs that Pgpool sent'],
    );
    // 10 reads, 2 questions of sessions, 3 of the write script.
    expect(selects.reduce((sum, { expected }) => sum + expected, 0)).toBe(15);
  },
);
