import type { AgentParts } from './agent-parts.ts';
import type { AgentMachineEvent } from './efm-agent-verbs.ts';
import type { EfmCoordinator } from './efm-coordinator.ts';
import type { AgentRequest } from './host.ts';
import {
  checkVip,
  pauseReplay,
  readRecoverySettings,
  runRemoteHook,
  type SideWorker,
  verifyDatabase,
} from './side-work.ts';

type Answer = (ok: boolean, detail: string | null) => void;

/** What another agent may ask the statechart itself for. */
type Order = Extract<AgentRequest, { kind: 'promote' | 'demote' | 'replace' | 'rejoin' | 'follow' }>;

/** Where a request goes: to the statechart, to the coordinator, or to work beside both. */
export interface RequestDesk {
  agent: AgentParts;
  coordinator: EfmCoordinator;
  tell: (event: AgentMachineEvent) => void;
  /** The statechart takes this event in its present state. */
  takes: (event: AgentMachineEvent) => boolean;
  state: () => string;
}

/** Who asks, under which number, and whether what it leads to is told. */
interface Asker {
  node: string;
  id: number;
  quiet: boolean;
}

/** Sees to one request of another agent; it is answered now or, by whoever does the work, later. */
export function seeTo(desk: RequestDesk, request: AgentRequest, from: Asker): void {
  const { agent, coordinator, tell } = desk;
  const answer: Answer = (ok, detail) => {
    if (agent.alive) agent.send(from.node, { type: 'answer', id: from.id, ok, detail });
  };
  const told: SideWorker = {
    settings: agent.settings,
    host: agent.host,
    node: agent.node,
    perform: (name, command, options) => agent.perform(name, command, options),
    notify: (id, options) => {
      if (!from.quiet) agent.notify(id, options);
    },
  };
  switch (request.kind) {
    case 'verify':
      verifyDatabase(agent, request.node, answer);
      return;
    case 'hook':
      runRemoteHook(told, request, answer);
      return;
    case 'checkVip':
      checkVip(told, answer);
      return;
    case 'pauseReplay':
      pauseReplay(told, request.paused, answer);
      return;
    case 'switchover':
      coordinator.switchOver(request, answer);
      return;
    case 'manualPromote':
      coordinator.promoteByHand(request, answer);
      return;
    case 'fence':
      tell({ type: 'fence.ordered' });
      return;
    case 'recoverySettings':
      readRecoverySettings(agent, answer);
      return;
    case 'setPromotable':
      agent.promotable = request.promotable;
      agent.membership.announce();
      answer(true, null);
      return;
    case 'stopCluster':
      answer(true, null);
      agent.host.clock.setTimeout(() => agent.end(), 0);
      return;
    default:
      order(desk, request, { from, answer });
  }
}

/** A request that the statechart answers, when it takes it at all. A promotion is void when there is a primary again. */
function order(
  { agent, tell, takes, state }: RequestDesk,
  request: Order,
  { from, answer }: { from: Asker; answer: Answer },
): void {
  const { kind, ...values } = request;
  if (kind === 'promote' && agent.membership.otherPrimaries().length > 0) {
    if (!from.quiet) agent.notify('primaryRejoined');
    answer(false, 'there is a primary');
    return;
  }
  if (request.kind === 'promote' && !request.forced && !agent.membership.hasMajority(request.failedPrimary)) {
    if (!from.quiet) agent.notify('promotionNotOccurred');
    answer(false, 'there is no majority');
    return;
  }
  const event = {
    type: kind,
    from: from.node,
    id: from.id,
    quiet: from.quiet,
    ...values,
  } as AgentMachineEvent;
  if (takes(event)) tell(event);
  else answer(false, `the agent on ${agent.node} is in state ${state()}`);
}
