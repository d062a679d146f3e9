import type { AgentParts } from './agent-parts.ts';
import type { AgentCommand, AgentRequest } from './host.ts';
import type { Answer as AgentAnswer } from './requests.ts';

type Answer = (ok: boolean, detail: string | null) => void;

/** Another agent asks whether this one can reach a database (efm.md procedure C); its own work goes on meanwhile. */
export function verifyDatabase(agent: AgentParts, node: string, answer: Answer): void {
  agent.perform(
    'verifyDatabase',
    { type: 'queryDatabase', node, timeoutMs: agent.settings.remoteTimeoutMs },
    { target: node, done: ({ ok, detail }) => answer(ok, detail) },
  );
}

/** The promoting agent has this one run its remote hook. */
export function runRemoteHook(
  agent: AgentParts,
  request: Extract<AgentRequest, { kind: 'hook' }>,
  answer: Answer,
): void {
  const { hook, primary } = request;
  agent.perform(
    hook === 'script.remote.pre.promotion' ? 'remotePrePromotion' : 'remotePostPromotion',
    { type: 'runScript', hook, placeholders: { p: primary } },
    { target: agent.node, done: ({ ok, detail }) => answer(ok, detail) },
  );
}

/** The notice about a load balancer hook that ended with an error; EFM goes on all the same (efm.md 1.4). Undefined for other commands. */
export function balancerScriptError(command: AgentCommand): string | undefined {
  if (command.type !== 'runScript') return undefined;
  if (command.hook === 'script.load.balancer.attach') return 'Load balancer attach script error';
  return command.hook === 'script.load.balancer.detach' ? 'Load balancer detach script error' : undefined;
}

/** Tells of every standby that was told to follow the new primary and did not. */
export function noticeRefusedFollow(
  agent: Pick<AgentParts, 'notify'>,
  answers: readonly AgentAnswer[],
): void {
  for (const { node, ok, detail } of answers) {
    if (!ok) agent.notify('WARNING', `Standby ${node} does not follow the new primary: ${detail}`);
  }
}
