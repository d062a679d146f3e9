import { PgpoolChecks } from './pgpool-checks.ts';
import type { NodeRequest, NodeStatus, PgpoolState } from './pgpool-failover.ts';
import { FollowLock } from './pgpool-follow-lock.ts';
import type { PgpoolHost } from './pgpool-host.ts';
import { pgpoolMachine } from './pgpool-machine.ts';
import { forkChildrenMs, type PgpoolMainSettings } from './pgpool-main.ts';
import { type GracefulRequest, PcpCommands, type PcpReply } from './pgpool-pcp.ts';
import type { ReplicationView } from './pgpool-replication-check.ts';
import { NodeRequests } from './pgpool-requests.ts';
import { type CompleteSettings, completeSettings, type PgpoolSettings } from './pgpool-settings.ts';
import { pgpoolFeatures } from './pgpool-versions.ts';
import { Statechart } from './statechart.ts';

export type { PgpoolHost, PgpoolSettings };

/** One backend as `pcp_node_info` shows it. */
interface NodeView {
  status: NodeStatus;
  role: 'primary' | 'standby';
}

/** One Pgpool-II: its main process, its checks, and the commands that reach it. */
export interface Pgpool {
  start(): void;
  stop(): void;
  nodes(): readonly NodeView[];
  state(): PgpoolState;
  switching(): boolean;
  /** Children that end are forked again at once: the main process neither works on a request nor rests after one. */
  reaps(): boolean;
  /** A follow run is under way. */
  following(): boolean;
  /** Delay and replication state of the nodes as Pgpool last saw them. */
  replication(): ReplicationView;
  /** Nodes whose health check runs. */
  checked(): readonly number[];
  detach(node: number): PcpReply;
  attach(node: number): PcpReply;
  /** `switchover`: with `-s`, from 4.3 on. */
  promote(node: number, options?: { switchover?: boolean }): PcpReply;
  /** The same with `-g`: waits for the clients to leave. On its timeout nothing is done and success is reported. */
  graceful(request: GracefulRequest, done: (reply: PcpReply) => void): void;
  /** A PCP client keeps its connection. @returns what closes it */
  holdPcp(): () => void;
  /** Puts a request into the queue that has passed the watchdog. */
  carryOut(request: NodeRequest): void;
  /** Takes the nodes' states and the primary from the leader of the watchdog. */
  sync(status: readonly NodeStatus[], primary: number): void;
  /** Another holds the follow lock, or lets it go. */
  lockFollow(held: boolean): void;
  /** A child has ended by itself: the main process gets a signal. */
  childEnded(): void;
  /** A client session got connections to these nodes: waiting ones are now up. */
  sessionConnected(nodes: readonly number[], skippedMain: boolean): void;
  /** An idle session lost the backend of `node`, which it uses; with `failover_on_backend_shutdown` the node goes down. */
  sessionSawShutdown(node: number): void;
  /** A session could not connect to `node`, with `failover_on_backend_error`. */
  sessionSawError(node: number): void;
}

/** States of the main process in which sessions are served. */
const servingStates = ['starting', 'idle', 'resting', 'rested', 'blocked', 'reaping'] as const;

/** Creates a Pgpool with the given nodes; it does nothing before `start`. */
export function createPgpool(host: PgpoolHost, settings: PgpoolSettings, shared: PgpoolState): Pgpool {
  const complete = completeSettings(settings);
  const lock = new FollowLock();
  const actor = new Statechart(pgpoolMachine, {
    clock: host.clock,
    input: {
      settings: mainSettingsOf(complete),
      shared,
      second: () => Math.floor(host.wallMs() / 1000),
      othersHoldLock: () => lock.held,
    },
  });
  const view = viewOf(actor);
  const carryOut = (request: NodeRequest): void => actor.send({ type: 'request', request });
  const requests = new NodeRequests(host, complete, { state: view.state, carryOut });
  const checks = new PgpoolChecks(host, complete, {
    ...view,
    locked: () => view.following() || lock.held,
    holdLock: (held) => lock.hold(held),
    degenerate: (node, wholeRestart) => requests.degenerate(node, wholeRestart),
    attach: (node) => requests.attach(node, false),
  });
  const onceServing = listen(actor, host);
  actor.on('started', () => checks.start());
  actor.on('concluded', () => checks.requestDone());
  const listens = (): boolean => !actor.getSnapshot().context.starting;
  const pcp = new PcpCommands({
    host,
    settings: complete,
    requests,
    state: view.state,
    listens,
    onceServing,
  });
  return {
    ...view,
    start: () => {
      actor.start();
    },
    stop: () => {
      checks.stop();
      actor.stop();
    },
    replication: () => checks.view,
    checked: () => checks.checked,
    detach: (node) => pcp.detach(node),
    attach: (node) => pcp.attach(node),
    promote: (node, options) => pcp.promote(node, options),
    graceful: (request, done) => pcp.graceful(request, done),
    holdPcp: () => holdPcp(actor),
    carryOut,
    lockFollow: (held) => lock.hold(held),
    sync: (status, primary) => {
      actor.send({ type: 'synced', status, primary });
      checks.forkHealthChecks();
    },
    ...sessionSignals(actor, host, { settings: complete, requests }),
  };
}

type Main = Statechart<typeof pgpoolMachine>;

function viewOf(actor: Main): Pick<Pgpool, 'nodes' | 'state' | 'switching' | 'reaps' | 'following'> {
  let judged: unknown;
  let switches = false;
  /** Asked far more often than the state changes: one look at each snapshot. */
  const switching = (): boolean => {
    const snapshot = actor.getSnapshot();
    if (snapshot === judged) return switches;
    judged = snapshot;
    switches = !snapshot.context.starting && !servingStates.some((main) => snapshot.matches({ main }));
    return switches;
  };
  const state = (): PgpoolState => actor.getSnapshot().context.shared;
  return {
    state,
    nodes: () => {
      const { status, primary } = state();
      return status.map((entry, id) => ({ status: entry, role: id === primary ? 'primary' : 'standby' }));
    },
    switching,
    reaps: () => (['idle', 'reaping'] as const).some((main) => actor.getSnapshot().matches({ main })),
    following: () => actor.getSnapshot().context.following,
  };
}

function sessionSignals(
  actor: Main,
  host: PgpoolHost,
  { settings, requests }: { settings: CompleteSettings; requests: NodeRequests },
): Pick<Pgpool, 'childEnded' | 'sessionConnected' | 'sessionSawShutdown' | 'sessionSawError'> {
  const pause = watchPause(actor, host);
  return {
    childEnded: () => {
      if (pause.secondIsOver()) actor.send({ type: 'pause.cutShort' });
    },
    sessionConnected: (nodes, skippedMain) => {
      const { status, main } = actor.getSnapshot().context.shared;
      if (nodes.some((node) => status[node] === 'waiting')) actor.send({ type: 'connected', nodes });
      if (skippedMain) actor.send({ type: 'mainUnreachable', node: main, reachable: nodes });
    },
    sessionSawShutdown: (node) => {
      if (settings.failoverOnBackendShutdown) requests.degenerate(node, false);
    },
    sessionSawError: (node) => {
      if (settings.failoverOnBackendError) requests.degenerate(node, false);
    },
  };
}

function holdPcp(actor: Main): () => void {
  actor.send({ type: 'pcp.held' });
  let held = true;
  return () => {
    if (held) actor.send({ type: 'pcp.released' });
    held = false;
  };
}

/** Hands what the main process wants done to the host. @returns what has `serving` heard once */
function listen(actor: Main, host: PgpoolHost): (hear: () => void) => void {
  let waiting: (() => void)[] = [];
  actor.on('cut', ({ cut }) => {
    if (cut.scope !== 'none') host.cutSessions(cut);
  });
  actor.on('renewChildren', () => host.renewChildren());
  actor.on('forkChildren', ({ cut }) => {
    const forked = (): void => actor.send({ type: 'children.forked' });
    if (cut.scope === 'none') host.clock.setTimeout(forked, 0);
    else if (host.forkChildren) host.forkChildren(cut, forked);
    else host.clock.setTimeout(forked, forkChildrenMs);
  });
  actor.on('serving', () => {
    host.serving();
    const hearing = waiting;
    waiting = [];
    for (const hear of hearing) hear();
  });
  actor.on('reaping', () => host.reaping());
  actor.on('writeStatusFile', ({ lines }) => host.writeStatusFile?.(lines));
  actor.on('askRoles', ({ nodes }) => {
    host.askRoles(nodes, (answers, upstreams = []) => actor.send({ type: 'roles', answers, upstreams }));
  });
  actor.on('runCommand', ({ run }) => {
    const ended = (): void => actor.send({ type: 'command.ended' });
    if (host.runCommand) host.runCommand(run, ended);
    else host.clock.setTimeout(ended, 0);
  });
  actor.on('following', ({ on }) => host.following?.(on));
  actor.on('runFollow', ({ node, oldPrimary }) => {
    host.runFollowCommand({ node, oldPrimary }, () => actor.send({ type: 'follow.ended' }));
  });
  return (hear) => {
    waiting.push(hear);
  };
}

function mainSettingsOf(settings: CompleteSettings): PgpoolMainSettings {
  const features = pgpoolFeatures(settings.version);
  const flagged = settings.nodes.findIndex(({ flag }) => flag === 'ALWAYS_PRIMARY');
  return {
    searchPrimaryNodeTimeout: settings.searchPrimaryNodeTimeout,
    hasFollowCommand: settings.hasFollowCommand,
    hasFailoverCommand: settings.hasFailoverCommand,
    hasFailbackCommand: settings.hasFailbackCommand,
    detachFalsePrimary: settings.detachFalsePrimary,
    alwaysPrimary: flagged < 0 ? null : flagged,
    searchAtStart: settings.searchAtStart,
    searchByTime: features.searchByTime,
    waitsForPcpClients: features.waitsForPcpClients,
  };
}

/**
 * The pause of a second between two looks for the primary compares whole seconds of the time of day, and looks at them only when a
 * signal comes: a child that ends after the second has changed ends the pause, however short it was (pgpool_main.c 4.3.5:
 * `pool_sleep()`).
 */
function watchPause(actor: Main, host: PgpoolHost): { secondIsOver(): boolean } {
  const second = (): number => Math.floor(host.wallMs() / 1000);
  let begunInSecond: number | null = null;
  actor.subscribe((snapshot) => {
    const pausing = snapshot.matches({ main: { searching: 'pausing' } });
    if (!pausing) begunInSecond = null;
    else begunInSecond ??= second();
  });
  return { secondIsOver: () => begunInSecond !== null && second() > begunInSecond };
}
