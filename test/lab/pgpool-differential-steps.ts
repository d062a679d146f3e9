import type { RecoveryAnswer } from '../../src/topology/routing.ts';
import { nodeIds } from './pgpool-differential-servers.ts';

/** One step of a sequence, done to the real cluster and to the model alike. */
export type Step =
  /** The postmaster alone dies (its processes say goodbye), all processes at once, or a fast shutdown. */
  | { kind: 'kill' | 'vanish' | 'stop'; node: number }
  /** A server that is down starts as what it was, or as a standby of another. */
  | { kind: 'start'; node: number; upstream: number | null }
  | { kind: 'promote'; node: number }
  | { kind: 'repoint'; node: number; upstream: number }
  | { kind: 'pcp'; command: PcpCommand; node: number }
  /** A client opens a session and keeps it. */
  | { kind: 'open' }
  /** The oldest kept session is closed by its client. */
  | { kind: 'close' }
  /** Every kept session reads and writes. */
  | { kind: 'use' };

/**
 * `switchover` is `pcp_promote_node -s`, which has the failover command promote, where there is one. Those with `-g` wait for the
 * clients to leave.
 */
export type PcpCommand = 'attach' | 'detach' | 'promote' | 'switchover' | 'detach -g' | 'promote -g';

/** The servers as the steps leave them: no Pgpool in it, so that a sequence depends on its seed alone. */
export interface MirroredServer {
  alive: boolean;
  inRecovery: boolean;
  /** Grows when its processes end: connections of an earlier one are dead. */
  incarnation: number;
}

export function serversAtStart(): MirroredServer[] {
  return nodeIds.map((node) => ({ alive: true, inRecovery: node !== 0, incarnation: 1 }));
}

/** What a step does to the servers; steps that are not about servers change nothing. */
export function applyToServers(servers: MirroredServer[], step: Step): void {
  if (!('node' in step) || step.kind === 'pcp') return;
  const server = servers[step.node];
  if (!server) throw new Error(`no node ${step.node}`);
  switch (step.kind) {
    case 'kill':
    case 'vanish':
    case 'stop':
      server.alive = false;
      server.incarnation += 1;
      break;
    case 'start':
      server.alive = true;
      if (step.upstream !== null) server.inRecovery = true;
      break;
    case 'promote':
      server.inRecovery = false;
      break;
    case 'repoint':
      break;
  }
}

/** What the servers answer when Pgpool asks some of them whether they are in recovery. */
export function rolesOf(servers: readonly MirroredServer[], asked: readonly number[]): RecoveryAnswer[] {
  return servers.map(({ alive, inRecovery }, id) => {
    if (!alive || !asked.includes(id)) return null;
    return inRecovery ? 'standby' : 'primary';
  });
}

/** A step in words, as reports show it. */
export function textOf(step: Step): string {
  switch (step.kind) {
    case 'start':
      return step.upstream === null
        ? `start ${step.node}`
        : `start ${step.node} as standby of ${step.upstream}`;
    case 'repoint':
      return `repoint ${step.node} to ${step.upstream}`;
    case 'pcp':
      return `pcp ${step.command} ${step.node}`;
    case 'open':
    case 'close':
    case 'use':
      return step.kind;
    default:
      return `${step.kind} ${step.node}`;
  }
}

const parsers: readonly { pattern: RegExp; step: (found: string[]) => Step }[] = [
  {
    pattern: /^(kill|vanish|stop|promote) ([012])$/,
    step: ([, kind, node]) => ({ kind: kind as 'kill', node: Number(node) }),
  },
  {
    pattern: /^start ([012])(?: as standby of ([012]))?$/,
    step: ([, node, upstream]) => ({
      kind: 'start',
      node: Number(node),
      upstream: upstream === undefined ? null : Number(upstream),
    }),
  },
  {
    pattern: /^repoint ([012]) to ([012])$/,
    step: ([, node, upstream]) => ({ kind: 'repoint', node: Number(node), upstream: Number(upstream) }),
  },
  {
    pattern: /^pcp (attach|detach|promote|switchover|detach -g|promote -g) ([012])$/,
    step: ([, command, node]) => ({ kind: 'pcp', command: command as PcpCommand, node: Number(node) }),
  },
  { pattern: /^(open|close|use)$/, step: ([, kind]) => ({ kind: kind as 'open' }) },
];

/** Reads a sequence as `textOf` writes its steps, with commas between. */
export function parseSteps(sequence: string): Step[] {
  return sequence.split(',').map((part) => {
    for (const { pattern, step } of parsers) {
      const found = pattern.exec(part.trim());
      if (found) return step(found);
    }
    throw new Error(`no step: "${part.trim()}"`);
  });
}
