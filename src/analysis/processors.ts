import type { CpuEvent } from '../recording/events.ts';
import type { Recording } from '../recording/recording.ts';
import type { ServerSummary } from '../recording/summary.ts';
import { type Stretch, within } from './frame.ts';

/** What each server's programs used of its processors in a stretch; undefined where no processor time was sampled. */
export function processorsOf({ manifest, events }: Recording, stretch: Stretch): ServerSummary[] | undefined {
  const samples = events.filter((event): event is CpuEvent => event.type === 'cpu');
  if (samples.length === 0) return undefined;
  const inStretch = samples.filter(({ atMs, lengthMs }) => within(atMs - lengthMs / 2, stretch));
  return manifest.servers.flatMap(({ name, cap }) => {
    const own = inStretch.filter(({ server }) => server === name);
    if (own.length === 0) return [];
    const postgresMs = sumOf(own, 'postgresMs');
    const pgpoolMs = sumOf(own, 'pgpoolMs');
    const cpuMs = (postgresMs ?? 0) + (pgpoolMs ?? 0);
    const sampledMs = own.reduce((sum, { lengthMs }) => sum + lengthMs, 0);
    const throttledMs = sumOf(own, 'throttledMs');
    return [{ name, cpuMs, postgresMs, pgpoolMs, sampledMs, cap: cap ?? null, throttledMs }];
  });
}

function sumOf(samples: readonly CpuEvent[], part: 'postgresMs' | 'pgpoolMs' | 'throttledMs'): number | null {
  const known = samples.flatMap((sample) => sample[part] ?? []);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}
