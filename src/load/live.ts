import { type Histogram, newHistogram, unpackInto } from '../recording/histogram.ts';
import type { LivePart } from './protocol.ts';

/** What the live view shows: the last second of the load, and sums since its start. */
export interface LiveSnapshot {
  /** Instant of the newest figure, ms since load start; null before the first. */
  atMs: number | null;
  classes: Record<string, LiveClassFigures>;
  /** Ok reads of the last second, and connected sessions, by server name (`?` unknown). */
  readsByServer: Record<string, number>;
  sessionsByServer: Record<string, number>;
}

interface LiveClassFigures {
  /** Ok operations per second, over the last second. */
  perSecond: number;
  /** From due time, over the last second; null without an ok. */
  p99Ms: number | null;
  /** Since load start. */
  ok: number;
  failed: number;
  unknown: number;
  skipped: number;
}

/** Span that live figures are taken over: parts of which at least half lies in it. */
const windowMs = 1000;

/** Gathers the live parts of all workers. */
export class LiveFigures {
  #recent: { worker: number; part: LivePart }[] = [];
  readonly #sums = new Map<string, Record<'ok' | 'failed' | 'unknown' | 'skipped', number>>();
  readonly #sessions = new Map<number, Record<string, number>>();
  #newestMs: number | null = null;

  add(worker: number, part: LivePart): void {
    this.#recent.push({ worker, part });
    this.#newestMs = Math.max(this.#newestMs ?? 0, part.atMs);
    this.#sessions.set(worker, part.sessionsByServer);
    for (const [name, { ok, failed, unknown, skipped }] of Object.entries(part.classes)) {
      const sums = this.#sums.get(name) ?? { ok: 0, failed: 0, unknown: 0, skipped: 0 };
      sums.ok += ok;
      sums.failed += failed;
      sums.unknown += unknown;
      sums.skipped += skipped;
      this.#sums.set(name, sums);
    }
    const oldestMs = this.#newestMs - windowMs;
    this.#recent = this.#recent.filter((recent) => recent.part.atMs - recent.part.lengthMs / 2 > oldestMs);
  }

  /** A worker has ended: its sessions are closed. */
  ended(worker: number): void {
    this.#sessions.delete(worker);
  }

  snapshot(): LiveSnapshot {
    const classes: LiveSnapshot['classes'] = {};
    for (const [name, sums] of this.#sums) {
      const histogram = newHistogram();
      for (const { part } of this.#recent) {
        const latency = part.classes[name]?.latency;
        if (latency) unpackInto(histogram, latency);
      }
      classes[name] = { perSecond: this.#perSecond(name), p99Ms: p99Of(histogram), ...sums };
    }
    return {
      atMs: this.#newestMs,
      classes,
      readsByServer: sumOf(this.#recent.map(({ part }) => part.readsByServer)),
      sessionsByServer: sumOf([...this.#sessions.values()]),
    };
  }

  /** Sum over workers of what each did in the time that its recent parts cover. */
  #perSecond(name: string): number {
    const workers = new Map<number, { ok: number; lengthMs: number }>();
    for (const { worker, part } of this.#recent) {
      const sums = workers.get(worker) ?? { ok: 0, lengthMs: 0 };
      sums.ok += part.classes[name]?.ok ?? 0;
      sums.lengthMs += part.lengthMs;
      workers.set(worker, sums);
    }
    let perSecond = 0;
    for (const { ok, lengthMs } of workers.values()) perSecond += lengthMs > 0 ? (ok * 1000) / lengthMs : 0;
    return perSecond;
  }
}

function p99Of(histogram: Histogram): number | null {
  return histogram.totalCount === 0 ? null : histogram.getValueAtPercentile(99) / 1000;
}

/** The sums of several counts by name. */
export function sumOf(parts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const part of parts)
    for (const [name, count] of Object.entries(part)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}
