import { type Cut, type PgpoolState, takeRequest } from '../../src/roles/pgpool-failover.ts';
import { type AdmissionResult, cutError } from '../../src/roles/pgpool-sessions.ts';
import type { Choose } from './pgpool-differential-hypotheses.ts';

/** Whose clients the failover of a node cuts. */
function cutOf(state: PgpoolState, node: number): Cut | undefined {
  return takeRequest(state, { kind: 'detach', node })?.cut;
}

/**
 * What a refused client may have been told. A child that asks for a failover writes its error next; where that failover restarts
 * every child it may be killed before.
 */
export function refusalsOf(
  state: PgpoolState,
  { error, degenerate }: AdmissionResult & { ok: false },
): readonly string[] {
  const killed = degenerate !== null && cutOf(state, degenerate)?.scope === 'all';
  return killed ? [error.code, cutError.code] : [error.code];
}

/**
 * Sessions connected to a lost node that hear of it only when Pgpool is switching for it already: their children end at once.
 * Which do is not determined, but those that the failover cuts end anyway, and the one that asks for it heard in time.
 */
export function heardTooLate<Session extends { loadBalanceNode: number }>(
  connected: readonly Session[],
  { state, node, choose }: { state: PgpoolState; node: number; choose: Choose },
): Session[] {
  if (cutOf(state, node)?.scope !== 'balancedTo') return [];
  const spared = connected.filter(({ loadBalanceNode }) => loadBalanceNode !== node);
  const ways = 2 ** spared.length - (spared.length === connected.length ? 1 : 0);
  const way = ways > 1 ? choose(ways) : 0;
  return spared.filter((_, place) => (way >> place) % 2 === 1);
}
