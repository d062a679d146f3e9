// Goal: our runner of statecharts does what xstate's own does, so that only the time it takes is different.
// Method: both run every statechart of the roles side by side on virtual clocks, with the same random events, facts and pauses;
// after each event states, contexts, tags, what could be taken, emissions and pending timers are equal. Listeners answer some
// emissions with events of their own, in the middle of a step.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AnyEventObject, type AnyStateMachine, createActor, createMachine, emit, setup } from 'xstate';
import { VirtualClock } from '../../src/kernel/clock.ts';
import { efmAgentMachine } from '../../src/roles/efm-agent-machine.ts';
import { efmCoordinatorMachine } from '../../src/roles/efm-coordinator-machine.ts';
import { healthCheckMachine } from '../../src/roles/pgpool-health-check.ts';
import { pgpoolMachine } from '../../src/roles/pgpool-machine.ts';
import { postgresMachine } from '../../src/roles/postgres-server.ts';
import { Statechart } from '../../src/roles/statechart.ts';
import { watchdogMachine } from '../../src/roles/watchdog-machine.ts';
import { parseEfmSettings } from '../../src/topology/efm-properties.ts';

/** A statechart with the facts that its guards ask of others, which a run may change at any time, and the events it can get. */
interface Case {
  machine: AnyStateMachine;
  input: (facts: Facts) => unknown;
  events: (facts: Facts) => readonly AnyEventObject[];
}

/** Switches that both runners see alike. */
type Facts = boolean[];

const request = { from: 'b', id: 7 };
const efmSettings = (version: string) =>
  parseEfmSettings(
    {
      'virtual.ip': '10.0.0.9',
      'script.fence': '/opt/fence %p %f',
      'script.load.balancer.detach': '/opt/detach %h %t',
      'script.remote.pre.promotion': '/opt/pre %p',
      'standby.restart.delay': '2',
      ...(version === '5.4' ? { 'auto.resume.failure.period': '20' } : { 'auto.resume.period': '20' }),
    },
    version,
  );

function agent(version: string): Case {
  const ended = [true, false].flatMap((ok) =>
    [undefined, true, false].flatMap((inRecovery) =>
      [true, false].map((primaryExists) => ({
        type: 'ended',
        ok,
        detail: null,
        ...(inRecovery === undefined ? {} : { inRecovery, primaryExists }),
      })),
    ),
  );
  return {
    machine: efmAgentMachine,
    input: () => ({ node: 'a', settings: efmSettings(version) }),
    events: () => [
      ...ended,
      ...ended,
      ...[true, false].map((anyOk) => ({ type: 'answered', anyOk, allOk: anyOk })),
      { type: 'database.overdue' },
      { type: 'database.wrongState' },
      { type: 'customMonitor.failed' },
      { type: 'demote', ...request },
      { type: 'replace', ...request, quiet: true },
      { type: 'rejoin', ...request, primary: 'b', settings: null },
      { type: 'follow', ...request, primary: 'b' },
      { type: 'promote', ...request, failedPrimary: 'b', runScripts: false, forced: true },
      { type: 'promote', ...request, failedPrimary: null, runScripts: true, forced: false },
      { type: 'resume' },
      { type: 'quorum.lost' },
      { type: 'fence.ordered' },
      { type: 'rival', atStart: false },
      { type: 'rejoined', primaryExists: false },
      { type: 'rejoined', primaryExists: true },
      { type: 'primary.heard' },
      { type: 'nobody.knows.it' },
    ],
  };
}

const coordinator: Case = {
  machine: efmCoordinatorMachine,
  input: () => ({ settings: efmSettings('5.4') }),
  events: () => [
    { type: 'primary.failed', node: 'a' },
    { type: 'member.lost', node: 'a', role: 'primary' },
    { type: 'member.lost', node: 'b', role: 'standby' },
    { type: 'primary.left' },
    { type: 'primary.present' },
    { type: 'switchover', primary: 'a', runScripts: true, quiet: true, settings: null },
    { type: 'manual', primary: null, runScripts: true, quiet: false },
    { type: 'manual', primary: 'a', runScripts: true, quiet: false },
    ...[true, false].flatMap((anyReaches) =>
      [true, false].map((confirmed) => ({
        type: 'verified',
        anyReaches,
        majority: true,
        confirmed,
        isolated: anyReaches && confirmed,
      })),
    ),
    ...[true, false].map((majority) => ({ type: 'assessed', majority, candidates: 1, standbys: 2 })),
    { type: 'chosen', winner: 'c' },
    { type: 'chosen', winner: null },
    { type: 'detached' },
    { type: 'obeyed', ok: true, detail: null },
    { type: 'obeyed', ok: false, detail: 'no' },
  ],
};

const pgpool: Case = {
  machine: pgpoolMachine,
  input: (facts) => ({
    settings: {
      searchPrimaryNodeTimeout: 3,
      hasFollowCommand: true,
      hasFailoverCommand: true,
      hasFailbackCommand: false,
      detachFalsePrimary: false,
      alwaysPrimary: null,
      searchAtStart: facts[2] === true,
      searchByTime: false,
      waitsForPcpClients: true,
    },
    shared: { status: ['up', 'waiting', 'down'], primary: 0, main: 0, marked: [] },
    second: () => 17,
    othersHoldLock: () => facts[0] === true,
  }),
  events: () => [
    ...['detach', 'attach', 'promote'].flatMap((kind) =>
      [0, 1, 2].map((node) => ({
        type: 'request',
        request: { kind, node, nodes: [node], switchover: false },
      })),
    ),
    { type: 'roles', answers: ['standby', 'primary', null] },
    { type: 'roles', answers: [null, 'standby', null] },
    { type: 'command.ended' },
    { type: 'follow.ended' },
    { type: 'pause.cutShort' },
    { type: 'connected', nodes: [0, 1] },
    { type: 'mainUnreachable', node: 0, reachable: [1] },
    { type: 'pcp.held' },
    { type: 'pcp.released' },
    { type: 'synced', status: ['down', 'up', 'up'], primary: 1 },
  ],
};

const healthCheck: Case = {
  machine: healthCheckMachine,
  input: (facts) => ({
    conf: { periodMs: 5000, timeoutMs: 2000, maxRetries: 2, retryDelayMs: 500, connectTimeoutMs: 1000 },
    purpose: () => (facts[0] ? 'none' : 'check'),
    greeting: () => (facts[1] ? 'accepts' : facts[2] ? 'hangs' : 'refuses'),
  }),
  events: () => [{ type: 'nobody.knows.it' }],
};

const postgres: Case = {
  machine: postgresMachine,
  input: () => ({
    timings: { startMs: () => 300, stopMs: () => 200, promoteMs: () => 150 },
    standbySignal: true,
    upstream: 'a',
  }),
  events: () => [
    ...['start', 'start', 'stop', 'promote', 'crash', 'guard', 'unguard'].map((type) => ({ type })),
    { type: 'follow', primary: 'b' },
    { type: 'rebuilt', primary: 'b' },
  ],
};

const info = { priority: 3, startedAtMs: 5, id: 1 };
const watchdog: Case = {
  machine: watchdogMachine,
  input: (facts) => ({
    alive: () => (facts[0] ? [1, 2] : []),
    connectable: () => (facts[1] ? [1, 2] : []),
    leader: () => (facts[2] ? 1 : null),
    someoneStands: () => facts[3] === true,
    hasQuorum: () => facts[0] === true,
    priority: () => 2,
    startedAtMs: 4,
    self: 0,
  }),
  events: () => [
    ...['start', 'stop', 'network.lost', 'self.lost', 'network.found', 'outranked', 'rejoin'].map((type) => ({
      type,
    })),
    ...['accept', 'reject', 'error'].map((answer) => ({ type: 'answered', from: 1, answer })),
    { type: 'answered', from: 2, answer: 'accept' },
    { type: 'stand', from: 1, id: 4, info },
    { type: 'declared', from: 1, id: 5, info },
    { type: 'declared', from: 1, id: 5, info: { ...info, priority: 1 } },
  ],
};

const counting = setup({
  types: {
    input: {} as { open: () => boolean },
    context: {} as { count: number; open: () => boolean },
    emitted: {} as { type: string },
  },
});

const told = (what: string) => counting.emit({ type: what });
const noted = (what: string) => ({ entry: told(`into ${what}`), exit: told(`out of ${what}`) });

/** What the roles use seldom or not yet: regions that a transition at the top enters anew, re-entry, deep targets, exits in each other. */
const everything: Case = {
  machine: counting.createMachine({
    id: 'm',
    type: 'parallel',
    context: ({ input }) => ({ count: 0, open: input.open }),
    // Of both regions, and taken once.
    always: {
      guard: ({ context }) => context.count > 4,
      actions: [counting.assign({ count: ({ context }) => context.count - 4 }), told('less')],
    },
    on: {
      top: '.right.y',
      count: { actions: counting.assign({ count: ({ context }) => context.count + 1 }) },
    },
    states: {
      left: {
        ...noted('left'),
        initial: 'p',
        on: { whole: { target: 'left', reenter: true }, inner: '.q', deep: '#m.left.q.r.s' },
        states: {
          p: {
            ...noted('p'),
            on: { next: 'q', self: { target: 'p', reenter: true }, stay: { actions: told('stay') } },
          },
          q: {
            ...noted('q'),
            initial: 'o',
            on: { next: 'p', self: { target: 'q', reenter: true } },
            after: { 700: 'p' },
            states: {
              o: {
                ...noted('o'),
                always: {
                  guard: ({ context }) => context.count % 2 === 1,
                  target: 'r',
                  actions: told('odd'),
                },
              },
              r: {
                ...noted('r'),
                initial: 's',
                always: {
                  guard: ({ context }) => context.count > 2,
                  actions: counting.assign({ count: 0 }),
                },
                states: {
                  s: { ...noted('s'), on: { stay: 't' } },
                  t: { ...noted('t'), after: { 100: 's' } },
                },
              },
            },
          },
        },
      },
      right: {
        ...noted('right'),
        initial: 'x',
        states: {
          x: {
            ...noted('x'),
            always: { guard: ({ context }) => context.open(), target: 'y' },
            on: { next: { target: 'y', actions: told('right next') } },
            tags: 'resting',
          },
          y: { ...noted('y'), on: { self: 'y', next: 'x' }, after: { 300: 'x' } },
        },
      },
    },
  }),
  input: (facts) => ({ open: () => facts[0] === true && facts[1] === true }),
  events: () =>
    [
      'top',
      'count',
      'count',
      'count',
      'count',
      'whole',
      'inner',
      'deep',
      'next',
      'self',
      'stay',
      'nothing',
    ].map((type) => ({ type })),
};

const countMore = counting.assign({ count: ({ context }) => context.count + 1 });

/** It ends, from deep within or in time: all that is active is left, and nothing is taken any more. */
const ending: Case = {
  machine: counting.createMachine({
    id: 'e',
    ...noted('all'),
    context: ({ input }) => ({ count: 0, open: input.open }),
    initial: 'on',
    always: { guard: ({ context }) => context.count % 2 === 1, actions: [countMore, told('even')] },
    states: {
      on: {
        ...noted('on'),
        initial: 'a',
        on: { end: { target: 'over', actions: countMore } },
        states: {
          a: { ...noted('a'), on: { next: 'b', count: { actions: countMore } } },
          b: { ...noted('b'), on: { next: 'a' }, after: { 40: { target: '#e.over', actions: countMore } } },
        },
      },
      over: { ...noted('over'), type: 'final' },
    },
  }),
  input: () => ({ open: () => true }),
  events: () => ['next', 'next', 'next', 'count', 'end'].map((type) => ({ type })),
};

const cases: readonly [string, Case][] = [
  ['one of everything', everything],
  ['one that ends', ending],
  ['EFM agent, 5.4', agent('5.4')],
  ['EFM agent, 3.9', agent('3.9')],
  ['EFM coordinator', coordinator],
  ['Pgpool', pgpool],
  ['health check', healthCheck],
  ['PostgreSQL server', postgres],
  ['watchdog', watchdog],
];

/** State values, some of them none of the case's. */
const asked = [
  'stable',
  'primary',
  { primary: 'monitoring' },
  { main: 'idle' },
  { main: { searching: 'pausing' } },
  { main: 'idle', follow: 'none' },
  { left: { q: 'o' } },
  { left: 'q', right: 'x' },
];

/** Both runners of a case, with all that each has shown, written down as it happened. */
class Pair {
  readonly facts: Facts;
  readonly logs: [unknown[], unknown[]] = [[], []];
  readonly #sides: readonly Side[];

  constructor({ machine, input, events }: Case, facts: Facts) {
    this.facts = [...facts];
    const answers = events(this.facts);
    this.#sides = this.logs.map((log) => {
      const clock = new VirtualClock();
      const given = { input: input(this.facts), clock };
      const ours = log === this.logs[1];
      const actor = (ours
        ? new Statechart(machine, given as never)
        : createActor(machine, given as never)) as unknown as Runner;
      // xstate's own warns on the console of events after its end.
      const send = (event: AnyEventObject): void => {
        if (ours || actor.getSnapshot().status === 'active') actor.send(event);
      };
      const side = { actor, clock, send };
      side.actor.on('*', (emitted) => {
        log.push(['emitted', JSON.stringify(emitted)]);
        // Some emissions are answered at once, within the step.
        const answer = answers[JSON.stringify(emitted).length % (3 * answers.length)];
        if (answer) send(answer);
      });
      side.actor.subscribe(() => log.push('observed'));
      return side;
    });
  }

  do(act: (side: Side) => void, shown: readonly AnyEventObject[]): void {
    for (const [index, side] of this.#sides.entries()) {
      act(side);
      const snapshot = side.actor.getSnapshot();
      this.logs[index as 0 | 1].push({
        value: snapshot.value,
        context: JSON.stringify(snapshot.context),
        resting: snapshot.hasTag('resting'),
        matches: asked.map((value) => snapshot.matches(value)).concat(snapshot.matches(snapshot.value)),
        can: shown.map((event) => snapshot.can(event)),
        atMs: side.clock.nowMs(),
        timers: side.clock.pendingTimers,
      });
    }
  }
}

interface Runner {
  start(): unknown;
  stop(): void;
  send(event: AnyEventObject): void;
  on(type: string, hear: (emitted: AnyEventObject) => void): void;
  subscribe(observe: () => void): void;
  getSnapshot(): {
    status: string;
    value: unknown;
    context: unknown;
    hasTag(tag: string): boolean;
    matches(value: unknown): boolean;
    can(event: AnyEventObject): boolean;
  };
}

interface Side {
  actor: Runner;
  clock: VirtualClock;
  send(event: AnyEventObject): void;
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ event: fc.nat(200) }) },
  { weight: 2, arbitrary: fc.record({ waitMs: fc.constantFrom(1, 40, 500, 1000, 5000, 60_000) }) },
  { weight: 2, arbitrary: fc.record({ fact: fc.nat(3) }) },
);

describe.each(cases)('%s', (_, one) => {
  test('does, event by event, what xstate does', () => {
    const run = fc.property(
      fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      fc.array(step, { maxLength: 40 }),
      (facts, steps) => {
        const pair = new Pair(one, facts);
        const events = one.events(pair.facts);
        pair.do(() => {}, events);
        pair.do(({ actor }) => actor.start(), events);
        for (const each of steps) {
          if ('fact' in each) pair.facts[each.fact] = !pair.facts[each.fact];
          pair.do(({ send, clock }) => {
            if ('event' in each) send(events[each.event % events.length] as AnyEventObject);
            else if ('waitMs' in each) clock.runUntil(clock.nowMs() + each.waitMs);
          }, events);
        }
        pair.do(({ actor }) => actor.stop(), []);
        pair.do(({ send, clock }) => {
          send(events[0] as AnyEventObject);
          clock.runUntil(clock.nowMs() + 100_000);
        }, []);
        expect(pair.logs[1]).toEqual(pair.logs[0]);
      },
    );
    fc.assert(run, { numRuns: 150, seed: 11 });
  }, 120_000);
});

test('stopped in the middle of a step, it does what the step wants done, tells of it, and nothing more', () => {
  const machine = createMachine({
    initial: 'a',
    states: {
      a: { on: { go: { target: 'b', actions: [emit({ type: 'first' }), emit({ type: 'second' })] } } },
      b: { after: { 10: 'a' } },
    },
  });
  const logs = [true, false].map((ours) => {
    const log: string[] = [];
    const clock = new VirtualClock();
    const actor = (ours
      ? new Statechart(machine, { clock, input: undefined as never })
      : createActor(machine, { clock })) as unknown as Runner;
    actor.on('first', () => {
      actor.send({ type: 'go' });
      actor.stop();
    });
    actor.on('second', () => log.push('second'));
    actor.subscribe(() => log.push(String(actor.getSnapshot().value)));
    actor.start();
    actor.send({ type: 'go' });
    clock.runUntil(100);
    return [...log, clock.pendingTimers];
  });
  expect(logs[0]).toEqual(logs[1]);
  expect(logs[0]).toEqual(['a', 'second', 'b', 0]);
});

test('eventless transitions are tried again at every event, one that nobody knows included', () => {
  let open = false;
  const machine = createMachine({
    initial: 'x',
    states: { x: { always: { guard: () => open, target: 'y' } }, y: {} },
  });
  const clock = new VirtualClock();
  const runners = [
    new Statechart(machine, { clock, input: undefined as never }),
    createActor(machine, { clock }),
  ];
  for (const runner of runners as unknown as Runner[]) {
    open = false;
    runner.start();
    open = true;
    expect(runner.getSnapshot().value).toBe('x');
    runner.send({ type: 'nothing' });
    expect(runner.getSnapshot().value).toBe('y');
  }
});

test('an error of a listener reaches who sent the event, and the statechart goes on', () => {
  const machine = createMachine({
    initial: 'a',
    states: { a: { on: { go: { target: 'b', actions: emit({ type: 'told' }) } } }, b: { on: { go: 'a' } } },
  });
  const chart = new Statechart(machine, {
    clock: new VirtualClock(),
    input: undefined as never,
  }) as unknown as Runner;
  chart.on('told', () => {
    throw new Error('no ear');
  });
  chart.start();
  expect(() => chart.send({ type: 'go' })).toThrow('no ear');
  chart.send({ type: 'go' });
  expect(chart.getSnapshot().value).toBe('a');
});

test.each([
  [{ initial: 'b', states: { a: { type: 'history' as const }, b: {} } }, /neither history nor actors/],
  [{ initial: 'a', states: { a: { on: { '*': 'a' } } } }, /no wildcards/],
  [{ initial: 'a', states: { a: { entry: 'named' } } }, /actions are built ones/],
])('what it does not know is refused before anything runs: %j', (config, message) => {
  const machine = createMachine(config as never);
  expect(() => new Statechart(machine, { clock: new VirtualClock(), input: undefined as never })).toThrow(
    message,
  );
});
