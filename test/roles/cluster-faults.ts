import fc from 'fast-check';
import type { AgentCluster } from './agent-cluster.ts';

/** What may happen to a cluster, and how long it is left alone after that. */
export interface Fault {
  what: (typeof kinds)[number];
  /** `P`: whoever is primary at that moment. */
  node: string;
  /** For a partition: a bit a node says on which side it is. */
  sides: number;
  thenMs: number;
}

const kinds = [
  'killAgent',
  'stopAgent',
  'startAgent',
  'killDatabase',
  'hang',
  'wake',
  'loseNode',
  'returnNode',
  'partition',
  'heal',
  'switchover',
  'promote',
  'resume',
  'rebuild',
  'setPriority',
  'failingFence',
] as const;

/** Too rare to be left to chance: a standby alone is promoted by hand, and meets the primary again. */
const rivalry: readonly Fault[] = [
  { what: 'partition', node: 'b', sides: 3, thenMs: 25_000 },
  { what: 'promote', node: 'b', sides: 1, thenMs: 25_000 },
  { what: 'heal', node: 'b', sides: 1, thenMs: 12_000 },
];

/** The second node and the fourth or last on one side, the primary on the other: half of four, two of five. */
const smallSide: readonly Fault[] = [{ what: 'partition', node: 'b', sides: 0b01010, thenMs: 45_000 }];

export function faultsFor(nodes: string): fc.Arbitrary<Fault[]> {
  const pauses = fc.oneof(
    fc.integer({ min: 0, max: 3000 }),
    fc.constantFrom(19_500, 20_000, 20_500, 23_000, 24_500),
    fc.integer({ min: 3000, max: 45_000 }),
  );
  const fault = fc.record({
    what: fc.constantFrom(...kinds),
    node: fc.oneof(fc.constant('P'), fc.constantFrom(...nodes)),
    sides: fc.integer({ min: 1, max: 2 ** nodes.length - 2 }),
    thenMs: pauses,
  });
  const life = fc.array(fault, { minLength: 1, maxLength: 14 });
  const after = (first: readonly Fault[]) =>
    fc.array(fault, { maxLength: 6 }).map((rest) => [...first, ...rest]);
  return fc.oneof(
    { weight: 4, arbitrary: life },
    { weight: 1, arbitrary: after(rivalry) },
    { weight: 1, arbitrary: after(smallSide) },
  );
}

/** Does it; a fault that makes no sense at this moment is none. @returns whether something was done */
export function inflict(cluster: AgentCluster, { what, node: named, sides }: Fault): boolean {
  const { played, network, servers } = cluster;
  const node = named === 'P' ? primaryOf(cluster) : named;
  const isUp = !network.lost.has(node);
  const lives = cluster.agent(node).alive;
  const state = servers.get(node);
  switch (what) {
    case 'killAgent':
      if (lives) cluster.agent(node).kill();
      return lives;
    case 'stopAgent':
      if (lives) cluster.agent(node).leave();
      return lives;
    case 'startAgent':
      if (!lives && isUp) cluster.startAgent(node);
      return !lives && isUp;
    case 'killDatabase':
      if (state === undefined || !isUp) return false;
      servers.set(node, 'down');
      return true;
    case 'hang':
      played.hang(node);
      return true;
    case 'wake':
      played.wake(node);
      return true;
    case 'loseNode':
      if (isUp) cluster.loseNode(node);
      return isUp;
    case 'returnNode':
      if (!isUp) cluster.returnNode(node);
      return !isUp;
    case 'partition':
      // Where one node is alone it is the one named.
      if (sides % 3 === 0)
        network.partition(node, cluster.members.filter((other) => other !== node).join(''));
      else
        network.partition(
          ...[0, 1].map((side) => cluster.members.filter((_, at) => ((sides >> at) & 1) === side).join('')),
        );
      return true;
    case 'heal':
      network.heal();
      return true;
    case 'rebuild':
      if (state !== 'down' || !isUp) return false;
      played.signals.add(node);
      played.guards.delete(node);
      servers.set(node, 'standby');
      return tell(cluster, node, 'resume');
    case 'switchover':
      return tell(cluster, node, 'promote', '-switchover');
    case 'promote':
      return tell(cluster, node, 'promote', '-y');
    case 'resume':
      return tell(cluster, node, 'resume');
    case 'setPriority':
      return tell(cluster, node, 'set-priority', cluster.members[sides % cluster.members.length] ?? '', '1');
    case 'failingFence':
      if (!played.failingScripts.delete('script.fence')) played.failingScripts.add('script.fence');
      return true;
  }
}

function primaryOf({ members, played }: AgentCluster): string {
  return members.findLast((node) => played.nature(node) === 'primary') ?? members[0] ?? '';
}

/** Gives an `efm` command and does not wait for what it prints. */
function tell(cluster: AgentCluster, node: string, command: string, ...words: string[]): boolean {
  const agent = cluster.agent(node);
  if (agent.alive) agent.command([command, 'efm', ...words], () => undefined);
  return agent.alive;
}
