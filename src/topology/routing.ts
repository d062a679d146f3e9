/**
 * Pgpool-II's routing rules as pure functions: which node serves a session's reads, where a statement goes, and which
 * node a primary search finds. Node ids are positions in the list of backends.
 *
 * Source: Pgpool-II 4.3.5, streaming replication mode; measured on that version (docs/method.md).
 */

/** One backend as a session's child process sees it when it starts. */
export interface BalancedNode {
  id: number;
  /** `backend_weight`; only ratios matter. */
  weight: number;
  /** Up or waiting, and reachable by this child. */
  valid: boolean;
  /** Not drawn, though valid. */
  excluded?: boolean;
}

/**
 * The node that "primary" means: the known primary if it is valid, else `mainNode`, else none.
 *
 * Without a primary Pgpool sends writes to its main node (the lowest live id), a standby, where they fail with 25006.
 *
 * @param primary id of the known primary, -1 for none
 * @returns null when no node is valid
 */
export function effectivePrimary(
  primary: number,
  validIds: readonly number[],
  mainNode?: number,
): number | null {
  if (validIds.includes(primary)) return primary;
  if (mainNode !== undefined && validIds.includes(mainNode)) return mainNode;
  return validIds.length > 0 ? Math.min(...validIds) : null;
}

/**
 * Draws the node that answers a session's balanced reads, once per session.
 *
 * A valid node is drawn with its weight over the sum of valid weights; the shares are not normalised again when a node
 * goes down. Where no valid node has weight, the primary serves, or without one the lowest valid node.
 *
 * @param nodes in order of id
 * @param primary id of the known primary, -1 for none
 * @param unit uniform over [0, 1]
 * @returns null when no node is valid
 */
export function pickLoadBalanceNode(
  nodes: readonly BalancedNode[],
  primary: number,
  unit: number,
): number | null {
  const valid = nodes.filter((node) => node.valid);
  let selected = effectivePrimary(
    primary,
    valid.map((node) => node.id),
  );
  const eligible = valid.filter((node) => node.excluded !== true);
  const totalWeight = eligible.reduce((sum, node) => sum + Math.max(0, node.weight), 0);
  const draw = unit * totalWeight;
  let passed = 0;
  for (const { id, weight } of eligible) {
    if (!(weight > 0)) continue;
    if (draw < passed) break;
    selected = id;
    passed += weight;
  }
  return selected;
}

/** What a statement is to Pgpool's router; a later release adds kinds, none changes its meaning. */
export type StatementKind = 'read' | 'volatileRead' | 'write' | 'begin' | 'commit';

/** What routing depends on within one session. */
export interface RoutingSession {
  /** The node that "primary" means now (`effectivePrimary`). */
  primary: number;
  /** The session's load-balance node. */
  loadBalanceNode: number;
  inTransaction: boolean;
  /** A statement of this transaction that was no read has succeeded. */
  wroteInTransaction: boolean;
}

/**
 * The nodes that get a statement, in the order in which Pgpool sends it and waits for each answer.
 *
 * Reads go to the load-balance node, in a transaction only until something was written
 * (`disable_load_balance_on_write = transaction`, the default); BEGIN goes to the primary first, COMMIT to it last.
 */
export function routeStatement(kind: StatementKind, session: RoutingSession): readonly number[] {
  const { primary, loadBalanceNode, inTransaction, wroteInTransaction } = session;
  switch (kind) {
    case 'read':
      return [inTransaction && wroteInTransaction ? primary : loadBalanceNode];
    case 'volatileRead':
    case 'write':
      return [primary];
    case 'begin':
      return primary === loadBalanceNode ? [primary] : [primary, loadBalanceNode];
    case 'commit':
      return primary === loadBalanceNode ? [primary] : [loadBalanceNode, primary];
  }
}

/** What a server answers when asked whether it is in recovery; null: no answer. */
export type RecoveryAnswer = 'primary' | 'standby' | null;

/** What Pgpool makes of one node's answer; `invalid` is a false primary, null a node that is left out of account. */
export type NodeJudgement = 'primary' | 'standby' | 'invalid' | null;

/** What judging may use beside the answers: `upstreams` names the node that each standby streams from. */
export interface PrimaryCheck {
  upstreams?: readonly (number | null)[];
  detachFalsePrimary?: boolean;
}

/**
 * Tells true primaries from false ones.
 *
 * Without any standby the lowest id is the true one. With standbys all are taken as they say, unless `detach_false_primary` is
 * on and one primary has every standby streaming from it: then the others are false.
 *
 * @param answers by node id, null for nodes that were not asked or did not answer
 * @see Pgpool-II 4.3.5, src/main/pgpool_main.c: verify_backend_node_status
 */
export function judgeNodes(answers: readonly RecoveryAnswer[], check: PrimaryCheck = {}): NodeJudgement[] {
  const { upstreams = [], detachFalsePrimary = false } = check;
  const standbys = answers.flatMap((answer, id) => (answer === 'standby' ? [id] : []));
  if (standbys.length === 0) {
    const first = answers.indexOf('primary');
    return answers.map((answer, id) => {
      if (answer !== 'primary' || id === first) return answer;
      return detachFalsePrimary ? 'invalid' : null;
    });
  }
  if (!detachFalsePrimary) return [...answers];
  const ownsAll = (id: number): boolean => standbys.every((standby) => upstreams[standby] === id);
  const hasTrue = answers.some((answer, id) => answer === 'primary' && ownsAll(id));
  return answers.map((answer, id) => (answer === 'primary' && hasTrue && !ownsAll(id) ? 'invalid' : answer));
}

/**
 * The primary that one iteration of Pgpool's search finds.
 *
 * Where several nodes count as primaries the highest id wins; without a standby only the lowest counts (`judgeNodes`). So a
 * stale primary that is attached with a higher id takes the writes.
 *
 * @returns -1 when none says so
 */
export function findPrimary(answers: readonly RecoveryAnswer[], check: PrimaryCheck = {}): number {
  return judgeNodes(answers, check).lastIndexOf('primary');
}
