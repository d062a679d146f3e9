// Goal: the load of a scenario means what docs/scenario.md says, and every mistake in it is told at its place, with its value.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatProblem, InputError } from '../../src/kernel/errors.ts';
import { manifestOf } from '../../src/run/manifest.ts';
import { planRun, type RunPlan } from '../../src/run/plan.ts';

const model = resolve('models/reference-architecture.yaml');
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgdrill-load-part-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A scenario of 4 s warm-up and 16 s measurement with these lines of load. */
function fileWith(load: string): string {
  const file = join(folder, 'scenario.yaml');
  const lines = load.split('\n').map((line) => `  ${line}\n`);
  writeFileSync(
    file,
    `name: a\ncluster: ${model}\nphases: { warmup: 4s, measure: 16s }\nload:\n${lines.join('')}`,
  );
  return file;
}

function planned(load: string): RunPlan {
  return planRun(fileWith(load));
}

function problemsOf(load: string): string[] {
  try {
    planRun(fileWith(load));
    return [];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.problems.map((problem) => formatProblem(problem).replaceAll(`${folder}/`, ''));
  }
}

const read = '{ name: read, script: builtin:select-only, ';
const write = '{ name: write, script: builtin:tpcb-like, ';

describe('what a load means', () => {
  test('without a word on it: simple protocol, pooled sessions, late work skipped, all as before', () => {
    const { load } = planned(`sessions: 4\nclasses:\n  - ${read}perSecond: 10 }`);
    expect(load).toMatchObject({
      ...{ protocol: 'simple', transport: 'auto', arrivals: 'constant', late: 'skip', connect: 'pooled' },
      ...{ sessions: 4, patienceMs: 1000, timeoutMs: 5000 },
      classes: [{ name: 'read', perSecond: 10, closed: null, timeoutMs: 5000 }],
    });
  });

  test('open by ramp and steps, closed with a pause, each with a limit of its own', () => {
    const { load } = planned(
      `sessions: 4\nprotocol: prepared\ntransport: stream\nlate: catch-up\nconnect: perTransaction\ntimeout: 2s\nclasses:
  - ${read}perSecond: { from: 10, to: 50, over: 8s }, timeout: 250ms }
  - ${write}sessions: 3, thinkTime: 40ms, think: exponential }`,
    );
    expect(load).toMatchObject({
      ...{ protocol: 'prepared', transport: 'stream', late: 'catch-up', connect: 'perTransaction' },
      classes: [
        {
          closed: null,
          timeoutMs: 250,
          perSecond: [
            { startMs: 0, endMs: 8000, fromPerSecond: 10, toPerSecond: 50 },
            { startMs: 8000, endMs: 20_000, fromPerSecond: 50, toPerSecond: 50 },
          ],
        },
        { perSecond: null, closed: { sessions: 3, thinkTimeMs: 40, think: 'exponential' }, timeoutMs: 2000 },
      ],
    });
  });

  test('a rate that changes is shared by weight', () => {
    const { load } = planned(
      `sessions: 4\nperSecond: [{ at: 0s, perSecond: 100 }, { at: 10s, perSecond: 40 }]\nclasses:
  - ${read}weight: 3 }
  - ${write}weight: 1 }`,
    );
    expect(load.classes.map(({ perSecond }) => perSecond)).toMatchObject([
      [{ fromPerSecond: 75 }, { startMs: 10_000, toPerSecond: 30 }],
      [{ fromPerSecond: 25 }, { startMs: 10_000, toPerSecond: 10 }],
    ]);
  });

  test('closed classes alone need no load.sessions, and share the workers', () => {
    const { load, scenario } = planned(`classes:\n  - ${read}sessions: 1 }\n  - ${write}sessions: 1 }`);
    expect([load.sessions, scenario.value.load.workers]).toEqual([0, 2]);
  });

  test('sessions of one transaction may be more than Pgpool has children', () => {
    const many = `sessions: 500\nclasses:\n  - ${read}perSecond: 10 }`;
    expect(problemsOf(many)).toEqual([expect.stringContaining('[sessions-fit-pgpool]')]);
    expect(problemsOf(`connect: perTransaction\n${many}`)).toEqual([]);
  });

  test('the manifest tells the mean rate of the measured time, the rates, and the sessions of closed classes', () => {
    const plan = planned(
      `sessions: 4\nclasses:\n  - ${read}perSecond: { from: 0, to: 200 } }\n  - ${write}sessions: 3, thinkTime: 40ms }`,
    );
    const about = { kind: 'simulated' as const, transport: 'simulated', components: [], startedAt: null };
    const [reads, writes] = manifestOf(plan, about).scenario.classes;
    expect(reads?.perSecond).toBeCloseTo(120, 9);
    expect(reads?.rates).toHaveLength(1);
    expect(writes).toMatchObject({
      perSecond: null,
      closed: { sessions: 3, thinkTimeMs: 40, think: 'fixed' },
    });
  });
});

describe('mistakes', () => {
  /** A case whose text has a § before the part that the problem is told at. */
  function marked(load: string): { text: string; place: string } {
    const before = (load.split('§')[0] ?? '').split('\n');
    return {
      text: load.replace('§', ''),
      place: `scenario.yaml:${before.length + 4}:${(before.at(-1) ?? '').length + 3}: `,
    };
  }

  const openWith = (rest: string): string => `sessions: 4\nclasses:\n  - ${read}${rest} }`;

  test.each([
    [
      'no rate at all',
      'sessions: 4\nclasses:\n  - §{ name: read, script: builtin:select-only }',
      /either perSecond or weight .* or sessions/,
    ],
    [
      'a rate and sessions',
      'classes:\n  - §{ name: read, script: builtin:select-only, perSecond: 1, sessions: 2 }',
      /one of the three/,
    ],
    [
      'a pause of an open class',
      openWith('perSecond: 1, §thinkTime: 1s'),
      /thinkTime belongs to a closed class/,
    ],
    [
      'a kind of pause of an open class',
      openWith('perSecond: 1, §think: fixed'),
      /think belongs to a closed class/,
    ],
    [
      'sessions that no open class uses',
      `§sessions: 4\nclasses:\n  - ${read}sessions: 2 }`,
      /none has; .*; got 4/,
    ],
    [
      'a rate that is none',
      openWith('§perSecond: fast'),
      /a ramp \{ from, to, over \} or steps .*; got "fast"/,
    ],
    ['a rate of 0', openWith('§perSecond: 0'), /a number of operations per second above 0/],
    [
      'a ramp with another key',
      openWith('perSecond: { from: 1, §too: 2, to: 3 }'),
      /"too" is no key of load\.classes\[0\]\.perSecond/,
    ],
    ['a ramp without an end', openWith('§perSecond: { from: 1 }'), /perSecond\.to: .*got nothing/],
    ['a ramp from 0 to 0', openWith('§perSecond: { from: 0, to: 0 }'), /nothing due/],
    ['a ramp in no time', openWith('perSecond: { from: 0, to: 9, §over: 0s }'), /takes some time/],
    [
      'a ramp longer than the load',
      openWith('perSecond: { from: 0, to: 9, §over: 30s }'),
      /the ramp takes 30\.0 s, but the load, warm-up included, is 20\.0 s long/,
    ],
    [
      'steps out of order',
      openWith('perSecond: [{ at: 5s, perSecond: 1 }, { §at: 5s, perSecond: 2 }]'),
      /order of time.*\(5000 ms\)/,
    ],
    [
      'a step after the end',
      openWith('perSecond: [{ at: 0s, perSecond: 1 }, { §at: 20s, perSecond: 2 }]'),
      /the step at 20\.0 s never comes/,
    ],
    ['steps of nothing', openWith('§perSecond: [{ at: 0s, perSecond: 0 }]'), /steps of rate 0/],
    [
      'a step that is no duration',
      openWith('perSecond: [{ §at: soon, perSecond: 1 }]'),
      /"soon" is no duration/,
    ],
    [
      'a shared ramp longer than the load',
      `sessions: 4\nperSecond: { from: 0, to: 9, §over: 30s }\nclasses:\n  - ${read}weight: 1 }`,
      /the ramp takes 30/,
    ],
    ['a class that has no time', openWith('perSecond: 1, §timeout: 0s'), /timeout must be above 0/],
    [
      'an unknown protocol',
      `§protocol: binary\n${openWith('perSecond: 1')}`,
      /load\.protocol: .*"simple".*; got "binary"/,
    ],
    [
      'an unknown way with late work',
      `§late: drop\n${openWith('perSecond: 1')}`,
      /load\.late: .*"catch-up".*; got "drop"/,
    ],
    [
      'more workers than closed sessions',
      `§workers: 3\nclasses:\n  - ${read}sessions: 2 }`,
      /3 workers share 2 sessions/,
    ],
  ])('%s', (_, load, message) => {
    const { text, place } = marked(load);
    const problems = problemsOf(text);
    expect(problems.map((problem) => problem.split('\n')[0])).toEqual([expect.stringMatching(message)]);
    expect(problems[0]?.slice(0, place.length)).toBe(place);
  });

  test.each([
    ['an open class without sessions', `classes:\n  - ${read}perSecond: 1 }`, /need load\.sessions/],
    [
      'more closed sessions than Pgpool has children',
      `classes:\n  - ${read}sessions: 300 }`,
      /300.*num_init_children/,
    ],
  ])('what is not written is told at the load: %s', (_, load, message) => {
    expect(problemsOf(load)).toEqual([expect.stringMatching(message)]);
    expect(problemsOf(load)[0]).toMatch(/^scenario\.yaml:4:1: /);
  });

  test('several rates with mistakes are all told', () => {
    const problems = problemsOf(
      `sessions: 4\nclasses:\n  - ${read}perSecond: { from: -1, to: x } }\n  - ${write}perSecond: [{ at: 1s }, 4] }`,
    );
    expect(problems.map((problem) => /load\.classes\S*(?=: )/.exec(problem)?.[0])).toEqual([
      'load.classes[0].perSecond.from',
      'load.classes[0].perSecond.to',
      'load.classes[1].perSecond[0].perSecond',
      'load.classes[1].perSecond[1]',
    ]);
  });
});
