import type { Manifest } from '../recording/manifest.ts';
import type { ClassSummary, ServerSummary, StationSummary } from '../recording/summary.ts';

/** So busy a station is the bottleneck of a load that is not carried. */
const saturatedAt = 0.95;

/** So small a share of operations without a session happens in any outage of a second. */
const overloadShare = 0.01;

/**
 * How busy the processors of a simulated cluster were in the measured stretch: of each server, by its quota where it has one,
 * and of the one machine that servers without cores of their own share. Null of a live run, whose processors carry other things too.
 */
export function stationsOf(
  { world, servers: places }: Pick<Manifest, 'world' | 'servers'>,
  servers: readonly ServerSummary[] | undefined,
): StationSummary[] | null {
  if (world === 'live' || !servers) return null;
  const stations: StationSummary[] = [];
  const shared = { names: [] as string[], usedMs: 0, sampledMs: 0, cores: 0 };
  for (const { name, cpuMs, sampledMs, cap } of servers) {
    const processors = places.find((place) => place.name === name)?.processors;
    if (!processors || sampledMs === 0) continue;
    const cores = cap ? Math.min(cap.cpu, processors.cores) : processors.cores;
    stations.push({ server: name, kind: cap ? 'cap' : 'cpu', utilisation: cpuMs / (sampledMs * cores) });
    if (!processors.shared) continue;
    shared.names.push(name);
    shared.usedMs += cpuMs;
    shared.sampledMs = Math.max(shared.sampledMs, sampledMs);
    shared.cores = processors.cores;
  }
  if (shared.names.length > 1) {
    const utilisation = shared.usedMs / (shared.sampledMs * shared.cores);
    stations.push({ server: shared.names.join(' + '), kind: 'machine', utilisation });
  }
  return stations;
}

/** What to say of a simulated load that the cluster did not carry: the station that held it up. */
export function overloadRemarks(
  classes: Readonly<Record<string, ClassSummary>>,
  stations: readonly StationSummary[] | null,
  hasDrills: boolean,
): string[] {
  const busiest = stations?.toSorted((first, second) => second.utilisation - first.utilisation)[0];
  if (!busiest) return [];
  return Object.entries(classes).flatMap(([name, { due, skipped }]) => {
    if (skipped <= overloadShare * due) return [];
    const what = `overload: ${skipped} of ${due} due ${name}s found no session in time`;
    if (busiest.utilisation >= saturatedAt) {
      const busy = `${(100 * busiest.utilisation).toFixed(1)} % busy`;
      return [`${what}; the bottleneck is the ${stationKinds[busiest.kind]} of ${busiest.server}, ${busy}`];
    }
    if (hasDrills) return [];
    return [
      `${what}, and no processor was the limit: the load's sessions were too few, or Pgpool's children`,
    ];
  });
}

const stationKinds = { cpu: 'processors', cap: 'quota', machine: 'machine' } as const;
