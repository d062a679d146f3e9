// Goal: work on the tables ends when it is called off, when a server falls silent, and when one does not part.
// Method: a server on a socket that speaks until a chosen moment; time that passes only as the test says.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DrillError, ExitCode } from '../../src/kernel/errors.ts';
import { loadSchema, readLedger, truncateHistory } from '../../src/load/schema.ts';
import type { Target } from '../../src/load/target.ts';
import { type Manners, PlayedServer } from './played-server.ts';

let server: PlayedServer;
let target: Target;

async function serve(manners: Manners): Promise<void> {
  server = new PlayedServer(manners);
  target = await server.listen();
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await server.close();
});

const silent: Manners = { letsIn: true, answers: false, parts: true };

/** Waits on real events until as many statements have come. */
async function untilAsked(count: number): Promise<void> {
  while (server.queries.length < count) await new Promise((resolve) => setImmediate(resolve));
}

async function faultOf(work: Promise<unknown>): Promise<DrillError> {
  const fault = await work.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(fault instanceof DrillError)) throw new Error(`no DrillError: ${fault}`);
  return fault;
}

describe('called off', () => {
  test.each([
    ['filling the tables', (signal: AbortSignal) => loadSchema(target, 1, { signal })],
    ['reading the ledger', (signal: AbortSignal) => readLedger(target, { signal })],
    ['emptying the ledger', (signal: AbortSignal) => truncateHistory(target, { signal })],
  ])('%s: it ends at once as interrupted, and the connection with it', async (_, start) => {
    await serve(silent);
    const off = new AbortController();
    const work = faultOf(start(off.signal));
    await untilAsked(1);
    off.abort();
    expect(await work).toMatchObject({ exitCode: ExitCode.interrupted });
    while (server.closed === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(server.queries).toHaveLength(1);
  });

  test('before it began: nothing is asked of the server', async () => {
    await serve(silent);
    const fault = await faultOf(loadSchema(target, 1, { signal: AbortSignal.abort() }));
    expect(fault.exitCode).toBe(ExitCode.interrupted);
    expect([server.queries, server.closed]).toEqual([[], 0]);
  });
});

describe('limits', () => {
  test.each([
    ['filling the tables at scale 3', () => loadSchema(target, 3), 90],
    ['reading the ledger', () => readLedger(target), 60],
    ['emptying the ledger', () => truncateHistory(target), 60],
  ])('%s: a server that says nothing is given up', async (_, start, seconds) => {
    await serve(silent);
    const work = faultOf(start());
    await untilAsked(1);
    await vi.advanceTimersByTimeAsync(seconds * 1000);
    const { message, exitCode } = await work;
    expect(message).toBe(
      `the server at ${target.host}:${target.port} did not do as asked within ${seconds} s`,
    );
    expect(exitCode).toBe(ExitCode.failed);
    while (server.closed === 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test('a server that keeps the connection after the goodbye is left behind after 1 s', async () => {
    await serve({ letsIn: true, answers: true, parts: false });
    const work = readLedger(target);
    await untilAsked(1);
    let rows: string[] | null = null;
    void work.then((found) => {
      rows = found;
    });
    for (let turn = 0; turn < 200 && rows === null; turn += 1) {
      await vi.advanceTimersByTimeAsync(50);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(rows).toEqual([]);
  });
});
