import { setup } from 'xstate';
import type { AgentCommandName } from '../recording/events.ts';
import type { EfmSettings } from '../topology/efm-properties.ts';
import type { AgentCommand, ScriptHook, ScriptPlaceholders } from './host.ts';

/** What the agent's statechart knows. `request` is the one it works on and will answer. */
export interface AgentContext {
  node: string;
  settings: EfmSettings;
  request: { from: string; id: number } | null;
  newPrimary: string | null;
  failedPrimary: string | null;
  runScripts: boolean;
  role: 'primary' | 'standby';
  /** Whether another agent was primary when `resume` was asked for. */
  primaryExists: boolean;
  /** Looks at the promoted server that got no answer, one after the other. */
  unanswered: number;
}

interface Request {
  from: string;
  id: number;
}

export type AgentMachineEvent =
  /** The command in hand ended. */
  | { type: 'ended'; ok: boolean; detail: string | null; inRecovery?: boolean }
  /** Every asked agent answered or its time ran out. */
  | { type: 'answered'; anyOk: boolean; allOk: boolean }
  | { type: 'database.overdue' }
  | { type: 'database.wrongState' }
  | ({ type: 'demote' } & Request)
  | ({ type: 'rejoin'; primary: string } & Request)
  | ({ type: 'follow'; primary: string } & Request)
  | ({ type: 'promote'; failedPrimary: string | null; runScripts: boolean } & Request)
  | { type: 'resume'; primaryExists: boolean };

/** What the statechart wants done; `efm-agent.ts` carries it to the host. */
export type AgentEmission =
  | { type: 'perform'; name: AgentCommandName; command: AgentCommand; target: string; skip: boolean }
  | { type: 'askVerify' }
  | { type: 'askFollow'; primary: string }
  | { type: 'askHook'; hook: ScriptHook; primary: string; skip: boolean }
  | { type: 'reply'; request: { from: string; id: number } | null; ok: boolean; detail: string | null }
  | { type: 'report'; what: 'failed.primary' | 'failed.standby' }
  | { type: 'watch'; expectRecovery: boolean | null }
  | { type: 'notify'; severity: 'INFO' | 'WARNING' | 'SEVERE'; subject: string };

/** Types, delays and guards that every part of the agent's statechart shares. */
export const base = setup({
  types: {
    context: {} as AgentContext,
    input: {} as { node: string; settings: EfmSettings },
    events: {} as AgentMachineEvent,
    emitted: {} as AgentEmission,
  },
  delays: {
    recoveryCheckPeriod: ({ context }) => context.settings.recoveryCheckPeriodMs,
    restartConnectionTimeout: ({ context }) => context.settings.restartConnectionTimeoutMs,
    standbyRestartDelay: ({ context }) => context.settings.standbyRestartDelayMs,
    connectionRetry: 1000,
  },
  guards: {
    /** As long without an answer as a monitored database would be given (docs/method.md E3). */
    silentTooLong: ({ context, event }) =>
      event.type === 'ended' &&
      !event.ok &&
      (context.unanswered + 1) * context.settings.recoveryCheckPeriodMs >= context.settings.localTimeoutMs,
    ok: ({ event }) => event.type === 'ended' && event.ok,
    inRecovery: ({ event }) => event.type === 'ended' && event.ok && event.inRecovery === true,
    outOfRecovery: ({ event }) => event.type === 'ended' && event.ok && event.inRecovery === false,
    onlyPrimary: ({ context, event }) =>
      event.type === 'ended' && event.ok && event.inRecovery === false && !context.primaryExists,
    anyReaches: ({ event }) => event.type === 'answered' && event.anyOk,
    isWitness: ({ context }) => context.settings.witness,
    isPrimary: ({ context }) => context.role === 'primary',
    reconfigures: ({ context }) => context.settings.autoReconfigure,
    hasRequest: ({ context }) => context.request !== null,
  },
});

type Given = { context: AgentContext };

/** Gives the host a command; without `when` always. A command that is not due ends at once, unrecorded. */
export function perform(
  name: AgentCommandName,
  command: (given: Given) => AgentCommand,
  when?: (given: Given) => boolean,
) {
  return base.emit(({ context }) => ({
    type: 'perform' as const,
    name,
    command: command({ context }),
    target: context.node,
    skip: when !== undefined && !when({ context }),
  }));
}

/** Runs a hook of efm.properties if it has a command line and, in a promotion, scripts are wanted. */
export function runHook(
  name: AgentCommandName,
  hook: ScriptHook,
  values: (context: AgentContext) => ScriptPlaceholders,
) {
  const loadBalancer = hook.startsWith('script.load.balancer');
  return perform(
    name,
    ({ context }) => ({ type: 'runScript', hook, placeholders: values(context) }),
    ({ context }) => context.settings.hooks[hook] !== undefined && (loadBalancer || context.runScripts),
  );
}

export const detachAs = (kind: 'p' | 's') =>
  runHook('loadBalancerDetach', 'script.load.balancer.detach', (context) => ({ h: context.node, t: kind }));
export const attachAs = (kind: 'p' | 's') =>
  runHook('loadBalancerAttach', 'script.load.balancer.attach', (context) => ({ h: context.node, t: kind }));

export const queryOwn = (name: AgentCommandName, limit: (settings: EfmSettings) => number) =>
  perform(name, ({ context }) => ({
    type: 'queryDatabase',
    node: context.node,
    timeoutMs: limit(context.settings),
  }));

export const promotionPlaceholders = (context: AgentContext): ScriptPlaceholders => ({
  p: context.node,
  f: context.failedPrimary ?? '',
});

export const notify = (
  severity: 'INFO' | 'WARNING' | 'SEVERE',
  subject: string | ((context: AgentContext) => string),
) =>
  base.emit(({ context }) => ({
    type: 'notify' as const,
    severity,
    subject: typeof subject === 'string' ? subject : subject(context),
  }));

/** Answers the request in hand: done, or why not. */
export const reply = (ok: boolean, detail: string | null = null) => [
  base.emit(({ context }) => ({ type: 'reply' as const, request: context.request, ok, detail })),
  base.assign({ request: null }),
];

export const take = base.assign(({ context, event }) => {
  if (!('from' in event)) return context;
  return {
    ...context,
    request: { from: event.from, id: event.id },
    newPrimary: 'primary' in event ? event.primary : context.newPrimary,
    failedPrimary: 'failedPrimary' in event ? event.failedPrimary : context.failedPrimary,
    runScripts: 'runScripts' in event ? event.runScripts : context.runScripts,
  };
});

export const noteResume = base.assign(({ context, event }) =>
  event.type === 'resume' ? { ...context, primaryExists: event.primaryExists } : context,
);

/** Counts a look without an answer; any answer starts the count again. */
export const countUnanswered = base.assign(({ context, event }) => ({
  unanswered: event.type === 'ended' && !event.ok ? context.unanswered + 1 : 0,
}));

export const stopWatch = base.emit({ type: 'watch', expectRecovery: null } as const);
