import type { BackendStatus } from '../recording/events.ts';
import { effectivePrimary, findPrimary, type RecoveryAnswer } from '../topology/routing.ts';

/**
 * The steps of Pgpool's `failover()` as pure functions on its shared state, in streaming replication mode.
 *
 * Source: Pgpool-II 4.3.5, src/main/pgpool_main.c, checked against the real one (docs/pgpool-observed.md). Where that version
 * surprises, these do too.
 */

/** `quarantine` is `down` with a flag: known to one Pgpool only, and taken back when the node answers again. */
export type NodeStatus = BackendStatus;

/**
 * A request to the main process. `detach` is a node going down, whoever asked; `quarantine` and `release` are the
 * watchdog's; `switchover` is `pcp_promote_node -s`: the primary is detached in favour of `node`.
 */
export interface NodeRequest {
  kind: 'attach' | 'detach' | 'promote' | 'switchover' | 'quarantine' | 'release';
  node: number;
  /** Of a detach: every child is restarted, whatever node it uses, as after a health check that ran into its timeout. */
  wholeRestart?: boolean;
}

/** What the main process shares with its children. */
export interface PgpoolState {
  status: readonly NodeStatus[];
  /** Id of the known primary, -1 for none. */
  primary: number;
  /** Lowest live node at the last failover. */
  main: number;
  /** Nodes whose entry is marked as primary; differs from `primary` while that is unknown. Left out: `primary` alone. */
  marked?: readonly number[];
}

export interface PgpoolFailoverSettings {
  /** Iterations of the primary search, one second each (from 4.3.7: seconds); 0 searches for ever. */
  searchPrimaryNodeTimeout: number;
  hasFollowCommand: boolean;
}

/** Whose clients lose their connection when a request is taken up. */
export type Cut = { scope: 'all' } | { scope: 'balancedTo'; node: number } | { scope: 'none' };

/** A run of failover_command or failback_command with the node ids of its placeholders. */
export interface CommandRun {
  kind: 'failover' | 'failback';
  /** `%d` */
  node: number;
  /** `%M` */
  oldMain: number;
  /** `%m`; of `pcp_promote_node -s`: the node to be promoted. */
  newMain: number;
  /** `%P` */
  oldPrimary: number;
}

/** A request that was taken up: the state with its node marked, who is cut, and whether the primary must be searched for. */
export interface TakenRequest {
  /** A switchover has become the detach of the primary. */
  request: NodeRequest;
  state: PgpoolState;
  /** The primary before this request. */
  oldPrimary: number;
  newMain: number;
  cut: Cut;
  search: boolean;
  /** The command that is due if it is set. */
  command: CommandRun | null;
  /** The status file is written now. */
  writes: boolean;
}

export function isValid(status: NodeStatus | undefined): boolean {
  return status === 'up' || status === 'waiting';
}

/** Ids of the nodes that are up or waiting. */
export function validNodes(status: readonly NodeStatus[]): number[] {
  return status.flatMap((entry, id) => (isValid(entry) ? [id] : []));
}

const marksOf = ({ marked, primary }: PgpoolState): readonly number[] =>
  marked ?? (primary >= 0 ? [primary] : []);

/**
 * Steps 2 to 5: sanity, the node's own status, the new main node, and whose clients are cut.
 *
 * A detached node that is not what "primary" means cuts only the clients balanced to it. As the node is already marked
 * down, that meaning has moved to the main node: a primary that is not the main node is detached without cutting others.
 *
 * @returns null when the request is void (already down, already up, promotion of a node that is down)
 */
export function takeRequest(state: PgpoolState, request: NodeRequest): TakenRequest | null {
  if (state.status[request.node] === undefined) return null;
  switch (request.kind) {
    case 'attach':
      return takeAttach(state, request);
    case 'release':
      return state.status[request.node] === 'quarantine' ? takeRelease(state, request) : null;
    case 'promote':
      return takePromote(state, request);
    case 'switchover': {
      const detach: NodeRequest = { kind: 'detach', node: state.primary };
      const taken = takeDetach(state, detach);
      const { node } = request;
      return taken && { ...taken, command: taken.command && { ...taken.command, newMain: node } };
    }
    case 'detach':
    case 'quarantine':
      return takeDetach(state, request);
  }
}

const withStatus = (state: PgpoolState, node: number, entry: NodeStatus): readonly NodeStatus[] =>
  state.status.map((present, id) => (id === node ? entry : present));

function takeAttach(state: PgpoolState, request: NodeRequest): TakenRequest | null {
  const { node } = request;
  if (isValid(state.status[node])) return null;
  const wereAllDown = validNodes(state.status).length === 0;
  const status = withStatus(state, node, 'waiting');
  const newMain = validNodes(status)[0] ?? -1;
  const quiet = !wereAllDown && state.primary >= 0 && state.primary !== node;
  const meant = isValid(status[state.primary]) ? state.primary : state.main;
  return {
    request,
    state: { ...state, status },
    oldPrimary: state.primary,
    newMain,
    cut: { scope: quiet ? 'none' : 'all' },
    search: true,
    command: { kind: 'failback', node, oldMain: state.main, newMain, oldPrimary: meant },
    writes: true,
  };
}

/** The end of a quarantine: no search, no command, nothing written; a node that was the primary is it again. */
function takeRelease(state: PgpoolState, request: NodeRequest): TakenRequest {
  const { node } = request;
  const wereAllDown = validNodes(state.status).length === 0;
  const status = withStatus(state, node, 'waiting');
  const newMain = validNodes(status)[0] ?? -1;
  const primary = state.primary < 0 && marksOf(state).includes(node) ? node : state.primary;
  const quiet = !wereAllDown && primary >= 0 && primary !== node;
  return {
    request,
    state: { ...state, status, primary, main: newMain },
    oldPrimary: primary,
    newMain,
    cut: { scope: quiet ? 'none' : 'all' },
    search: false,
    command: null,
    writes: false,
  };
}

function takePromote(state: PgpoolState, request: NodeRequest): TakenRequest | null {
  if (!isValid(state.status[request.node])) return null;
  return {
    request,
    state,
    oldPrimary: state.primary,
    newMain: validNodes(state.status)[0] ?? -1,
    cut: { scope: 'all' },
    search: false,
    command: null,
    writes: false,
  };
}

function takeDetach(state: PgpoolState, request: NodeRequest): TakenRequest | null {
  const { node, kind } = request;
  const before = state.status[node];
  if (!isValid(before) && before !== 'quarantine') return null;
  const marks = marksOf(state);
  const status = withStatus(state, node, kind === 'detach' ? 'down' : 'quarantine');
  const wasPrimary =
    kind === 'detach' && before === 'quarantine' && state.primary < 0 && marks.includes(node);
  const oldPrimary = wasPrimary ? node : state.primary;
  const newMain = validNodes(status)[0] ?? -1;
  const meantPrimary = isValid(status[oldPrimary]) ? oldPrimary : state.main;
  const whole = request.wholeRestart === true || node === meantPrimary;
  const search = kind === 'detach' && (oldPrimary < 0 || oldPrimary === node);
  return {
    request,
    state: {
      ...state,
      status,
      primary: oldPrimary,
      marked: search ? marks.filter((id) => id !== oldPrimary) : marks,
    },
    oldPrimary,
    newMain,
    cut: whole ? { scope: 'all' } : { scope: 'balancedTo', node },
    search,
    command: kind === 'detach' ? { kind: 'failover', node, oldMain: state.main, newMain, oldPrimary } : null,
    writes: kind === 'detach',
  };
}

/** One request carried to its end. */
export interface Conclusion {
  state: PgpoolState;
  /** The follow command is due for every node that is down; `%P` is `oldPrimary`. */
  follow: boolean;
  /** Nodes were set down, so the status file is written again. */
  writes: boolean;
}

/**
 * Steps 7 to 9: the new primary, the degeneration of all others, the new main node.
 *
 * @param found what the search found, -1 for none; unused when the request needed no search
 */
export function conclude(taken: TakenRequest, found: number, hasFollowCommand: boolean): Conclusion {
  const { request, oldPrimary } = taken;
  const primary = primaryAfter(taken, found);
  const primaryWentDown = request.kind === 'detach' && oldPrimary >= 0 && request.node === oldPrimary;
  const primaryAppeared = request.kind === 'detach' && oldPrimary < 0 && primary >= 0;
  const promoted = request.kind === 'promote';
  const degenerates =
    primary >= 0 && (promoted || (hasFollowCommand && (primaryWentDown || primaryAppeared)));
  const others = taken.state.status.length - 1;
  const status = degenerates
    ? taken.state.status.map((entry, id) => (id === primary || entry === 'quarantine' ? entry : 'down'))
    : taken.state.status;
  const main = degenerates ? (validNodes(status)[0] ?? -1) : taken.newMain;
  const marks = marksOf(taken.state);
  const marked = primary >= 0 && !marks.includes(primary) ? [...marks, primary] : marks;
  return {
    state: { status, primary, main: main >= 0 ? main : taken.state.main, marked },
    follow: degenerates && hasFollowCommand && others > 0,
    writes: degenerates && others > 0,
  };
}

function primaryAfter({ request, search, oldPrimary }: TakenRequest, found: number): number {
  if (request.kind === 'promote') return request.node;
  if (request.kind === 'quarantine' && request.node === oldPrimary) return -1;
  return search ? found : oldPrimary;
}

/** What one iteration of the search finds among the nodes that were asked. */
export function searchResult(
  state: PgpoolState,
  answers: readonly RecoveryAnswer[],
  check: { upstreams?: readonly (number | null)[]; detachFalsePrimary?: boolean } = {},
): number {
  const heard = state.status.map((entry, id) => (isValid(entry) ? (answers[id] ?? null) : null));
  return findPrimary(heard, check);
}

/** The node that "primary" means to a session that holds connections to `nodes`. */
export function primaryMeantBy(state: PgpoolState, nodes: readonly number[]): number | null {
  return effectivePrimary(state.primary, nodes, state.main);
}
