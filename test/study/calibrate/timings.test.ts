// Goal: how long a script takes is read from the first detach of each drill, and from none twice.
// Method: commands and drills at known instants.
import { expect, test } from 'vitest';
import type { CommandSpan } from '../../../src/analysis/commands.ts';
import type { DrillEvent } from '../../../src/recording/events.ts';
import type { RunFacts } from '../../../src/study/calibrate/facts.ts';
import { timesOf } from '../../../src/study/calibrate/timings.ts';

function begun(kind: string, atMs: number): DrillEvent {
  return { type: 'drill', id: kind, kind, moment: 'begun', atMs } as DrillEvent;
}

function detach(startMs: number, lengthMs: number | null, ok = true): CommandSpan {
  const endMs = lengthMs === null ? null : startMs + lengthMs;
  return { node: 'server4', name: 'loadBalancerDetach', target: 'server1', startMs, endMs, ok };
}

function scriptTimes(events: DrillEvent[], commands: CommandSpan[]): number[] {
  const run = { name: 'run', events, commands } as unknown as RunFacts;
  const script = timesOf([run]).find(({ name }) => name === 'script');
  return (script?.seen ?? []).map(({ ms }) => ms);
}

test('the first detach of each drill counts, later ones wait for Pgpool', () => {
  const drills = [begun('switchover', 1000), begun('failover', 9000)];
  expect(scriptTimes(drills, [detach(1100, 70), detach(1300, 900), detach(9500, 80)])).toEqual([70, 80]);
});

test('a drill that detaches nobody has no time: that of the next drill is not seen twice', () => {
  const drills = [begun('resume', 1000), begun('switchover', 5000), begun('witness-loss', 9000)];
  expect(scriptTimes(drills, [detach(5100, 70)])).toEqual([70]);
});

test('one that failed, was not seen to end or found its work done tells nothing', () => {
  const drills = [1000, 2000, 3000, 4000].map((atMs) => begun('switchover', atMs));
  const commands = [detach(1100, 70, false), detach(2100, null), detach(3100, 20), detach(4100, 60)];
  expect(scriptTimes(drills, commands)).toEqual([60]);
});
