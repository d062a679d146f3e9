/** What all agents of a cluster hold in common; every heartbeat carries it. */
export interface SharedState {
  /** Grows with every change of `priority` or `allowed`; the highest wins. */
  version: number;
  /** Standby priority list, the first first. */
  priority: readonly string[];
  /** Nodes that may join. */
  allowed: readonly string[];
  /** How often `known` was cut down to the members of that moment (`efm reset-members`). */
  resets: number;
  /** Every member since the last reset, those that are down included. */
  known: readonly string[];
  /** Promotions that were begun so far: tells a primary that another has taken its place. */
  promotions: number;
}

/** The state that an agent starts with before it has heard of another. */
export function firstSharedState(nodes: readonly string[]): SharedState {
  return { version: 0, priority: nodes, allowed: nodes, resets: 0, known: [], promotions: 0 };
}

/** Joins what another agent holds to what this one holds; the same object when nothing is new. */
export function mergeShared(own: SharedState, heard: SharedState): SharedState {
  const newer = heard.version > own.version;
  const reset = heard.resets > own.resets;
  const added = heard.resets < own.resets ? [] : heard.known.filter((node) => !own.known.includes(node));
  if (!newer && !reset && added.length === 0 && heard.promotions <= own.promotions) return own;
  const lists = newer ? heard : own;
  return {
    version: lists.version,
    priority: lists.priority,
    allowed: lists.allowed,
    resets: Math.max(own.resets, heard.resets),
    known: reset ? heard.known : [...own.known, ...added],
    promotions: Math.max(own.promotions, heard.promotions),
  };
}

/** The members of one side of a possible partition, and how many it is measured against. */
export interface Quorum {
  present: number;
  counted: number;
}

/** A side without the primary may promote: more than half (method.md EFM 2.7). */
export const mayPromote = ({ present, counted }: Quorum): boolean => present * 2 > counted;

/** A side with the primary keeps it: at least half, so that an even split keeps the primary (method.md EFM 2.7). */
export const keepsPrimary = ({ present, counted }: Quorum): boolean => present * 2 >= counted;
