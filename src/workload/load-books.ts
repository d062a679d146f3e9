import type { AccountSink, ClassTotals } from './books.ts';
import { type LedgerOutcomes, WriteLedger } from './ledger.ts';
import { kindOf, type LoadPlan } from './plan.ts';
import type { EndedOperation, PoolObserver } from './pool-observer.ts';
import { SliceRecorder } from './slice-recorder.ts';

/** What either world writes down of one pool: slices with their latencies, and the ledger of the writes. */
export class LoadBooks implements PoolObserver {
  readonly #servers: readonly string[];
  readonly #recorder: SliceRecorder;
  readonly #ledger: WriteLedger;

  /** @param options.servers every server that may answer a read, by name */
  constructor(
    { classes }: Pick<LoadPlan, 'classes'>,
    { servers, sink }: { servers: readonly string[]; sink: AccountSink },
  ) {
    this.#servers = servers;
    this.#recorder = new SliceRecorder({
      classes: classes.map((entry) => ({ name: entry.name, kind: kindOf(entry) })),
      servers,
      sink,
    });
    this.#ledger = new WriteLedger(classes.flatMap(({ script }, index) => (script.hasLedger ? [index] : [])));
  }

  serverPosition(server: string | null): number {
    return server === null ? -1 : this.#servers.indexOf(server);
  }

  due(classIndex: number, dueMs: number): void {
    this.#recorder.due(classIndex, dueMs);
  }

  ended(operation: Readonly<EndedOperation>): void {
    this.#recorder.ended(operation);
    this.#ledger.ended(operation);
  }

  refused(code: string, atMs: number): void {
    this.#recorder.refused(code, atMs);
  }

  advance(nowMs: number, sessionsByServer: Readonly<Record<string, number>>): void {
    this.#recorder.advance(nowMs, sessionsByServer);
  }

  finish(nowMs: number, sessionsByServer: Readonly<Record<string, number>>): void {
    this.#recorder.finish(nowMs, sessionsByServer);
  }

  /** Sums since the start, by position of the class. */
  totals(): ClassTotals[] {
    return this.#recorder.totals();
  }

  ledger(): LedgerOutcomes {
    return this.#ledger.take();
  }
}
