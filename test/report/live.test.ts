// Goal: the live view redraws on a terminal, prints a line now and then elsewhere, and can be silenced.
import { expect, test } from 'vitest';
import type { LiveState } from '../../src/report/live.ts';
import { LiveView } from '../../src/report/live.ts';

function stateAt(elapsedMs: number): LiveState {
  return {
    elapsedMs,
    totalMs: 90_000,
    phase: 'failover of server1',
    classes: [
      { name: 'read', okPerSecond: 270, p99Ms: 1.2 },
      { name: 'write', okPerSecond: 0, p99Ms: null },
    ],
    errors: 12,
    primary: null,
    readShare: { server2: 0.5, server3: 0.5 },
  };
}

function stream(isTTY: boolean, columns = 80) {
  const written: string[] = [];
  return { isTTY, columns, written, write: (text: string) => written.push(text) };
}

test('without a terminal: one line at once, then one every 5 s', () => {
  const out = stream(false);
  const view = new LiveView(out, { quiet: false });
  for (let atMs = 0; atMs <= 11_000; atMs += 250) view.update(stateAt(atMs));
  expect(out.written).toHaveLength(3);
  expect(out.written[1]).toBe(
    '5.00 s failover of server1; read 270/s p99 1.2 ms; write 0.0/s p99 -; errors 12; primary none; server2 50.0 %, server3 50.0 %\n',
  );
});

test('on a terminal: a block drawn over itself, no line wider than the terminal', () => {
  const out = stream(true, 60);
  const view = new LiveView(out, { quiet: false });
  view.update(stateAt(1000));
  view.update(stateAt(2000));
  const lines = out.written.map((text) => text.split('\n').length - 1);
  expect(lines).toEqual([3, 3]);
  expect(out.written[1]?.startsWith('\u001b[3A')).toBe(true);
  const shown = out.written.join('').replaceAll('\u001b[3A', '').replaceAll('\u001b[2K', '').split('\n');
  expect(Math.max(...shown.map((line) => line.length))).toBeLessThan(60);
  expect(shown.join(' ')).toContain('2.00 s, 88.00 s to go');
});

test('a message can be printed between two pictures', () => {
  const out = stream(true);
  const view = new LiveView(out, { quiet: false });
  view.clear();
  expect(out.written).toEqual([]);
  view.update(stateAt(1000));
  view.clear();
  expect(out.written.at(-1)).toBe('\u001b[3A\u001b[0J');
  view.update(stateAt(2000));
  expect(out.written.at(-1)?.startsWith('\u001b[3A')).toBe(false);
});

test('quiet is silent', () => {
  const out = stream(true);
  new LiveView(out, { quiet: true }).update(stateAt(1000));
  expect(out.written).toEqual([]);
});
