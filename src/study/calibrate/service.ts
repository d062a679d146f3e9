import { type Histogram, mergeHistograms } from '../../recording/histogram.ts';
import type { LatencySlice } from '../../recording/latency.ts';
import type { RunFacts } from './facts.ts';
import type { Quantiles } from './shape.ts';

/** Times from send to answer of one class in the run in which it waited least. */
export interface ServiceSeen {
  run: string;
  count: number;
  /** Without the slowest in some thousands: a stall of the machine is no service time. */
  meanMs: number;
  quantiles: Quantiles;
}

/** Fewer operations tell no distribution. */
const fewestOperations = 200;

/** A run that a cap held back for more of its time shows the cap in its median. */
const mostHeldBack = 0.1;

const steps = 2000;

/**
 * The class's service times in the run whose median is the least, since waiting only adds, and there in the seconds in which no cap
 * stopped their server. Runs that a cap held back, or left too few such seconds, count only where there are no others; so do those of
 * closed sessions, which rest for a short time or for none: of what a wake-up costs a part comes after the answer, which the time of
 * a rested session does not hold. Null where no run has enough of the class.
 *
 * @param role only of operations that a server of this role answered
 */
export function clearestService(
  runs: readonly RunFacts[],
  className: string,
  role: 'primary' | 'standby' | null = null,
): ServiceSeen | null {
  const serviceIn = (run: RunFacts, slices: readonly LatencySlice[]): Histogram | null => {
    const own = slices.filter(
      (slice) => slice.className === className && (role === null || run.roleOf(slice.server) === role),
    );
    const service = mergeHistograms(own.map((slice) => slice.service));
    return service.totalCount < fewestOperations ? null : service;
  };
  const found = runs.flatMap((run) => {
    const unstopped = run.heldBack < mostHeldBack ? serviceIn(run, run.unstopped) : null;
    const service = unstopped ?? serviceIn(run, run.slices);
    return service === null ? [] : [{ run, service, isFree: unstopped !== null }];
  });
  const isOpen = ({ run }: (typeof found)[number]): boolean =>
    run.scenario.classes.some(({ name, closed }) => name === className && !closed);
  const free = preferred(found, ({ isFree }) => isFree);
  const medianOf = ({ service }: { service: Histogram }): number => service.getValueAtPercentile(50);
  const [clearest] = preferred(free, isOpen).toSorted((a, b) => medianOf(a) - medianOf(b));
  return clearest ? seenIn(clearest.run.name, clearest.service) : null;
}

/** Those that pass a test, or all where none does. */
function preferred<Each>(all: readonly Each[], test: (each: Each) => boolean): readonly Each[] {
  const some = all.filter(test);
  return some.length > 0 ? some : all;
}

/** Looks a histogram up once at so many shares: fits ask again and again. */
function seenIn(run: string, service: Histogram): ServiceSeen {
  const table = Float64Array.from(
    { length: steps },
    (_, step) => service.getValueAtPercentile((100 * (step + 0.5)) / steps) / 1000,
  );
  const quantiles: Quantiles = (share) => table[Math.min(steps - 1, Math.floor(share * steps))] ?? 0;
  const meanMs = table.reduce((sum, value) => sum + value, 0) / steps;
  return { run, count: service.totalCount, meanMs, quantiles };
}
