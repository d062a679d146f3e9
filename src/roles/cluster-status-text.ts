import type { AgentParts } from './agent-parts.ts';
import { type ClusterStatus, databaseState, positionTexts, titleOf } from './cluster-status.ts';

/** The text of `efm cluster-status` in the columns of the user's EFM (method.md EFM 3.2): 3.9 has one more, for the agent. */
export function renderStatus(agent: AgentParts, status: ClusterStatus): string {
  const listed = (nodes: readonly string[]): string =>
    nodes.length === 0 ? '\t(List is empty.)' : `\t${nodes.join(' ')}`;
  return [
    `Cluster Status: ${status.cluster}`,
    '',
    ...agentLines(agent, status),
    '',
    'Allowed node host list:',
    listed(status.allowed),
    '',
    `Membership coordinator: ${status.coordinator}`,
    '',
    'Standby priority host list:',
    listed(status.priority),
    '',
    'Promote Status:',
    '',
    ...positionLines(agent, status),
    '',
    ...idleLines(status),
    ...status.messages.map((message) => `\t${message}`),
    '',
  ].join('\n');
}

function line(...cells: readonly [text: string, width: number][]): string {
  return `\t${cells.map(([text, width]) => text.padEnd(width)).join('')}`.trimEnd();
}

function agentLines(agent: AgentParts, status: ClusterStatus): string[] {
  const old = agent.settings.generation === '3.9';
  const vip = agent.settings.virtualIp ?? '';
  const row = (type: string, address: string, db: string, held: string): string =>
    old
      ? line([type, 12], [address, 21], [type === 'Agent Type' ? 'Agent' : 'UP', 7], [db, 9], [held, 0])
      : line([type, 12], [address, 21], [db, 9], [held, 0]);
  return [
    row('Agent Type', 'Address', 'DB', 'VIP'),
    `\t${'-'.repeat(old ? 71 : 64)}`,
    ...status.members.map((member) => {
      const { role, node, vipActive } = member.status;
      return row(titleOf(agent, role), node, databaseState(member), vip && `${vip}${vipActive ? '*' : ''}`);
    }),
    ...status.down.map((node) => row('DOWN', node, 'N/A', vip)),
  ];
}

function positionLines(agent: AgentParts, status: ClusterStatus): string[] {
  return [
    line(['DB Type', 12], ['Address', 21], ['WAL Received LSN', 19], ['WAL Replayed LSN', 19], ['Info', 0]),
    `\t${'-'.repeat(75)}`,
    ...status.members.flatMap(({ status: { role, node }, outcome }) => {
      if (role === 'witness' || role === 'idle') return [];
      const [received, replayed] = positionTexts(role, outcome?.positions);
      const info = outcome?.ok ? '' : (outcome?.detail ?? '');
      return [line([titleOf(agent, role), 12], [node, 21], [received, 19], [replayed, 19], [info, 0])];
    }),
  ];
}

function idleLines({ members }: ClusterStatus): string[] {
  const idle = members.filter(({ status }) => status.role === 'idle');
  if (idle.length === 0) return [];
  return [
    'Idle Node Status (idle nodes ignored in WAL LSN comparisons):',
    '',
    line(['Address', 21], ['WAL Received LSN', 19], ['WAL Replayed LSN', 19], ['Info', 0]),
    `\t${'-'.repeat(63)}`,
    ...idle.map(({ status: { node, role }, outcome }) => {
      const [received, replayed] = positionTexts(role, outcome?.positions);
      const info = outcome?.ok
        ? outcome.inRecovery
          ? ''
          : 'DB is not in recovery.'
        : (outcome?.detail ?? '');
      return line([node, 21], [received, 19], [replayed, 19], [info, 0]);
    }),
    '',
  ];
}
