import { effectivePrimary, pickLoadBalanceNode } from './routing.ts';

/**
 * Pgpool's choice of the node that answers a session's balanced reads, with everything that may steer it.
 *
 * Source: Pgpool-II 4.3.5, src/protocol/pool_pg_utils.c: select_load_balancing_node; shares measured on that version.
 */

/** One entry of a redirect preference list: a name that `matches` is sent to `target` with probability `weight`. */
export interface RedirectRule {
  matches: RegExp;
  target: 'primary' | 'standby' | number;
  weight: number;
}

export interface BalanceSettings {
  /** By node id. */
  weights: readonly number[];
  databaseRedirects?: readonly RedirectRule[];
  /** Overrides the database's. */
  appRedirects?: readonly RedirectRule[];
  /** From 4.5 on; the weakest of the three. */
  userRedirects?: readonly RedirectRule[];
  /** 0: delays do not matter. */
  delayThresholdBytes?: number;
  preferLowerDelayStandby?: boolean;
}

/** What a session shows of itself. */
export interface BalancedSession {
  user?: string;
  database?: string;
  applicationName?: string;
}

/** What a pick sees of the nodes. */
export interface BalanceState {
  /** Up or waiting, and reachable by this child. */
  valid: readonly number[];
  /** Known primary, -1 for none. */
  primary: number;
  mainNode?: number;
  /** By node id, as Pgpool last saw them. */
  delayBytes?: readonly number[];
}

/**
 * Reads a redirect preference list: `postgres:primary,mydb[5-9]:standby(0.3),app:2`.
 *
 * @returns the rules in order, the first match counts; an entry that is none, and one whose pattern is no regular expression, is
 * left out; a weight outside 0 to 1 counts as 1
 */
export function parseRedirectList(text: string): RedirectRule[] {
  return text.split(',').flatMap((entry) => {
    const match = /^\s*(.+):\s*(primary|standby|\d+)\s*(?:\(\s*([\d.]+)\s*\))?\s*$/i.exec(entry);
    if (!match?.[1] || !match[2]) return [];
    const token = match[2].toLowerCase();
    const target = token === 'primary' || token === 'standby' ? token : Number(token);
    const weight = match[3] === undefined ? 1 : Number(match[3]);
    const matches = wholeName(match[1]);
    return matches ? [{ matches, target, weight: weight >= 0 && weight <= 1 ? weight : 1 }] : [];
  });
}

function wholeName(pattern: string): RegExp | null {
  try {
    return new RegExp(`^(?:${pattern})$`);
  } catch {
    return null;
  }
}

/** The rule that a session falls under: its application's before its database's before its user's. */
function redirectFor(settings: BalanceSettings, session: BalancedSession): RedirectRule | undefined {
  const find = (rules: readonly RedirectRule[] | undefined, name: string | undefined) =>
    name === undefined ? undefined : rules?.find(({ matches }) => matches.test(name));
  return (
    find(settings.appRedirects, session.applicationName) ??
    find(settings.databaseRedirects, session.database) ??
    find(settings.userRedirects, session.user)
  );
}

/**
 * Picks the node for a session, or for a statement with `statement_level_load_balance`.
 *
 * @param unit draws uniformly over [0, 1]: the first decides over the redirect, the second over the node
 * @returns null when no node is valid
 */
export function pickNode(
  settings: BalanceSettings,
  state: BalanceState,
  { session = {}, unit }: { session?: BalancedSession; unit: () => number },
): number | null {
  const first = unit();
  const primary = effectivePrimary(state.primary, state.valid, state.mainNode);
  if (primary === null) return null;
  const rule = redirectFor(settings, session);
  const suggested = rule ? resolve(rule.target, primary, state.valid) : null;
  if (suggested === 'standbys' && rule && first > rule.weight) return primary;
  if (typeof suggested === 'number' && rule) {
    if (suggested !== primary && isLate(settings, state, suggested)) {
      return leastDelayed(settings, state, { primary, unit });
    }
    if (first <= rule.weight) return suggested;
  }
  const excluded = suggested === 'standbys' ? primary : suggested;
  const picked = draw(settings, state, { unit: unit(), fallback: primary, excluded });
  return isLate(settings, state, picked) ? leastDelayed(settings, state, { primary, unit }) : picked;
}

function resolve(
  target: RedirectRule['target'],
  primary: number,
  valid: readonly number[],
): number | 'standbys' | null {
  if (target === 'primary') return primary;
  if (target === 'standby') return 'standbys';
  return valid.includes(target) ? target : null;
}

function draw(
  { weights }: BalanceSettings,
  { valid }: BalanceState,
  { unit, fallback, excluded }: { unit: number; fallback: number; excluded: number | null },
): number {
  const nodes = weights.map((weight, id) => ({
    id,
    weight,
    valid: valid.includes(id),
    excluded: id === excluded,
  }));
  return pickLoadBalanceNode(nodes, fallback, unit) ?? fallback;
}

function isLate(settings: BalanceSettings, state: BalanceState, node: number): boolean {
  const { delayThresholdBytes = 0, preferLowerDelayStandby = false } = settings;
  if (!preferLowerDelayStandby || delayThresholdBytes === 0) return false;
  return (state.delayBytes?.[node] ?? 0) > delayThresholdBytes;
}

/** One of the standbys with weight whose delay is least and within the threshold, by weight; the primary when there is none. */
function leastDelayed(
  settings: BalanceSettings,
  state: BalanceState,
  { primary, unit }: { primary: number; unit: () => number },
): number {
  const { weights, delayThresholdBytes = 0 } = settings;
  const delayOf = (id: number): number => state.delayBytes?.[id] ?? 0;
  const fit = state.valid.filter(
    (id) => id !== primary && (weights[id] ?? 0) > 0 && delayOf(id) <= delayThresholdBytes,
  );
  const leastBytes = Math.min(...fit.map(delayOf));
  const candidates = { ...state, valid: fit.filter((id) => delayOf(id) === leastBytes) };
  if (candidates.valid.length === 0) return primary;
  const [lowest = primary] = candidates.valid;
  return draw(settings, candidates, { unit: unit(), fallback: lowest, excluded: null });
}
