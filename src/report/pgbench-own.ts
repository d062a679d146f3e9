import type { Outage, Percentiles } from '../recording/summary.ts';

/** How the operations that were due ended: due = ok + failed + unknown + skipped. */
export interface OutcomeCounts {
  due: number;
  ok: number;
  failed: number;
  unknown: number;
  skipped: number;
}

export interface PgbenchScriptFigures {
  description: string;
  kind: 'read' | 'write';
  outcomes: OutcomeCounts;
  /** From due time, and from send; null when nothing succeeded. */
  latencyMs: Percentiles | null;
  serviceMs: Percentiles | null;
  outages: Outage[];
  /** Shortest silence that counts as one; null when nothing was due. */
  outageThresholdMs: number | null;
}

/** What pgbench does not tell of a run. */
export interface PgbenchFigures {
  transport: { name: string; reason: string };
  seed: string;
  latencyMs: Percentiles | null;
  serviceMs: Percentiles | null;
  outcomes: OutcomeCounts;
  scripts: PgbenchScriptFigures[];
  /** Failed and unknown transactions by SQLSTATE, `closed` or `aborted`. */
  errors: Record<string, number>;
  sessions: { lost: number; reopened: number; refused: number; abortedClients: number };
  /** A client that lost its session ended. */
  abortOnLoss: boolean;
  /** Transactions that only read, by the server that answers their session's reads; `?` unknown. */
  readsByServer: Record<string, number>;
  generator: {
    /** How late transactions were sent whose client was free; null without a rate. */
    scheduleLagMs: Percentiles | null;
    /** Processor time of the whole program a transaction, µs; null without transactions. */
    cpuUs: number | null;
    /** Cores in use in the mean. */
    cores: number;
    threads: number;
    /** It used its threads up: the figures measure the generator. */
    saturated: boolean;
  };
}

const digits = (value: number, places = 3): string => value.toFixed(places);

/** The lines below pgbench's report: what it leaves out, and where this run differs from one of pgbench. */
export function renderPgbenchFigures(figures: PgbenchFigures): string[] {
  const { transport, outcomes, sessions, errors, generator, scripts } = figures;
  const { due, ok, failed, unknown, skipped } = outcomes;
  const lines = [
    '-- beyond pgbench --',
    `transactions due: ${due} = ${ok} ok + ${failed} failed + ${unknown} unknown + ${skipped} skipped`,
    ...percentileLines('latency from due time', figures.latencyMs),
    ...percentileLines('latency from send', figures.serviceMs),
  ];
  const named = Object.entries(errors).sort(([, a], [, b]) => b - a);
  if (named.length > 0) lines.push(`errors: ${named.map(([code, count]) => `${code} ${count}`).join(', ')}`);
  lines.push(
    `sessions: ${sessions.lost} lost, ${sessions.reopened} opened again, ${sessions.refused} attempts failed, ` +
      `${sessions.abortedClients} clients aborted`,
  );
  if (sessions.lost > 0 && !figures.abortOnLoss)
    lines.push(
      'note: pgbench aborts a client that loses its session; here it connected again (--abort-on-loss)',
    );
  const several = scripts.length > 1;
  for (const [index, script] of scripts.entries())
    lines.push(...scriptLines(script, several ? `script ${index + 1} ` : ''));
  lines.push(...readLines(figures.readsByServer));
  const perTransaction = generator.cpuUs === null ? '' : `, ${digits(generator.cpuUs, 1)} µs a transaction`;
  lines.push(
    `generator: ${transport.name} (${transport.reason}), ${digits(generator.cores, 2)} of ${generator.threads} ` +
      `threads' cores${perTransaction}, seed ${figures.seed}`,
  );
  lines.push(...percentileLines('generator lateness', generator.scheduleLagMs));
  if (generator.saturated)
    lines.push('warning: the generator was busy all the time; give it more threads (-j) or fewer clients');
  return lines;
}

function percentileLines(name: string, percentiles: Percentiles | null): string[] {
  if (percentiles === null) return [];
  const { p50, p95, p99, p999, max, mean } = percentiles;
  const values = Object.entries({ p50, p95, p99, 'p99.9': p999, max, mean });
  return [`${name}: ${values.map(([key, value]) => `${key} ${digits(value)}`).join(', ')} ms`];
}

function scriptLines(script: PgbenchScriptFigures, prefix: string): string[] {
  const { outages, outageThresholdMs, outcomes, latencyMs } = script;
  const lines: string[] = [];
  if (prefix !== '') {
    const { due, ok, failed, unknown, skipped } = outcomes;
    lines.push(
      `${prefix}(${script.description}): ${due} due = ${ok} ok + ${failed} failed + ${unknown} unknown + ${skipped} skipped`,
      ...percentileLines(`${prefix}latency from due time`, latencyMs),
    );
  }
  if (outageThresholdMs === null) return lines;
  if (outages.length === 0)
    lines.push(`${prefix}outages: none (no silence longer than ${digits(outageThresholdMs, 0)} ms)`);
  for (const { startMs, endMs, lengthMs, lost } of outages)
    lines.push(
      `${prefix}outage: ${digits(startMs / 1000)} s to ${digits(endMs / 1000)} s, ${digits(lengthMs, 0)} ms ` +
        `without a success, ${lost} due transactions lost`,
    );
  return lines;
}

function readLines(readsByServer: Readonly<Record<string, number>>): string[] {
  const entries = Object.entries(readsByServer).sort(([a], [b]) => (a < b ? -1 : 1));
  const sum = entries.reduce((total, [, count]) => total + count, 0);
  if (sum === 0) return [];
  const parts = entries.map(([server, count]) => `${server} ${count} (${digits((100 * count) / sum, 1)}%)`);
  return [`reads by server: ${parts.join(', ')}`];
}
