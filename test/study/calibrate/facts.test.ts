// Goal: what a server did in a window is counted from what clients saw, with the wake-ups that its cap's stops bring.
// Method: recordings of constant rates and known samples of processor time.
import { expect, test } from 'vitest';
import type { RecordedEvent } from '../../../src/recording/events.ts';
import type { ManifestClass } from '../../../src/recording/manifest.ts';
import { factsOf, type Window } from '../../../src/study/calibrate/facts.ts';
import { buildRecording, serverNames } from '../../analysis/build-recording.ts';

const wakeAfterMs = 10;

/** Samples of every second of 10, 2 of them warm-up; `throttledMs` of server2 by the second that a sample ends. */
function samplesOf(throttledMs: (second: number) => number): RecordedEvent[] {
  return serverNames.flatMap((server): RecordedEvent[] => [
    {
      type: 'serverRole',
      atMs: -10,
      server,
      role: server === 'server1' ? 'primary' : 'standby',
      position: null,
    },
    ...Array.from({ length: 10 }, (_, index): RecordedEvent => {
      const held = server === 'server2' ? throttledMs(index + 1) : 0;
      const used = { lengthMs: 1000, postgresMs: 100, pgpoolMs: null, throttledMs: held };
      return { type: 'cpu', atMs: 1000 * (index + 1), server, ...used };
    }),
  ]);
}

interface Load {
  read: Partial<ManifestClass>;
  write?: Partial<ManifestClass>;
  latencyMs?: (className: string, dueMs: number) => number;
}

function windowsOf({ read, write = {}, latencyMs = () => 2 }: Load, throttledMs = (_second: number) => 0) {
  const recording = buildRecording({
    classes: [
      { name: 'read', perSecond: 100 },
      { name: 'write', perSecond: 10 },
    ],
    latencyMs,
    events: samplesOf(throttledMs),
  });
  const { manifest } = recording;
  for (const entry of manifest.scenario.classes) Object.assign(entry, entry.name === 'read' ? read : write);
  for (const entry of manifest.servers) if (entry.name === 'server2') entry.cap = { cpu: 1, periodMs: 100 };
  const facts = factsOf({ name: 'run', recording }, wakeAfterMs);
  const { windows, wakes } = facts;
  const of = (server: string): Window[] => windows.filter((window) => window.server === server);
  return { of, wakes, facts };
}

test('a window counts statements, brackets, session starts and wake-ups of its server, and all of them in Pgpool', () => {
  const load = { read: { statements: 3 }, write: { statements: 7, onBothNodes: 2 } };
  const { of, wakes } = windowsOf(load);
  const [read, write] = [wakes.read, wakes.write];
  if (!read || !write) throw new Error('no wake-ups');
  const both = { lengthMs: 3000, writes: 30, statements: 3 * 300 + 7 * 30, postgresMs: 300, pgpoolMs: null };
  const [first, second, ...more] = of('server2');
  expect(more).toEqual([]);
  expect(second).toEqual(first);
  expect(first).toMatchObject({ ...both, role: 'standby', reads: 3 * 150 });
  expect(first?.brackets).toBeCloseTo(0.5 * 2 * 30, 9);
  expect(first?.sessionStarts).toBeCloseTo((24 * 3000) / 5000, 9);
  expect(first?.wakes).toBeCloseTo(150 * read.worker + 0.5 * 30 * write.own, 9);
  expect(first?.pgpoolWakes).toBeCloseTo(300 * read.pgpool + 30 * write.pgpool, 9);
  expect(write.own).toBeGreaterThan(0.5);
  const [onPrimary] = of('server1');
  expect(onPrimary).toMatchObject({ ...both, role: 'primary', reads: 0, brackets: 0 });
  expect(onPrimary?.wakes).toBeCloseTo(30 * write.worker, 9);
});

test('a stop by the cap wakes the closed sessions that are at work there twice, in its own window and in Pgpool', () => {
  const closed = { sessions: 20, thinkTimeMs: 0, think: 'fixed' as const };
  const load = {
    read: { perSecond: null, closed },
    latencyMs: (name: string, dueMs: number) => (name === 'read' && Math.floor(dueMs / 20) % 2 ? 38 : 2),
  };
  const stillFor = (ms: number) => windowsOf(load, (second) => (second === 5 ? ms : 0));
  const [free, held] = [stillFor(0), stillFor(600)];
  const more = (server: string, what: 'wakes' | 'pgpoolWakes'): number[] =>
    held.of(server).map((window, at) => window[what] - (free.of(server)[at]?.[what] ?? 0));
  const stops = 2 * (600 / 100);
  const underWay = 0.5 * 20 * (1 - 1 / 10);
  expect(more('server2', 'wakes')[0]).toBeCloseTo(stops * underWay, 0);
  expect(more('server2', 'wakes')[1]).toBe(0);
  expect(more('server3', 'wakes')).toEqual([0, 0]);
  for (const server of serverNames)
    expect(more(server, 'pgpoolWakes')).toEqual([expect.closeTo(stops * underWay, 0), 0]);
});

test('slices of a second in which a cap stopped their server are none of the undisturbed ones', () => {
  const load = { read: { perSecond: 150 }, latencyMs: () => 2 };
  const { facts } = windowsOf(load, (second) => (second === 5 ? 40 : 0));
  const gone = facts.slices.filter((slice) => !facts.unstopped.includes(slice));
  const places = gone.map(({ server, startMs }) => `${server} ${Math.floor(startMs / 1000)}`);
  expect([...new Set(places)]).toEqual(['server2 4']);
});
