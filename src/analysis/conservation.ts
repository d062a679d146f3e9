import { invariant } from '../kernel/errors.ts';
import type { ClassInterval } from '../recording/intervals.ts';
import type { Recording } from '../recording/recording.ts';
import { agrees, type Summary } from '../recording/summary.ts';
import type { Frame } from './frame.ts';

type Check = Summary['conservation']['checks'][number];

/** Sums of one class over the whole run, warm-up included. */
type Totals = Pick<ClassInterval, 'due' | 'ok' | 'failed' | 'unknown' | 'skipped' | 'completedOk'>;

/**
 * Checks that nothing was counted twice or lost: every operation in one class, every count against every other record of
 * the same operations, acknowledged writes against rows, and the servers' own counters. Warm-up included. Records that
 * are handed on at different moments are not compared where the recording was cut short.
 */
export function conservationOf(
  recording: Recording,
  { cutShort }: Pick<Frame, 'cutShort'>,
): Summary['conservation'] {
  const checks: Check[] = [];
  for (const { name, kind } of recording.manifest.scenario.classes) {
    const totals = totalsOf(recording, name);
    checks.push(...classChecks(recording, { name, kind, totals, cutShort }));
  }
  if (recording.ledger) checks.push(...ledgerChecks(recording));
  checks.push(...recording.counters);
  return { holds: checks.every(agrees), checks };
}

function classChecks(
  recording: Recording,
  {
    name,
    kind,
    totals,
    cutShort,
  }: { name: string; kind: 'read' | 'write'; totals: Totals; cutShort: boolean },
): Check[] {
  const uneven = recording.intervals.filter(({ classes }) => {
    const slice = classes[name];
    return slice !== undefined && slice.due !== slice.ok + slice.failed + slice.unknown + slice.skipped;
  });
  const timed = recording.latency
    .filter(({ className }) => className === name)
    .reduce((sum, { latency }) => sum + latency.totalCount, 0);
  const ended = totals.ok + totals.failed + totals.unknown + totals.skipped;
  const checks = [
    { name: `${name}: due = ok + failed + unknown + skipped`, expected: totals.due, actual: ended },
    { name: `${name}: slices in which that does not hold`, expected: 0, actual: uneven.length },
  ];
  if (cutShort) return checks;
  checks.push(
    { name: `${name}: ok by due time = ok by completion`, expected: totals.ok, actual: totals.completedOk },
    { name: `${name}: ok = latencies recorded`, expected: totals.ok, actual: timed },
  );
  if (kind === 'read') {
    const attributed = recording.intervals
      .flatMap(({ readsByServer }) => Object.values(readsByServer))
      .reduce((sum, reads) => sum + reads, 0);
    const reads = kindTotal(recording, 'read', 'completedOk');
    checks.push({ name: 'reads = reads by server', expected: reads, actual: attributed });
  }
  return checks;
}

function ledgerChecks(recording: Recording): Check[] {
  const { ledger } = recording;
  invariant(ledger, 'ledger checks need a ledger');
  return [
    {
      name: 'writes: ok = acknowledged in the ledger',
      expected: kindTotal(recording, 'write', 'ok'),
      actual: ledger.ok,
    },
    {
      name: 'writes: unknown = unknown in the ledger',
      expected: kindTotal(recording, 'write', 'unknown'),
      actual: ledger.unknown,
    },
    {
      name: 'rows = ok - lost + unknown that committed',
      expected: ledger.ok - ledger.lostAtMs.length + ledger.unknownFound,
      actual: ledger.found,
    },
    { name: 'rows of failed writes', expected: 0, actual: ledger.failedFound },
  ];
}

function kindTotal(recording: Recording, kind: 'read' | 'write', field: keyof Totals): number {
  const classes = recording.manifest.scenario.classes.filter((entry) => entry.kind === kind);
  return classes.reduce((sum, { name }) => sum + totalsOf(recording, name)[field], 0);
}

/** Adds one class up over slices. */
export function totalsOf({ intervals }: Pick<Recording, 'intervals'>, className: string): Totals {
  const totals: Totals = { due: 0, ok: 0, failed: 0, unknown: 0, skipped: 0, completedOk: 0 };
  for (const { classes } of intervals) {
    const slice = classes[className];
    if (!slice) continue;
    totals.due += slice.due;
    totals.ok += slice.ok;
    totals.failed += slice.failed;
    totals.unknown += slice.unknown;
    totals.skipped += slice.skipped;
    totals.completedOk += slice.completedOk;
  }
  return totals;
}
