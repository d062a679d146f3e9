// Goal: no sequence of requests, losses and returns brings a Pgpool into an impossible state, and each of its states can be reached.
// Method: random sequences, shrunk when they fail, on the virtual clock: on a whole Pgpool before servers that fail, and on the main
// process's statechart with answers at random, whose steps are watched one by one.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AnyStateNode, createActor } from 'xstate';
import { VirtualClock } from '../../src/kernel/clock.ts';
import { isValid, type NodeRequest } from '../../src/roles/pgpool-failover.ts';
import { FollowLock } from '../../src/roles/pgpool-follow-lock.ts';
import { pgpoolMachine } from '../../src/roles/pgpool-machine.ts';
import { queueLength } from '../../src/roles/pgpool-main.ts';
import { type Bench, bench, everyNode } from './pgpool-bench.ts';
import { xstateClock } from './xstate-clock.ts';

const node = fc.integer({ min: 0, max: 2 });
const outcomes = new Set(['ok', 'XX000', '08S01', '57P03', 'closed', 'timeout']);

type Step = {
  what:
    | 'detach'
    | 'attach'
    | 'promote'
    | 'switchover'
    | 'kill'
    | 'start'
    | 'stale'
    | 'hang'
    | 'lose'
    | 'connect'
    | 'shutdown'
    | 'hold'
    | 'wait';
  node: number;
  waitMs: number;
};

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom(
    'detach',
    'attach',
    'promote',
    'switchover',
    'kill',
    'start',
    'stale',
    'hang',
    'lose',
    'connect',
    'shutdown',
    'hold',
    'wait',
  ),
  node,
  waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 8000 })),
});

function carryOut(at: Bench, { what, node: id }: Step, held: (() => void)[]): void {
  const server = at.server(id);
  switch (what) {
    case 'detach':
    case 'attach':
    case 'promote':
      at.pgpool[what](id);
      break;
    case 'switchover':
      at.pgpool.promote(id, { switchover: true });
      break;
    case 'kill':
      server.alive = false;
      break;
    case 'start':
      Object.assign(server, { alive: true, gone: false });
      at.resume(id);
      break;
    case 'stale':
      server.inRecovery = !server.inRecovery;
      break;
    case 'hang':
      server.hung = true;
      break;
    case 'lose':
      server.gone = true;
      break;
    case 'shutdown':
      at.pgpool.sessionSawShutdown(id);
      break;
    case 'hold':
      held.push(at.pgpool.holdPcp());
      break;
    case 'connect': {
      const result = at.connect(id / 2);
      expect(outcomes).toContain(result.ok ? 'ok' : result.error.code);
      if (result.ok) expect(result.nodes).toContain(result.loadBalanceNode);
      break;
    }
    case 'wait':
      break;
  }
}

/** What holds at every moment. */
function checkAlways(at: Bench): void {
  const { status, primary, main } = at.pgpool.state();
  expect(status).toHaveLength(3);
  expect(primary).toBeGreaterThanOrEqual(-1);
  expect(primary).toBeLessThan(3);
  expect([0, 1, 2]).toContain(main);
  expect(at.statusFile.every((line) => line === 'up' || line === 'down' || line === 'unused')).toBe(true);
  if (at.statusFile.length > 0) expect(at.statusFile).toContain('up');
  if (at.pgpool.switching()) expect(at.pgpool.reaps()).toBe(false);
}

describe('a whole Pgpool', () => {
  const profiles = {
    guide: {},
    'without follow command': { hasFollowCommand: false },
    'fails over by itself': {
      hasFollowCommand: false,
      failoverOnBackendError: true,
      failoverOnBackendShutdown: true,
      hasFailoverCommand: true,
      srCheckPeriodMs: 2000,
      detachFalsePrimary: true,
      autoFailback: true,
      autoFailbackIntervalMs: 1000,
      nodes: everyNode({ periodMs: 1000, timeoutMs: 2000 }),
    },
  };

  test.each(Object.entries(profiles))(
    '%s: comes to rest, with a primary that is in use or none',
    (_, settings) => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
          const at = bench({ settings });
          const held: (() => void)[] = [];
          for (const next of steps) {
            carryOut(at, next, held);
            checkAlways(at);
            at.pass(next.waitMs);
            checkAlways(at);
          }
          for (const release of held) release();
          for (const id of [0, 1, 2]) {
            Object.assign(at.server(id), { alive: true, gone: false });
            at.resume(id);
          }
          at.pass(100_000);
          expect([at.pgpool.switching(), at.pgpool.following(), at.pgpool.reaps()]).toEqual([
            false,
            false,
            true,
          ]);
          const { status, primary, main } = at.pgpool.state();
          if ('hasFollowCommand' in settings && primary >= 0) expect(isValid(status[primary])).toBe(true);
          if (status.some(isValid)) expect(at.connect().ok).toBe(true);
          expect(status.some(isValid) ? isValid(status[main]) : true).toBe(true);
        }),
        { seed: 17, numRuns: 60 },
      );
    },
  );
});

function statesUnder(state: AnyStateNode): string[] {
  return [state.id, ...Object.values(state.states).flatMap(statesUnder)];
}

/** Every state of the main process and of the follow runs; `starting` is left within the step that enters it. */
const allStates = statesUnder(pgpoolMachine.root).filter((id) => id !== 'pgpool.main.starting');

test('the main process: at most ten requests wait, and every state is reached', () => {
  const reached = new Set<string>();
  const request = fc.record({
    kind: fc.constantFrom<NodeRequest['kind']>(
      'attach',
      'detach',
      'promote',
      'switchover',
      'quarantine',
      'release',
    ),
    node,
  });
  const action = fc.oneof(
    { weight: 3, arbitrary: request.map((value) => ({ type: 'request' as const, request: value })) },
    fc.constantFrom(
      { type: 'lock' as const, held: true },
      { type: 'lock' as const, held: false },
      { type: 'pcp.held' as const },
    ),
    fc.constantFrom({ type: 'pause.cutShort' as const }, { type: 'connected' as const, nodes: [0, 1, 2] }),
    fc.integer({ min: 0, max: 6000 }).map((waitMs) => ({ type: 'wait' as const, waitMs })),
  );
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 60 }),
      fc.boolean(),
      fc.integer(),
      (actions, searchAtStart, seed) => {
        const clock = new VirtualClock();
        let draws = seed;
        const draw = (): number => {
          draws = (Math.imul(draws, 1_103_515_245) + 12_345) & 0x7fffffff;
          return draws;
        };
        let heldPcp = 0;
        const lock = new FollowLock();
        const actor = createActor(pgpoolMachine, {
          clock: xstateClock(clock),
          input: {
            settings: {
              searchPrimaryNodeTimeout: 2,
              hasFollowCommand: true,
              hasFailoverCommand: true,
              hasFailbackCommand: true,
              detachFalsePrimary: false,
              alwaysPrimary: null,
              searchAtStart,
              searchByTime: false,
              waitsForPcpClients: true,
            },
            shared: { status: ['up', 'up', 'up'], primary: searchAtStart ? -1 : 0, main: 0 },
            second: () => Math.floor(clock.nowMs() / 1000),
            othersHoldLock: () => lock.held,
          },
          inspect: (event) => {
            if (event.type !== '@xstate.microstep' && event.type !== '@xstate.snapshot') return;
            const { _nodes: nodes } = event.snapshot as unknown as { _nodes?: { id: string }[] };
            for (const { id } of nodes ?? []) reached.add(id);
          },
        });
        const answer = (): ('primary' | 'standby' | null)[] =>
          [0, 1, 2].map(() => (['primary', 'standby', null] as const)[(draw() >> 8) % 3] ?? null);
        actor.on('askRoles', () =>
          clock.setTimeout(() => actor.send({ type: 'roles', answers: answer() }), 5),
        );
        actor.on('runCommand', () => clock.setTimeout(() => actor.send({ type: 'command.ended' }), 300));
        actor.on('forkChildren', ({ cut }) =>
          clock.setTimeout(() => actor.send({ type: 'children.forked' }), cut.scope === 'none' ? 0 : 40),
        );
        actor.on('runFollow', () => clock.setTimeout(() => actor.send({ type: 'follow.ended' }), 700));
        actor.start();
        for (const next of actions) {
          if (next.type === 'wait') clock.runUntil(clock.nowMs() + next.waitMs);
          else if (next.type === 'lock') lock.hold(next.held);
          else {
            if (next.type === 'pcp.held') heldPcp += 1;
            actor.send(next);
          }
          expect(actor.getSnapshot().context.queue.length).toBeLessThanOrEqual(queueLength);
        }
        while (lock.held) lock.hold(false);
        for (let released = 0; released < heldPcp; released += 1) actor.send({ type: 'pcp.released' });
        clock.runUntil(clock.nowMs() + 200_000);
        expect(actor.getSnapshot().value).toEqual({ main: 'idle', follow: 'none' });
        expect(actor.getSnapshot().context.queue).toEqual([]);
      },
    ),
    { seed: 23, numRuns: 300 },
  );
  expect(allStates.length).toBeGreaterThan(15);
  expect(allStates.filter((id) => !reached.has(id))).toEqual([]);
});
