import { setup } from 'xstate';
import type { RecoveryAnswer } from '../topology/routing.ts';
import {
  type Cut,
  conclude,
  type NodeRequest,
  type PgpoolFailoverSettings,
  type PgpoolState,
  searchResult,
  type TakenRequest,
  takeRequest,
  validNodes,
} from './pgpool-failover.ts';

interface PgpoolContext {
  settings: PgpoolFailoverSettings;
  shared: PgpoolState;
  queue: readonly NodeRequest[];
  taken: TakenRequest | null;
  /** A request was carried out since the main process was last idle. */
  worked: boolean;
  searches: number;
  found: number;
  /** Old primaries of the follow runs that are due, first one running. */
  follows: readonly number[];
  /** Node whose follow command runs. */
  followNode: number;
}

type PgpoolEvent =
  | { type: 'request'; request: NodeRequest }
  | { type: 'roles'; answers: readonly RecoveryAnswer[] }
  | { type: 'follow.ended' }
  /** The pause between two looks for the primary is over before its time. */
  | { type: 'pause.cutShort' }
  /** A client session has connected to these nodes. */
  | { type: 'connected'; nodes: readonly number[] }
  /** A client session found the main node dead and skipped it. */
  | { type: 'mainUnreachable'; node: number; reachable: readonly number[] };

/** What the main process wants done. */
type PgpoolEmission =
  /** Client connections end without a message. */
  | { type: 'cut'; cut: Cut }
  /** Children that are not cut renew themselves after their client. */
  | { type: 'renewChildren' }
  /** Switching is over: sessions are served again. */
  | { type: 'serving' }
  /** The main process takes note of children that have ended, and forks new ones. */
  | { type: 'reaping' }
  /** Ask these nodes whether they are in recovery; `roles` answers. */
  | { type: 'askRoles'; nodes: readonly number[] }
  /** Run the follow command for this node; `follow.ended` answers. */
  | { type: 'runFollow'; node: number; oldPrimary: number };

/** Pgpool's queue of node requests; a request beyond it is dropped in silence. */
const queueLength = 10;

/** From the end of the search to serving again: killed children are gone and new ones forked (measured 30 to 100 ms with 32 children). */
const forkChildrenMs = 40;

/**
 * The main process sleeps a second before it restarts its PCP process; it takes no request meanwhile and forks no child in
 * place of one that has ended (pgpool_main.c: `sleep(1)` at the end of `failover()`, signals blocked; `reaper()`).
 */
const pcpRestartMs = 1000;

const searchPauseMs = 1000;

const base = setup({
  types: {
    input: {} as { settings: PgpoolFailoverSettings; shared: PgpoolState },
    context: {} as PgpoolContext,
    events: {} as PgpoolEvent,
    emitted: {} as PgpoolEmission,
  },
  delays: {
    forkChildren: ({ context }) => (context.taken?.cut.scope === 'none' ? 0 : forkChildrenMs),
    forkAll: forkChildrenMs,
    pcpRestart: pcpRestartMs,
    searchPause: searchPauseMs,
  },
  guards: {
    queued: ({ context }) => context.queue.length > 0,
    void: ({ context }) => context.taken === null && context.queue.length > 0,
    done: ({ context }) => context.taken === null && context.worked,
    /** Signals get through only between two iterations of a search: then ended children are replaced before the next request. */
    heardOfEnds: ({ context }) => context.queue.length > 0 && context.searches > 1,
    nothingDone: ({ context }) => context.taken === null,
    mustSearch: ({ context }) =>
      context.taken?.search === true &&
      context.follows.length === 0 &&
      validNodes(context.taken.state.status).length > 0,
    found: ({ context, event }) => event.type === 'roles' && searchResult(context.shared, event.answers) >= 0,
    searchesLeft: ({ context: { settings, searches } }) =>
      settings.searchPrimaryNodeTimeout === 0 || searches < settings.searchPrimaryNodeTimeout,
    followDue: ({ context }) => context.follows.length > 0,
    followNodeLeft: ({ context }) => nextDown(context) !== undefined,
  },
});

function nextDown({ shared, followNode }: PgpoolContext): number | undefined {
  const found = shared.status.findIndex((entry, id) => entry === 'down' && id > followNode);
  return found < 0 ? undefined : found;
}

const enqueueRequest = base.assign(({ context, event }) => {
  if (event.type !== 'request' || context.queue.length >= queueLength) return context;
  return { ...context, queue: [...context.queue, event.request] };
});

const take = base.enqueueActions(({ context, enqueue }) => {
  const [request, ...queue] = context.queue;
  const taken = request ? takeRequest(context.shared, request) : null;
  const found = context.follows.length > 0 ? context.shared.primary : -1;
  enqueue.assign({
    queue,
    taken,
    shared: taken ? taken.state : context.shared,
    worked: context.worked || taken !== null,
    searches: taken ? 0 : context.searches,
    found,
  });
  if (!taken) return;
  enqueue.emit({ type: 'cut', cut: taken.cut });
  if (taken.cut.scope !== 'all') enqueue.emit({ type: 'renewChildren' });
});

const finish = base.assign(({ context }) => {
  if (!context.taken) return context;
  const taken = { ...context.taken, state: { ...context.shared, main: context.taken.state.main } };
  const { state, follow } = conclude(taken, context.found, context.settings.hasFollowCommand);
  return {
    ...context,
    shared: state,
    follows: follow ? [...context.follows, taken.oldPrimary] : context.follows,
  };
});

const markConnected = base.assign(({ context, event }) => {
  if (event.type !== 'connected') return context;
  const { shared } = context;
  if (!event.nodes.some((id) => shared.status[id] === 'waiting')) return context;
  const status = shared.status.map((entry, id) =>
    entry === 'waiting' && event.nodes.includes(id) ? 'up' : entry,
  );
  return { ...context, shared: { ...shared, status } };
});

const skipMain = base.assign(({ context, event }) => {
  if (event.type !== 'mainUnreachable' || event.node !== context.shared.main) return context;
  const main = event.reachable[0] ?? context.shared.main;
  return { ...context, shared: { ...context.shared, main } };
});

/**
 * One Pgpool-II: the main process that carries out node requests one by one, and beside it the follow runs.
 *
 * `switching` in the source is every state of `main` but `idle`, `resting` and `reaping`. Children that have ended by
 * themselves are forked again in `idle` and `reaping` only.
 *
 * Source: Pgpool-II 4.3.5, src/main/pgpool_main.c; live scenarios L1 to L11 (docs/method.md).
 */
export const pgpoolMachine = base.createMachine({
  id: 'pgpool',
  type: 'parallel',
  context: ({ input }) => ({
    ...input,
    queue: [],
    taken: null,
    worked: false,
    searches: 0,
    found: -1,
    follows: [],
    followNode: -1,
  }),
  on: { connected: { actions: markConnected }, mainUnreachable: { actions: skipMain } },
  states: {
    main: {
      initial: 'idle',
      on: { request: { actions: enqueueRequest } },
      states: {
        idle: {
          entry: [base.assign({ worked: false }), base.emit({ type: 'reaping' })],
          on: { request: { target: 'taking', actions: enqueueRequest } },
        },
        taking: {
          entry: take,
          always: [
            { guard: 'void', target: 'taking', reenter: true },
            { guard: 'done', target: 'resting' },
            { guard: 'nothingDone', target: 'idle' },
            { guard: 'mustSearch', target: 'searching' },
            { target: 'concluding' },
          ],
        },
        searching: {
          initial: 'asking',
          states: {
            asking: {
              entry: [
                base.assign({ searches: ({ context }) => context.searches + 1 }),
                base.emit(({ context }) => ({
                  type: 'askRoles' as const,
                  nodes: validNodes(context.shared.status),
                })),
              ],
              on: {
                roles: [
                  {
                    guard: 'found',
                    target: '#pgpool.main.concluding',
                    actions: base.assign({
                      found: ({ context, event }) =>
                        event.type === 'roles' ? searchResult(context.shared, event.answers) : -1,
                    }),
                  },
                  { target: 'pausing' },
                ],
              },
            },
            pausing: {
              on: {
                'pause.cutShort': [
                  { guard: 'searchesLeft', target: 'asking' },
                  { target: '#pgpool.main.concluding' },
                ],
              },
              after: {
                searchPause: [
                  { guard: 'searchesLeft', target: 'asking' },
                  { target: '#pgpool.main.concluding' },
                ],
              },
            },
          },
        },
        concluding: { entry: finish, after: { forkChildren: 'taking' } },
        resting: {
          entry: base.emit({ type: 'serving' }),
          after: {
            pcpRestart: [
              { guard: 'heardOfEnds', target: 'reaping' },
              { guard: 'queued', target: 'taking' },
              { target: 'idle' },
            ],
          },
        },
        reaping: {
          entry: base.emit({ type: 'reaping' }),
          after: { forkAll: 'taking' },
        },
      },
    },
    follow: {
      initial: 'none',
      states: {
        none: { always: { guard: 'followDue', target: 'choosing' } },
        choosing: {
          always: [
            { guard: 'followNodeLeft', target: 'running' },
            {
              target: 'none',
              actions: base.assign({ follows: ({ context }) => context.follows.slice(1), followNode: -1 }),
            },
          ],
        },
        running: {
          entry: [
            base.assign({ followNode: ({ context }) => nextDown(context) ?? context.followNode }),
            base.emit(({ context }) => ({
              type: 'runFollow' as const,
              node: context.followNode,
              oldPrimary: context.follows[0] ?? -1,
            })),
          ],
          on: { 'follow.ended': 'choosing' },
        },
      },
    },
  },
});
