import type { Child } from './children.ts';
import type { FrontSession } from './front-sessions.ts';
import type { SimServer } from './server.ts';

/** How a session meets a node: over its connection, by silence, or not at all since the connection has ended. */
export type Reach = 'open' | 'silent' | 'lost';

/** A session that Pgpool has let in. */
export interface Connection extends FrontSession {
  child: Child;
  server: SimServer;
  /** What follows is as `SessionView.lookFrom` saw it when so much had changed. */
  seen: number;
  /** The node that "primary" means to it; null when it has none. */
  primary: number | null;
  primaryReach: Reach;
  balancedReach: Reach;
}

/** The kept connections are those that a session opened now would get. */
export function sameConnections(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): boolean {
  return a.size === b.size && [...b].every(([id, incarnation]) => a.get(id) === incarnation);
}
