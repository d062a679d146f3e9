// Goal: a simulated script sleeps, branches, pipelines and is stopped as the same script is on real servers; what cannot be followed is told.
// Method: fixed times, so that every instant is known; the statements of an operation held against those that real servers would get.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatProblem } from '../../src/kernel/errors.ts';
import type { Child } from '../../src/sim/children.ts';
import { Processor } from '../../src/sim/processor.ts';
import type { ScriptPlan } from '../../src/sim/script-plan.ts';
import { scriptSources, simulationWarnings } from '../../src/sim/script-ways.ts';
import { SimSession } from '../../src/sim/session.ts';
import { defaultRoutingRules } from '../../src/topology/statement-routing.ts';
import { executionMaker } from '../../src/workload/calls.ts';
import type { Protocol } from '../../src/workload/pgbench/statement.ts';
import { parseScript, type Script, statementMaker } from '../../src/workload/script.ts';
import type { ExecutionOutcome } from '../../src/workload/transport.ts';
import { simulateRun, totalOf } from './simulated-run.ts';
import { frontBefore, rowsOf, threeServers } from './small-servers.ts';

function scriptOf(text: string, protocol: Protocol = 'simple'): Script {
  const parsed = parseScript(text, 'my.sql', protocol);
  if (!('script' in parsed)) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return parsed.script;
}

function loadOf(text: string, protocol: Protocol = 'simple') {
  const script = scriptOf(text, protocol);
  const entry = { name: script.kind, script, perSecond: 1, closed: null, timeoutMs: 5000 };
  return { seed: 7, scale: 3, protocol, classes: [entry] };
}

const call = (number: number) => ({ classIndex: 0, number, kind: 'read' as const });
function plansOf(load: ReturnType<typeof loadOf>) {
  const [source] = scriptSources(load, defaultRoutingRules);
  return (number: number) => source?.planOf(call(number)) as ScriptPlan;
}

const branching = `\\set a random(1, 100)
SELECT 1;
\\if :a > 60
SELECT 2;
SELECT 3;
\\elif :a > 30
SELECT 4;
\\sleep 3 ms
\\endif
\\set b random(1, 9)
\\sleep :b ms
SELECT 5, :b;
`;

describe('ways', () => {
  test('a script without branches has one plan for every operation', () => {
    const [source] = scriptSources(
      loadOf('\\set a random(1, 9)\nSELECT :a;\n\\sleep 1 ms\nSELECT 2;'),
      defaultRoutingRules,
    );
    expect(source?.planOf(call(1))).toBe(source?.planOf(call(2)));
    expect([...(source?.planOf(call(1)).pausesMs ?? [])]).toEqual([0, 1, 0]);
  });

  test('an operation goes the way that it goes on real servers', () => {
    const load = loadOf(branching);
    const statements = statementMaker(scriptOf(branching), load);
    const executionOf = executionMaker(load);
    const planOf = plansOf(load);
    const lengths = new Set<number>();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), (number) => {
        const sent = statements(executionOf(call(number)));
        const { length } = sent;
        const { destinations, pausesMs } = planOf(number);
        lengths.add(length);
        expect([destinations.length, pausesMs.length]).toEqual([length, length + 1]);
        const ownMs = Number(/^SELECT 5, (\d)/.exec(sent.at(-1)?.sql ?? '')?.[1]);
        expect(pausesMs[length - 1]).toBe(length === 3 ? 3 + ownMs : ownMs);
        expect(pausesMs.reduce((sum, pauseMs) => sum + pauseMs, 0)).toBe(pausesMs[length - 1]);
      }),
      { numRuns: 60 },
    );
    expect([...lengths].sort()).toEqual([2, 3, 4]);
  });

  test('two ways of as many statements are two', () => {
    const text = '\\set a random(1, 2)\n\\if :a > 1\nSELECT 1;\n\\else\nUPDATE t SET a = 1;\n\\endif';
    const load = loadOf(text);
    const statements = statementMaker(scriptOf(text), load);
    const executionOf = executionMaker(load);
    const planOf = plansOf(load);
    const numbers = Array.from({ length: 20 }, (_, number) => number);
    const writes = numbers.map((number) => planOf(number).writes.join());
    expect(writes).toEqual(
      numbers.map((number) =>
        statements(executionOf(call(number)))
          .map(({ effect }) => (effect === 'write' ? 1 : 0))
          .join(),
      ),
    );
    expect(new Set(writes)).toEqual(new Set(['0', '1']));
  });

  test('of a pipeline only the first statement waits, sleeps in it included; a commit in it is sent with the first', () => {
    const text = `\\startpipeline
BEGIN;
\\sleep 2 ms
UPDATE t SET a = 1;
COMMIT;
\\endpipeline
SELECT 1;`;
    const plan = plansOf(loadOf(text, 'extended'))(0);
    expect([...plan.together]).toEqual([0, 1, 1, 0]);
    expect([...plan.pausesMs]).toEqual([2, 0, 0, 0, 0]);
    expect([...plan.sendsCommit]).toEqual([1, 1, 1, 0]);
    expect([...plan.commits]).toEqual([0, 0, 1, 0]);
  });
});

describe('what is told, at its line', () => {
  const told = (text: string): string[] => simulationWarnings(loadOf(text)).map(formatProblem);

  test('branches and pauses that follow from a result, also by way of another variable', () => {
    const text = `\\set a 5
SELECT abalance AS b FROM t WHERE aid = :a \\gset
\\set c :b + 1
\\if :c > 0
SELECT 1;
\\elif :a > 0
SELECT 2;
\\endif
\\sleep :b ms`;
    expect(told(text)).toEqual([
      expect.stringMatching(/^my\.sql:4:1: \\if follows from a result.* \[simulated-script\]$/),
      expect.stringMatching(/^my\.sql:9:1: \\sleep takes its length from a result/),
    ]);
    expect(plansOf(loadOf(text))(0).destinations).toHaveLength(3);
  });

  test('nothing of those that do not', () => {
    const text = `\\set a random(1, 2)
SELECT abalance AS b FROM t WHERE aid = :a \\gset x_
\\set c :x_b + 1
\\if :a > 1
SELECT :c;
\\endif`;
    expect(told(text)).toEqual([]);
    const lengths = [0, 1, 2, 3, 4, 5, 6, 7].map(
      (number) => plansOf(loadOf(text))(number).destinations.length,
    );
    expect(new Set(lengths)).toEqual(new Set([1, 2]));
    expect(told(text.replace(':a > 1', ':x_b > 1'))).toHaveLength(1);
    expect(told(text.replace('abalance AS b', '*').replace(':a > 1', ':x_z > 1'))).toHaveLength(1);
  });

  test('several statements in one message, once for a script of two classes', () => {
    const load = loadOf('SELECT 1 \\; SELECT 2;');
    const twice = { ...load, classes: [...load.classes, ...load.classes] };
    expect(simulationWarnings(twice).map(formatProblem)).toEqual([
      'my.sql:1:1: several statements in one message are simulated as one [simulated-script]',
    ]);
  });
});

/** One session before three servers; a way takes 0.5 ms, and a read 1 ms unless told otherwise. */
function sessionWith(
  text: string,
  protocol: Protocol = 'simple',
  settings: Parameters<typeof threeServers>[2] = {},
  { read = 1, write = 3, children = 4 }: { read?: number; write?: number; children?: number } = {},
) {
  const at = threeServers({ connect: 8, read, write, network: 0.5 }, undefined, settings);
  const station = new Processor(at.clock, 2).station();
  const { front, parts } = frontBefore(at, { station, numInitChildren: children });
  const load = loadOf(text, protocol);
  const session = new SimSession(
    { ...parts, answered: () => undefined, scripts: scriptSources(load, defaultRoutingRules) },
    's',
  );
  const ends: [atMs: number, outcome: ExecutionOutcome][] = [];
  let beginMs = 0;
  session.handler = {
    onAnswer: (outcome) => ends.push([Math.round((at.clock.nowMs() - beginMs) * 1e6) / 1e6, outcome]),
    onLost: () => undefined,
  };
  session.connect(() => undefined);
  at.pass(1000);
  const { kind } = load.classes[0]?.script ?? { kind: 'read' as const };
  const execute = (number = 0): void => {
    beginMs = at.clock.nowMs();
    session.execute({ classIndex: 0, number, kind });
  };
  return { ...at, front, session, ends, execute };
}

describe('instants', () => {
  const readMs = 2;

  test.each([
    ['SELECT 1;', 'simple', readMs],
    ['SELECT 1;\n\\sleep 20 ms\nSELECT 2;\n\\sleep 5 ms', 'simple', 2 * readMs + 25],
    ['\\sleep 4 ms\nSELECT 1;\nSELECT 2;', 'simple', 2 * readMs + 4],
    ['\\startpipeline\nSELECT 1;\nSELECT 2;\nSELECT 3;\n\\endpipeline', 'extended', 3 * 1 + 1],
    ['\\startpipeline\nSELECT 1;\nSELECT 2;\n\\endpipeline\nSELECT 3;', 'extended', 2 * 1 + 1 + readMs],
    ['\\if :scale > 5\nSELECT 1;\n\\endif', 'simple', 0],
    ['\\if :scale > 5\nSELECT 1;\n\\endif\n\\sleep 7 ms', 'simple', 7],
  ] as const)('%j by %s ends after %d ms', (text, protocol, afterMs) => {
    const at = sessionWith(text, protocol);
    at.execute();
    at.pass(100);
    expect(at.ends).toEqual([[afterMs, { ok: true }]]);
  });
});

describe('a request to stop', () => {
  const stopped = (definite: boolean): ExecutionOutcome => ({
    ...{ ok: false, error: { code: '57014', message: expect.any(String) }, definite, lost: false },
  });

  test('ends a sleep at once, and a statement two ways and an answer later; the session goes on', () => {
    const at = sessionWith('\\sleep 50 ms\nSELECT 1;');
    at.execute();
    at.pass(20);
    expect(at.session.cancel()).toBe(true);
    at.pass(100);
    at.execute();
    at.pass(100);
    expect(at.ends).toEqual([
      [20, stopped(true)],
      [52, { ok: true }],
    ]);
    expect(at.session.cancel()).toBe(false);
  });

  test('knows nothing of a sleep that ended with its session', () => {
    const text = '\\set a random(1, 2)\n\\if :a > 1\n\\sleep 5 s\n\\endif\nSELECT 1;';
    const planOf = plansOf(loadOf(text));
    const [sleeper = 0, other = 0] = [1, 0].map((count) =>
      Array.from({ length: 64 }, (_, number) => number).find(
        (number) => Number(planOf(number).pausesMs[0] !== 0) === count,
      ),
    );
    const at = sessionWith(text, 'simple', {}, { read: 300 });
    at.execute(sleeper);
    at.pass(20);
    at.session.close();
    at.session.connect(() => undefined);
    at.pass(1000);
    at.execute(other);
    at.pass(20);
    at.session.cancel();
    at.pass(100);
    expect(at.ends).toEqual([[21.5, stopped(true)]]);
  });

  test('leaves what was committed before, and nothing of what was not', () => {
    const slow = 'INSERT INTO t VALUES (1);\n\\sleep 50 ms\nINSERT INTO t VALUES (2);';
    const at = sessionWith(slow);
    at.execute();
    at.pass(20);
    at.session.cancel();
    at.pass(100);
    expect(at.ends.map(([, outcome]) => outcome)).toEqual([stopped(false)]);
    const block = sessionWith('BEGIN;\nINSERT INTO t VALUES (1);\n\\sleep 50 ms\nEND;');
    block.execute();
    block.pass(20);
    block.session.cancel();
    block.pass(100);
    expect(block.ends.map(([, outcome]) => outcome)).toEqual([stopped(true)]);
    expect(rowsOf(block.servers[0])).toEqual([]);
  });

  test('finds no way while all children of Pgpool are busy', () => {
    const at = sessionWith('SELECT 1;', 'simple', {}, { read: 300, children: 1 });
    at.execute();
    at.pass(20);
    at.session.cancel();
    at.pass(1000);
    expect(at.ends).toEqual([[301, { ok: true }]]);
    const free = sessionWith('SELECT 1;', 'simple', {}, { read: 300, children: 2 });
    free.execute();
    free.pass(20);
    free.session.cancel();
    free.pass(1000);
    expect(free.ends).toEqual([[21.5, stopped(true)]]);
  });

  test('that finds a way only after the statement ends the sleep that follows', () => {
    const text = 'BEGIN;\nINSERT INTO t VALUES (1);\n\\sleep 500 ms\nEND;';
    const at = sessionWith(text, 'simple', {}, { write: 30, children: 2 });
    const busy: Child[] = [];
    at.front.children.admit((child) => busy.push(child));
    at.execute();
    at.pass(5);
    at.session.cancel();
    at.pass(100);
    for (const child of busy) at.front.children.release(child, null);
    at.pass(100);
    expect(at.ends).toEqual([[105, stopped(true)]]);
  });

  test('is not heard by a server that hangs', () => {
    const at = sessionWith('SELECT 1;\nSELECT 2;');
    for (const server of at.servers) server.hang();
    at.execute();
    at.pass(20);
    at.session.cancel();
    at.pass(500);
    expect(at.ends).toEqual([]);
  });

  test('lets a commit that runs end by itself', () => {
    const at = sessionWith('INSERT INTO t VALUES (1);', 'simple', {}, { write: 300 });
    at.execute();
    at.pass(20);
    at.session.cancel();
    at.pass(1000);
    expect(at.ends).toEqual([[301, { ok: true }]]);
  });

  test('ends the wait of a commit for standbys, which is done', () => {
    const nobody = { synchronousCommit: 'on', synchronousNames: 'FIRST 1 (absent)' } as const;
    const at = sessionWith("INSERT INTO t VALUES (':operation');", 'simple', nobody);
    at.execute();
    at.pass(50);
    expect(at.ends).toEqual([]);
    at.session.cancel();
    at.pass(50);
    expect(at.ends.map(([, outcome]) => outcome)).toEqual([{ ok: true }]);
    expect(rowsOf(at.servers[0])).toEqual(['0.0']);
  });
});

test.each([
  [
    'before COMMIT was sent, it is known not to be done',
    'BEGIN;\nINSERT INTO t VALUES (1);\n\\sleep 500 ms\nEND;',
    true,
  ],
  ['before anything was sent, too', '\\sleep 500 ms\nINSERT INTO t VALUES (1);', true],
  [
    'after one part was committed, nobody knows',
    'INSERT INTO t VALUES (1);\n\\sleep 500 ms\nSELECT 1;',
    false,
  ],
  ['after COMMIT, nobody knows', 'BEGIN;\nINSERT INTO t VALUES (1);\nEND;\n\\sleep 500 ms', false],
])('a connection that is lost while the script sleeps: %s', (_, text, definite) => {
  const at = sessionWith(text);
  at.execute();
  at.pass(50);
  at.front.kill();
  at.pass(200);
  expect(at.ends.map(([, outcome]) => outcome)).toEqual([
    { ok: false, error: expect.anything(), definite, lost: true },
  ]);
});

test('a class timeout stops the script: it failed by `timeout`, and the session stays', async () => {
  const { recording } = await simulateRun({
    ...{ durationMs: 4000, readsPerSecond: 10, writesPerSecond: 10, drills: [] },
    changeLoad: (load) => ({
      ...load,
      classes: load.classes.map((entry) =>
        entry.name === 'write'
          ? { ...entry, timeoutMs: 50, script: scriptOf('BEGIN;\n\\sleep 200 ms\nUPDATE t SET a = 1;\nEND;') }
          : entry,
      ),
    }),
  });
  expect([totalOf(recording, 'write', 'due'), totalOf(recording, 'write', 'failed')]).toEqual([40, 40]);
  expect(
    new Set(recording.intervals.flatMap(({ classes }) => Object.keys(classes.write?.errors ?? {}))),
  ).toEqual(new Set(['timeout']));
  expect(totalOf(recording, 'read', 'ok')).toBe(40);
});
