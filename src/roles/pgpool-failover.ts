import { effectivePrimary, findPrimary, type RecoveryAnswer } from '../topology/routing.ts';

/**
 * The steps of Pgpool's `failover()` as pure functions on its shared state, in streaming replication mode.
 *
 * Source: Pgpool-II 4.3.5, src/main/pgpool_main.c, checked against live scenarios (docs/method.md). Where that version
 * surprises, these do too.
 */

export type NodeStatus = 'waiting' | 'up' | 'down';

/** A request to the main process; `detach` is a node going down, whoever asked. */
export interface NodeRequest {
  kind: 'attach' | 'detach' | 'promote';
  node: number;
}

/** What the main process shares with its children. */
export interface PgpoolState {
  status: readonly NodeStatus[];
  /** Id of the known primary, -1 for none. */
  primary: number;
  /** Lowest live node at the last failover. */
  main: number;
}

export interface PgpoolFailoverSettings {
  /** Iterations of the primary search, one second each; 0 searches for ever. */
  searchPrimaryNodeTimeout: number;
  hasFollowCommand: boolean;
}

/** Whose clients lose their connection when a request is taken up. */
export type Cut = { scope: 'all' } | { scope: 'balancedTo'; node: number } | { scope: 'none' };

/** A request that was taken up: the state with its node marked, who is cut, and whether the primary must be searched for. */
export interface TakenRequest {
  request: NodeRequest;
  state: PgpoolState;
  /** The primary before this request. */
  oldPrimary: number;
  newMain: number;
  cut: Cut;
  search: boolean;
}

/** Ids of the nodes that are up or waiting. */
export function validNodes(status: readonly NodeStatus[]): number[] {
  return status.flatMap((entry, id) => (entry === 'down' ? [] : [id]));
}

/**
 * Steps 2 to 5: sanity, the node's own status, the new main node, and whose clients are cut.
 *
 * A detached node that is not what "primary" means cuts only the clients balanced to it. As the node is already marked
 * down, that meaning has moved to the main node: a primary that is not the main node is detached without cutting others.
 *
 * @returns null when the request is void (already down, already up, promotion of a node that is down)
 */
export function takeRequest(state: PgpoolState, request: NodeRequest): TakenRequest | null {
  const { node, kind } = request;
  const isDown = state.status[node] === 'down';
  if (state.status[node] === undefined || isDown !== (kind === 'attach')) return null;
  const wereAllDown = validNodes(state.status).length === 0;
  const status = state.status.map((entry, id) => {
    if (id !== node || kind === 'promote') return entry;
    return kind === 'attach' ? 'waiting' : 'down';
  });
  const valid = validNodes(status);
  const newMain = valid[0] ?? -1;
  const taken = { request, state: { ...state, status }, oldPrimary: state.primary, newMain };
  if (kind === 'attach') {
    const quiet = !wereAllDown && state.primary >= 0 && state.primary !== node;
    return { ...taken, cut: { scope: quiet ? 'none' : 'all' }, search: true };
  }
  if (kind === 'promote') return { ...taken, cut: { scope: 'all' }, search: false };
  const meantPrimary = valid.includes(state.primary) ? state.primary : state.main;
  const search = state.primary < 0 || state.primary === node;
  return { ...taken, cut: node === meantPrimary ? { scope: 'all' } : { scope: 'balancedTo', node }, search };
}

/** One request carried to its end. */
export interface Conclusion {
  state: PgpoolState;
  /** The follow command is due for every node that is down; `%P` is `oldPrimary`. */
  follow: boolean;
}

/**
 * Steps 7 to 9: the new primary, the degeneration of all others, the new main node.
 *
 * @param found what the search found, -1 for none; unused when the request needed no search
 */
export function conclude(taken: TakenRequest, found: number, hasFollowCommand: boolean): Conclusion {
  const { request, oldPrimary } = taken;
  const primary = request.kind === 'promote' ? request.node : taken.search ? found : oldPrimary;
  const primaryWentDown = request.kind === 'detach' && oldPrimary >= 0 && request.node === oldPrimary;
  const primaryAppeared = request.kind === 'detach' && oldPrimary < 0 && primary >= 0;
  const promoted = request.kind === 'promote';
  const degenerates =
    primary >= 0 && (promoted || (hasFollowCommand && (primaryWentDown || primaryAppeared)));
  const others = taken.state.status.length - 1;
  const status = degenerates
    ? taken.state.status.map((entry, id) => (id === primary ? entry : 'down'))
    : taken.state.status;
  const main = degenerates ? (validNodes(status)[0] ?? -1) : taken.newMain;
  return {
    state: { status, primary, main: main >= 0 ? main : taken.state.main },
    follow: degenerates && hasFollowCommand && others > 0,
  };
}

/** What one iteration of the search finds among the nodes that were asked. */
export function searchResult(state: PgpoolState, answers: readonly RecoveryAnswer[]): number {
  return findPrimary(state.status.map((entry, id) => (entry === 'down' ? null : (answers[id] ?? null))));
}

/** The node that "primary" means to a session that holds connections to `nodes`. */
export function primaryMeantBy(state: PgpoolState, nodes: readonly number[]): number | null {
  return effectivePrimary(state.primary, nodes, state.main);
}
