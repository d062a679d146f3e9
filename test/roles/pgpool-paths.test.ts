// Goal: every state of the health check and the watchdog is reached by some path, and a path leads where the
// drawing says when a real actor walks it.
// Method: xstate's graph tools generate the shortest paths under several sets of facts; each is walked again on the virtual clock.
import { expect, test } from 'vitest';
import { type AnyStateMachine, type AnyStateNode, createActor } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { VirtualClock } from '../../src/kernel/clock.ts';
import { healthCheckMachine } from '../../src/roles/pgpool-health-check.ts';
import type { BackendGreeting } from '../../src/roles/pgpool-sessions.ts';
import { statePath } from '../../src/roles/state-path.ts';
import type { WatchdogInfo } from '../../src/roles/watchdog-host.ts';
import { watchdogMachine } from '../../src/roles/watchdog-machine.ts';
import { xstateClock } from './xstate-clock.ts';

const longestMs = 20_000;

/** Leaves of a machine in which it can rest. */
function restingStates(node: AnyStateNode): string[] {
  const children = Object.values(node.states) as AnyStateNode[];
  if (children.length > 0) return children.flatMap(restingStates);
  const leaves = (node.always ?? []).some(({ guard }) => guard === undefined);
  return leaves ? [] : [node.path.join('.')];
}

/** The delayed events of a machine, as the graph tools need them spelled out. */
function delayedEvents(node: AnyStateNode): { type: string }[] {
  const own = [...node.transitions.keys()].filter((type) => type.startsWith('xstate.after.'));
  const children = Object.values(node.states) as AnyStateNode[];
  return [...own.map((type) => ({ type })), ...children.flatMap(delayedEvents)];
}

/** Walks every shortest path under these facts again. @returns the states reached */
function walk(machine: AnyStateMachine, input: object, events: readonly { type: string }[]): Set<string> {
  const reached = new Set<string>();
  const all = [...events, ...delayedEvents(machine.root)];
  const paths = getShortestPaths(machine, { input, events: all, limit: 5000 } as never);
  for (const { state, steps } of paths) {
    const clock = new VirtualClock();
    const actor = createActor(machine, { clock: xstateClock(clock), input } as never);
    actor.start();
    for (const { event } of steps) {
      const type = (event as { type: string }).type;
      if (type === 'xstate.init') continue;
      if (type.startsWith('xstate.after.')) {
        const before = statePath(actor.getSnapshot().value);
        for (let ms = 0; ms < longestMs && statePath(actor.getSnapshot().value) === before; ms += 1000) {
          clock.runUntil(clock.nowMs() + 1000);
        }
      } else actor.send(event as never);
    }
    const where = statePath((state as { value: unknown }).value);
    expect(statePath(actor.getSnapshot().value)).toBe(where);
    reached.add(where);
    actor.stop();
  }
  return reached;
}

test('the watchdog', () => {
  const other: WatchdogInfo = {
    state: 'LEADER',
    priority: 1,
    startedAtMs: 5,
    quorum: 'exists',
    escalated: true,
  };
  const events = [
    { type: 'start' },
    { type: 'stop' },
    { type: 'answered', from: 1, answer: 'accept' },
    { type: 'answered', from: 1, answer: 'reject' },
    { type: 'answered', from: 1, answer: 'error' },
    { type: 'stand', from: 1, id: 1, info: other },
    { type: 'declared', from: 1, id: 1, info: other },
    { type: 'outranked' },
    { type: 'rejoin' },
    { type: 'network.lost' },
    { type: 'self.lost' },
    { type: 'network.found' },
  ];
  const reached = new Set<string>();
  for (const leader of [null, 1]) {
    for (const quorum of [true, false]) {
      for (const priority of [0, 2]) {
        const facts = {
          alive: () => [1],
          connectable: () => [1],
          leader: () => leader,
          someoneStands: () => false,
          hasQuorum: () => quorum,
          priority: () => priority,
          startedAtMs: 0,
        };
        for (const state of walk(watchdogMachine, facts, events)) reached.add(state);
      }
    }
  }
  expect(restingStates(watchdogMachine.root).filter((state) => !reached.has(state))).toEqual([]);
});

test('the health check', () => {
  const conf = {
    periodMs: 5000,
    timeoutMs: 3000,
    maxRetries: 1,
    retryDelayMs: 2000,
    connectTimeoutMs: 10_000,
  };
  const reached = new Set<string>();
  for (const greeting of ['accepts', 'refuses', 'drops', 'hangs'] as BackendGreeting[]) {
    for (const more of [{}, { timeoutMs: 0 }, { periodMs: 0 }]) {
      const input = { conf: { ...conf, ...more }, purpose: () => 'check', greeting: () => greeting };
      for (const state of walk(healthCheckMachine, input, [])) reached.add(state);
    }
  }
  expect(reached.size).toBeGreaterThan(4);
  expect(restingStates(healthCheckMachine.root).filter((state) => !reached.has(state))).toEqual([]);
});
