import { invariant } from '../kernel/errors.ts';
import type { LedgerFinding } from '../recording/recording.ts';
import { parseOperationId } from './calls.ts';

/** The four ends of an operation; every due one meets exactly one. */
export const outcomes = ['ok', 'failed', 'unknown', 'skipped'] as const;
export type Outcome = (typeof outcomes)[number];

/** How the operations of one class ended: one byte and one instant for each number; 0 is none yet, else 1 + position in `outcomes`. */
interface LedgerClass {
  classIndex: number;
  codes: Uint8Array;
  /** Instant of the end, ms since load start. */
  endedAtMs: Float64Array;
}

/** A run's or a worker's writes, as plain data. */
export type LedgerOutcomes = readonly LedgerClass[];

interface LedgerEntries {
  codes: Uint8Array;
  endedAtMs: Float64Array;
  used: number;
}

/** Remembers how every write of the classes that keep a ledger ended, by operation number. */
export class WriteLedger {
  /** By position of the class; null where none is kept. */
  readonly #classes: (LedgerEntries | null)[] = [];

  constructor(classIndexes: readonly number[]) {
    const empty = () => ({ codes: new Uint8Array(1024), endedAtMs: new Float64Array(1024), used: 0 });
    for (let index = 0; index <= Math.max(-1, ...classIndexes); index += 1)
      this.#classes.push(classIndexes.includes(index) ? empty() : null);
  }

  /**
   * Takes note of an end; operations of classes without a ledger are ignored.
   * @param end `outcome`: position in `outcomes`
   */
  ended(end: { classIndex: number; number: number; outcome: number; endedMs: number }): void {
    const { classIndex, number, outcome, endedMs } = end;
    const entry = this.#classes[classIndex];
    if (!entry) return;
    if (number >= entry.codes.length) {
      const length = Math.max(number + 1, entry.codes.length * 2);
      entry.codes = grownCopy(new Uint8Array(length), entry.codes);
      entry.endedAtMs = grownCopy(new Float64Array(length), entry.endedAtMs);
    }
    invariant(entry.codes[number] === 0, `operation ${number} of class ${classIndex} ended twice`);
    entry.codes[number] = 1 + outcome;
    entry.endedAtMs[number] = endedMs;
    entry.used = Math.max(entry.used, number + 1);
  }

  take(): LedgerOutcomes {
    return [...this.#classes.entries()].flatMap(([classIndex, entry]) => {
      if (entry === null) return [];
      const { codes, endedAtMs, used } = entry;
      return [{ classIndex, codes: codes.slice(0, used), endedAtMs: endedAtMs.slice(0, used) }];
    });
  }
}

function grownCopy<A extends Uint8Array | Float64Array>(target: A, source: A): A {
  target.set(source);
  return target;
}

/** Joins the ledgers of several workers; each operation ended at one of them. */
export function mergeLedgers(parts: readonly LedgerOutcomes[]): LedgerOutcomes {
  const merged = new WriteLedger([...new Set(parts.flat().map(({ classIndex }) => classIndex))]);
  for (const { classIndex, codes, endedAtMs } of parts.flat()) {
    codes.forEach((code, number) => {
      if (code > 0)
        merged.ended({ classIndex, number, outcome: code - 1, endedMs: endedAtMs[number] as number });
    });
  }
  return merged.take();
}

/**
 * Compares what clients were told with the rows that are there.
 *
 * `failedFound` counts rows of operations that were reported as not done (failed or skipped): there must be none.
 * `found` counts every row, also one with an id that no operation has and a second row of the same id, so that
 * found = ok − lost + unknownFound + failedFound fails when such rows exist.
 *
 * @param idsFound operation ids of all rows on the surviving timeline
 */
export function compareLedger(ledger: LedgerOutcomes, idsFound: Iterable<string>): LedgerFinding {
  const found = new Map<number, Uint8Array>(
    ledger.map(({ classIndex, codes }) => [classIndex, new Uint8Array(codes.length)]),
  );
  let rows = 0;
  for (const id of idsFound) {
    rows += 1;
    const operation = parseOperationId(id);
    const marks = operation && found.get(operation.classIndex);
    if (operation && marks && operation.number < marks.length) marks[operation.number] = 1;
  }
  const finding: LedgerFinding = {
    ok: 0,
    unknown: 0,
    failed: 0,
    found: rows,
    unknownFound: 0,
    failedFound: 0,
    lostAtMs: [],
  };
  for (const { classIndex, codes, endedAtMs } of ledger) {
    const marks = found.get(classIndex) as Uint8Array;
    codes.forEach((code, number) => {
      const outcome = outcomes[code - 1];
      const isFound = marks[number] === 1;
      if (outcome === 'ok') {
        finding.ok += 1;
        if (!isFound) finding.lostAtMs.push(endedAtMs[number] as number);
      } else if (outcome === 'unknown') {
        finding.unknown += 1;
        if (isFound) finding.unknownFound += 1;
      } else {
        if (outcome === 'failed') finding.failed += 1;
        if (isFound) finding.failedFound += 1;
      }
    });
  }
  finding.lostAtMs.sort((a, b) => a - b);
  return finding;
}
