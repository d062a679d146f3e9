import type { ExecutionOutcome, ScriptCall } from '../workload/transport.ts';
import type { Child } from './children.ts';
import type { FrontSession } from './front-sessions.ts';
import type { SimServer } from './server.ts';

/** A session that Pgpool has let in. */
export interface Connection extends FrontSession {
  child: Child;
  server: SimServer;
}

/** A script that was sent and has not been answered. */
export interface Execution {
  call: ScriptCall;
  /** COMMIT is under way: whether it was done is not known when the connection ends now. */
  committing: boolean;
  done: (outcome: ExecutionOutcome) => void;
}

/** The kept connections are those that a session opened now would get. */
export function sameConnections(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): boolean {
  return a.size === b.size && [...b].every(([id, incarnation]) => a.get(id) === incarnation);
}
