import { addressOf } from './watchdog-differential-network.ts';

/** What one Pgpool says of the watchdog cluster and its nodes; ids of nodes. */
export interface Observed {
  state: string;
  leader: number | null;
  /** As a leader tells it. */
  quorum: string | null;
  escalated: boolean;
  /** Peers that are there to it. */
  sees: readonly number[];
  /** `up:p down:s`: status and role of each backend; a waiting one counts as up, for a query of the life check makes it so. */
  nodes: string;
}

/** What the machine of a Pgpool shows, whether that runs or not. */
export interface Escalations {
  /** The virtual IP is on its link. */
  vip: boolean;
  /** What was run, in order: `escalation up arping` and `de-escalation down` in words of one letter. */
  runs: string;
}

/** States in which a peer is not there; a node that never came is DEAD. */
const absent = new Set(['DEAD', 'LOST', 'SHUTDOWN']);

const field = (part: string, name: string): string | null =>
  new RegExp(`^${name}\\s*:\\s*(.*?)\\s*$`, 'm').exec(part)?.[1] ?? null;

/** What `pcp_watchdog_info -v` prints, as seen by a node. */
export function readInfo(text: string, own: number, ids: readonly number[]): Omit<Observed, 'nodes'> | null {
  const nodes = text.split(/\n(?=Node Name)/).slice(1);
  const idOf = (address: string | null): number | null => ids.find((id) => addressOf(id) === address) ?? null;
  const states = new Map(nodes.map((part) => [idOf(field(part, 'Host Name')), field(part, 'Status Name')]));
  const state = states.get(own);
  if (typeof state !== 'string') return null;
  const quorum = field(text, 'Quorum state');
  return {
    state,
    leader: idOf(field(text, 'Leader Host Name')),
    quorum: state === 'LEADER' ? quorum : null,
    escalated: field(text, 'Local node escalation') === 'YES',
    sees: ids.filter((id) => id !== own && !absent.has(states.get(id) ?? 'DEAD')),
  };
}

/** What `pcp_node_info -a -v` prints. */
export function readNodes(text: string): string {
  const blocks = text.split(/\n(?=Hostname)/);
  return blocks
    .map((block) => {
      const status = field(block, 'Status Name') ?? '?';
      return `${status === 'waiting' ? 'up' : status}:${field(block, 'Role')?.[0] ?? '?'}`;
    })
    .join(' ');
}

/** What the escalation commands of a Pgpool have written. */
export function readRuns(notes: string): string {
  return notes
    .split('\n')
    .filter((word) => word !== '')
    .map((word) => word[0])
    .join('');
}
