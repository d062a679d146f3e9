import type { Summary } from '../recording/summary.ts';
import { formatShare, formatSpan } from './format.ts';

/** Processor time by server as a table of text, and what its columns mean; null where none was sampled. */
export function processorTable({ servers, backends }: Pick<Summary, 'servers' | 'backends'>): {
  head: string[];
  rows: string[][];
  meaning: string;
} | null {
  if (!servers || servers.length === 0) return null;
  const isCapped = servers.some(({ cap }) => cap !== null);
  const rows = servers.map(({ name, cpuMs, postgresMs, pgpoolMs, sampledMs, cap, throttledMs }) => {
    const share = (spentMs: number | null): string =>
      spentMs === null ? '-' : formatShare(spentMs / sampledMs);
    const p99Ms = backends.find((backend) => backend.name === name)?.latencyMs?.p99;
    const capped =
      cap === null
        ? ['none', '-']
        : [`${formatShare(cap.cpu)} of ${formatSpan(cap.periodMs)}`, share(throttledMs)];
    return [
      name,
      share(cpuMs),
      share(postgresMs),
      share(pgpoolMs),
      ...(isCapped ? capped : []),
      formatSpan(p99Ms),
    ];
  });
  const capHead = isCapped ? ['cap', 'held back'] : [];
  const held = isCapped ? '; held back: time for which its cap let nothing run, summed over cores' : '';
  return {
    head: ['server', 'used', 'PostgreSQL', 'Pgpool', ...capHead, 'read p99'],
    rows,
    meaning: `processor time as a share of one core${held}`,
  };
}
