// Goal: how busy simulated processors were is told against what they could have done, and a load that is not carried names the busiest.
// Method: the formula at known numbers.
import { expect, test } from 'vitest';
import { overloadRemarks, stationsOf } from '../../src/analysis/stations.ts';
import type { Manifest } from '../../src/recording/manifest.ts';
import type { ClassSummary, ServerSummary } from '../../src/recording/summary.ts';

function used(name: string, cpuMs: number, cap: ServerSummary['cap'] = null): ServerSummary {
  return { name, cpuMs, postgresMs: cpuMs, pgpoolMs: null, sampledMs: 1000, cap, throttledMs: null };
}

function manifestOf(
  world: Manifest['world'],
  processors: Record<string, { cores: number; shared: boolean }>,
): Pick<Manifest, 'world' | 'servers'> {
  const servers = Object.entries(processors).map(([name, own]) => ({ name, processors: own }));
  return { world, servers: servers as unknown as Manifest['servers'] };
}

const shared = { cores: 2, shared: true };
const own = { cores: 4, shared: false };

test('a server by its cores, by its cap where that is less, and the machine that several share', () => {
  const manifest = manifestOf('simulated', { a: shared, b: shared, c: own, d: own });
  const narrow = { cpu: 0.5, periodMs: 100 };
  const servers = [
    used('a', 400, narrow),
    used('b', 600),
    used('c', 1000),
    used('d', 1000, { ...narrow, cpu: 8 }),
  ];
  expect(stationsOf(manifest, servers)).toEqual([
    { server: 'a', kind: 'cap', utilisation: 0.8 },
    { server: 'b', kind: 'cpu', utilisation: 0.3 },
    { server: 'c', kind: 'cpu', utilisation: 0.25 },
    { server: 'd', kind: 'cap', utilisation: 0.25 },
    { server: 'a + b', kind: 'machine', utilisation: 0.5 },
  ]);
  expect(stationsOf(manifestOf('live', { a: own }), servers)).toBeNull();
  expect(stationsOf(manifestOf('simulated', { a: shared }), [used('a', 400)])).toHaveLength(1);
});

test('one in a hundred without a session names the busiest station, or none was the limit', () => {
  const classes = (skipped: number) => ({ read: { due: 1000, skipped } as ClassSummary });
  const idle = { server: 'a', kind: 'cpu', utilisation: 0.4 } as const;
  const full = { server: 'b', kind: 'cap', utilisation: 0.96 } as const;
  expect(overloadRemarks(classes(10), [idle, full], false)).toEqual([]);
  expect(overloadRemarks(classes(11), [idle, full], false)).toEqual([
    'overload: 11 of 1000 due reads found no session in time; the bottleneck is the quota of b, 96.0 % busy',
  ]);
  expect(overloadRemarks(classes(11), [idle], false).join()).toMatch(/no processor was the limit/);
  expect(overloadRemarks(classes(11), [idle], true)).toEqual([]);
  expect(overloadRemarks(classes(11), null, false)).toEqual([]);
});
