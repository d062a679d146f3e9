import { setup } from 'xstate';
import type { RecoveryAnswer } from '../topology/routing.ts';
import {
  type CommandRun,
  type Cut,
  conclude,
  isValid,
  type NodeRequest,
  type NodeStatus,
  type PgpoolFailoverSettings,
  type PgpoolState,
  searchResult,
  type TakenRequest,
  takeRequest,
  validNodes,
} from './pgpool-failover.ts';
import { statusFileOf } from './pgpool-status-file.ts';

/** What the main process reads of pgpool.conf and of its version. */
export interface PgpoolMainSettings extends PgpoolFailoverSettings {
  hasFailoverCommand: boolean;
  hasFailbackCommand: boolean;
  detachFalsePrimary: boolean;
  /** Node flagged ALWAYS_PRIMARY: a search finds it without asking anyone, even when it is down. */
  alwaysPrimary: number | null;
  /** The primary is searched for at the start. */
  searchAtStart: boolean;
  searchByTime: boolean;
  waitsForPcpClients: boolean;
}

export interface MainInput {
  settings: PgpoolMainSettings;
  shared: PgpoolState;
  /** The machine's time of day in whole seconds. */
  second(): number;
  /** Others than the own follow runs hold the follow lock. */
  othersHoldLock(): boolean;
}

interface MainContext extends MainInput {
  queue: readonly NodeRequest[];
  taken: TakenRequest | null;
  /** The search of the start is not over. */
  starting: boolean;
  /** A request was carried out since the main process was last idle. */
  worked: boolean;
  searches: number;
  searchFromSecond: number;
  found: number;
  /** Old primaries of the follow runs that are due, first one running. */
  follows: readonly number[];
  /** The first run holds the follow lock: nothing is searched. */
  following: boolean;
  /** Node whose follow command runs. */
  followNode: number;
  /** PCP clients that keep their connection. */
  pcpHeld: number;
}

type MainEvent =
  | { type: 'request'; request: NodeRequest }
  | { type: 'roles'; answers: readonly RecoveryAnswer[]; upstreams?: readonly (number | null)[] }
  | { type: 'command.ended' }
  | { type: 'children.forked' }
  | { type: 'follow.ended' }
  /** The pause between two looks for the primary is over before its time. */
  | { type: 'pause.cutShort' }
  /** A client session has connected to these nodes. */
  | { type: 'connected'; nodes: readonly number[] }
  /** A client session found the main node dead and skipped it. */
  | { type: 'mainUnreachable'; node: number; reachable: readonly number[] }
  | { type: 'pcp.held' }
  | { type: 'pcp.released' }
  /** The leader of the watchdog has told the state of the nodes. */
  | { type: 'synced'; status: readonly NodeStatus[]; primary: number };

/** What the main process wants done. */
type MainEmission =
  /** The search of the start is over: PCP, health checks and the replication check begin. */
  | { type: 'started' }
  /** Client connections end without a message. */
  | { type: 'cut'; cut: Cut }
  /** Children that are not cut renew themselves after their client. */
  | { type: 'renewChildren' }
  /** Fork children in place of those that were killed; `children.forked` answers. */
  | { type: 'forkChildren'; cut: Cut }
  /** Switching is over: sessions are served again. */
  | { type: 'serving' }
  /** The main process takes note of children that have ended, and forks new ones. */
  | { type: 'reaping' }
  /** One request is done. */
  | { type: 'concluded' }
  /** Ask these nodes whether they are in recovery; `roles` answers. */
  | { type: 'askRoles'; nodes: readonly number[] }
  /** Run failover_command or failback_command; `command.ended` answers. */
  | { type: 'runCommand'; run: CommandRun }
  | { type: 'writeStatusFile'; lines: readonly NodeStatus[] }
  /** A follow run begins or ends. */
  | { type: 'following'; on: boolean }
  /** Run the follow command for this node; `follow.ended` answers. */
  | { type: 'runFollow'; node: number; oldPrimary: number };

/** Pgpool's queue of node requests; a request beyond it is dropped in silence. */
export const queueLength = 10;

/** How long it takes to fork all children again (measured 30 to 100 ms with 32 children), where the host does not say. */
export const forkChildrenMs = 40;

/**
 * The main process sleeps a second before it restarts its PCP process; it takes no request meanwhile and forks no child in
 * place of one that has ended (pgpool_main.c: `sleep(1)` at the end of `failover()`, signals blocked; `reaper()`).
 */
const pcpRestartMs = 1000;

const searchPauseMs = 1000;

/** Pause between two tries for the follow lock (pool_acquire_follow_primary_lock). */
const lockPauseMs = 1000;

const isQueued = ({ queue }: MainContext): boolean => queue.length > 0;

/** Guards, delays and types of the main process's statechart. */
export const mainBase = setup({
  types: {
    input: {} as MainInput,
    context: {} as MainContext,
    events: {} as MainEvent,
    emitted: {} as MainEmission,
  },
  delays: {
    forkAll: forkChildrenMs,
    pcpRestart: pcpRestartMs,
    searchPause: searchPauseMs,
    lockPause: lockPauseMs,
  },
  guards: {
    knowsPrimary: ({ context }) => !context.settings.searchAtStart,
    queued: ({ context }) => isQueued(context),
    void: ({ context }) => context.taken === null && isQueued(context),
    done: ({ context }) => context.taken === null && context.worked,
    nothingDone: ({ context }) => context.taken === null,
    /** Signals get through only between two iterations of a search: then ended children are replaced before the next request. */
    heardOfEnds: ({ context }) => isQueued(context) && context.searches > 1,
    commandDue: ({ context }) => commandOf(context) !== null,
    mustSearch: ({ context }) => mustSearch(context) && context.settings.alwaysPrimary === null,
    lockFree: ({ context }) => !context.othersHoldLock(),
    pcpHeld: ({ context }) => context.settings.waitsForPcpClients && context.pcpHeld > 0,
    pcpFree: ({ context }) => context.pcpHeld === 0,
    found: ({ context, event }) => event.type === 'roles' && foundBy(context, event) >= 0,
    searchesLeft: ({ context: { settings, searches, searchFromSecond, second } }) => {
      const limit = settings.searchPrimaryNodeTimeout;
      if (limit === 0) return true;
      return settings.searchByTime ? second() < searchFromSecond + limit : searches < limit;
    },
    followDue: ({ context }) => context.follows.length > 0,
    followNodeLeft: ({ context }) => nextDown(context) !== undefined,
  },
});

const isDown = (entry: NodeStatus): boolean => entry === 'down' || entry === 'quarantine';

/** The next node that the running follow command is due for. */
export function nextDown({ shared, followNode }: MainContext): number | undefined {
  const found = shared.status.findIndex((entry, id) => isDown(entry) && id > followNode);
  return found < 0 ? undefined : found;
}

function mustSearch({ taken, starting, following, shared }: MainContext): boolean {
  const wanted = starting || taken?.search === true;
  return wanted && !following && validNodes(shared.status).length > 0;
}

function commandOf({ taken, settings }: Pick<MainContext, 'taken' | 'settings'>): CommandRun | null {
  const command = taken?.command ?? null;
  if (command?.kind === 'failover') return settings.hasFailoverCommand ? command : null;
  return settings.hasFailbackCommand ? command : null;
}

function foundBy(
  { shared, settings }: MainContext,
  { answers, upstreams = [] }: Extract<MainEvent, { type: 'roles' }>,
): number {
  return searchResult(shared, answers, { upstreams, detachFalsePrimary: settings.detachFalsePrimary });
}

export const enqueueRequest = mainBase.assign(({ context, event }) => {
  if (event.type !== 'request' || context.queue.length >= queueLength) return context;
  return { ...context, queue: [...context.queue, event.request] };
});

export const take = mainBase.enqueueActions(({ context, enqueue }) => {
  const [request, ...queue] = context.queue;
  const taken = request ? takeRequest(context.shared, request) : null;
  enqueue.assign({
    queue,
    taken,
    shared: taken ? taken.state : context.shared,
    worked: context.worked || taken !== null,
    searches: taken ? 0 : context.searches,
  });
  if (!taken) return;
  const lines = taken.writes ? statusFileOf(taken.state.status) : null;
  if (lines) enqueue.emit({ type: 'writeStatusFile', lines });
  const now = commandOf({ ...context, taken })?.kind !== 'failback';
  for (const emission of now ? cutsOf(taken) : []) enqueue.emit(emission);
});

function cutsOf({ cut }: TakenRequest): MainEmission[] {
  const cuts: MainEmission[] = [{ type: 'cut', cut }];
  return cut.scope === 'all' ? cuts : [...cuts, { type: 'renewChildren' }];
}

/** failback_command runs before the children are killed, failover_command after it. */
export const cutAfterFailback = mainBase.enqueueActions(({ context, enqueue }) => {
  const { taken } = context;
  if (taken?.command?.kind !== 'failback') return;
  for (const emission of cutsOf(taken)) enqueue.emit(emission);
});

export const runCommand = mainBase.enqueueActions(({ context, enqueue }) => {
  const run = commandOf(context);
  if (run) enqueue.emit({ type: 'runCommand', run });
});

/** What is "found" when nobody is asked: while a follow command runs the present primary, a node flagged ALWAYS_PRIMARY itself. */
export const decide = mainBase.assign(({ context }) => {
  const { following, shared, settings } = context;
  const flagged = mustSearch(context) ? (settings.alwaysPrimary ?? -1) : -1;
  return { ...context, found: following ? shared.primary : flagged, searchFromSecond: context.second() };
});

export const takeFound = mainBase.assign({
  found: ({ context, event }) => (event.type === 'roles' ? foundBy(context, event) : -1),
});

export const finish = mainBase.enqueueActions(({ context, enqueue }) => {
  const { taken, starting, shared, found, settings } = context;
  enqueue.emit({ type: 'forkChildren', cut: taken?.cut ?? { scope: 'none' } });
  if (starting) {
    const marked = found >= 0 ? [found] : [];
    enqueue.assign({ starting: false, shared: { ...shared, primary: found, marked } });
    enqueue.emit({ type: 'started' });
    return;
  }
  if (!taken) return;
  const now = { ...taken, state: { ...shared, main: taken.state.main } };
  const { state, follow, writes } = conclude(now, found, settings.hasFollowCommand);
  enqueue.assign({
    shared: state,
    follows: follow ? [...context.follows, taken.oldPrimary] : context.follows,
  });
  const lines = writes ? statusFileOf(state.status) : null;
  if (lines) enqueue.emit({ type: 'writeStatusFile', lines });
  enqueue.emit({ type: 'concluded' });
});

export const markConnected = mainBase.enqueueActions(({ context, event, enqueue }) => {
  if (event.type !== 'connected') return;
  const { shared } = context;
  if (!event.nodes.some((id) => shared.status[id] === 'waiting')) return;
  const status = shared.status.map((entry, id) =>
    entry === 'waiting' && event.nodes.includes(id) ? 'up' : entry,
  );
  enqueue.assign({ shared: { ...shared, status } });
  const lines = statusFileOf(status);
  if (lines) enqueue.emit({ type: 'writeStatusFile', lines });
});

export const skipMain = mainBase.assign(({ context, event }) => {
  if (event.type !== 'mainUnreachable' || event.node !== context.shared.main) return context;
  const main = event.reachable[0] ?? context.shared.main;
  return { ...context, shared: { ...context.shared, main } };
});

/**
 * Takes over what the leader says. Quarantines end, and nodes in use wait for a session again; a changed primary restarts every
 * child, a lost node those that balance to it. While the leader has the primary in quarantine it is kept here.
 *
 * @see Pgpool-II 4.3.5, src/main/pgpool_main.c: sync_backend_from_watchdog
 */
export const sync = mainBase.enqueueActions(({ context, event, enqueue }) => {
  if (event.type !== 'synced') return;
  const { shared } = context;
  const status = event.status.map((told): NodeStatus => (isValid(told) ? 'waiting' : told));
  const keeps = event.primary < 0 && isValid(status[shared.primary]);
  const primary = keeps ? shared.primary : event.primary;
  const main = validNodes(status)[0] ?? shared.main;
  enqueue.assign({ shared: { ...shared, status, primary, main } });
  if (primary !== shared.primary) enqueue.emit({ type: 'cut', cut: { scope: 'all' } });
  else {
    for (const [node, entry] of status.entries()) {
      if (isDown(entry) && isValid(shared.status[node])) {
        enqueue.emit({ type: 'cut', cut: { scope: 'balancedTo', node } });
      }
    }
    enqueue.emit({ type: 'renewChildren' });
  }
  const lines = statusFileOf(status);
  if (lines) enqueue.emit({ type: 'writeStatusFile', lines });
});
