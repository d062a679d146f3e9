// Goal: the server's statechart takes what PostgreSQL takes, in the time it is given, and refuses the rest.
// Method: virtual clock, fixed durations, the sequence of states with their instants.
import { expect, test } from 'vitest';
import { VirtualClock } from '../../src/kernel/clock.ts';
import { createPostgresServer } from '../../src/roles/postgres-server.ts';

function serverOn(clock: VirtualClock, upstream: string | null = null) {
  const seen: string[] = [];
  const timings = { startMs: () => 200, stopMs: () => 300, promoteMs: () => 100 };
  const server = createPostgresServer(clock, { timings, upstream }, (state) =>
    seen.push(`${state} ${clock.nowMs()}`),
  );
  const at = (atMs: number, ...events: Parameters<typeof server.send>[0][]): void => {
    clock.runUntil(atMs);
    for (const event of events) server.send(event);
  };
  return { server, seen, at };
}

test('a standby starts, is promoted and stops', () => {
  const { server, seen, at } = serverOn(new VirtualClock(), 'other');
  at(0, { type: 'start' });
  at(1000, { type: 'promote' });
  at(2000, { type: 'stop' });
  at(3000);
  expect(seen).toEqual([
    'starting 0',
    'standby 200',
    'promoting 1000',
    'primary 1100',
    'stopping 2000',
    'down 2300',
  ]);
  expect(server.upstream()).toBeNull();
});

test('a crash is immediate from every state, and what was begun does not end later', () => {
  for (const [crashAtMs, last] of [
    [100, 'down 100'],
    [500, 'down 500'],
    [1050, 'down 1050'],
    [1500, 'down 1500'],
    [2100, 'down 2100'],
  ] as const) {
    const clock = new VirtualClock();
    const { seen, at } = serverOn(clock, 'other');
    const script = [
      [0, 'start'],
      [1000, 'promote'],
      [2000, 'stop'],
    ] as const;
    for (const [atMs, type] of script) if (atMs <= crashAtMs) at(atMs, { type });
    at(crashAtMs, { type: 'crash' });
    at(10_000);
    expect(seen.at(-1)).toBe(last);
  }
});

test('a guarded server does not start until it is rebuilt; a server out of place ignores what it cannot do', () => {
  const { server, seen, at } = serverOn(new VirtualClock());
  at(0, { type: 'guard' }, { type: 'start' }, { type: 'promote' }, { type: 'stop' });
  at(1000);
  expect(seen).toEqual([]);
  expect(server.guarded()).toBe(true);
  at(2000, { type: 'rebuilt', primary: 'b' }, { type: 'start' });
  at(3000);
  expect(seen).toEqual(['starting 2000', 'standby 2200']);
  expect(server.upstream()).toBe('b');
});

test('without standby.signal it starts as a primary, with the signal of a re-pointing as a standby', () => {
  const { server, at } = serverOn(new VirtualClock());
  at(0, { type: 'start' });
  at(1000);
  expect(server.state()).toBe('primary');
  at(1000, { type: 'stop' });
  at(2000, { type: 'follow', primary: 'b' }, { type: 'start' });
  at(3000);
  expect(server.state()).toBe('standby');
});
