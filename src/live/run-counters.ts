import type { LoadResult } from '../load/driver.ts';
import { type CounterReading, counterChecks, readCounters } from '../observe/counters.ts';
import type { ServerAccess } from '../observe/server-sampler.ts';
import type { CountCheck } from '../recording/summary.ts';
import { kindOf, type LoadPlan } from '../workload/plan.ts';

/** What Pgpool and the servers themselves count during one run, beside what its clients know. */
export class RunCounters {
  readonly #pgpool: Omit<ServerAccess, 'server'>;
  readonly #servers: readonly ServerAccess[];
  readonly #before: CounterReading;
  readonly #readsByServer: Record<string, number> = {};

  private constructor(
    pgpool: Omit<ServerAccess, 'server'>,
    servers: readonly ServerAccess[],
    before: CounterReading,
  ) {
    this.#pgpool = pgpool;
    this.#servers = servers;
    this.#before = before;
  }

  /** Reads them for the first time; nobody but the load may read or write tables from now on. */
  static async begin(
    pgpool: Omit<ServerAccess, 'server'>,
    servers: readonly ServerAccess[],
  ): Promise<RunCounters> {
    return new RunCounters(pgpool, servers, await readCounters(pgpool, servers, { settle: false }));
  }

  /** Takes in which server answered the reads of one slice. */
  addReads(readsByServer: Readonly<Record<string, number>>): void {
    for (const [server, reads] of Object.entries(readsByServer))
      this.#readsByServer[server] = (this.#readsByServer[server] ?? 0) + reads;
  }

  /**
   * Reads them again and compares. None where an operation failed or scripts branch: then there is nothing exact to expect.
   *
   * @param found.ledgerRows rows in the write ledger
   */
  async compare(
    load: LoadPlan,
    result: LoadResult,
    found: { primary: string; ledgerRows: number },
  ): Promise<CountCheck[]> {
    const clean = Object.values(result.totals).every(({ failed, unknown }) => failed + unknown === 0);
    const isUniform = load.classes.every(({ script }) => script.isUniform);
    if (!clean || !isUniform || result.invalid.length > 0) return [];
    const after = await readCounters(this.#pgpool, this.#servers, { settle: true });
    return counterChecks(this.#before, after, {
      classes: load.classes.map((entry) => ({
        kind: kindOf(entry),
        ok: result.totals[entry.name]?.ok ?? 0,
        statements: entry.script.statements,
      })),
      readsByServer: this.#readsByServer,
      sessionProbes: result.sessionProbes,
      ...found,
    });
  }
}
