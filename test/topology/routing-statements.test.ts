// Goal: every statement goes where Pgpool-II 4.3.5 sent it.
// Method: the table measured on it with log_per_node_statement, row by row; then sessions of several statements for each value of
// disable_load_balance_on_write; then the regression tests 001 and 032. Node 0 is the primary, node 2 the session's.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  afterFailure,
  builtinCatalog,
  defaultRoutingRules,
  newRoutedSession,
  type RoutedSession,
  type RoutingCatalog,
  type RoutingRules,
  routeSql,
} from '../../src/topology/statement-routing.ts';

const P = [0];
const S = [2];
const both = [0, 2];
const bothPrimaryLast = [2, 0];

interface Options {
  rules?: Partial<RoutingRules>;
  session?: RoutedSession;
  catalog?: RoutingCatalog;
  delayBytes?: readonly number[];
  repick?: () => number;
}

function route(sql: string, { rules = {}, session = newRoutedSession(2), ...rest }: Options = {}) {
  return routeSql(sql, {
    rules: { ...defaultRoutingRules, ...rules },
    catalog: builtinCatalog,
    session,
    primary: 0,
    valid: [0, 1, 2],
    ...rest,
  });
}

/** Nodes of each statement of one session, as text such as `02`. */
function run(statements: readonly string[], options: Options = {}): string[] {
  let session = options.session ?? newRoutedSession(2);
  return statements.map((sql) => {
    const routed = route(sql, { ...options, session });
    session = routed.session;
    return routed.nodes.join('');
  });
}

const one: [string, readonly number[]][] = [
  ['SELECT 1', S],
  ['select lower(name), abs(x) from t', S],
  ['WITH a AS (SELECT 1) SELECT * FROM a', S],
  ['TABLE t', S],
  ['  select 1', S],
  ['(select 1) union (select 2)', S],
  ['COPY t TO STDOUT', S],
  ['COPY (SELECT * FROM t) TO STDOUT', S],
  ["COPY t TO '/tmp/x'", P],
  ['COPY t FROM STDIN', P],
  ['SHOW work_mem', S],
  ['', S],
  [';', S],
  ['SELECT * FROM information_schema.tables', S],
  ['SELECT random()', P],
  ['SELECT clock_timestamp()', P],
  ["SELECT nextval('s')", P],
  ['SELECT pg_sleep(1)', P],
  ['SELECT pg_is_in_recovery()', P],
  ['SELECT PG_CATALOG.pg_current_wal_lsn()', P],
  ["SELECT set_config('a.b', 'c', false)", P],
  ['SELECT pg_advisory_lock(1)', P],
  ['SELECT lo_create(0)', P],
  ['SELECT now(), version(), pg_backend_pid(), inet_server_addr(), current_user', S],
  ['SELECT txid_current()', S],
  ['SELECT * FROM t FOR UPDATE', P],
  ['SELECT * FROM t FOR NO KEY UPDATE', P],
  ['SELECT * FROM (SELECT * FROM t FOR SHARE) s', P],
  ['SELECT 1 INTO t2', P],
  ['WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d', P],
  ['SELECT relname FROM pg_class', P],
  ['SELECT * FROM t, pg_catalog.pg_namespace n', P],
  ["SELECT 'random()', \"for\", $$ nextval('s') $$ FROM t -- for update", S],
  ['SELECT a.update FROM t a', S],
  ['VALUES (1)', P],
  ['/* hint */ SELECT 1', P],
  ['/*NO LOAD BALANCE*/ SELECT 1', P],
  ['-- hint\nSELECT 1', P],
  ['SELECT 1; SELECT 2', P],
  ['BEGIN; DELETE FROM t; END', P],
  ['SELEKT 1', P],
  ['EXPLAIN SELECT 1', P],
  ['INSERT INTO t VALUES (1)', P],
  ['UPDATE t SET a = 1', P],
  ['DELETE FROM t', P],
  ['CREATE TABLE t (a int)', P],
  ['DO $$ begin end $$', P],
  ['CALL p()', P],
  ['LISTEN c', P],
  ['NOTIFY c', P],
  ['VACUUM', P],
  ['CHECKPOINT', P],
  ['DECLARE c CURSOR FOR SELECT 1', P],
  ['FETCH 1 FROM c', P],
  ["PREPARE TRANSACTION 'x'", P],
  ["COMMIT PREPARED 'x'", P],
  ['PREPARE q AS SELECT 1', P],
  ['EXECUTE q', P],
  ['DEALLOCATE q', P],
  ['SET work_mem = 1024', both],
  ['SET LOCAL work_mem = 1024', both],
  ['RESET ALL', both],
  ['DISCARD ALL', both],
  ['DEALLOCATE ALL', both],
  ['SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY', both],
  ['SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE', P],
  ["SET default_transaction_isolation TO 'serializable'", P],
  ['SET TRANSACTION READ WRITE', P],
  ['SET transaction_read_only TO off', P],
  ['SET transaction_read_only TO on', both],
  ['SET CONSTRAINTS ALL DEFERRED', P],
  ['LOCK TABLE t IN ACCESS SHARE MODE', both],
  ['LOCK t IN ROW SHARE MODE', both],
  ['LOCK t', P],
  ['LOCK t IN ROW EXCLUSIVE MODE', P],
  ['BEGIN', both],
  ['START TRANSACTION READ WRITE', both],
  ['SAVEPOINT a', both],
  ['RELEASE SAVEPOINT a', both],
  ['ROLLBACK TO SAVEPOINT a', bothPrimaryLast],
  ['COMMIT', bothPrimaryLast],
  ['END', bothPrimaryLast],
  ['ROLLBACK', bothPrimaryLast],
];

test.each(one)('%s → %j', (sql, nodes) => {
  expect(route(sql).nodes).toEqual(nodes);
});

test('settings that send reads elsewhere', () => {
  expect(route('/* hint */ SELECT 1', { rules: { allowSqlComments: true } }).nodes).toEqual(S);
  expect(route('SELECT 1', { rules: { loadBalance: false } }).nodes).toEqual(P);
  expect(route('BEGIN', { rules: { statementLevelLoadBalance: true } }).nodes).toEqual([0, 1, 2]);
  expect(route('COMMIT', { rules: { statementLevelLoadBalance: true } }).nodes).toEqual([1, 2, 0]);
  expect(route('BEGIN', { session: newRoutedSession(0) }).nodes).toEqual(P);
});

test('temporary and unlogged tables are read on the primary while they are checked', () => {
  const catalog: RoutingCatalog = {
    isVolatile: () => false,
    relationKind: (name) => (name === 'tmp' ? 'temporary' : name === 'u' ? 'unlogged' : 'table'),
  };
  expect(route('SELECT * FROM a JOIN tmp ON true', { catalog }).nodes).toEqual(P);
  expect(route('SELECT * FROM u', { catalog }).nodes).toEqual(P);
  expect(route('SELECT * FROM u', { catalog, rules: { checkUnloggedTables: false } }).nodes).toEqual(S);
});

describe('delay_threshold is looked at for each statement', () => {
  const rules = { delayThresholdBytes: 100 };
  test('more than it: the primary, or another pick', () => {
    expect(route('SELECT 1', { rules, delayBytes: [0, 0, 100] }).nodes).toEqual(S);
    expect(route('SELECT 1', { rules, delayBytes: [0, 0, 101] }).nodes).toEqual(P);
    const prefer = { ...rules, preferLowerDelayStandby: true };
    const routed = route('SELECT 1', { rules: prefer, delayBytes: [0, 0, 101], repick: () => 1 });
    expect([routed.nodes, routed.session.loadBalanceNode]).toEqual([[1], 1]);
  });
});

describe('in a transaction', () => {
  test('reads stay until the first success that is no read', () => {
    expect(run(['BEGIN', 'SELECT 1', 'INSERT INTO t VALUES (1)', 'SELECT 1', 'COMMIT', 'SELECT 1'])).toEqual([
      '02',
      '2',
      '0',
      '0',
      '20',
      '2',
    ]);
  });

  test.each([
    ['SET LOCAL work_mem = 1', '0'],
    ['SAVEPOINT a', '0'],
    ['LOCK t IN ACCESS SHARE MODE', '0'],
    ['LISTEN c', '0'],
    ['DECLARE c CURSOR FOR SELECT 1', '0'],
    ['SELECT * FROM t FOR UPDATE', '0'],
    ['SELECT random()', '0'],
    ['SET TRANSACTION READ ONLY', '2'],
    ['EXPLAIN SELECT 1', '2'],
    ['SELECT 1', '2'],
  ])('after %s a read goes to %s', (sql, node) => {
    expect(run(['BEGIN', sql, 'SELECT 1']).at(-1)).toBe(node);
  });

  test('serializable ones read from the primary', () => {
    expect(run(['BEGIN ISOLATION LEVEL SERIALIZABLE', 'SELECT 1', 'END', 'SELECT 1'])).toEqual([
      '02',
      '0',
      '20',
      '2',
    ]);
    expect(run(['BEGIN', 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'SELECT 1'])).toEqual([
      '02',
      '0',
      '0',
    ]);
  });

  test('a failed one gets no answer from a server until it ends', () => {
    const { session } = route('BEGIN');
    const failed = afterFailure(session);
    expect(route('SELECT 1', { session: failed }).nodes).toEqual([]);
    expect(route('ROLLBACK', { session: failed }).nodes).toEqual(bothPrimaryLast);
    expect(afterFailure(newRoutedSession(2)).transaction).toBe('none');
  });
});

describe('disable_load_balance_on_write', () => {
  const script = [
    'BEGIN',
    'INSERT INTO t VALUES (1)',
    'SELECT * FROM t',
    'SELECT * FROM o',
    'COMMIT',
    'SELECT 1',
    'BEGIN',
    'SELECT 1',
  ];

  test.each([
    ['off', ['2', '2', '2', '2']],
    ['transaction', ['0', '0', '2', '2']],
    ['trans_transaction', ['0', '0', '2', '0']],
    ['always', ['0', '0', '0', '0']],
    ['dml_adaptive', ['0', '2', '2', '2']],
  ] as const)('%s: read of the table, of another, after COMMIT, in the next transaction', (value, reads) => {
    const nodes = run(script, { rules: { disableLoadBalanceOnWrite: value } });
    expect([nodes[2], nodes[3], nodes[5], nodes[7]]).toEqual(reads);
  });

  test('always: a write outside of a transaction counts too', () => {
    const rules = { disableLoadBalanceOnWrite: 'always' } as const;
    expect(run(['SELECT 1', 'INSERT INTO t VALUES (1)', 'SELECT 1'], { rules })).toEqual(['2', '0', '0']);
  });
});

test('a prepared statement is executed where it was prepared', () => {
  expect(run(['PREPARE q AS SELECT 1', 'EXECUTE q', 'DEALLOCATE q'])).toEqual(['0', '0', '0']);
});

describe('regression test 001 load_balance: weights 0/1, functions f1 and f2', () => {
  const lists = { writeFunctions: ['f1', 'f2'] };
  test('writing functions go to the primary, with a schema too; others do not', () => {
    expect(
      run(['SELECT * FROM t1', 'SELECT f1()', 'SELECT public.f2()', 'SELECT f3()'], { rules: lists }),
    ).toEqual(['2', '0', '0', '2']);
  });

  test('a read-only list: what is in it is balanced, all others are not', () => {
    const rules = { readOnlyFunctions: ['f1', 'f2'] };
    expect(run(['SELECT f1()', 'SELECT f2()', 'SELECT f3()'], { rules })).toEqual(['2', '2', '0']);
  });

  test('a pattern of primary_routing_query_pattern_list', () => {
    const rules = { primaryPatterns: ['SELECT \\* FROM t1'] };
    expect(run(['select * from t1', 'SELECT * FROM t1;', 'SELECT * FROM t1 LIMIT 1'], { rules })).toEqual([
      '0',
      '0',
      '2',
    ]);
  });

  test('at statement level every balanced statement is picked anew', () => {
    const picks = [1, 2, 1];
    const nodes = run(['SELECT 1', 'INSERT INTO t VALUES (1)', 'SELECT 1'], {
      rules: { statementLevelLoadBalance: true },
      repick: () => picks.shift() ?? 0,
    });
    expect(nodes).toEqual(['1', '0', '2']);
  });

  test('with both lists empty volatility decides', () => {
    const catalog = { ...builtinCatalog, isVolatile: (name: string) => name === 'f1' };
    expect(run(['SELECT f1()', 'SELECT f2()'], { catalog })).toEqual(['0', '2']);
  });
});

test('regression test 032 dml_adaptive: t2 depends on t1, tF on f1()', () => {
  const rules = {
    disableLoadBalanceOnWrite: 'dml_adaptive',
    dmlAdaptiveRelations: { t1: 't2', 'f1()': 'tf' },
  } as const;
  const script = [
    'BEGIN',
    'SELECT * FROM t2',
    'INSERT INTO t1 VALUES (1)',
    'SELECT * FROM t1',
    'SELECT * FROM t3',
    'SELECT * FROM t2',
    'COMMIT',
    'SELECT * FROM t1',
  ];
  expect(run(script, { rules })).toEqual(['02', '2', '0', '0', '2', '0', '20', '2']);
  expect(run(['BEGIN', 'SELECT * FROM tF', 'SELECT f1()', 'SELECT * FROM tF'], { rules })).toEqual([
    '02',
    '2',
    '2',
    '0',
  ]);
});

test('whatever is sent: known nodes only, never none but in a failed transaction, writes never to a standby alone', () => {
  const pieces = fc.constantFrom(
    ...one.map(([sql]) => sql),
    'SELECT ((',
    '"',
    "'",
    '/* /* */',
    '$a$ x',
    'FOR UPDATE',
  );
  const values = fc.constantFrom(
    'off',
    'transaction',
    'trans_transaction',
    'always',
    'dml_adaptive' as const,
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), values, (script, value) => {
      let session = newRoutedSession(2);
      for (const sql of script) {
        const routed = route(sql, { session, rules: { disableLoadBalanceOnWrite: value as 'off' } });
        expect(routed.nodes.length).toBeGreaterThan(0);
        for (const node of routed.nodes) expect([0, 2]).toContain(node);
        if (/^\s*(insert|update|delete|create)/i.test(sql)) expect(routed.nodes).toEqual(P);
        session = routed.session;
      }
    }),
    { seed: 11, numRuns: 300 },
  );
});
