// Goal: the books on the hot path are the books that everything else reads: same slices, same latencies, same sums.
// Method: random operations through the recorder and through the plain accounting; everything handed on must be equal.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type EndedCall, OutcomeCode, SliceRecorder } from '../../../src/load/wire/recorder.ts';
import { Accounting, type AccountSink } from '../../../src/workload/accounting.ts';
import { outcomes } from '../../../src/workload/ledger.ts';

const classes = [
  { name: 'read', kind: 'read' },
  { name: 'write', kind: 'write' },
] as const;
const servers = ['s1', 's2'];

function collector() {
  const handed: unknown[] = [];
  const sink: AccountSink = {
    interval: (interval) => handed.push(structuredClone(interval)),
    latency: ({ parts, ...batch }) => {
      const key = (part: { className: string; server: string }): string => `${part.className} ${part.server}`;
      handed.push({ ...batch, parts: [...parts].sort((a, b) => key(a).localeCompare(key(b))) });
    },
  };
  return { sink, handed };
}

const operation = fc.record({
  classIndex: fc.integer({ min: 0, max: 1 }),
  server: fc.integer({ min: -1, max: 1 }),
  outcome: fc.integer({ min: 0, max: 3 }),
  dueMs: fc.double({ min: 0, max: 3000, noNaN: true }),
  waitMs: fc.double({ min: 0, max: 400, noNaN: true }),
  serviceMs: fc.double({ min: 0, max: 900, noNaN: true }),
  code: fc.constantFrom('40001', 'closed'),
  foundFree: fc.boolean(),
});

test('random operations make the same books in both', () => {
  fc.assert(
    fc.property(
      fc.array(operation, { maxLength: 60 }),
      fc.array(fc.integer({ min: 50, max: 700 })),
      (operations, steps) => {
        const ours = collector();
        const plain = collector();
        const recorder = new SliceRecorder({ classes, servers, sink: ours.sink });
        const accounting = new Accounting(classes, plain.sink);
        const events = operations.flatMap((one) => {
          const sentMs = one.outcome === OutcomeCode.skipped ? Number.NaN : one.dueMs + one.waitMs;
          const endedMs = one.dueMs + one.waitMs + one.serviceMs;
          const due = (): void => {
            recorder.due(one.classIndex, one.dueMs);
            accounting.due(one.classIndex, one.dueMs);
          };
          const ended = (): void => {
            const { classIndex, outcome, dueMs, code, server } = one;
            const foundFree = one.foundFree && outcome !== OutcomeCode.skipped;
            const call: EndedCall = { classIndex, server, outcome, dueMs, sentMs, endedMs, code, foundFree };
            recorder.ended(call);
            accounting.ended({
              ...{ classIndex, number: 0, dueMs, endedMs, code, foundFree },
              sentMs: Number.isNaN(sentMs) ? null : sentMs,
              outcome: outcomes[outcome] ?? 'ok',
              server: servers[server] ?? null,
            });
          };
          return [
            { atMs: one.dueMs, go: due },
            { atMs: endedMs, go: ended },
          ];
        });
        let nowMs = 0;
        for (const step of steps) {
          nowMs += step;
          const atMs = nowMs;
          events.push({
            atMs,
            go: () => {
              recorder.advance(atMs, { s1: 2 });
              accounting.advance(atMs, { s1: 2 });
              recorder.refused('53300', atMs);
              accounting.refused('53300', atMs);
            },
          });
        }
        events.sort((a, b) => a.atMs - b.atMs);
        for (const { go } of events) go();
        const endMs = Math.max(0, ...events.map(({ atMs }) => atMs));
        recorder.finish(endMs, {});
        accounting.finish(endMs, {});
        expect(ours.handed).toEqual(plain.handed);
        expect(recorder.totals()).toEqual(accounting.totals());
      },
    ),
    { numRuns: 300 },
  );
});

test('an operation that never ends is noticed when the books are closed', () => {
  const recorder = new SliceRecorder({ classes, servers, sink: collector().sink });
  recorder.due(0, 10);
  expect(() => recorder.finish(200, {})).toThrow(/never ended/);
});
