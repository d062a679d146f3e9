import type { Random } from '../../src/kernel/random.ts';
import { nodeIds } from './pgpool-differential-servers.ts';
import {
  applyToServers,
  type MirroredServer,
  type PcpCommand,
  type Step,
  serversAtStart,
} from './pgpool-differential-steps.ts';

const pcpCommands: readonly { weight: number; command: PcpCommand }[] = [
  { weight: 30, command: 'attach' },
  { weight: 28, command: 'detach' },
  { weight: 20, command: 'promote' },
  { weight: 8, command: 'switchover' },
  { weight: 4, command: 'detach -g' },
  { weight: 2, command: 'promote -g' },
];

/** Children must be left for others. */
const mostKept = 5;

/** How much of all sequences begins as a failover begins, before chance goes on. */
const storyShare = 0.5;

/** Draws a sequence of steps that the servers can take. */
export function drawSteps(random: Random, count: number): Step[] {
  const servers = serversAtStart();
  const steps: Step[] = [];
  let kept = 0;
  const add = (step: Step): void => {
    if (step.kind === 'open' && kept === mostKept) return;
    if (step.kind === 'open') kept += 1;
    if (step.kind === 'close') kept = Math.max(0, kept - 1);
    applyToServers(servers, step);
    steps.push(step);
  };
  if (random.unit() < storyShare) for (const step of drawStory(random)) add(step);
  while (steps.length < count) {
    const step = drawStep(random, servers);
    if (step) add(step);
  }
  return steps.slice(0, count);
}

/** The beginning of a failover or a manoeuvre, as scripts and people do them, in one of their orders. */
function drawStory(random: Random): Step[] {
  const [next, other] = random.unit() < 0.5 ? [1, 2] : [2, 1];
  const end: Step = { kind: pick(random, ['kill', 'vanish', 'stop'] as const) ?? 'kill', node: 0 };
  const pcp = (command: PcpCommand, node: number): Step => ({ kind: 'pcp', command, node });
  const promote: Step = { kind: 'promote', node: next };
  const repoint: Step = { kind: 'repoint', node: other, upstream: next };
  const back: Step = { kind: 'start', node: 0, upstream: next };
  const use: Step = { kind: 'use' };
  const stories: readonly (readonly Step[])[] = [
    [end, pcp('detach', 0), promote, pcp('promote', next), use],
    [end, promote, repoint, pcp('detach', 0), use, back, pcp('attach', 0)],
    [end, promote, pcp('promote', next), use, back, pcp('attach', 0)],
    [end, pcp('detach', 0), promote, pcp('detach', other), pcp('attach', other)],
    [end, promote, pcp('detach', 0), { kind: 'start', node: 0, upstream: null }, pcp('attach', 0), use],
    [promote, pcp('promote', next), use, { kind: 'stop', node: 0 }, back, pcp('attach', 0)],
    [pcp('detach', 2), pcp('detach', 1), pcp('detach', 0), pcp('attach', next), pcp('attach', 0)],
    [promote, repoint, pcp('detach', 0), pcp('attach', 0), use],
    [{ ...end, node: other }, use, { kind: 'start', node: other, upstream: 0 }, pcp('attach', other)],
  ];
  const opens = Array.from({ length: random.integer(0, 2) }, (): Step => ({ kind: 'open' }));
  return [...opens, ...(pick(random, stories) ?? [])];
}

type Draw = (random: Random, servers: readonly MirroredServer[]) => Step | null;

const alive = (servers: readonly MirroredServer[]) => nodeIds.filter((id) => servers[id]?.alive);

function pick<Item>(random: Random, items: readonly Item[]): Item | null {
  return items.length === 0 ? null : (items[random.integer(0, items.length - 1)] ?? null);
}

function pickWeighted<Item extends { weight: number }>(
  random: Random,
  items: readonly Item[],
): Item | undefined {
  let at = random.unit() * items.reduce((sum, { weight }) => sum + weight, 0);
  return items.find(({ weight }) => {
    at -= weight;
    return at < 0;
  });
}

const draws: readonly { weight: number; draw: Draw }[] = [
  {
    weight: 16,
    draw: (random, servers) => {
      const candidates = alive(servers);
      // All three down is a case worth having, but the rest of such a sequence says little: rare.
      if (candidates.length === 1 && random.unit() < 0.8) return null;
      const primaries = candidates.filter((id) => !servers[id]?.inRecovery);
      const node = pick(random, random.unit() < 0.5 && primaries.length > 0 ? primaries : candidates);
      const kind = pick(random, ['kill', 'vanish', 'stop'] as const);
      return node === null || kind === null ? null : { kind, node };
    },
  },
  {
    weight: 12,
    draw: (random, servers) => {
      const node = pick(
        random,
        nodeIds.filter((id) => !servers[id]?.alive),
      );
      const upstream = random.unit() < 0.6 ? pick(random, alive(servers)) : null;
      return node === null ? null : { kind: 'start', node, upstream };
    },
  },
  {
    weight: 9,
    draw: (random, servers) => {
      const node = pick(
        random,
        alive(servers).filter((id) => servers[id]?.inRecovery),
      );
      return node === null ? null : { kind: 'promote', node };
    },
  },
  {
    weight: 4,
    draw: (random, servers) => {
      const node = pick(
        random,
        alive(servers).filter((id) => servers[id]?.inRecovery),
      );
      const upstream = pick(
        random,
        alive(servers).filter((id) => id !== node),
      );
      return node === null || upstream === null ? null : { kind: 'repoint', node, upstream };
    },
  },
  {
    weight: 34,
    draw: (random) => {
      const command = pickWeighted(random, pcpCommands)?.command;
      const node = pick(random, nodeIds);
      return command === undefined || node === null ? null : { kind: 'pcp', command, node };
    },
  },
  { weight: 14, draw: () => ({ kind: 'open' }) },
  { weight: 3, draw: () => ({ kind: 'close' }) },
  { weight: 8, draw: () => ({ kind: 'use' }) },
];

function drawStep(random: Random, servers: readonly MirroredServer[]): Step | null {
  return pickWeighted(random, draws)?.draw(random, servers) ?? null;
}
