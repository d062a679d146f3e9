import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/kernel/random.ts';
import { callOf, promotedBy, traceOf } from '../lab/pgpool-differential-commands.ts';
import { drawSteps } from '../lab/pgpool-differential-draw.ts';
import { Hypotheses } from '../lab/pgpool-differential-hypotheses.ts';
import { ModelCluster } from '../lab/pgpool-differential-model.ts';
import { observedSequences } from '../lab/pgpool-differential-observed.ts';
import { isIdle } from '../lab/pgpool-differential-pgpool.ts';
import { profiles, rota } from '../lab/pgpool-differential-profiles.ts';
import { heardTooLate, refusalsOf } from '../lab/pgpool-differential-races.ts';
import { applyToServers, parseSteps, serversAtStart, textOf } from '../lab/pgpool-differential-steps.ts';

// Goal: the harness that compares a real Pgpool with the statecharts does not fool itself.
// Method: its parts alone, without servers.

describe('sequences of steps', () => {
  test('a seed draws the same steps, each one possible for the servers as they are then', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1, max: 20 }), (seed, count) => {
        const steps = drawSteps(new Random(seed), count);
        expect(drawSteps(new Random(seed), count)).toEqual(steps);
        expect(steps).toHaveLength(count);
        const servers = serversAtStart();
        for (const step of steps) {
          if ('node' in step && step.kind !== 'pcp') {
            expect(servers[step.node]?.alive, textOf(step)).toBe(step.kind !== 'start');
            if (step.kind === 'promote') expect(servers[step.node]?.inRecovery).toBe(true);
          }
          applyToServers(servers, step);
        }
      }),
    );
  });

  test('are read as they are written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), (seed) => {
        const steps = drawSteps(new Random(seed), 15);
        expect(parseSteps(steps.map(textOf).join(', '))).toEqual(steps);
      }),
    );
    expect(() => parseSteps('kill 0, kill 7')).toThrow('kill 7');
  });
});

describe('courses of a model with races', () => {
  const coins = () =>
    new Hypotheses<{ sum: number; toss: (worth: number) => void }>(
      (choose) => {
        const model = {
          sum: 0,
          toss: (worth: number) => {
            model.sum += choose(2) * worth;
          },
        };
        return model;
      },
      ({ sum }) => String(sum),
    );

  test('every race opens all its ways, and an observation keeps those that agree', () => {
    const courses = coins();
    for (const worth of [1, 2, 4]) courses.act((model) => model.toss(worth));
    expect(
      courses
        .ask(({ sum }) => String(sum))
        .map(Number)
        .sort(),
    ).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(courses.keep(({ sum }) => sum > 5)).toBe(true);
    expect(courses.size).toBe(2);
    courses.act((model) => model.toss(8));
    expect(
      courses
        .ask(({ sum }) => String(sum))
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual([6, 7, 14, 15]);
  });

  test('an observation that no course allows is told, and changes nothing', () => {
    const courses = coins();
    courses.act((model) => model.toss(1));
    expect(courses.keep(({ sum }) => sum === 9)).toBe(false);
    expect(courses.size).toBe(2);
  });

  test('courses that have come to the same are one', () => {
    const courses = coins();
    for (let round = 0; round < 6; round += 1) {
      courses.act((model) => model.toss(0));
      courses.merge();
    }
    expect(courses.size).toBe(1);
  });
});

describe('what is not determined, and no more than that', () => {
  const up = { status: ['up', 'up', 'up'], primary: 0, main: 0 } as const;
  const ways = (nodes: readonly number[], lost: number, state: typeof up | { primary: number }) => {
    const found = new Set<string>();
    let count = 1;
    for (let way = 0; way < count; way += 1) {
      const choose = (among: number): number => {
        count = among;
        return way;
      };
      const sessions = nodes.map((loadBalanceNode, place) => ({ loadBalanceNode, place }));
      const late = heardTooLate(sessions, { state: { ...up, ...state }, node: lost, choose });
      found.add(late.map(({ place }) => place).join());
    }
    return [...found].sort();
  };

  test('every session that the failover spares may be late, while one that it cuts has asked for it', () => {
    expect(ways([2, 1, 1], 2, up)).toEqual(['', '1', '1,2', '2']);
    expect(ways([2], 2, up)).toEqual(['']);
  });

  test('one of those that it spares was in time when it cuts none: a primary that is not the main node', () => {
    expect(ways([1, 1], 2, { primary: 2 })).toEqual(['', '0', '1']);
  });

  test('where it cuts all, nothing is open', () => {
    expect(ways([1, 2], 0, up)).toEqual(['']);
  });

  test('a session that has every child killed is told its error or nothing, another its error', () => {
    const refusal = { ok: false, error: { code: 'XX000', message: '' } } as const;
    expect(refusalsOf(up, { ...refusal, degenerate: 0 })).toEqual(['XX000', 'closed']);
    expect(refusalsOf(up, { ...refusal, degenerate: 2 })).toEqual(['XX000']);
    expect(refusalsOf(up, { ...refusal, degenerate: null })).toEqual(['XX000']);
  });

  test.each([
    [
      'auto-failback',
      'pcp promote 2',
      ['down:standby waiting:standby up:primary', 'down:standby waiting:standby up:standby'],
    ],
    [
      'guide',
      'pcp promote 2',
      ['down:standby waiting:standby up:primary', 'down:standby waiting:standby up:standby'],
    ],
    ['no-follow', 'pcp promote 2', ['down:standby down:standby up:primary']],
  ])('%s, %s: these states of rest', (name, sequence, states) => {
    const profile = profiles.find((candidate) => candidate.name === name);
    if (!profile) throw new Error(name);
    const courses = new Hypotheses(
      (choose) => new ModelCluster({ settings: profile.model, commands: null, nodes: [] }, choose),
      (model) => model.key(),
    );
    courses.act((model) => {
      model.settle();
      const left = model.clients.open({ connect: 'ok', read: { node: 1 } });
      if (left) model.clients.close(left);
    });
    for (const step of parseSteps(sequence)) {
      courses.act((model) => {
        model.apply(step);
        model.settle();
      });
    }
    expect(courses.ask((model) => model.nodes()).sort()).toEqual(states);
  });
});

describe("Pgpool's own commands", () => {
  const nodes = [0, 1, 2].map((id) => ({ host: `h${id}`, port: 5430 + id, dataDirectory: `/d${id}` }));
  const lost = { kind: 'failover', node: 0, oldMain: 0, newMain: 1, oldPrimary: 0 } as const;

  test('the words that a shell makes of the line', () => {
    expect(callOf('notes', lost, nodes)).toBe(
      '<failover><0><h0><5430></d0><1><h1><0><0><5431></d1><h0><5430><%><d0m1>',
    );
    const none = { ...lost, newMain: -1 };
    expect(callOf('notes', none, nodes)).toBe(
      '<failover><0><h0><5430></d0><-1><><0><0><><><h0><5430><%><d0m-1>',
    );
  });

  test('what promotes does so as the sample: when the primary went down, or none was known', () => {
    expect(promotedBy('promotes', lost)).toBe(1);
    expect(promotedBy('promotes', { ...lost, node: 2, oldPrimary: -1 })).toBe(1);
    expect(promotedBy('promotes', { ...lost, node: 2 })).toBeNull();
    expect(promotedBy('promotes', { ...lost, newMain: -1 })).toBeNull();
    expect(promotedBy('promotes', { ...lost, kind: 'failback' })).toBeNull();
    expect(promotedBy('notes', lost)).toBeNull();
  });

  test('the log tells what the main process did, and of others nothing', () => {
    const log = [
      '2026-01-01 10:00:00.000: main pid 1: LOG:  find_primary_node_repeatedly: waiting for finding a primary node',
      '2026-01-01 10:00:00.000: main pid 1: LOG:  pgpool-II successfully started. version 4.3.5 (tamahomeboshi)',
      '2026-01-01 10:00:00.000: main pid 1: LOG:  starting degeneration. shutdown host h0(5432)',
      '2026-01-01 10:00:00.000: main pid 1: LOG:  Restart all children',
      '2026-01-01 10:00:00.000: main pid 1: LOG:  execute command: /f/command notes failover 0',
      'called <failover><0>',
      'ended',
      '2026-01-01 10:00:00.000: main pid 1: LOG:  find_primary_node_repeatedly: waiting for finding a primary node',
      '2026-01-01 10:00:00.000: follow_child pid 3: LOG:  execute command: /f/follow 2 0',
      '2026-01-01 10:00:00.000: main pid 1: LOG:  Do not restart children because we are switching over node id 2 host: h2 port: 5432 and we are in streaming replication mode',
      '2026-01-01 10:00:00.000: main pid 1: LOG:  Do not restart children because we are failing back node id 2 host: h2 port: 5432 and we are in streaming replication mode and not all backends were down',
    ];
    expect(traceOf(log.join('\n'))).toEqual([
      'restart all',
      'called <failover><0>',
      'ended',
      'search',
      'restart those of 2',
      'restart none',
    ]);
  });
});

test("Pgpool's log tells when it has work", () => {
  const asked = [
    'pcp_child pid 9: LOG:  signal_user1_to_parent_with_reason(0)',
    'main pid 1: LOG:  Pgpool-II parent process has received failover request',
    'main pid 1: LOG:  starting degeneration. shutdown host 127.0.0.1(5432)',
    'main pid 1: LOG:  fork a new PCP child pid 12 in failover()',
  ];
  expect(asked.map((_, length) => isIdle(asked.slice(0, length + 1).join('\n')))).toEqual([
    false,
    true,
    false,
    true,
  ]);
  const follow = 'follow_child pid 7: LOG:  start triggering follow command.';
  expect(isIdle(follow)).toBe(false);
  expect(isIdle(`${follow}\nmain pid 1: LOG:  child process with pid: 7 exits with status 0`)).toBe(true);
});

test('every behaviour in the document has a sequence that can be run, and the other way round', () => {
  const document = readFileSync(new URL('../../docs/pgpool-observed.md', import.meta.url), 'utf8');
  const rows = [...document.matchAll(/^\| (P\d+) \| ([a-z-]+) \| `([^`]+)` \|/gm)].map(
    ([, id, profile, sequence]) => ({
      id,
      profile,
      sequence,
    }),
  );
  expect(rows).toEqual(observedSequences);
  const names = profiles.map(({ name }) => name);
  for (const { profile, sequence } of observedSequences) {
    expect(names).toContain(profile);
    expect(() => parseSteps(sequence)).not.toThrow();
  }
  expect(new Set(rota)).toEqual(new Set(names));
});
