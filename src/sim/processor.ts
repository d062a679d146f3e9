import type { VirtualClock } from '../kernel/clock.ts';
import { invariant } from '../kernel/errors.ts';
import type { EventKernel } from '../kernel/event-kernel.ts';
import { type Quota, type SharedCores, Station } from './station.ts';

/** Jobs that need this little more are done: a nanosecond, more than rounding leaves over. */
const roundingMs = 1e-6;

/**
 * The cores of one machine, shared equally by all jobs of its stations: n running jobs each advance at rate min(1, cores / n).
 *
 * Virtual time advances at that rate; a job of size S that arrives at V leaves at V + S. So an arrival or a departure
 * moves one event, whatever the number of jobs. An event that comes too early, since jobs arrived meanwhile, is set again.
 */
export class Processor implements SharedCores {
  readonly kernel: EventKernel;
  readonly cores: number;
  readonly #stations: Station[] = [];
  readonly #capped: Station[] = [];
  readonly #wake: number;
  /** Jobs that run: those of stations that are not suspended. */
  #running = 0;
  #virtualMs = 0;
  #updatedAtMs = 0;
  #armedAtMs = Number.POSITIVE_INFINITY;
  /** Ends of one instant: kind and arguments, three numbers each. */
  #ends = new Int32Array(24);
  #endCount = 0;

  constructor(clock: VirtualClock, cores: number) {
    invariant(cores > 0, `a processor needs a core, got ${cores}`);
    this.kernel = clock.kernel;
    this.cores = cores;
    this.#updatedAtMs = this.kernel.nowMs;
    this.#wake = this.kernel.kind(() => this.#woken());
  }

  /** A station of its own for one server. */
  station(quota: Quota | null = null): Station {
    const station = new Station(this, quota);
    this.#stations.push(station);
    if (quota) this.#capped.push(station);
    return station;
  }

  /** Virtual time now, brought up to date. */
  advance(): number {
    const { nowMs } = this.kernel;
    if (this.#running > 0) {
      const rate = this.#running > this.cores ? this.cores / this.#running : 1;
      this.#virtualMs += (nowMs - this.#updatedAtMs) * rate;
    }
    this.#updatedAtMs = nowMs;
    return this.#virtualMs;
  }

  /** So many jobs more run, or less; `advance` was called in this instant. */
  changeRunning(by: number): void {
    this.#running += by;
  }

  /** A job of a station has ended: its event happens in this turn. */
  ended(kind: number, a: number, b: number): void {
    const at = this.#endCount * 3;
    if (at === this.#ends.length) {
      const ends = new Int32Array(this.#ends.length * 2);
      ends.set(this.#ends);
      this.#ends = ends;
    }
    this.#ends[at] = kind;
    this.#ends[at + 1] = a;
    this.#ends[at + 2] = b;
    this.#endCount += 1;
  }

  /** Sets the next event, if it must come earlier than the one that is set. */
  arm(): void {
    const stations = this.#stations;
    let endMs = Number.POSITIVE_INFINITY;
    for (let at = 0; at < stations.length; at += 1) {
      const stationEndMs = (stations[at] as Station).nextEndMs();
      if (stationEndMs < endMs) endMs = stationEndMs;
    }
    const leftMs = endMs - this.#virtualMs;
    const rate = this.#running > this.cores ? this.cores / this.#running : 1;
    let delayMs = leftMs > 0 ? leftMs / rate : 0;
    if (this.#capped.length > 0) delayMs = Math.min(delayMs, this.#quotaMattersMs(rate));
    const atMs = this.kernel.nowMs + delayMs;
    if (atMs >= this.#armedAtMs || atMs === Number.POSITIVE_INFINITY) return;
    this.#armedAtMs = atMs;
    this.kernel.schedule(delayMs, this.#wake, 0, 0);
  }

  /** The same when a job of this size has come, which makes all others slower: only its own end can be earlier than what is set. */
  armFor(workMs: number): void {
    if (this.#capped.length > 0) {
      this.arm();
      return;
    }
    const rate = this.#running > this.cores ? this.cores / this.#running : 1;
    const delayMs = workMs / rate;
    const atMs = this.kernel.nowMs + delayMs;
    if (atMs >= this.#armedAtMs) return;
    this.#armedAtMs = atMs;
    this.kernel.schedule(delayMs, this.#wake, 0, 0);
  }

  #quotaMattersMs(rate: number): number {
    let leastMs = Number.POSITIVE_INFINITY;
    for (let at = 0; at < this.#capped.length; at += 1) {
      const matterMs = (this.#capped[at] as Station).quotaMatterMs(rate, this.#virtualMs);
      if (matterMs < leastMs) leastMs = matterMs;
    }
    return leastMs;
  }

  #woken(): void {
    const { nowMs } = this.kernel;
    if (nowMs !== this.#armedAtMs) return;
    this.#armedAtMs = Number.POSITIVE_INFINITY;
    const virtualMs = this.advance();
    const stations = this.#stations;
    for (let at = 0; at < stations.length; at += 1)
      (stations[at] as Station).takeEnded(virtualMs + roundingMs);
    if (this.#capped.length > 0) for (const station of this.#capped) station.settleQuota(nowMs);
    this.arm();
    this.#tellEnds();
  }

  /** What a job's end brings about may end other jobs, but not in this instant's turn. */
  #tellEnds(): void {
    const count = this.#endCount;
    if (count === 0) return;
    const ends = this.#ends;
    this.#endCount = 0;
    if (count === 1) {
      this.kernel.happen(ends[0] as number, ends[1] as number, ends[2] as number);
      return;
    }
    const several = ends.slice(0, count * 3);
    for (let at = 0; at < several.length; at += 3)
      this.kernel.happen(several[at] as number, several[at + 1] as number, several[at + 2] as number);
  }
}
