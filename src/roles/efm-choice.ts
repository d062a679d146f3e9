import { choosePromotion } from '../topology/promotion.ts';
import type { AgentParts } from './agent-parts.ts';
import type { CommandOutcome } from './host.ts';

/**
 * Reads the WAL positions of every candidate and chooses by EFM's rule; 3.9 holds their replay meanwhile (method.md EFM F).
 * @param quiet for a change of primary that raises no notifications
 * @param done gets null when nobody can be promoted; later in every case
 */
export function electNewPrimary(
  agent: AgentParts,
  { quiet }: { quiet: boolean },
  done: (winner: string | null) => void,
): void {
  const nodes = agent.membership.candidates();
  if (agent.settings.generation !== '3.9') {
    readPositions(agent, nodes, done);
    return;
  }
  holdReplay(agent, { nodes, paused: true, quiet }, () => {
    readPositions(agent, nodes, (winner) => {
      holdReplay(agent, { nodes, paused: false, quiet }, () => done(winner));
    });
  });
}

function readPositions(
  agent: AgentParts,
  nodes: readonly string[],
  done: (winner: string | null) => void,
): void {
  const { remoteTimeoutMs, useReplayTiebreaker } = agent.settings;
  const outcomes = new Map<string, CommandOutcome>();
  const finish = (): void => {
    const candidates = nodes.flatMap((node) => {
      const positions = outcomes.get(node)?.positions;
      if (!positions) return [];
      return [{ node, receivedBytes: positions.receivedBytes ?? 0, replayedBytes: positions.replayedBytes }];
    });
    done(choosePromotion(candidates, useReplayTiebreaker)?.node ?? null);
  };
  if (nodes.length === 0) agent.host.clock.setTimeout(finish, 0);
  for (const node of nodes) {
    const command = { type: 'queryDatabase', node, timeoutMs: remoteTimeoutMs } as const;
    const read = (outcome: CommandOutcome): void => {
      outcomes.set(node, outcome);
      if (outcomes.size === nodes.length) finish();
    };
    agent.perform('readPositions', command, { target: node, done: read });
  }
}

function holdReplay(
  agent: AgentParts,
  { nodes, paused, quiet }: { nodes: readonly string[]; paused: boolean; quiet: boolean },
  done: () => void,
): void {
  agent.requests.ask({
    nodes,
    timeoutMs: agent.settings.remoteTimeoutMs,
    send: (node, id) =>
      agent.send(node, { type: 'request', id, request: { kind: 'pauseReplay', paused }, quiet }),
    done,
  });
}
