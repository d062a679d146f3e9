import { effectivePrimary, pickLoadBalanceNode } from '../topology/routing.ts';
import { type PgpoolState, validNodes } from './pgpool-failover.ts';

/**
 * What Pgpool tells its clients, as pure functions: who gets a session, and what a lost backend does to one.
 *
 * Source: Pgpool-II 4.3.5, src/protocol/pool_connection_pool.c and the messages measured on it (docs/method.md).
 */

/** An error as a client sees it; `closed` is a connection that ends without a message. */
export interface ClientError {
  code: string;
  message: string;
}

/** How a backend meets a new connection: accepts, refuses (no process), or answers with an error (starting, stopping). */
export type BackendGreeting = 'accepts' | 'refuses' | 'rejects';

export interface Admission {
  state: PgpoolState;
  switching: boolean;
  /** By node id. */
  greetings: readonly BackendGreeting[];
  weights: readonly number[];
  failoverOnBackendError: boolean;
  /** Uniform over [0, 1]: the draw of the load-balance node. */
  unit: number;
}

export type AdmissionResult =
  | { ok: true; nodes: readonly number[]; loadBalanceNode: number; skippedMain: boolean }
  /** `degenerate`: a node that this failure takes down (`failover_on_backend_error = on`). */
  | { ok: false; error: ClientError; degenerate: number | null };

const refused = (code: string, message: string, degenerate: number | null = null): AdmissionResult => ({
  ok: false,
  error: { code, message },
  degenerate,
});

/**
 * Opens a client session: connects to every valid node in order of id.
 *
 * A dead standby is skipped; a dead node that "primary" means refuses the session, reads included, until it is detached
 * (both `failover_on_backend_*` off). While Pgpool is switching the connection is dropped without a message.
 */
export function admitSession(admission: Admission): AdmissionResult {
  const { state, greetings, switching } = admission;
  if (switching) return refused('closed', 'connection closed while Pgpool was switching');
  const nodes = validNodes(state.status);
  if (nodes.length === 0) return refused('08S01', 'pgpool is not accepting any new connections');
  const reachable = [...nodes];
  for (const node of nodes) {
    if (greetings[node] !== 'refuses') continue;
    if (admission.failoverOnBackendError) {
      return refused('XX000', 'failed to create a backend connection, executing failover on backend', node);
    }
    if (node === effectivePrimary(state.primary, reachable, state.main)) {
      return refused('XX000', `failed to create a backend ${node} connection`);
    }
    reachable.splice(reachable.indexOf(node), 1);
  }
  const first = reachable[0];
  if (first === undefined) return refused('closed', 'no backend answered');
  if (greetings[first] === 'rejects')
    return refused('57P03', 'the database system is starting up or shutting down');
  if (reachable.some((node) => greetings[node] === 'rejects')) {
    return refused('XX000', 'kind does not match between main and the other backends');
  }
  const balanced = greetings.map((_, id) => ({
    id,
    weight: admission.weights[id] ?? 0,
    valid: reachable.includes(id),
  }));
  const loadBalanceNode = pickLoadBalanceNode(balanced, state.primary, admission.unit) ?? first;
  return { ok: true, nodes: reachable, loadBalanceNode, skippedMain: !reachable.includes(state.main) };
}

/** The error that a session gets when the backend of `node` is gone. */
export function lostBackend(node: number): ClientError {
  return { code: 'XX000', message: `unable to read data from DB node ${node}` };
}

/** A write that reached a standby because Pgpool knows no primary. */
export const readOnlyError: ClientError = {
  code: '25006',
  message: 'cannot execute UPDATE in a read-only transaction',
};

/** Cut by Pgpool: its child process was killed, or ended because it saw that Pgpool is switching. */
export const cutError: ClientError = { code: 'closed', message: 'server closed the connection unexpectedly' };
