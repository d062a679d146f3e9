// Goal: every kind of drill can be simulated under load, what lasts ends again, and no operation is lost count of.
// Method: the shipped model with a light load, one drill a run; what clients and observers saw.
import { describe, expect, test } from 'vitest';
import { type DrillKind, drillKinds } from '../../src/scenario/scenario-shape.ts';
import { finalStates, type SimulatedRun, simulateRun, totalOf } from './simulated-run.ts';

/** Kinds that need one before them. */
const before: Partial<Record<DrillKind, readonly DrillKind[]>> = {
  switchback: ['switchover'],
  rebuild: ['failover'],
  resume: ['failover', 'rebuild'],
};

function drill(kind: DrillKind, lastsMs: number | null = null, seed = 5): Promise<SimulatedRun> {
  const kinds = [...(before[kind] ?? []), kind];
  return simulateRun({
    seed,
    durationMs: 20_000 + 20_000 * kinds.length,
    readsPerSecond: 20,
    writesPerSecond: 5,
    drills: kinds.map((name, index) => ({ kind: name, atMs: 5000 + 20_000 * index, lastsMs })),
  });
}

function okIn({ recording }: SimulatedRun, name: 'read' | 'write', fromMs: number, untilMs: number): number {
  return recording.intervals
    .filter(({ startMs }) => startMs >= fromMs && startMs < untilMs)
    .reduce((sum, { classes }) => sum + (classes[name]?.completedOk ?? 0), 0);
}

test.each(drillKinds)(
  '%s: its action is carried out, and every operation is accounted for',
  async (kind) => {
    const { recording, settled } = await drill(kind);
    const ended = recording.events.filter((event) => event.type === 'drill' && event.moment === 'ended');
    expect(
      ended.map((event) => (event.type === 'drill' ? [event.kind, event.ok, event.detail] : [])),
    ).toEqual([...(before[kind] ?? []), kind].map((name) => [name, true, expect.toSatisfy(() => true)]));
    for (const name of ['read', 'write']) {
      const ends = (['ok', 'failed', 'unknown', 'skipped'] as const).map((end) =>
        totalOf(recording, name, end),
      );
      expect(ends.reduce((sum, count) => sum + count, 0)).toBe(totalOf(recording, name, 'due'));
    }
    for (const { expected, actual } of settled.counters) expect(actual).toBe(expected);
  },
  60_000,
);

describe('while it lasts', () => {
  test('a hung primary answers nobody; woken soon enough it goes on as if nothing had been', async () => {
    const run = await drill('hang', 2000);
    expect(okIn(run, 'write', 5200, 7000)).toBe(0);
    expect(okIn(run, 'write', 8500, 15_000)).toBeGreaterThan(10);
    const { roles } = finalStates(run.recording.events);
    expect(roles.get('server1')).toBe('primary');
    expect(run.recording.events.some((event) => event.type === 'drill' && event.moment === 'healed')).toBe(
      true,
    );
  });

  test('without Pgpool nobody is served; started again it serves with the nodes it had', async () => {
    const run = await drill('pgpool-loss', 4000);
    expect(okIn(run, 'read', 5500, 8900)).toBe(0);
    expect(okIn(run, 'read', 12_000, 16_000)).toBeGreaterThan(50);
    expect([...finalStates(run.recording.events).backends.values()].sort()).toEqual([
      'up primary',
      'up standby',
      'up standby',
    ]);
  });

  test('a primary cut off from all others stops itself, and another one is promoted on the side with Pgpool', async () => {
    const run = await drill('partition');
    const { roles } = finalStates(run.recording.events);
    expect(roles.get('server1')).toBe('down');
    expect([...roles.values()].filter((role) => role === 'primary')).toHaveLength(1);
    expect(okIn(run, 'write', 34_000, 39_000)).toBeGreaterThan(10);
  });
});

test('a primary whose host is gone is failed over without a word of its own agent', async () => {
  const run = await drill('node-loss');
  const commands = run.recording.events.flatMap((event) => (event.type === 'command' ? [event] : []));
  expect(commands.some(({ node, atMs }) => node === 'server1' && atMs > 5000)).toBe(false);
  const detach = commands.find(({ name }) => name === 'loadBalancerDetach');
  expect(detach?.node).not.toBe('server1');
  expect(okIn(run, 'write', 34_000, 39_000)).toBeGreaterThan(10);
});

test('a killed agent leaves the database in use; the agent beside it says that it is missing', async () => {
  const run = await drill('agent-kill');
  expect(okIn(run, 'write', 5000, 39_000)).toBeGreaterThan(150);
  const notices = run.recording.events.flatMap((event) => (event.type === 'notice' ? [event.subject] : []));
  expect(notices.join('\n')).toMatch(/tried to promote, but primary DB is still running/);
});
