import type { WireError } from '../../workload/transport.ts';
import type { LoadedScript } from '../script/execution.ts';
import type { WireConnection, WireHandler } from '../wire/connection.ts';
import type { ThreadBooks } from './books.ts';
import type { PgbenchPlan } from './plan.ts';

/** A client as its thread sees it. Instants in ms since the start. */
export interface HostedClient extends WireHandler {
  readonly number: number;
  readonly isOver: boolean;
  /** Its session is open. @param server position in the books */
  opened(connection: WireConnection, server: number): void;
  /** The instant it asked for has come. */
  wake(nowMs: number): void;
  /** Gives the session up when its answer is overdue. */
  checkAnswer(nowMs: number): void;
  /** Ends what is under way, for the run is called off. */
  callOff(nowMs: number): void;
}

/** What a client asks of its thread. */
export interface ClientHost {
  readonly plan: PgbenchPlan;
  readonly scripts: readonly LoadedScript[];
  readonly books: ThreadBooks;
  /** Of the thread's monotonic clock; every other instant counts from it. */
  readonly startMs: number;
  /** No transaction begins from here on. */
  readonly endMs: number;
  nowMs(): number;
  /** Wakes a client at an instant; replaces an earlier wish. */
  wakeAt(client: HostedClient, atMs: number): void;
  /** The client needs no waking. */
  forget(client: HostedClient): void;
  /** Which script a client runs next. */
  chooseScript(): number;
  /** When the next transaction is due, with a rate. */
  nextArrivalMs(): number;
  /** Pause before the attempt after so many. */
  backOffMs(attempt: number): number;
  /** Opens a client's session; null when that went well. */
  open(client: HostedClient): Promise<WireError | null>;
  sayLost(client: number, error: WireError): void;
  clientEnded(client: HostedClient, nowMs: number): void;
}
