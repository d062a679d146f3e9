import type { Settlement } from '../drills/world.ts';
import type { Clock } from '../kernel/clock.ts';
import { Random } from '../kernel/random.ts';
import type { Recorder } from '../recording/recording.ts';
import { Accounting } from '../workload/accounting.ts';
import { arrivalsFor } from '../workload/arrivals.ts';
import { callMaker } from '../workload/calls.ts';
import { ClientPool, type PoolObserver } from '../workload/client-pool.ts';
import { compareLedger, WriteLedger } from '../workload/ledger.ts';
import { SliceMerger } from '../workload/merger.ts';
import { kindOf, type LoadPlan } from '../workload/plan.ts';
import type { SimCluster } from './cluster.ts';
import { SimSession } from './session.ts';

/** The clients of the simulated world: the session logic of the live load on simulated connections. */
export class SimLoad {
  readonly #pool: ClientPool;
  readonly #accounting: Accounting;
  readonly #ledger: WriteLedger;
  readonly #merger: SliceMerger;
  /** Executions that servers answered to living sessions. */
  readonly #answered = { read: 0, write: 0 };
  readonly #plan: LoadPlan;

  constructor(
    clock: Clock,
    plan: LoadPlan,
    { cluster, recorder }: { cluster: SimCluster; recorder: Recorder },
  ) {
    this.#plan = plan;
    const kinds = plan.classes.map(kindOf);
    const ledgerClasses = [...plan.classes.entries()].filter(([, { script }]) => script.hasLedger);
    this.#ledger = new WriteLedger(ledgerClasses.map(([index]) => index));
    this.#merger = new SliceMerger(1, recorder);
    const classes = plan.classes.map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
    this.#accounting = new Accounting(classes, this.#merger.sink(0));
    const answered = (kind: 'read' | 'write'): void => {
      this.#answered[kind] += 1;
    };
    const { draws, front, replication } = cluster;
    this.#pool = new ClientPool({
      clock,
      transports: Array.from(
        { length: plan.sessions },
        (_, index) => new SimSession({ clock, draws, front, replication, answered }, `session ${index}`),
      ),
      arrivals: arrivalsFor(plan),
      kinds,
      callFor: callMaker(plan),
      observer: this.#observer(),
      random: new Random(plan.seed).fork('client pool'),
      sessionLifetimeMs: plan.sessionLifetimeMs,
      patienceMs: plan.patienceMs,
      timeoutMs: plan.timeoutMs,
    });
  }

  connect(): void {
    this.#pool.connect(() => {});
  }

  start(onDrained: () => void): void {
    this.#pool.start(0, onDrained);
  }

  stop(): void {
    this.#pool.stop();
  }

  abort(): void {
    this.#pool.abort();
  }

  /** Rows of the surviving primary against the ledger where a script keeps one, and answers of the servers against ok operations. */
  settle(cluster: SimCluster): Settlement {
    const ledger = this.#ledger.take();
    const rows = ledger.length > 0 ? cluster.survivingRows() : null;
    const totals = this.#accounting.totals();
    const okOf = (kind: 'read' | 'write'): number =>
      this.#plan.classes.reduce(
        (sum, entry, index) => sum + (kindOf(entry) === kind ? (totals[index]?.ok ?? 0) : 0),
        0,
      );
    return {
      ledger: rows && compareLedger(ledger, rows),
      counters: [
        { name: 'reads answered by the servers', expected: okOf('read'), actual: this.#answered.read },
        { name: 'writes answered by the servers', expected: okOf('write'), actual: this.#answered.write },
      ],
    };
  }

  #observer(): PoolObserver {
    return {
      due: (classIndex, dueMs) => this.#accounting.due(classIndex, dueMs),
      ended: (operation) => {
        this.#accounting.ended(operation);
        this.#ledger.ended(operation, operation.outcome, operation.endedMs);
      },
      refused: (code, atMs) => this.#accounting.refused(code, atMs),
      advance: (nowMs, sessions) => this.#accounting.advance(nowMs, sessions),
      finish: (nowMs, sessions) => {
        this.#accounting.finish(nowMs, sessions);
        this.#merger.ended(0);
      },
    };
  }
}
