import type { AgentParts } from './agent-parts.ts';
import { hasSince } from './efm-abilities.ts';
import type { CommandOutcome, DatabasePositions, MemberStatus } from './host.ts';

/** The state of the cluster as one agent can tell it, with WAL positions asked of every database at this moment. */
export interface ClusterStatus {
  cluster: string;
  members: { status: MemberStatus; outcome: CommandOutcome | null }[];
  /** Members that are down, where this EFM remembers them (5.0 and later). */
  down: readonly string[];
  coordinator: string;
  allowed: readonly string[];
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

/** The state of this node only: exit code 0 unless its database fails or its agent is idle. */
export function nodeStatus(
  agent: AgentParts,
  done: (status: { healthy: boolean; json: Record<string, unknown> }) => void,
): void {
  const status = agent.membership.get(agent.node);
  const members = status && status.role !== 'witness' ? [status] : [];
  const outcomes = new Map<string, CommandOutcome>();
  queryAll(agent, members, outcomes, () => {
    const outcome = outcomes.get(agent.node) ?? null;
    const role = status?.role ?? 'starting';
    const healthy = role === 'witness' || (role !== 'idle' && outcome?.ok === true);
    const json = {
      type: titleOf(agent, role),
      address: agent.node,
      ...agentField(agent),
      db: status ? databaseState({ status, outcome }) : 'UNKNOWN',
      vip: agent.settings.virtualIp ?? '',
      // EFM gives this one as text, unlike cluster-status-json (method.md EFM 3.3).
      vip_active: String(agent.vipActive),
    };
    done({ healthy, json });
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
  members: readonly MemberStatus[],
  outcomes: Map<string, CommandOutcome>,
): ClusterStatus {
  const { messages, inSync } = compare(agent, members, outcomes);
  const rows = members.map((status) => ({ status, outcome: outcomes.get(status.node) ?? null }));
  const down = agent.membership.down();
  const allUp = rows.every(
    ({ status, outcome }) => status.role === 'witness' || (outcome?.ok && status.role !== 'idle'),
  );
  const status: ClusterStatus = {
    cluster: agent.clusterName,
    members: rows,
    down,
    coordinator: agent.membership.coordinator() ?? agent.node,
    allowed: agent.membership.shared.allowed,
    priority: agent.membership.candidates(),
    inSync,
    healthy: inSync && allUp && down.length === 0,
    messages,
    json: {},
  };
  status.json = toJson(agent, status);
  return status;
}

function compare(
  agent: AgentParts,
  members: readonly MemberStatus[],
  outcomes: ReadonlyMap<string, CommandOutcome>,
): { messages: string[]; inSync: boolean } {
  const word = titleOf(agent, 'primary').toLowerCase();
  const primary = members.find((member) => member.role === 'primary');
  const standbys = members.filter((member) => member.role === 'standby');
  const written = primary && outcomes.get(primary.node)?.positions?.replayedBytes;
  if (written === undefined) return { messages: [`No ${word} database was found.`], inSync: false };
  if (standbys.length === 0) return { messages: ['No standby databases were found.'], inSync: false };
  const behind = standbys.filter(
    ({ node }) => (outcomes.get(node)?.positions?.replayedBytes ?? -1) < written,
  );
  if (behind.length === 0) {
    return { messages: [`Standby database(s) in sync with ${word}. It is safe to promote.`], inSync: true };
  }
  const names = behind.map(({ node }) => node).join(' ');
  return {
    messages: [
      `One or more standby databases are not in sync with the ${word} database.`,
      `The following node(s) returned a WAL LSN that does not match the ${word}: ${names}`,
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

/** What EFM calls a role; 3.9 says Master. */
export function titleOf(agent: AgentParts, role: MemberStatus['role']): string {
  return role === 'primary' && agent.settings.generation === '3.9' ? 'Master' : titles[role];
}

export function databaseState({ status, outcome }: ClusterStatus['members'][number]): string {
  if (status.role === 'witness') return 'N/A';
  if (status.role === 'idle') return 'UNKNOWN';
  return outcome?.ok ? 'UP' : 'DOWN';
}

/** Received and replayed position as EFM prints them; a primary has received nothing. */
export function positionTexts(
  role: MemberStatus['role'],
  positions: DatabasePositions | undefined,
): [string, string] {
  if (!positions) return ['UNKNOWN', 'UNKNOWN'];
  const received =
    role === 'primary' || positions.receivedBytes === null ? '' : formatPosition(positions.receivedBytes);
  return [received, formatPosition(positions.replayedBytes)];
}

/** 3.x has a column for the agent, which is always up when it is listed. */
const agentField = (agent: AgentParts): Record<string, string> =>
  agent.settings.generation === '3.9' ? { agent: 'UP' } : {};

/** The keys of the user's EFM: positions are `xlog…` up to 4.x and `lsn…` from 5.0 (method.md EFM 3.3). */
function toJson(agent: AgentParts, status: ClusterStatus): Record<string, unknown> {
  const vip = agent.settings.virtualIp ?? '';
  const since5 = hasSince(agent.settings, '5.0');
  const nodes = status.members.map((member) => {
    const { node, role, vipActive } = member.status;
    const db = databaseState(member);
    const shared = { type: titleOf(agent, role), ...agentField(agent), db, vip, vip_active: vipActive };
    if (role === 'witness') return [node, shared];
    const [received, replayed] = positionTexts(role, member.outcome?.positions);
    const info = member.outcome?.ok ? '' : (member.outcome?.detail ?? '');
    return [
      node,
      since5
        ? { ...shared, lsnReceive: received, lsn: replayed, lsnInfo: info }
        : { ...shared, xlogReceive: received, xlog: replayed, xloginfo: info },
    ];
  });
  const down = status.down.map((node) => [node, { type: 'DOWN', db: 'N/A', vip, vip_active: false }]);
  return {
    nodes: Object.fromEntries([...nodes, ...down]),
    allowednodes: [...status.allowed],
    membershipcoordinator: status.coordinator,
    failoverpriority: status.priority,
    minimumstandbys: agent.settings.minimumStandbys,
    missingnodes: agent.members.filter((node) => !agent.membership.get(node)),
    messages: status.messages,
  };
}
