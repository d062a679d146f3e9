import type { VirtualClock } from '../kernel/clock.ts';
import type { Cluster } from '../topology/cluster.ts';
import type { Draws } from './draws.ts';
import { Processor } from './processor.ts';
import type { Station } from './station.ts';
import { wakesOfStop } from './wake.ts';

/** Cores of the one machine that carries every server without a `cpu` of its own, as the lab's servers are (docs/method.md S2). */
export const sharedCores = 2;

/** Each server's processors: cores of its own, or a share of the one machine that carries all others; with a quota where it has a cap. */
export function stationsOf(
  clock: VirtualClock,
  { servers, backends, serviceTimes: { wake, wakePgpool } }: Cluster,
  draws: Draws,
): (server: string) => Station {
  const shared = new Processor(clock, sharedCores);
  const stations = new Map(
    servers.map(({ name, cpu, cap }) => {
      const processor = cpu === null ? shared : new Processor(clock, cpu);
      if (cap === null) return [name, processor.station()] as const;
      const { periodMs } = cap;
      const phaseMs = periodMs * draws.units(`quota period of ${name}`)();
      const restart = backends.some(({ server }) => server === name) ? wake : wakePgpool;
      const quota = {
        budgetMs: cap.cpu * periodMs,
        periodMs,
        phaseMs,
        restartMs: wakesOfStop * (restart?.mean ?? 0),
      };
      return [name, processor.station(quota)] as const;
    }),
  );
  return (server) => {
    const station = stations.get(server) ?? shared.station();
    stations.set(server, station);
    return station;
  };
}
