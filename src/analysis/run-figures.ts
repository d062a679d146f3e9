import type { Summary } from '../recording/summary.ts';
import { longestMs } from './compare.ts';

/** One number that runs are compared by. */
export interface FigureKind {
  /** As in thresholds and CSV files: `read.p99`, `offload`, `share.server2`, `outage.write`. */
  name: string;
  /** For a table's head: `read p99`. */
  label: string;
  unit: 'perSecond' | 'ms' | 'share';
}

/** A run's figures by name; null where the run did not measure one. */
export type RunFigures = Record<string, number | null>;

/**
 * The figures of a run, in the order of tables: of each class throughput, percentiles of the latency from due time, and the share
 * of what was due that was not answered ok; offload and the share of reads by server; how busy the processors of each simulated
 * server are, and those of the machine that several share; with drills the longest outage of each class in any of them (0: none).
 */
export function figuresOf(summary: Summary): { kinds: FigureKind[]; figures: RunFigures } {
  const found: [FigureKind, number | null][] = [];
  const add = (name: string, unit: FigureKind['unit'], value: number | null): void => {
    found.push([{ name, label: labelOf(name), unit }, value]);
  };
  for (const [name, { due, ok, perSecond, latencyMs }] of Object.entries(summary.classes)) {
    add(`${name}.perSecond`, 'perSecond', perSecond);
    for (const percentile of ['p50', 'p95', 'p99'] as const)
      add(`${name}.${percentile}`, 'ms', latencyMs?.[percentile] ?? null);
    add(`${name}.notOkShare`, 'share', due === 0 ? null : (due - ok) / due);
  }
  add('offload', 'share', summary.offload);
  for (const { name, readShare } of summary.backends) add(`share.${name}`, 'share', readShare);
  for (const { server, kind, utilisation } of summary.stations ?? [])
    add(`busy.${kind === 'machine' ? 'machine' : server}`, 'share', utilisation);
  if (summary.drills.length > 0) {
    for (const name of Object.keys(summary.classes)) {
      const outages = summary.drills.flatMap((drill) => drill.outages[name] ?? []);
      add(`outage.${name}`, 'ms', longestMs(outages) ?? 0);
    }
  }
  return {
    kinds: found.map(([kind]) => kind),
    figures: Object.fromEntries(found.map(([{ name }, value]) => [name, value])),
  };
}

/** `read ok` for `read.perSecond`, `read not ok` for `read.notOkShare`, `read p99` for `read.p99`. */
function labelOf(name: string): string {
  return name.replace('.perSecond', ' ok').replace('.notOkShare', ' not ok').replace('.', ' ');
}
