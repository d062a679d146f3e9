import type { Backend, Cluster } from '../../topology/cluster.ts';
import { pickLoadBalanceNode } from '../../topology/routing.ts';

/** Losses that a plan can be asked to survive, and the state of the cluster after each. */
export const losses = {
  failover: 'primary lost, a standby promoted, the old primary not rebuilt yet',
  switchover: 'roles exchanged: the old primary is a standby and keeps its weight',
  'standby-loss': 'one standby lost',
  'double-loss': 'primary lost and promoted over, and one more standby lost',
} as const;
export type Loss = keyof typeof losses;
export type StateName = 'normal' | Loss;

/** Who serves what in one state of the cluster. */
export interface ServiceState {
  name: StateName;
  /** Servers lost or moved, in words: `server2 promoted`. */
  variant: string;
  primary: Backend;
  standbys: readonly Backend[];
  /** Share of the reads by server name; 0 where it gets none. */
  readShare: ReadonlyMap<string, number>;
}

/** The cluster as it starts. */
export function normalState({ backends }: Pick<Cluster, 'backends'>): ServiceState {
  return stateOf('normal', backends, { primary: primaryOf(backends), variant: 'every server up' });
}

/**
 * Every way in which a loss can end: one for each standby that could be promoted or lost.
 *
 * @returns none where too few servers are left to serve anything
 */
export function statesAfter(loss: Loss, { backends }: Pick<Cluster, 'backends'>): ServiceState[] {
  const primary = primaryOf(backends);
  const standbys = backends.filter((backend) => backend !== primary);
  switch (loss) {
    case 'standby-loss':
      return standbys.map((lost) => {
        const up = backends.filter((backend) => backend !== lost);
        return stateOf(loss, up, { primary, variant: `${lost.server} lost` });
      });
    case 'failover':
      return standbys.map((promoted) =>
        stateOf(loss, standbys, { primary: promoted, variant: `${promoted.server} promoted` }),
      );
    case 'switchover':
      return standbys.map((promoted) =>
        stateOf(loss, backends, { primary: promoted, variant: `${promoted.server} promoted` }),
      );
    case 'double-loss':
      return standbys.flatMap((promoted) =>
        standbys.flatMap((lost) => {
          if (lost === promoted) return [];
          const up = standbys.filter((backend) => backend !== lost);
          const variant = `${promoted.server} promoted, ${lost.server} lost`;
          return [stateOf(loss, up, { primary: promoted, variant })];
        }),
      );
  }
}

function primaryOf(backends: readonly Backend[]): Backend {
  return backends.find(({ roleAtStart }) => roleAtStart === 'primary') as Backend;
}

function stateOf(
  name: StateName,
  up: readonly Backend[],
  { primary, variant }: { primary: Backend; variant: string },
): ServiceState {
  const standbys = up.filter((backend) => backend !== primary);
  return { name, variant, primary, standbys, readShare: readShares(up, primary) };
}

/** Shares of the reads: by weight among the servers that are up; where none of them has weight, what Pgpool's rule then picks. */
function readShares(up: readonly Backend[], primary: Backend): ReadonlyMap<string, number> {
  const total = up.reduce((sum, { weight }) => sum + weight, 0);
  const nodes = up.map(({ id, weight }) => ({ id, weight, valid: true }));
  const only = total > 0 ? null : pickLoadBalanceNode(nodes, primary.id, 0);
  return new Map(
    up.map(({ server, id, weight }) => [server, total > 0 ? weight / total : Number(id === only)]),
  );
}
