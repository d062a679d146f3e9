import { setup } from 'xstate';
import type { AgentCommandName } from '../recording/events.ts';
import type { EfmSettings } from '../topology/efm-properties.ts';
import { hasHook, hasSince } from './efm-abilities.ts';
import type { NoticeId } from './efm-notices.ts';
import type { AgentCommand, ScriptHook, ScriptPlaceholders } from './host.ts';

/** Why a primary fences itself off: too few members in sight, the majority's order, or another primary seen. */
export type FenceCause = 'quorum' | 'order' | 'rival';

/** What the agent's statechart knows. `request` is the one it works on and will answer. */
export interface AgentContext {
  node: string;
  settings: EfmSettings;
  request: { from: string; id: number } | null;
  newPrimary: string | null;
  failedPrimary: string | null;
  /** A standby's recovery settings, for the old primary of a switchover. */
  recoverySettings: string | null;
  runScripts: boolean;
  /** What the request leads to is not told (`efm promote -quiet`). */
  quiet: boolean;
  /** An operator wants the promotion in hand, majority or not. */
  forced: boolean;
  role: 'primary' | 'standby';
  fenceCause: FenceCause;
  /** How often an idle agent looks for its database; 0 for never. */
  autoResumeMs: number;
  /** That it does was told since it is idle. */
  autoResumeTold: boolean;
  /** Others reach the database that this agent does not: idle, and nothing has been done to it. */
  localOnly: boolean;
  /** Looks at a server that got no answer, one after the other. */
  unanswered: number;
}

interface Request {
  from: string;
  id: number;
  quiet?: boolean;
}

export type AgentMachineEvent =
  /** The command in hand ended. */
  | { type: 'ended'; ok: boolean; detail: string | null; inRecovery?: boolean; primaryExists?: boolean }
  /** Every asked agent answered or its time ran out. */
  | { type: 'answered'; anyOk: boolean; allOk: boolean }
  | { type: 'database.overdue' }
  | { type: 'database.wrongState' }
  | { type: 'customMonitor.failed' }
  | ({ type: 'demote' } & Request)
  | ({ type: 'replace' } & Request)
  | ({ type: 'rejoin'; primary: string; settings: string | null } & Request)
  | ({ type: 'follow'; primary: string } & Request)
  | ({ type: 'promote'; failedPrimary: string | null; runScripts: boolean; forced: boolean } & Request)
  | { type: 'resume' }
  /** Fewer members are in sight than keep a primary. */
  | { type: 'quorum.lost' }
  | { type: 'fence.ordered' }
  /** Another primary with a better right is in sight; `atStart`: this agent has only just started. */
  | { type: 'rival'; atStart: boolean }
  /** Members are in sight again, enough to keep a primary, for long enough to know their state. */
  | { type: 'rejoined'; primaryExists: boolean }
  | { type: 'primary.heard' }
  | { type: 'refused' };

/** What the statechart wants done; `agent-orders.ts` carries it to the host. */
export type AgentEmission =
  | {
      type: 'perform';
      name: AgentCommandName;
      command: AgentCommand;
      target: string;
      skip: boolean;
      quiet: boolean;
    }
  | { type: 'askVerify' }
  | { type: 'askFollow'; primary: string; quiet: boolean }
  | { type: 'askHook'; hook: ScriptHook; primary: string; skip: boolean; quiet: boolean }
  | { type: 'reply'; request: { from: string; id: number } | null; ok: boolean; detail: string | null }
  | { type: 'report'; what: 'failed.primary' | 'failed.standby' | 'reached.standby' }
  | { type: 'watch'; expectRecovery: boolean | null }
  /** A promotion begins here: it gets its number, for all to know. */
  | { type: 'promotionBegun' }
  | { type: 'tookOver' }
  /** An idle agent monitors a standby again. */
  | { type: 'resumed' }
  | { type: 'notify'; id: NoticeId; quiet: boolean }
  | { type: 'exit'; exitCode: number };

/** Pause between two tries to connect to a server that was started. */
const connectionRetryMs = 1000;

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
    autoResumePeriod: ({ context }) => context.autoResumeMs,
    connectionRetry: connectionRetryMs,
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
    onlyPrimary: ({ event }) =>
      event.type === 'ended' && event.ok && event.inRecovery === false && event.primaryExists !== true,
    anyReaches: ({ event }) => event.type === 'answered' && event.anyOk,
    isWitness: ({ context }) => context.settings.witness,
    isPrimary: ({ context }) => context.role === 'primary',
    reconfigures: ({ context }) => context.settings.autoReconfigure,
    autoResumes: ({ context }) => context.autoResumeMs > 0,
    localOnly: ({ context }) => context.localOnly,
    primaryLocalOnly: ({ context }) => context.localOnly && context.role === 'primary',
    firstLook: ({ context }) => context.unanswered === 0,
    fencedForQuorum: ({ context }) => context.fenceCause === 'quorum',
    fencedByOrder: ({ context }) => context.fenceCause === 'order',
    atStart: ({ event }) => event.type === 'rival' && event.atStart,
    fencedForRival: ({ context }) => context.fenceCause === 'rival',
    needsMajority: ({ context }) => !context.forced,
    primaryExists: ({ event }) => event.type === 'rejoined' && event.primaryExists,
    /** An isolated primary comes back by itself when nobody was promoted (since 4.5). */
    restartsAfterIsolation: ({ context, event }) =>
      event.type === 'rejoined' && !event.primaryExists && hasSince(context.settings, '4.5'),
    /** An idle agent makes sure of the guard on what was a primary; 3.9 only looks for it (method.md EFM A). */
    createsGuard: ({ context }) => context.settings.generation === 'newest',
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
    quiet: context.quiet,
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
    ({ context }) => hasHook(context.settings, hook) && (loadBalancer || context.runScripts),
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

const hasVip = ({ context }: Given): boolean => context.settings.virtualIp !== null;

/** Takes the virtual IP, or gives it up; nothing without one. */
export const assignVip = perform('assignVip', () => ({ type: 'assignVip' }), hasVip);
export const releaseVip = perform('releaseVip', () => ({ type: 'releaseVip' }), hasVip);

/** The virtual IP is tried for; the work goes on with it or without. */
export const vipTaken = <Target extends string>(target: Target) =>
  [{ guard: 'ok', target } as const, { target, actions: notify('vipNotAssigned') }] as const;

export const stopServer = perform('stopServer', () => ({ type: 'stopServer' }));
export const writeGuard = perform('writeGuard', () => ({ type: 'writeGuard' }));

/** The guard is tried for; a failure is told, and the work goes on (method.md EFM X). */
export const guardWritten = <Target extends string>(target: Target) =>
  [{ guard: 'ok', target } as const, { target, actions: notify('guardError') }] as const;

export const promotionPlaceholders = (context: AgentContext): ScriptPlaceholders => ({
  p: context.node,
  f: context.failedPrimary ?? '',
});

export function notify(id: NoticeId) {
  return base.emit(({ context }) => ({ type: 'notify' as const, id, quiet: context.quiet }));
}

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
    recoverySettings: 'settings' in event ? event.settings : null,
    runScripts: 'runScripts' in event ? event.runScripts : context.runScripts,
    forced: 'forced' in event ? event.forced : context.forced,
    quiet: event.quiet ?? false,
  };
});

/** Becomes idle after a failure; `localOnly` when the others still reach the database. */
export const goIdle = (localOnly = false) =>
  base.assign(({ context }) => ({
    ...context,
    localOnly,
    autoResumeMs: context.settings.autoResumeFailureMs,
  }));

/** Counts a look without an answer; any answer starts the count again. */
export const countUnanswered = base.assign(({ context, event }) => ({
  unanswered: event.type === 'ended' && !event.ok ? context.unanswered + 1 : 0,
}));

export const stopWatch = base.emit({ type: 'watch', expectRecovery: null } as const);
