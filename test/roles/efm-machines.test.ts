// Goal: every state of the agent's and the coordinator's statechart can be reached, and no way through them breaks the rules.
// Method: xstate's graph tools walk the machines over a bounded set of events; each way is replayed and what it orders is held to
// the rules, not to a list.
import { describe, expect, test } from 'vitest';
import { type AnyStateMachine, type AnyStateNode, createActor, type EventObject } from 'xstate';
import { getShortestPaths, getSimplePaths } from 'xstate/graph';
import { VirtualClock } from '../../src/kernel/clock.ts';
import { efmAgentMachine } from '../../src/roles/efm-agent-machine.ts';
import type { AgentEmission, AgentMachineEvent } from '../../src/roles/efm-agent-verbs.ts';
import { efmCoordinatorMachine } from '../../src/roles/efm-coordinator-machine.ts';
import type {
  CoordinatorContext,
  CoordinatorEmission,
  CoordinatorEvent,
} from '../../src/roles/efm-coordinator-verbs.ts';
import { statePath } from '../../src/roles/state-path.ts';
import { parseEfmSettings } from '../../src/topology/efm-properties.ts';

const request = { from: 'w', id: 1 };
const answers = [
  { type: 'ended', ok: false, detail: 'no' },
  { type: 'ended', ok: true, detail: null },
  { type: 'ended', ok: true, detail: null, inRecovery: true, primaryExists: false },
  { type: 'ended', ok: true, detail: null, inRecovery: false, primaryExists: false },
  { type: 'ended', ok: true, detail: null, inRecovery: false, primaryExists: true },
  { type: 'answered', anyOk: false, allOk: false },
  { type: 'answered', anyOk: true, allOk: true },
] as const satisfies readonly AgentMachineEvent[];

const agentEvents: readonly AgentMachineEvent[] = [
  ...answers,
  { type: 'database.overdue' },
  { type: 'database.wrongState' },
  { type: 'customMonitor.failed' },
  { type: 'demote', ...request },
  { type: 'replace', ...request },
  { type: 'rejoin', primary: 'b', settings: null, ...request },
  { type: 'follow', primary: 'b', ...request },
  { type: 'promote', failedPrimary: 'a', runScripts: true, forced: false, ...request },
  { type: 'resume' },
  { type: 'quorum.lost' },
  { type: 'fence.ordered' },
  { type: 'rival', atStart: false },
  { type: 'rival', atStart: true },
  { type: 'rejoined', primaryExists: false },
  { type: 'rejoined', primaryExists: true },
  { type: 'primary.heard' },
  { type: 'refused' },
];

const properties = {
  'virtual.ip': '10.0.0.9',
  'auto.resume.startup.period': '5',
  'auto.resume.failure.period': '5',
  'script.fence': 'fence',
  'script.load.balancer.detach': 'detach',
  'script.load.balancer.attach': 'attach',
};

/** Events that time brings, by the names xstate gives them. */
function delayed(machine: AnyStateMachine): EventObject[] {
  return machine.events
    .filter((type: string) => type.startsWith('xstate.after'))
    .map((type: string) => ({ type }));
}

function leaves(node: AnyStateNode): string[] {
  const children: AnyStateNode[] = Object.values(node.states);
  return children.length === 0 ? [node.path.join('.')] : children.flatMap(leaves);
}

/** States that are left in the turn they are entered are seen on the way only. */
function transient(node: AnyStateNode): string[] {
  const children: AnyStateNode[] = Object.values(node.states);
  const own = node.always && children.length === 0 ? [node.path.join('.')] : [];
  return [...own, ...children.flatMap(transient)];
}

interface Replay<Emission> {
  /** Every step: the event, the state after it, and what it ordered. */
  steps: { event: EventObject; state: string; emitted: Emission[] }[];
}

function replay<Emission>(
  machine: AnyStateMachine,
  input: unknown,
  path: { steps: readonly { event: EventObject }[] },
): Replay<Emission> {
  const actor = createActor(machine, { input, clock: new VirtualClock() as never });
  let emitted: Emission[] = [];
  actor.on('*', (emission) => emitted.push(emission as never));
  actor.start();
  const steps: Replay<Emission>['steps'] = [];
  for (const { event } of path.steps) {
    if (event.type !== 'xstate.init') actor.send(event);
    steps.push({ event, state: statePath(actor.getSnapshot().value), emitted });
    emitted = [];
  }
  actor.stop();
  return { steps };
}

describe('the agent', () => {
  const settings = parseEfmSettings(properties);
  const input = { node: 'a', settings };
  const events = [...agentEvents, ...delayed(efmAgentMachine)] as never[];
  const paths = getShortestPaths(efmAgentMachine, {
    input,
    events,
    serializeState: ({ value, context }) => {
      const { request: open, role, fenceCause, localOnly, unanswered } = context;
      return JSON.stringify([value, open !== null, role, fenceCause, localOnly, unanswered > 0]) as never;
    },
  });
  const replays = paths.map((path) => replay<AgentEmission>(efmAgentMachine, input, path));
  const performed = (emitted: readonly AgentEmission[]): string[] =>
    emitted.flatMap((emission) => (emission.type === 'perform' ? [emission.name] : []));

  test('reaches every state but the witness, which needs another kind of node', () => {
    const reached = new Set(paths.map(({ state }) => statePath(state.value)));
    const passing = new Set(transient(efmAgentMachine.root));
    const missing = leaves(efmAgentMachine.root).filter((leaf) => !reached.has(leaf) && !passing.has(leaf));
    expect(missing).toEqual(['witness']);
    const witness = createActor(efmAgentMachine, {
      input: { node: 'w', settings: { ...settings, witness: true } },
    });
    expect(witness.start().getSnapshot().value).toBe('witness');
  });

  test('a server is promoted on request only, and not after its fence failed', () => {
    for (const { steps } of replays) {
      let mayPromote = false;
      for (const { event, emitted } of steps) {
        if (event.type === 'promote') mayPromote = true;
        const promotes = performed(emitted).includes('promoteServer');
        expect(promotes && !mayPromote).toBe(false);
        if (promotes) expect(event).toMatchObject({ type: 'ended', ok: true });
        if (promotes) mayPromote = false;
      }
    }
  });

  test('the database is watched in monitoring and nowhere else', () => {
    for (const { steps } of replays) {
      let watched = false;
      for (const { state, emitted } of steps) {
        for (const emission of emitted)
          if (emission.type === 'watch') watched = emission.expectRecovery !== null;
        if (state !== 'stopped') expect([state, watched]).toEqual([state, state.endsWith('.monitoring')]);
      }
    }
  });

  test('a request is answered once, and only one that was taken', () => {
    for (const { steps } of replays) {
      let open = 0;
      for (const { event, emitted } of steps) {
        if (['demote', 'replace', 'rejoin', 'follow', 'promote'].includes(event.type) && emitted.length > 0)
          open += 1;
        for (const emission of emitted) {
          if (emission.type !== 'reply') continue;
          expect(emission.request).toEqual(request);
          open -= 1;
        }
        expect(open).toBeGreaterThanOrEqual(0);
        expect(open).toBeLessThanOrEqual(1);
      }
    }
  });

  test('a primary is reported failed, or idle by itself, only with guard and without VIP', () => {
    for (const { steps } of replays) {
      let guarded = false;
      let released = false;
      for (const { state, emitted } of steps) {
        if (state.startsWith('primary.monitoring')) guarded = released = false;
        guarded ||= performed(emitted).includes('writeGuard');
        released ||= performed(emitted).includes('releaseVip');
        const reports = emitted.some(
          ({ type, ...rest }) => type === 'report' && JSON.stringify(rest).includes('primary'),
        );
        if (reports || state === 'idle.isolated')
          expect([state, guarded, released]).toEqual([state, true, true]);
      }
    }
  });
});

describe('the coordinator', () => {
  const flags = [true, false];
  const events: CoordinatorEvent[] = [
    { type: 'primary.failed', node: 'a' },
    { type: 'member.lost', node: 'a', role: 'primary' },
    { type: 'member.lost', node: 'c', role: 'standby' },
    { type: 'primary.left' },
    { type: 'primary.present' },
    { type: 'switchover', primary: 'a', runScripts: true, quiet: false, settings: null },
    { type: 'manual', primary: 'a', runScripts: true, quiet: false },
    { type: 'manual', primary: null, runScripts: true, quiet: false },
    ...flags.flatMap((anyReaches) =>
      flags.map((majority) => ({
        type: 'verified' as const,
        anyReaches,
        majority,
        confirmed: majority,
        isolated: false,
      })),
    ),
    { type: 'verified', anyReaches: false, majority: true, confirmed: false, isolated: false },
    { type: 'verified', anyReaches: false, majority: false, confirmed: false, isolated: true },
    ...flags.flatMap((majority) =>
      [0, 2].map((candidates) => ({ type: 'assessed' as const, majority, candidates, standbys: candidates })),
    ),
    { type: 'assessed', majority: true, candidates: 0, standbys: 1 },
    { type: 'chosen', winner: 'b' },
    { type: 'chosen', winner: null },
    { type: 'detached' },
    { type: 'obeyed', ok: true, detail: null },
    { type: 'obeyed', ok: false, detail: 'no' },
  ];
  const variants = [
    {},
    { 'virtual.ip': '10.0.0.9' },
    { 'auto.failover': 'false' },
    { 'detach.on.agent.failure': 'true', 'minimum.standbys': '2' },
  ];

  const all = [...events, ...delayed(efmCoordinatorMachine)] as never[];
  const serializeState = ({ value, context }: { value: unknown; context: CoordinatorContext }) =>
    JSON.stringify([value, context.change, context.lost?.role, context.oldPrimary]) as never;

  /** Every way of one matter, from rest to rest. */
  function walk(given: Record<string, string>): Replay<CoordinatorEmission>[] {
    const input = { settings: parseEfmSettings(given) };
    const paths = getSimplePaths(efmCoordinatorMachine, {
      input,
      events: all,
      serializeState,
      stopWhen: ({ value, context: { lost, oldPrimary, change }, ...state }) =>
        state.tags.has('resting') &&
        (value !== 'stable' || lost !== null || oldPrimary !== null || change !== 'failover'),
    });
    return paths.map((path) => replay<CoordinatorEmission>(efmCoordinatorMachine, input, path));
  }

  test('reaches every state', () => {
    const reached = new Set<string>();
    for (const given of variants) {
      const input = { settings: parseEfmSettings(given) };
      for (const { state } of getShortestPaths(efmCoordinatorMachine, { input, events: all, serializeState }))
        reached.add(statePath(state.value));
    }
    const passing = new Set(transient(efmCoordinatorMachine.root));
    expect(
      leaves(efmCoordinatorMachine.root).filter((leaf) => !reached.has(leaf) && !passing.has(leaf)),
    ).toEqual([]);
  });

  test.each(variants)(
    '%j: a promotion is ordered only when every condition held on the way to it',
    (given) => {
      let orders = 0;
      const automatic = !('auto.failover' in given);
      for (const { steps } of walk(given)) {
        const seen: EventObject[] = [];
        for (const { event, emitted } of steps) {
          seen.push(event);
          const order = emitted.find((emission) => emission.type === 'order' && emission.kind === 'promote');
          if (order?.type !== 'order') continue;
          orders += 1;
          const { change } = order.context;
          const begun = seen.findLastIndex(({ type }) =>
            ['primary.failed', 'member.lost', 'switchover', 'manual'].includes(type),
          );
          const since = seen.slice(begun);
          expect(order.context.winner).toBe('b');
          expect(since).not.toContainEqual(expect.objectContaining({ type: 'obeyed', ok: false }));
          expect(since).not.toContainEqual(expect.objectContaining({ type: 'verified', anyReaches: true }));
          const verified = since.findLast(({ type }) => type === 'verified');
          if (verified) expect(verified).toMatchObject({ anyReaches: false, confirmed: true });
          if (change !== 'failover') continue;
          expect(automatic).toBe(true);
          expect(since).toContainEqual(
            expect.objectContaining({ type: 'assessed', majority: true, candidates: 2 }),
          );
        }
      }
      expect(orders).toBeGreaterThan(0);
    },
  );

  test('with a VIP nobody is promoted before it was looked for', () => {
    for (const { steps } of walk({ 'virtual.ip': '10.0.0.9' })) {
      let looked = false;
      for (const { emitted } of steps)
        for (const emission of emitted) {
          if (emission.type !== 'order') continue;
          if (emission.kind === 'checkVip') looked = true;
          if (emission.kind === 'promote') expect(looked).toBe(true);
        }
    }
  });
});
