import { VirtualClock } from '../../src/kernel/clock.ts';
import { Random } from '../../src/kernel/random.ts';
import { Draws } from '../../src/sim/draws.ts';
import { Replication } from '../../src/sim/replication.ts';
import { SimServer } from '../../src/sim/server.ts';
import { Station } from '../../src/sim/station.ts';
import { planOf } from './simulated-run.ts';

/** Service times without spread: every instant can be reckoned by hand. */
function steadyDraws(means: Partial<Record<string, number>> = {}): Draws {
  const { calibrated, ...times } = planOf({}).cluster.serviceTimes;
  const steady = Object.fromEntries(
    Object.entries(times).map(([name, time]) => [
      name,
      { ...time, mean: means[name] ?? time.mean, variation: 0 },
    ]),
  );
  return new Draws({ calibrated, ...steady } as ConstructorParameters<typeof Draws>[0], new Random(1));
}

/** A primary and two standbys that stream from it, 10 s after their start; each on a core of its own, or all on `cores`. */
export function threeServers(means: Partial<Record<string, number>> = {}, cores?: number) {
  const clock = new VirtualClock();
  const draws = steadyDraws(means);
  const shared = new Station(clock, cores ?? 1);
  const servers = ['a', 'b', 'c'].map(
    (name, id) =>
      new SimServer(clock, draws, {
        name,
        id,
        station: cores === undefined ? new Station(clock, 1) : shared,
        upstream: id === 0 ? null : 'a',
      }),
  ) as [SimServer, SimServer, SimServer];
  const replication = new Replication(clock, draws, { servers });
  for (const server of servers) server.send({ type: 'start' });
  clock.runUntil(10_000);
  const pass = (spanMs: number): void => clock.runUntil(clock.nowMs() + spanMs);
  return { clock, draws, servers, replication, pass, shared };
}
