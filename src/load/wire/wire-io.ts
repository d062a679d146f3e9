import type { WireError } from '../../workload/transport.ts';
import type { WireConnection, WireHandler } from './connection.ts';
import type { SessionOptions, StartedSession } from './session-start.ts';

/** When the owner of a transport wants to be called, besides for answers. Instants are `monotonicMs` of this thread. */
export interface WireAgenda {
  /** The next instant at which `due` must be called; Infinity for none. Asked after every batch of answers. */
  nextDueMs(): number;
  /** Something is due; called at or a little after that instant. */
  due(nowMs: number): void;
  /** True ends `drive`. Asked after every batch of answers, and at least ten times a second. */
  finished(): boolean;
}

export interface OpenOptions extends SessionOptions {
  /** The caller's number for the session. */
  index: number;
  handler: WireHandler;
}

/** What became of an attempt to open a session. */
export type OpenOutcome =
  | { ok: true; connection: WireConnection; session: StartedSession }
  | { ok: false; error: WireError };

/**
 * What carries a worker's sessions, chosen at start: `ring` (io_uring) or `stream` (Node's sockets). Printed in reports.
 *
 * All calls come from the thread that made it.
 */
export interface WireIo {
  readonly name: 'ring' | 'stream';
  /** Why this one. */
  readonly reason: string;
  /** Connections that are open. */
  readonly size: number;
  /** Opens a session: connects, logs in, asks which server serves its reads, and hands the socket over. Never rejects. */
  open(options: OpenOptions): Promise<OpenOutcome>;
  /**
   * Lets answers come in and the agenda's times be met, until the agenda is finished. Other work of this thread (timers,
   * messages, sessions being opened) goes on meanwhile.
   */
  drive(agenda: WireAgenda): Promise<void>;
  /** Goes about the thread's other work more often until this piece of it is done. @returns the same promise */
  accompany<T>(work: Promise<T>): Promise<T>;
  /** The agenda has an earlier instant than it last told, or has finished: it is asked again soon. */
  stir(): void;
  /** Closes every connection and gives all memory back; the transport is of no use afterwards. */
  close(): Promise<void>;
}
