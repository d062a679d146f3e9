// Goal: the live view is told what ended since it was last told, and nothing twice; the account holds everything.
import { expect, test } from 'vitest';
import type { FromWorker, LivePart } from '../../src/load/protocol.ts';
import { WorkerBooks } from '../../src/load/worker-books.ts';
import type { EndedOperation } from '../../src/workload/pool-observer.ts';
import { OutcomeCode } from '../../src/workload/slice-recorder.ts';
import { openClass, scriptOf, usualLoad } from './engine/engine-run.ts';

test('live parts: by class and outcome, reads by server, latencies of what went well', () => {
  const said: FromWorker[] = [];
  const port = {
    postMessage: (message: FromWorker) => said.push(message),
    on: () => 0,
    close: () => undefined,
  };
  const classes = [
    openClass('read', scriptOf('builtin:select-only'), 10),
    openClass('write', scriptOf('builtin:tpcb-like'), 10),
  ];
  const plan = { ...usualLoad('simple', 'auto'), classes };
  const books = new WorkerBooks(plan, { port, servers: ['one', 'two'] });
  let number = 0;
  const end = (classIndex: number, outcome: number, more: Partial<EndedOperation> = {}): void => {
    books.due(classIndex, more.dueMs ?? 10);
    const operation = { classIndex, number, server: -1, outcome, dueMs: 10, sentMs: 12, endedMs: 15 };
    books.ended({ ...operation, code: '', foundFree: false, ...more });
    number += 1;
  };
  const parts = (): LivePart[] => said.flatMap((message) => (message.type === 'live' ? [message.part] : []));
  end(0, OutcomeCode.ok, { server: 1, foundFree: true });
  end(0, OutcomeCode.ok);
  end(0, OutcomeCode.failed, { code: '57P01' });
  end(1, OutcomeCode.ok);
  end(1, OutcomeCode.skipped, { sentMs: Number.NaN });
  books.advance(100, { one: 1 });
  expect(parts()).toEqual([]);
  books.advance(200, { one: 1 });
  end(1, OutcomeCode.unknown, { dueMs: 210, sentMs: 210, endedMs: 220, code: 'closed', foundFree: true });
  books.finish(300, { one: 2 });
  const latency = (values: number) => ({
    micros: expect.any(Float64Array),
    counts: Float64Array.from({ length: Math.min(1, values) }, () => values),
  });
  const none = { ok: 0, failed: 0, unknown: 0, skipped: 0, latency: latency(0) };
  expect(parts()).toEqual([
    {
      ...{ atMs: 200, lengthMs: 200, sessionsByServer: { one: 1 }, readsByServer: { two: 1, '?': 1 } },
      classes: {
        read: { ...none, ok: 2, failed: 1, latency: latency(2) },
        write: { ...none, ok: 1, skipped: 1, latency: latency(1) },
      },
    },
    {
      ...{ atMs: 300, lengthMs: 100, sessionsByServer: { one: 2 }, readsByServer: {} },
      classes: { read: none, write: { ...none, unknown: 1 } },
    },
  ]);
  const { totals, scheduleLag } = books.result();
  expect(totals).toEqual([
    { due: 3, ok: 2, failed: 1, unknown: 0, skipped: 0 },
    { due: 3, ok: 1, failed: 0, unknown: 1, skipped: 1 },
  ]);
  expect([...scheduleLag.counts].reduce((sum, count) => sum + count, 0)).toBe(2);
});
