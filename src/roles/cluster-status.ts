import type { AgentParts } from './agent-parts.ts';
import type { CommandOutcome, DatabasePositions, MemberStatus } from './host.ts';

/** The state of the cluster as one agent can tell it, with WAL positions asked of every database at this moment. */
export interface ClusterStatus {
  cluster: string;
  members: { status: MemberStatus; outcome: CommandOutcome | null }[];
  coordinator: string;
  priority: string[];
  inSync: boolean;
  /** Every agent has a role, every database answers and every standby is in sync: exit code 0. */
  healthy: boolean;
  messages: string[];
  json: Record<string, unknown>;
}

/**
 * Asks every database for its positions, the primary first: a standby is in sync when it has replayed what the primary
 * had written *before* the standby was asked (docs/method.md E2: EDB documents only that the two are compared).
 */
export function clusterStatus(agent: AgentParts, done: (status: ClusterStatus) => void): void {
  const members = agent.membership.all();
  const withDatabase = members.filter((member) => member.role !== 'witness');
  const primaries = withDatabase.filter((member) => member.role === 'primary');
  const others = withDatabase.filter((member) => member.role !== 'primary');
  const outcomes = new Map<string, CommandOutcome>();
  queryAll(agent, primaries, outcomes, () => {
    queryAll(agent, others, outcomes, () => done(build(agent, members, outcomes)));
  });
}

function queryAll(
  agent: AgentParts,
  members: readonly MemberStatus[],
  outcomes: Map<string, CommandOutcome>,
  done: () => void,
): void {
  let left = members.length;
  if (left === 0) agent.host.clock.setTimeout(done, 0);
  for (const { node } of members) {
    agent.host.perform(
      { type: 'queryDatabase', node, timeoutMs: agent.settings.remoteTimeoutMs },
      (outcome) => {
        outcomes.set(node, outcome);
        left -= 1;
        if (left === 0) done();
      },
    );
  }
}

function build(
  agent: AgentParts,
  members: MemberStatus[],
  outcomes: Map<string, CommandOutcome>,
): ClusterStatus {
  const { messages, inSync } = compare(members, outcomes);
  const rows = members.map((status) => ({ status, outcome: outcomes.get(status.node) ?? null }));
  const allUp = rows.every(
    ({ status, outcome }) => status.role === 'witness' || (outcome?.ok && status.role !== 'idle'),
  );
  const status: ClusterStatus = {
    cluster: agent.clusterName,
    members: rows,
    coordinator: agent.membership.coordinator() ?? agent.node,
    priority: agent.membership.candidates(),
    inSync,
    healthy: inSync && allUp,
    messages,
    json: {},
  };
  status.json = toJson(agent, status);
  return status;
}

function compare(
  members: readonly MemberStatus[],
  outcomes: ReadonlyMap<string, CommandOutcome>,
): { messages: string[]; inSync: boolean } {
  const primary = members.find((member) => member.role === 'primary');
  const standbys = members.filter((member) => member.role === 'standby');
  const written = primary && outcomes.get(primary.node)?.positions?.replayedBytes;
  if (written === undefined) return { messages: ['No primary database was found.'], inSync: false };
  if (standbys.length === 0) return { messages: ['No standby databases were found.'], inSync: false };
  const behind = standbys.filter(
    ({ node }) => (outcomes.get(node)?.positions?.replayedBytes ?? -1) < written,
  );
  if (behind.length === 0) {
    return { messages: ['Standby database(s) in sync with primary. It is safe to promote.'], inSync: true };
  }
  const names = behind.map(({ node }) => node).join(' ');
  return {
    messages: [
      'One or more standby databases are not in sync with the primary database.',
      `The following node(s) returned a WAL LSN that does not match the primary: ${names}`,
    ],
    inSync: false,
  };
}

/** A WAL position in bytes as PostgreSQL prints it, `X/Y` in hex. */
export function formatPosition(bytes: number): string {
  return `${Math.floor(bytes / 4294967296)
    .toString(16)
    .toUpperCase()}/${(bytes % 4294967296).toString(16).toUpperCase()}`;
}

const titles: Record<MemberStatus['role'], string> = {
  primary: 'Primary',
  standby: 'Standby',
  witness: 'Witness',
  idle: 'Idle',
  promoting: 'Promoting',
  starting: 'Idle',
};

function databaseState({ status, outcome }: ClusterStatus['members'][number]): string {
  if (status.role === 'witness') return 'N/A';
  if (status.role === 'idle') return 'UNKNOWN';
  return outcome?.ok ? 'UP' : 'DOWN';
}

function positionTexts(
  role: MemberStatus['role'],
  positions: DatabasePositions | undefined,
): [string, string] {
  if (!positions) return ['UNKNOWN', 'UNKNOWN'];
  const received =
    role === 'primary' || positions.receivedBytes === null ? '' : formatPosition(positions.receivedBytes);
  return [received, formatPosition(positions.replayedBytes)];
}

/** The keys of EFM 4.x (efm.md 3.3); no virtual IP in this release. */
function toJson(agent: AgentParts, status: ClusterStatus): Record<string, unknown> {
  const nodes = status.members.map((member) => {
    const { node, role } = member.status;
    const shared = { type: titles[role], db: databaseState(member), vip: '', vip_active: false };
    if (role === 'witness') return [node, shared];
    const [xlogReceive, xlog] = positionTexts(role, member.outcome?.positions);
    return [
      node,
      { ...shared, xlogReceive, xlog, xloginfo: member.outcome?.ok ? '' : (member.outcome?.detail ?? '') },
    ];
  });
  return {
    nodes: Object.fromEntries(nodes),
    allowednodes: [...agent.members],
    membershipcoordinator: status.coordinator,
    failoverpriority: status.priority,
    minimumstandbys: agent.settings.minimumStandbys,
    missingnodes: agent.members.filter((node) => !agent.membership.get(node)),
    messages: status.messages,
  };
}

/** The text of `efm cluster-status` in the columns of EFM 4.x (efm.md 3.2). */
export function renderStatus(status: ClusterStatus): string {
  const agents = status.members.map((member) => {
    const { role, node } = member.status;
    return `\t${titles[role].padEnd(12)}${node.padEnd(21)}${databaseState(member).padEnd(9)}`.trimEnd();
  });
  const listed = (nodes: readonly string[]): string =>
    nodes.length === 0 ? '\t(List is empty.)' : `\t${nodes.join(' ')}`;
  const databases = status.members.flatMap(({ status: { role, node }, outcome }) => {
    if (role === 'witness' || role === 'idle') return [];
    const [received, replayed] = positionTexts(role, outcome?.positions);
    const info = outcome?.ok ? '' : (outcome?.detail ?? '');
    return [
      `\t${titles[role].padEnd(12)}${node.padEnd(21)}${received.padEnd(19)}${replayed.padEnd(19)}${info}`.trimEnd(),
    ];
  });
  return [
    `Cluster Status: ${status.cluster}`,
    '',
    `\t${'Agent Type'.padEnd(12)}${'Address'.padEnd(21)}${'DB'.padEnd(9)}VIP`,
    `\t${'-'.repeat(64)}`,
    ...agents,
    '',
    'Allowed node host list:',
    listed(status.json.allowednodes as string[]),
    '',
    `Membership coordinator: ${status.coordinator}`,
    '',
    'Standby priority host list:',
    listed(status.priority),
    '',
    'Promote Status:',
    '',
    `\t${'DB Type'.padEnd(12)}${'Address'.padEnd(21)}${'WAL Received LSN'.padEnd(19)}${'WAL Replayed LSN'.padEnd(19)}Info`,
    `\t${'-'.repeat(75)}`,
    ...databases,
    '',
    ...status.messages.map((message) => `\t${message}`),
    '',
  ].join('\n');
}
