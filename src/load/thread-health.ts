import { readFileSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';

/** Length of the spans that the processor's share is told for, ms. */
export const healthSpanMs = 1000;

/** How a load thread fared besides its operations. */
export interface ThreadHealthResult {
  /** Share of one processor that the thread used, by second of the load; null where the kernel does not tell. */
  cpuShares: (number | null)[];
  /** Time spent collecting garbage, ms. */
  gcMs: number;
}

/** Watches the thread it was made in: processor time a second, and garbage collection. */
export class ThreadHealth {
  readonly #cpuShares: (number | null)[] = [];
  readonly #observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) this.#gcMs += duration;
  });
  #gcMs = 0;
  #cpuMs: number | null = null;
  #atMs = 0;

  /** The load begins. @param nowMs of any clock; the same for all calls */
  start(nowMs: number): void {
    this.#observer.observe({ entryTypes: ['gc'] });
    this.#cpuMs = threadCpuMs();
    this.#atMs = nowMs;
  }

  /** Ends a span; called about every `healthSpanMs`. */
  sample(nowMs: number): void {
    const cpuMs = threadCpuMs();
    const lengthMs = nowMs - this.#atMs;
    const spentMs = cpuMs === null || this.#cpuMs === null ? null : cpuMs - this.#cpuMs;
    this.#cpuShares.push(spentMs === null ? null : Math.round((1000 * spentMs) / lengthMs) / 1000);
    this.#cpuMs = cpuMs;
    this.#atMs = nowMs;
  }

  finish(): ThreadHealthResult {
    for (const { duration } of this.#observer.takeRecords()) this.#gcMs += duration;
    this.#observer.disconnect();
    return { cpuShares: this.#cpuShares, gcMs: Math.round(this.#gcMs * 1000) / 1000 };
  }
}

/** Processor time of the calling thread so far, ms: first field of Linux's schedstat, in ns; null elsewhere. */
function threadCpuMs(): number | null {
  try {
    const [nanoseconds = ''] = readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ');
    const value = Number(nanoseconds);
    return value > 0 ? value / 1e6 : null;
  } catch {
    return null;
  }
}
