// Goal: what a server does without load takes its processors' time, as much a second as the model says, and only while it runs.
// Method: a simulated run without a word on it, and with; samples of processor time as the observers take them.
import { expect, test } from 'vitest';
import { VirtualClock } from '../../src/kernel/clock.ts';
import { Random } from '../../src/kernel/random.ts';
import type { CpuEvent } from '../../src/recording/events.ts';
import { planRun } from '../../src/run/plan.ts';
import { simulatePlan } from '../../src/run/simulate.ts';
import type { ServiceTime } from '../../src/scenario/model-shape.ts';
import { Background } from '../../src/sim/background.ts';
import { Draws } from '../../src/sim/draws.ts';
import { Processor } from '../../src/sim/processor.ts';
import { SimServer } from '../../src/sim/server.ts';

async function samplesOf(background: string | null): Promise<CpuEvent[]> {
  const plan = planRun('workloads/rehearse-failover.yaml', {
    set: [
      { path: 'phases.measure', value: '16s' },
      { path: 'drills', value: '[{ kind: failover, at: 10s }]' },
      ...(background ? [{ path: 'model.serviceTimes.background', value: background }] : []),
    ],
  });
  const { events } = await simulatePlan(plan);
  return events.filter((event): event is CpuEvent => event.type === 'cpu');
}

const usedBy = (samples: readonly CpuEvent[], server: string, fromMs: number, untilMs: number): number => {
  const own = samples.filter(
    ({ server: name, atMs, lengthMs }) => name === server && atMs - lengthMs >= fromMs && atMs <= untilMs,
  );
  const lengthMs = own.reduce((sum, sample) => sum + sample.lengthMs, 0);
  return own.reduce((sum, sample) => sum + (sample.postgresMs ?? 0), 0) / lengthMs;
};

test('fifty milliseconds a second more on each database server that runs', async () => {
  const without = await samplesOf(null);
  const [before, after] = [without, await samplesOf('{ mean: 50ms, variation: 0.1, source: test }')];
  for (const server of ['server1', 'server2', 'server3']) {
    const more = usedBy(after, server, 1000, 9500) - usedBy(before, server, 1000, 9500);
    expect(more, server).toBeGreaterThan(0.045);
    expect(more, server).toBeLessThan(0.055);
  }
  expect(usedBy(after, 'server1', 11_500, 19_500)).toBeLessThan(0.005);
  expect(
    after.filter(({ server }) => server === 'server4').every(({ postgresMs }) => postgresMs === null),
  ).toBe(true);
});

test('two fifths of it come at once in each second, at a place of each server’s own, the rest in ten pieces', () => {
  const clock = new VirtualClock();
  const { serviceTimes } = planRun('workloads/rehearse-failover.yaml').model.value;
  const inSecond: ServiceTime = { mean: 50, variation: 0, distribution: 'deterministic', source: 'test' };
  const draws = new Draws({ ...serviceTimes, background: inSecond }, new Random(7));
  const servers = ['server1', 'server2', 'server3'].map((name, id) => {
    const station = new Processor(clock, 1).station();
    const server = new SimServer(clock, draws, { name, id, station, upstream: null });
    server.send({ type: 'start' });
    return server;
  });
  clock.runUntil(20_000);
  const background = new Background(clock, draws, servers);
  background.start();
  clock.runUntil(22_000);
  const usedMs = (): number[] => servers.map(({ station }) => station.usedMs());
  for (let second = 0; second < 5; second += 1) {
    const pieces = Array.from({ length: 10 }, () => {
      const beforeMs = usedMs();
      clock.runUntil(clock.nowMs() + 100);
      return usedMs().map((afterMs, id) => afterMs - (beforeMs[id] ?? 0));
    });
    const largest = servers.map((_, id) => {
      const own = pieces.map((each) => each[id] ?? 0);
      expect(own.reduce((sum, piece) => sum + piece, 0)).toBeCloseTo(50, 6);
      const even = own.filter((piece) => Math.abs(piece - 3) < 1e-6);
      expect(even.length, own.join(' ')).toBeGreaterThanOrEqual(8);
      return own.indexOf(Math.max(...own));
    });
    expect(new Set(largest).size, largest.join(' ')).toBeGreaterThan(1);
  }
  background.stop();
  const stoppedMs = usedMs();
  clock.runUntil(clock.nowMs() + 3000);
  for (const [id, afterMs] of usedMs().entries()) expect(afterMs - (stoppedMs[id] ?? 0)).toBeLessThan(23.1);
});
