import { type Actor, createActor } from 'xstate';
import type { Clock } from '../kernel/clock.ts';
import type { RecoveryAnswer } from '../topology/routing.ts';
import type { Cut, NodeStatus, PgpoolFailoverSettings, PgpoolState } from './pgpool-failover.ts';
import { pgpoolMachine } from './pgpool-machine.ts';

/** The port that Pgpool's statechart runs on: commands out, events in; `done` is called once, later. */
export interface PgpoolHost {
  readonly clock: Clock;
  /** The machine's time of day in ms, of which only the place within a second matters. */
  wallMs(): number;
  /** Connects to `nodes` and asks whether they are in recovery; answers by node id, null where none came. */
  askRoles(nodes: readonly number[], done: (answers: readonly RecoveryAnswer[]) => void): void;
  runFollowCommand(run: { node: number; oldPrimary: number }, done: () => void): void;
  /** Ends client connections. */
  cutSessions(cut: Cut): void;
  /** Children without a client, and the others after their client, renew themselves and their cached connections. */
  renewChildren(): void;
  /** Switching is over. */
  serving(): void;
  /** The main process has come to rest and forks children in place of those that have ended. */
  reaping(): void;
}

/** What the model reads of pgpool.conf. */
export interface PgpoolSettings extends PgpoolFailoverSettings {
  failoverOnBackendError: boolean;
  failoverOnBackendShutdown: boolean;
  numInitChildren: number;
}

/** One backend as `pcp_node_info` shows it. */
interface NodeView {
  status: NodeStatus;
  role: 'primary' | 'standby';
}

/** Answer to a PCP command; success only means that the request was queued. */
interface PcpReply {
  ok: boolean;
  message: string;
}

/** One Pgpool-II without watchdog and health check. */
export interface Pgpool {
  start(): void;
  stop(): void;
  nodes(): readonly NodeView[];
  state(): PgpoolState;
  switching(): boolean;
  /** Children that end are forked again at once: the main process neither works on a request nor rests after one. */
  reaps(): boolean;
  detach(node: number): PcpReply;
  attach(node: number): PcpReply;
  promote(node: number): PcpReply;
  /** A child has ended by itself: the main process gets a signal. */
  childEnded(): void;
  /** A client session got connections to these nodes: waiting ones are now up. */
  sessionConnected(nodes: readonly number[], skippedMain: boolean): void;
  /** An idle session lost the backend of `node`, which it uses; with `failover_on_backend_shutdown` the node goes down. */
  sessionSawShutdown(node: number): void;
  /** A session could not connect to `node`, with `failover_on_backend_error`. */
  sessionSawError(node: number): void;
}

/** Creates a Pgpool with the given nodes; it does nothing before `start`. */
export function createPgpool(host: PgpoolHost, settings: PgpoolSettings, shared: PgpoolState): Pgpool {
  const actor = createActor(pgpoolMachine, {
    clock: clockOf(host.clock),
    input: { settings, shared },
  });
  listen(actor, host);
  const pause = watchPause(actor, host);
  const state = (): PgpoolState => actor.getSnapshot().context.shared;
  const isDown = (node: number): boolean => (state().status[node] ?? 'down') === 'down';
  const request = (kind: 'attach' | 'detach' | 'promote', node: number): PcpReply => {
    actor.send({ type: 'request', request: { kind, node } });
    return { ok: true, message: 'Command Successful' };
  };
  const goDown = (node: number): void => {
    if (!isDown(node)) request('detach', node);
  };
  return {
    start: () => {
      actor.start();
    },
    stop: () => {
      actor.stop();
    },
    nodes: () => {
      const { status, primary } = state();
      return status.map((entry, id) => ({ status: entry, role: id === primary ? 'primary' : 'standby' }));
    },
    state,
    switching: () => {
      const snapshot = actor.getSnapshot();
      return !(['idle', 'resting', 'reaping'] as const).some((main) => snapshot.matches({ main }));
    },
    reaps: () => (['idle', 'reaping'] as const).some((main) => actor.getSnapshot().matches({ main })),
    detach: (node) =>
      isDown(node)
        ? { ok: false, message: `invalid degenerate backend request, node id : ${node} status: [3]` }
        : request('detach', node),
    attach: (node) => request('attach', node),
    promote: (node) =>
      node === state().primary
        ? { ok: false, message: 'specified node is already primary node' }
        : request('promote', node),
    childEnded: () => {
      if (pause.secondIsOver()) actor.send({ type: 'pause.cutShort' });
    },
    sessionConnected: (nodes, skippedMain) => {
      if (nodes.some((node) => state().status[node] === 'waiting')) actor.send({ type: 'connected', nodes });
      if (skippedMain) actor.send({ type: 'mainUnreachable', node: state().main, reachable: nodes });
    },
    sessionSawShutdown: (node) => {
      if (settings.failoverOnBackendShutdown) goDown(node);
    },
    sessionSawError: (node) => {
      if (settings.failoverOnBackendError) goDown(node);
    },
  };
}

/**
 * The pause of a second between two looks for the primary compares whole seconds of the time of day, and looks at them only when a
 * signal comes: a child that ends after the second has changed ends the pause, however short it was (pgpool_main.c 4.3.5:
 * `pool_sleep()`).
 */
function watchPause(actor: Actor<typeof pgpoolMachine>, host: PgpoolHost): { secondIsOver(): boolean } {
  const second = (): number => Math.floor(host.wallMs() / 1000);
  let begunInSecond: number | null = null;
  actor.subscribe((snapshot) => {
    const pausing = snapshot.matches({ main: { searching: 'pausing' } });
    if (!pausing) begunInSecond = null;
    else begunInSecond ??= second();
  });
  return { secondIsOver: () => begunInSecond !== null && second() > begunInSecond };
}

/** The host's clock in the shape that xstate asks for. */
function clockOf(clock: Clock): {
  setTimeout(fire: () => void, delayMs: number): number;
  clearTimeout(id: number): void;
} {
  return {
    setTimeout: (fire, delayMs) => clock.setTimeout(fire, delayMs) as number,
    clearTimeout: (id) => clock.clearTimeout(id),
  };
}

function listen(actor: Actor<typeof pgpoolMachine>, host: PgpoolHost): void {
  actor.on('cut', ({ cut }) => {
    if (cut.scope !== 'none') host.cutSessions(cut);
  });
  actor.on('renewChildren', () => host.renewChildren());
  actor.on('serving', () => host.serving());
  actor.on('reaping', () => host.reaping());
  actor.on('askRoles', ({ nodes }) => {
    host.askRoles(nodes, (answers) => actor.send({ type: 'roles', answers }));
  });
  actor.on('runFollow', ({ node, oldPrimary }) => {
    host.runFollowCommand({ node, oldPrimary }, () => actor.send({ type: 'follow.ended' }));
  });
}
