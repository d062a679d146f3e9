import type { EventKernel } from '../kernel/event-kernel.ts';
import type { ScriptCall } from '../workload/transport.ts';
import type { Draw, Draws } from './draws.ts';
import type { ScriptPlan } from './script-plan.ts';
import type { SimServer } from './server.ts';
import type { Connection } from './session-state.ts';
import { Rest } from './wake.ts';

/** BEGIN and COMMIT on a session's standby: this share of a read's work there (docs/method.md S21). */
export const bracketShare = 0.25;

/**
 * How much work the statements of one session are, in ms of a processor: drawn from the model's service times, and more
 * after the processes that serve the session have rested.
 */
export class StatementWork {
  readonly #read: Draw;
  readonly #standbyRead: Draw;
  readonly #write: Draw;
  readonly #commit: Draw | null;
  readonly #pgpool: Draw | null;
  readonly #rest: Rest | null;
  /** The one whose processes `#rest` knows. */
  #connection: Connection | null = null;
  /** Work of each statement of the present write. */
  #shareMs = 0;
  /** The present write has one statement only, which commits. */
  #isSingle = false;

  constructor(
    { kernel, draws }: { kernel: EventKernel; draws: Draws },
    { session, servers }: { session: string; servers: number },
  ) {
    this.#read = draws.of('read', session);
    this.#standbyRead = draws.optional('readOnStandby', session) ?? this.#read;
    this.#write = draws.of('write', session);
    this.#commit = draws.optional('commit', session);
    this.#pgpool = draws.optional('pgpoolStatement', session);
    this.#rest = Rest.of(kernel, draws, { session, servers });
  }

  /** A script starts on a connection; a write's work is drawn now, and shared out over its statements. */
  begin({ kind }: ScriptCall, connection: Connection, { destinations, lastCommit }: ScriptPlan): void {
    if (connection !== this.#connection) {
      this.#connection = connection;
      this.#rest?.renew();
    }
    if (kind !== 'write') return;
    const { length } = destinations;
    this.#isSingle = length === 1;
    const own = this.#commit !== null && lastCommit >= 0 && length > 1 ? 1 : 0;
    this.#shareMs = this.#write() / (length - own);
  }

  /** Pgpool's part of a statement costs something in this model. */
  get hasPgpoolPart(): boolean {
    return this.#pgpool !== null || this.#rest !== null;
  }

  /** Pgpool's part of a statement that comes now. */
  pgpoolMs(): number {
    return (this.#pgpool?.() ?? 0) + (this.#rest?.pgpoolMs() ?? 0);
  }

  readMs({ id, state }: SimServer): number {
    const workMs = state === 'primary' ? this.#read() : this.#standbyRead();
    return workMs + this.#wakeMs(id);
  }

  /** A statement that a standby looks at and refuses. */
  refusedMs({ id }: SimServer): number {
    return this.#standbyRead() + this.#wakeMs(id);
  }

  /** BEGIN or COMMIT on the session's standby. */
  bracketMs({ id }: SimServer): number {
    return bracketShare * this.#standbyRead() + this.#wakeMs(id);
  }

  writeMs({ id }: SimServer): number {
    return this.#shareMs + this.#wakeMs(id);
  }

  /** The statement that commits: as any other of the write, or as the model's `commit` says. */
  commitMs({ id }: SimServer): number {
    const workMs =
      this.#commit === null ? this.#shareMs : this.#commit() + (this.#isSingle ? this.#shareMs : 0);
    return workMs + this.#wakeMs(id);
  }

  /** A server has done something, and Pgpool passes the answer on. */
  worked({ id }: SimServer): void {
    this.#rest?.worked(id);
  }

  #wakeMs(server: number): number {
    return this.#rest?.serverMs(server) ?? 0;
  }
}
