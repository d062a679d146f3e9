import type { Recording } from '../recording/recording.ts';
import type { Summary } from '../recording/summary.ts';
import type { Frame } from './frame.ts';
import { pooledServers } from './offload.ts';

/** Normal quantile of a 95 % interval. */
const twoSided95 = 1.96;

/**
 * How far shares of reads may lie from those of the weights by chance: a session's reads all go to the node that it drew when
 * it was opened, so a run knows shares only as well as it opened sessions.
 *
 * The starts are reckoned from the sessions and their lifetime. Undefined in a run with drills, which change who is there to be
 * drawn, and without a read class or weights.
 *
 * @see docs/calibration.md, "Shares"
 */
export function shareIntervalOf(recording: Recording, { measured, drills }: Frame): Summary['shareInterval'] {
  const { classes, sessions, sessionLifetimeMs } = recording.manifest.scenario;
  const servers = pooledServers(recording);
  const total = servers.reduce((sum, { weight }) => sum + weight, 0);
  if (drills.length > 0 || total === 0 || !classes.some(({ kind }) => kind === 'read')) return undefined;
  const all = classes.reduce(
    (sum, { kind, closed }) => sum + (kind === 'read' ? (closed?.sessions ?? 0) : 0),
    0,
  );
  const open = classes.some(({ kind, closed }) => kind === 'read' && !closed) ? sessions : 0;
  const renewals = sessionLifetimeMs === null ? 0 : (measured.endMs - measured.startMs) / sessionLifetimeMs;
  const sessionStarts = Math.round((all + open) * (1 + renewals));
  if (sessionStarts < 1) return undefined;
  return {
    sessionStarts,
    servers: servers.map(({ name, weight }) => {
      const share = weight / total;
      return { name, share, halfWidth: twoSided95 * Math.sqrt((share * (1 - share)) / sessionStarts) };
    }),
  };
}
