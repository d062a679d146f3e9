import type { EventKernel } from '../kernel/event-kernel.ts';
import type { Draw, Draws } from './draws.ts';

/**
 * In about so long a process that rests loses what it had at hand: caches, its place on a core; ms, where the model does not say
 * (`wakeAfter`; docs/method.md S27).
 */
export const wakeAfterMs = 10;

/** Share of `wake` that a statement costs where the one before it ended so long ago: 0 at once, 1 for a first one. */
export function wakeShare(gapMs: number, afterMs = wakeAfterMs): number {
  return 1 - Math.exp(-gapMs / afterMs);
}

/** What a job that the end of a quota stops needs more when it goes on, in means of `wake`: all go on at once, each with cold caches (docs/method.md S28). */
export const wakesOfStop = 2;

/**
 * Since when the processes that serve one client rest, its child of Pgpool and one on each server, and what waking
 * them costs.
 */
export class Rest {
  readonly #kernel: EventKernel;
  readonly #wake: Draw | null;
  readonly #wakePgpool: Draw | null;
  readonly #afterMs: number;
  /** Instant of the last work, by server; the last entry is that of Pgpool. */
  readonly #sinceMs: Float64Array;

  /** @returns null where the model says nothing of it */
  static of(
    kernel: EventKernel,
    draws: Draws,
    { session, servers }: { session: string; servers: number },
  ): Rest | null {
    const wakes = { server: draws.optional('wake', session), pgpool: draws.optional('wakePgpool', session) };
    const afterMs = draws.meanOf('wakeAfter') ?? wakeAfterMs;
    return wakes.server || wakes.pgpool ? new Rest(kernel, { ...wakes, afterMs }, servers) : null;
  }

  private constructor(
    kernel: EventKernel,
    wakes: { server: Draw | null; pgpool: Draw | null; afterMs: number },
    servers: number,
  ) {
    this.#kernel = kernel;
    this.#wake = wakes.server;
    this.#wakePgpool = wakes.pgpool;
    this.#afterMs = wakes.afterMs;
    this.#sinceMs = new Float64Array(servers + 1).fill(Number.NEGATIVE_INFINITY);
  }

  /** Other processes serve this client from now on. */
  renew(): void {
    this.#sinceMs.fill(Number.NEGATIVE_INFINITY);
  }

  /** Work more of a statement that comes to a server now, ms. */
  serverMs(server: number): number {
    return this.#wake === null ? 0 : this.#wake() * this.#shareOf(server);
  }

  /** Work more of a statement that comes to Pgpool now, ms. */
  pgpoolMs(): number {
    return this.#wakePgpool === null ? 0 : this.#wakePgpool() * this.#shareOf(this.#sinceMs.length - 1);
  }

  /** A server has done something, and Pgpool passes the answer on. */
  worked(server: number): void {
    const { nowMs } = this.#kernel;
    this.#sinceMs[server] = nowMs;
    this.#sinceMs[this.#sinceMs.length - 1] = nowMs;
  }

  #shareOf(place: number): number {
    return wakeShare(this.#kernel.nowMs - (this.#sinceMs[place] as number), this.#afterMs);
  }
}
