import type { WatchdogConf } from '../../src/topology/pgpool-conf.ts';

/** Nodes in front of which the Pgpools stand: a primary and its standby. */
export const backendIds = [0, 1] as const;

/** wd_priority by node: who leads where both could is no chance. */
export const priorities: readonly number[] = [4, 3, 2, 1];

/** Seconds: short, for each loss waits for them; a connect outlives one lost packet, which is sent again after a second. */
export const times = { interval: 1, keepalive: 1, deadtime: 3, lifePoint: 3, health: 1, connect: 2 } as const;

/** Settings under which the Pgpools are compared with the statecharts. */
export interface WatchdogProfile {
  name: string;
  /** Pgpools. */
  members: number;
  settings: Partial<
    Pick<
      WatchdogConf,
      | 'lifecheck'
      | 'failoverWhenQuorumExists'
      | 'failoverRequireConsensus'
      | 'allowMultipleFailoverRequestsFromNode'
      | 'enableConsensusWithHalfVotes'
    >
  >;
  /** One Pgpool alone may set a backend down. */
  aloneDetaches: boolean;
  /** wd_monitoring_interfaces_list names the link. */
  monitorsLink: boolean;
  /** Pgpool looks at its backends by itself. */
  checksHealth: boolean;
  /** What it does is no chance, whatever comes. */
  inRota: boolean;
}

function profile(name: string, rest: Partial<WatchdogProfile> = {}): WatchdogProfile {
  const usual = { members: 3, settings: {}, aloneDetaches: false, monitorsLink: false };
  return { name, ...usual, checksHealth: true, inRota: true, ...rest };
}

const list: readonly WatchdogProfile[] = [
  profile('three'),
  profile('no-consensus', { aloneDetaches: true, settings: { failoverRequireConsensus: false } }),
  profile('no-quorum', { aloneDetaches: true, settings: { failoverWhenQuorumExists: false } }),
  profile('many-votes', { aloneDetaches: true, settings: { allowMultipleFailoverRequestsFromNode: true } }),
  profile('query', { settings: { lifecheck: 'query' }, checksHealth: false, inRota: false }),
  profile('monitored', { monitorsLink: true }),
  profile('two', { members: 2 }),
  profile('two-half', { members: 2, aloneDetaches: true, settings: { enableConsensusWithHalfVotes: true } }),
  profile('four', { members: 4 }),
  profile('four-half', { members: 4, settings: { enableConsensusWithHalfVotes: true } }),
];

/** The settings that a random sequence is done under. */
export function profileOfSeed(seed: number): WatchdogProfile {
  const rota = list.filter(({ inRota }) => inRota);
  return profileNamed(rota[seed % rota.length]?.name ?? '');
}

export function profileNamed(name: string): WatchdogProfile {
  const found = list.find((one) => one.name === name);
  if (!found) throw new Error(`no profile "${name}": ${list.map((one) => one.name).join(', ')}`);
  return found;
}

export const mostMembers = Math.max(...list.map(({ members }) => members));

export const idsOf = ({ members }: Pick<WatchdogProfile, 'members'>): number[] =>
  Array.from({ length: members }, (_, id) => id);
