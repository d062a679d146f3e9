import type { Sums, TransactionCounts } from '../workload/pgbench/statistics.ts';

/** What a run was asked for, as far as its report says so. */
export interface PgbenchRunShape {
  scale: number;
  protocol: 'simple' | 'extended' | 'prepared';
  clients: number;
  threads: number;
  /** 0: no limit. */
  maxTries: number;
  /** Transactions of each client; null for a run by time. */
  transactions: number | null;
  durationSeconds: number | null;
  failuresDetailed: boolean;
  reportPerCommand: boolean;
  throttled: boolean;
  /** Shows measured latency where nothing else does. */
  progress: boolean;
  latencyLimitMs: number | null;
  connectPerTransaction: boolean;
}

/** One line of a script with what its executions took. */
export interface PgbenchCommandResult {
  firstLine: string;
  timesUs: Sums;
  failures: number;
  retries: number;
}

export interface PgbenchScriptResult {
  description: string;
  weight: number;
  counts: TransactionCounts;
  commands: readonly PgbenchCommandResult[];
}

export interface PgbenchResult {
  counts: TransactionCounts;
  scripts: readonly PgbenchScriptResult[];
  /** From the first transaction to the last. */
  runUs: number;
  /** Sum over all connections of a run that connects for each transaction. */
  connectUs: number;
  /** Until every client had its connection. */
  initialConnectUs: number;
  /** Succeeded, but later than the latency limit. */
  late: number;
}

/** A number as PostgreSQL's own printf writes it with `%.Nf`: `NaN` and `Infinity` in words (src/port/snprintf.c). */
function fixed(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : String(value);
}

const percent = (part: number, whole: number): string => `${fixed((100 * part) / whole, 3)}%`;
const ms = (us: number): string => `${fixed(us / 1000, 3)} ms`;

/**
 * The report that PostgreSQL 15's pgbench prints at the end of a run, line by line.
 *
 * @see postgres 15, doc/src/sgml/ref/pgbench.sgml; the order of lines is that of the installed program
 */
export function renderPgbenchReport(shape: PgbenchRunShape, result: PgbenchResult): string[] {
  const { counts } = result;
  const lines = [...shapeLines(shape, result), ...failureLines('', shape, counts)];
  if (counts.processed <= 0) return lines;
  const seconds = result.runUs / 1e6;
  if (shape.throttled && shape.latencyLimitMs !== null)
    lines.push(`number of transactions skipped: ${counts.skipped} (${percent(counts.skipped, counts.all)})`);
  if (shape.latencyLimitMs !== null) {
    const share = counts.processed > 0 ? percent(result.late, counts.processed) : '0.000%';
    lines.push(
      `number of transactions above the ${fixed(shape.latencyLimitMs, 1)} ms latency limit: ${result.late}/${counts.processed} (${share})`,
    );
  }
  if (shape.throttled || shape.progress || shape.latencyLimitMs !== null)
    lines.push(...averageLines('latency', counts.latencyUs));
  else {
    const including = counts.failures > 0 ? ' (including failures)' : '';
    lines.push(`latency average = ${ms((result.runUs * shape.clients) / counts.all)}${including}`);
  }
  if (shape.throttled) {
    const { sum, max } = counts.lagUs;
    lines.push(
      `rate limit schedule lag: avg ${fixed(sum / counts.processed / 1000, 3)} (max ${fixed(max / 1000, 3)}) ms`,
    );
  }
  const perSecond = fixed(counts.processed / seconds, 6);
  if (shape.connectPerTransaction) {
    const each = result.connectUs / (counts.processed + counts.failures);
    lines.push(`average connection time = ${ms(each)}`, `tps = ${perSecond} (including reconnection times)`);
  } else {
    lines.push(
      `initial connection time = ${ms(result.initialConnectUs)}`,
      `tps = ${perSecond} (without initial connection time)`,
    );
  }
  for (const index of result.scripts.keys()) lines.push(...scriptLines(shape, result, index));
  return lines;
}

function shapeLines(shape: PgbenchRunShape, { scripts, counts }: PgbenchResult): string[] {
  const lines = [
    `transaction type: ${scripts.length === 1 ? scripts[0]?.description : 'multiple scripts'}`,
    `scaling factor: ${shape.scale}`,
    `query mode: ${shape.protocol}`,
    `number of clients: ${shape.clients}`,
    `number of threads: ${shape.threads}`,
  ];
  if (shape.maxTries > 0) lines.push(`maximum number of tries: ${shape.maxTries}`);
  if (shape.transactions !== null) {
    lines.push(
      `number of transactions per client: ${shape.transactions}`,
      `number of transactions actually processed: ${counts.processed}/${shape.transactions * shape.clients}`,
    );
  } else {
    lines.push(
      `duration: ${shape.durationSeconds} s`,
      `number of transactions actually processed: ${counts.processed}`,
    );
  }
  return lines;
}

function failureLines(prefix: string, shape: PgbenchRunShape, counts: TransactionCounts): string[] {
  const share = (part: number): string => `${part} (${percent(part, counts.all)})`;
  const lines = [`${prefix}number of failed transactions: ${share(counts.failures)}`];
  if (shape.failuresDetailed) {
    lines.push(
      `${prefix}number of serialization failures: ${share(counts.serializationFailures)}`,
      `${prefix}number of deadlock failures: ${share(counts.deadlockFailures)}`,
    );
  }
  if (shape.maxTries !== 1) {
    lines.push(
      `${prefix}number of transactions retried: ${share(counts.retried)}`,
      `${prefix}total number of retries: ${counts.retries}`,
    );
  }
  return lines;
}

function averageLines(name: string, sums: Sums): string[] {
  if (sums.count === 0) return [];
  return [`${name} average = ${ms(sums.mean)}`, `${name} stddev = ${ms(sums.deviation)}`];
}

function scriptLines(shape: PgbenchRunShape, result: PgbenchResult, index: number): string[] {
  const script = result.scripts[index];
  if (!script) return [];
  const several = result.scripts.length > 1;
  const lines: string[] = [];
  if (several) {
    const { counts, weight, description } = script;
    const weights = result.scripts.reduce((sum, entry) => sum + entry.weight, 0);
    const share = fixed((100 * counts.processed) / result.counts.processed, 1);
    lines.push(
      `SQL script ${index + 1}: ${description}`,
      ` - weight: ${weight} (targets ${fixed((100 * weight) / weights, 1)}% of total)`,
      ` - ${counts.processed} transactions (${share}% of total, tps = ${fixed(counts.processed / (result.runUs / 1e6), 6)})`,
      ...failureLines(' - ', shape, counts),
    );
    if (shape.throttled && shape.latencyLimitMs !== null && counts.all > 0)
      lines.push(
        ` - number of transactions skipped: ${counts.skipped} (${percent(counts.skipped, counts.all)})`,
      );
    lines.push(...averageLines(' - latency', counts.latencyUs));
  }
  if (shape.reportPerCommand) {
    const retries = shape.maxTries !== 1;
    const what = retries ? ', failures and retries' : ' and failures';
    lines.push(`${several ? ' - ' : ''}statement latencies in milliseconds${what}:`);
    for (const { firstLine, timesUs, failures, retries: again } of script.commands) {
      const mean = fixed(timesUs.count > 0 ? timesUs.mean / 1000 : 0, 3).padStart(11);
      const repeated = retries ? `  ${String(again).padStart(10)}` : '';
      lines.push(`   ${mean}  ${String(failures).padStart(10)}${repeated}  ${firstLine}`);
    }
  }
  return lines;
}

/** What happened between two progress lines, and when this one is due. */
export interface PgbenchProgress {
  /** Seconds since the start, or the time of day with `--progress-timestamp`. */
  atSeconds: number;
  timestamp: boolean;
  intervalSeconds: number;
  counts: TransactionCounts;
}

/** One line of `-P`. */
export function renderPgbenchProgress(shape: PgbenchRunShape, progress: PgbenchProgress): string {
  const { counts, atSeconds, timestamp, intervalSeconds } = progress;
  const some = counts.processed > 0;
  const latency = some ? counts.latencyUs.mean / 1000 : 0;
  const deviation = some ? counts.latencyUs.deviation / 1000 : 0;
  let line =
    `progress: ${fixed(atSeconds, timestamp ? 3 : 1)} s, ${fixed(counts.processed / intervalSeconds, 1)} tps, ` +
    `lat ${fixed(latency, 3)} ms stddev ${fixed(deviation, 3)}, ${counts.failures} failed`;
  if (shape.throttled) {
    line += `, lag ${fixed(some ? counts.lagUs.sum / counts.processed / 1000 : 0, 3)} ms`;
    if (shape.latencyLimitMs !== null) line += `, ${counts.skipped} skipped`;
  }
  if (shape.maxTries !== 1) line += `, ${counts.retried} retried, ${counts.retries} retries`;
  return line;
}
