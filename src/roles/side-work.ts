import type { AgentParts } from './agent-parts.ts';
import type { AgentRequest } from './host.ts';

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
