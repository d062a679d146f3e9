import { setup } from 'xstate';
import type { Clock } from '../kernel/clock.ts';
import { Statechart } from './statechart.ts';

export type ServerState = 'down' | 'starting' | 'standby' | 'promoting' | 'primary' | 'stopping';

/** How long a server takes for what it is told; a new value is asked for each time, in ms. */
export interface ServerTimings {
  startMs(): number;
  stopMs(): number;
  promoteMs(): number;
}

interface ServerContext {
  timings: ServerTimings;
  /** standby.signal is there: it starts as a standby. */
  standbySignal: boolean;
  /** Server that it streams from. */
  upstream: string | null;
  /** A recovery.conf lies in its data directory: PostgreSQL 12 and later refuse to start with it. */
  guarded: boolean;
}

type ServerEvent =
  | { type: 'start' }
  | { type: 'stop' }
  | { type: 'promote' }
  | { type: 'crash' }
  | { type: 'follow'; primary: string }
  | { type: 'guard' }
  | { type: 'unguard' }
  | { type: 'rebuilt'; primary: string };

type ServerEmission = { type: 'entered'; state: ServerState };

const base = setup({
  types: {
    input: {} as { timings: ServerTimings; standbySignal: boolean; upstream: string | null },
    context: {} as ServerContext,
    events: {} as ServerEvent,
    emitted: {} as ServerEmission,
  },
  delays: {
    start: ({ context }) => context.timings.startMs(),
    stop: ({ context }) => context.timings.stopMs(),
    promote: ({ context }) => context.timings.promoteMs(),
  },
  guards: {
    guarded: ({ context }) => context.guarded,
    standbySignal: ({ context }) => context.standbySignal,
  },
});

const enter = (state: ServerState) => base.emit({ type: 'entered', state } as const);

const follow = base.assign(({ context, event }) =>
  event.type === 'follow' ? { ...context, standbySignal: true, upstream: event.primary } : context,
);

const rebuild = base.assign(({ context, event }) =>
  event.type === 'rebuilt'
    ? { ...context, standbySignal: true, upstream: event.primary, guarded: false }
    : context,
);

/**
 * One PostgreSQL server as seen from outside. A promoting server still is in recovery; a starting or stopping one
 * turns connections away; a crash is immediate from every state.
 *
 * Source: PostgreSQL 15 documentation, server start and shutdown (fast mode), promotion, standby.signal.
 */
export const postgresMachine = base.createMachine({
  id: 'postgres',
  context: ({ input }) => ({ ...input, guarded: false }),
  initial: 'down',
  on: {
    guard: { actions: base.assign({ guarded: true }) },
    unguard: { actions: base.assign({ guarded: false }) },
  },
  states: {
    down: {
      entry: enter('down'),
      on: {
        start: [{ guard: 'guarded' }, { target: 'starting' }],
        follow: { actions: follow },
        rebuilt: { actions: rebuild },
      },
    },
    starting: {
      entry: enter('starting'),
      after: { start: [{ guard: 'standbySignal', target: 'standby' }, { target: 'primary' }] },
      on: { crash: 'down', stop: 'stopping' },
    },
    standby: {
      entry: enter('standby'),
      on: { promote: 'promoting', stop: 'stopping', crash: 'down' },
    },
    promoting: {
      entry: enter('promoting'),
      after: { promote: 'primary' },
      on: { crash: 'down', stop: 'stopping' },
    },
    primary: {
      entry: [base.assign({ standbySignal: false, upstream: null }), enter('primary')],
      on: { stop: 'stopping', crash: 'down' },
    },
    stopping: {
      entry: enter('stopping'),
      after: { stop: 'down' },
      on: { crash: 'down' },
    },
  },
});

/** What the world hears and tells of one server. */
export interface PostgresServer {
  state(): ServerState;
  upstream(): string | null;
  guarded(): boolean;
  /** A standby.signal lies in its data directory. */
  standbySignal(): boolean;
  send(event: ServerEvent): void;
  stop(): void;
}

/** A server that is down, with standby.signal and an upstream if it is to be a standby; `onEnter` hears every state it enters later. */
export function createPostgresServer(
  clock: Clock,
  input: { timings: ServerTimings; upstream: string | null },
  onEnter: (state: ServerState) => void,
): PostgresServer {
  const actor = new Statechart(postgresMachine, {
    input: { ...input, standbySignal: input.upstream !== null },
    clock,
  });
  actor.start();
  actor.on('entered', ({ state }) => onEnter(state));
  return {
    state: () => actor.getSnapshot().value,
    upstream: () => actor.getSnapshot().context.upstream,
    guarded: () => actor.getSnapshot().context.guarded,
    standbySignal: () => actor.getSnapshot().context.standbySignal,
    send: (event) => actor.send(event),
    stop: () => {
      actor.stop();
    },
  };
}
