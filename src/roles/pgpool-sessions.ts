import { effectivePrimary, pickLoadBalanceNode } from '../topology/routing.ts';
import { type ClientCapacity, entranceOf } from './pgpool-capacity.ts';
import { type PgpoolState, validNodes } from './pgpool-failover.ts';
import { type Arrival, arrive, type ChildPool, type PoolKey, type PoolLimits } from './pgpool-pool-cache.ts';
import { switchWaitMs } from './pgpool-versions.ts';

/**
 * What Pgpool tells its clients, as pure functions: who gets a session, and what a lost backend does to one.
 *
 * Source: Pgpool-II 4.3.5, src/protocol/pool_connection_pool.c and the messages of the real one (docs/pgpool-observed.md).
 */

/** An error as a client sees it; `closed` is a connection that ends without a message. */
export interface ClientError {
  code: string;
  message: string;
}

/**
 * How a backend meets a new connection: accepts, refuses (no process), answers with an error (starting, stopping), drops its
 * packets (host gone), or takes it and stays silent (stopped process).
 */
export type BackendGreeting = 'accepts' | 'refuses' | 'rejects' | 'drops' | 'hangs';

export interface Admission {
  state: PgpoolState;
  switching: boolean;
  /** By node id. */
  greetings: readonly BackendGreeting[];
  weights: readonly number[];
  failoverOnBackendError: boolean;
  /** Uniform over [0, 1]: the draw of the load-balance node. */
  unit: number;
  /** From 4.5 on a session waits for the end of a switch instead of being closed. */
  sessionsWait?: boolean;
  /** The main node as the client's child has it: read when it was forked, and when it takes a client after it was flagged. */
  childMain?: number;
  /** Clients that are there already; left out: a child is free. */
  clients?: { connected: number; queued: number; capacity: ClientCapacity };
  /** The child has the connections already and asks no node to let it in. */
  reused?: boolean;
  /** The pick, where it is more than a draw by weight. */
  pick?: (valid: readonly number[]) => number | null;
}

export type AdmissionResult =
  /** `crashes`: the child ends with a segmentation fault at the session's first statement, a bare close to the client. */
  | {
      ok: true;
      nodes: readonly number[];
      loadBalanceNode: number;
      skippedMain: boolean;
      crashes?: boolean;
      afterMs?: number;
    }
  /**
   * `degenerate`: a node that this failure takes down (`failover_on_backend_error = on`). `connected`: nodes that were connected
   * before the refusal, waiting ones are up then. `afterMs`: time until the client is told beside what work takes; Infinity when it
   * never is. `reached`: nodes that had taken their connection before the one that did not and for which the child ended; they are up too.
   */
  | {
      ok: false;
      error: ClientError;
      degenerate: number | null;
      connected?: readonly number[];
      reached?: readonly number[];
      afterMs?: number;
    };

/** Linux gives a connect up after six retransmissions (127 s) to 135 s: the middle of what was measured. A child retries past connect_timeout. */
export const kernelConnectMs = 131_000;

/** PostgreSQL's authentication_timeout: a backend that waits for the child's next step this long ends. */
const backendAuthenticationMs = 60_000;

/** How the connects of a child to its nodes, one after the other, have gone so far. */
interface Connects {
  reachable: number[];
  waitedMs: number;
  /** A node took its connection before the child was held up by another. */
  heldUp: boolean;
}

function refused(
  code: string,
  message: string,
  more: {
    degenerate?: number;
    connected?: readonly number[];
    reached?: readonly number[];
    afterMs?: number;
  } = {},
): AdmissionResult {
  const { degenerate = null, afterMs = 0, ...rest } = more;
  return { ok: false, error: { code, message }, degenerate, afterMs, ...rest };
}

/**
 * Opens a client session: connects to every valid node in order of id.
 *
 * A dead standby is skipped; a dead node that "primary" means refuses the session, reads included, until it is detached
 * (both `failover_on_backend_*` off). A node whose host is gone holds every session up for over two minutes, a silent one until
 * its client gives up. While Pgpool is switching the connection is dropped without a message.
 *
 * A child that connects afresh takes the nodes' first answers for different when the shared main node is not the first of them
 * (pool_proto_modules.c 4.3.5: pool_read_kind). So a lowest node that was dead, was passed by, and lives again without having been
 * detached has every session refused.
 */
export function admitSession(admission: Admission): AdmissionResult {
  const { state, greetings, switching } = admission;
  const turnedAway = refusedByCapacity(admission);
  if (turnedAway) return turnedAway;
  if (switching) {
    const afterMs = admission.sessionsWait ? switchWaitMs : 0;
    return refused('closed', 'connection closed while Pgpool was switching', { afterMs });
  }
  const nodes = validNodes(state.status);
  if (nodes.length === 0) return refused('08S01', 'pgpool is not accepting any new connections');
  const connects = connectAll(admission, nodes);
  if ('ok' in connects) return connects;
  const { reachable, waitedMs } = connects;
  const first = reachable[0];
  if (first === undefined) return refused('closed', 'no backend answered', { afterMs: waitedMs });
  if (greetings[first] === 'rejects')
    return refused('57P03', 'the database system is starting up or shutting down');
  if (reachable.some((node) => greetings[node] === 'rejects')) {
    return refused('XX000', 'kind does not match between main and the other backends');
  }
  if (reachable.some((node) => greetings[node] === 'hangs')) {
    return refused('timeout', 'a backend does not answer', { afterMs: Number.POSITIVE_INFINITY });
  }
  if (!admission.reused && first !== state.main && reachable.includes(state.main)) {
    return refused('XX000', 'unable to read message kind', { connected: reachable, afterMs: waitedMs });
  }
  if (connects.heldUp && waitedMs > backendAuthenticationMs) {
    return refused('XX000', `unable to read data from DB node ${first}`, { afterMs: waitedMs });
  }
  const loadBalanceNode = pickFor(admission, reachable) ?? first;
  const skippedMain = !reachable.includes(state.main);
  const crashes = admission.childMain !== undefined && !reachable.includes(admission.childMain);
  return { ok: true, nodes: reachable, loadBalanceNode, skippedMain, crashes, afterMs: waitedMs };
}

/** No child is free: the client waits unanswered for one to be, or is told to go. */
function refusedByCapacity({ clients }: Admission): AdmissionResult | null {
  const entrance = clients ? entranceOf(clients, clients.capacity) : 'served';
  if (entrance === 'served') return null;
  if (entrance === 'rejected') return refused('53300', 'Sorry, too many clients already');
  return refused('timeout', 'no child of Pgpool is free', { afterMs: Number.POSITIVE_INFINITY });
}

function connectAll(admission: Admission, nodes: readonly number[]): Connects | AdmissionResult {
  const { state, greetings } = admission;
  const connects: Connects = { reachable: [...nodes], waitedMs: 0, heldUp: false };
  for (const node of nodes) {
    const greeting = greetings[node];
    if (greeting !== 'refuses' && greeting !== 'drops') continue;
    if (greeting === 'drops') {
      connects.waitedMs += kernelConnectMs;
      connects.heldUp ||= connects.reachable.some((other) => other < node);
    }
    const reached = connects.reachable.filter((other) => other < node);
    const more = { afterMs: connects.waitedMs, ...(reached.length > 0 ? { reached } : {}) };
    if (admission.failoverOnBackendError) {
      const message = 'failed to create a backend connection, executing failover on backend';
      return refused('XX000', message, { degenerate: node, ...more });
    }
    if (node === effectivePrimary(state.primary, connects.reachable, state.main)) {
      return refused('XX000', `failed to create a backend ${node} connection`, more);
    }
    connects.reachable.splice(connects.reachable.indexOf(node), 1);
  }
  return connects;
}

function pickFor(
  { pick, greetings, weights, state, unit }: Admission,
  reachable: readonly number[],
): number | null {
  if (pick) return pick(reachable);
  const balanced = greetings.map((_, id) => ({
    id,
    weight: weights[id] ?? 0,
    valid: reachable.includes(id),
  }));
  return pickLoadBalanceNode(balanced, state.primary, unit);
}

/** A client at a child with a cache: what it asks for, and whether the cached connections to these nodes still stand. */
export interface CachedArrival {
  pool: ChildPool;
  key: PoolKey;
  limits: Pick<PoolLimits, 'maxPool'>;
  stands(nodes: readonly number[]): boolean;
}

/**
 * Opens a client session at a child that keeps connections: where it has a set for this client it connects to no node, so
 * one that is dead or silent is not noticed; a set with a broken connection is closed and all are made anew.
 *
 * @returns the pool without the set that serves the client; `leave` puts it back
 */
export function openSession(
  { pool, key, limits, stands }: CachedArrival,
  admission: Admission,
): { result: AdmissionResult; arrival: Arrival } {
  const arrival = arrive(pool, key, limits);
  const { reused } = arrival;
  const fresh = { ...arrival, reused: null };
  if (!reused || !stands(reused.nodes)) return { result: admitSession(admission), arrival: fresh };
  const greetings = admission.greetings.map((_, id) => (reused.nodes.includes(id) ? 'accepts' : 'refuses'));
  return {
    result: admitSession({ ...admission, greetings, failoverOnBackendError: false, reused: true }),
    arrival,
  };
}

/** The error that a session gets when the backend of `node` is gone. */
export function lostBackend(node: number): ClientError {
  return { code: 'XX000', message: `unable to read data from DB node ${node}` };
}

/** How the end of a server shows to idle sessions: its backends say so (57P01: the postmaster was killed or stopped), or all vanish at once. */
export type BackendEnd = 'announced' | 'vanished';

/** A child that has asked for a failover sleeps this long, in which the failover mostly kills it (child_exit after degenerate_backend_set). */
const failoverSleepMs = 5000;

/**
 * What the loss of a backend does to an idle session: its error and when, or null when it lives on.
 *
 * A backend that says so ends the sessions that use it; one that vanishes ends all that are connected to it. With
 * `failover_on_backend_shutdown` the child asks for a failover first and sleeps: a cut may come before the error.
 */
export function sessionAfterLoss(
  session: { nodes: readonly number[]; loadBalanceNode: number },
  loss: { node: number; end: BackendEnd; state: PgpoolState; failoverOnBackendShutdown: boolean },
): { error: ClientError; afterMs: number } | null {
  const { node, end, state, failoverOnBackendShutdown } = loss;
  if (!session.nodes.includes(node)) return null;
  if (end === 'vanished') return { error: lostBackend(node), afterMs: 0 };
  const primary = effectivePrimary(state.primary, session.nodes, state.main);
  if (node !== session.loadBalanceNode && node !== primary) return null;
  return { error: lostBackend(node), afterMs: failoverOnBackendShutdown ? failoverSleepMs : 0 };
}

/** A write that reached a standby because Pgpool knows no primary. */
export const readOnlyError: ClientError = {
  code: '25006',
  message: 'cannot execute UPDATE in a read-only transaction',
};

/** Cut by Pgpool: its child process was killed, or ended because it saw that Pgpool is switching. */
export const cutError: ClientError = { code: 'closed', message: 'server closed the connection unexpectedly' };
