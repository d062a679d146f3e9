import type { Settlement } from '../drills/world.ts';
import type { VirtualClock } from '../kernel/clock.ts';
import { Random } from '../kernel/random.ts';
import type { Recorder } from '../recording/recording.ts';
import { arrivalsFor } from '../workload/arrivals.ts';
import { ClientPool } from '../workload/client-pool.ts';
import { compareLedger } from '../workload/ledger.ts';
import { LoadBooks } from '../workload/load-books.ts';
import { SliceMerger } from '../workload/merger.ts';
import { kindOf, type LoadPlan } from '../workload/plan.ts';
import { onlyWorker, type PlannedSession, sessionsOf } from '../workload/share.ts';
import type { SimCluster } from './cluster.ts';
import { scriptSources } from './script-ways.ts';
import { SimSession } from './session.ts';
import { SessionEvents } from './session-events.ts';

/** The clients of the simulated world: the session logic of the live load on simulated connections. */
export class SimLoad {
  readonly #pool: ClientPool;
  readonly #books: LoadBooks;
  /** Executions that servers answered to living sessions. */
  readonly #answered = { read: 0, write: 0 };
  readonly #plan: LoadPlan;

  constructor(
    clock: VirtualClock,
    plan: LoadPlan,
    { cluster, recorder }: { cluster: SimCluster; recorder: Recorder },
  ) {
    this.#plan = plan;
    const { draws, fronts, replication, servers } = cluster;
    const sink = new SliceMerger(1, recorder).sink(0);
    this.#books = new LoadBooks(plan, { servers: servers.map(({ name }) => name), sink });
    const answered = (kind: 'read' | 'write'): void => {
      this.#answered[kind] += 1;
    };
    const { kernel } = clock;
    const parts = {
      ...{ clock, kernel, draws, fronts, replication, answered },
      events: new SessionEvents(kernel),
      scripts: scriptSources(plan, cluster.routingRules),
    };
    this.#pool = new ClientPool({
      clock,
      plan,
      sessions: sessionsOf(plan, onlyWorker).map((session) => ({
        ...session,
        transport: new SimSession(parts, nameOf(session, plan)),
      })),
      arrivals: arrivalsFor(plan),
      observer: this.#books,
      random: new Random(plan.seed).fork('client pool'),
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
    const ledger = this.#books.ledger();
    const rows = ledger.length > 0 ? cluster.survivingRows() : null;
    const totals = this.#books.totals();
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
}

/** What tells a session's random streams from those of all others. */
function nameOf({ closedClass, number }: PlannedSession, { classes }: LoadPlan): string {
  return closedClass === null ? `session ${number}` : `session ${number} of ${classes[closedClass]?.name}`;
}
