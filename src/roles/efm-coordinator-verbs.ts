import { setup } from 'xstate';
import type { EfmSettings } from '../topology/efm-properties.ts';
import { hasSince } from './efm-abilities.ts';
import type { NoticeId } from './efm-notices.ts';

/** What the coordinator knows while it works on one change of membership or of primary. */
export interface CoordinatorContext {
  settings: EfmSettings;
  oldPrimary: string | null;
  /** The member that is lost; its database is being verified. */
  lost: { node: string; role: 'primary' | 'standby' } | null;
  change: 'failover' | 'switchover' | 'manual';
  runScripts: boolean;
  /** The operator wants no notifications of this change. */
  quiet: boolean;
  /** A standby's recovery settings, for the old primary of a switchover. */
  recoverySettings: string | null;
  winner: string | null;
}

export type CoordinatorEvent =
  /** A primary's own agent reports its database failed, confirmed by the cluster. */
  | { type: 'primary.failed'; node: string }
  /** No heartbeat of a member, or a clean end that counts as a failure. */
  | { type: 'member.lost'; node: string; role: 'primary' | 'standby' }
  /** The primary's agent has ended in good order. */
  | { type: 'primary.left' }
  /** There is a primary with an agent. */
  | { type: 'primary.present' }
  | { type: 'switchover'; primary: string; runScripts: boolean; quiet: boolean; settings: string | null }
  | { type: 'manual'; primary: string | null; runScripts: boolean; quiet: boolean }
  /**
   * The lost member's database was looked for. `confirmed`: a majority has answered and not only counts as there. `isolated`: this side is a minority now (known from 5.2 on).
   */
  | { type: 'verified'; anyReaches: boolean; majority: boolean; confirmed: boolean; isolated: boolean }
  | { type: 'assessed'; majority: boolean; candidates: number; standbys: number }
  /** Positions were read; nobody can be promoted when `winner` is null. */
  | { type: 'chosen'; winner: string | null }
  /** The load balancer was told of a lost node. */
  | { type: 'detached' }
  /** The agent that got the order has done it, or not. */
  | { type: 'obeyed'; ok: boolean; detail: string | null };

export type CoordinatorEmission =
  /** At rest: the next matter can be taken up. */
  | { type: 'rest' }
  | { type: 'verify'; node: string }
  | { type: 'detach'; node: string; kind: 'p' | 's' }
  | { type: 'assess'; context: CoordinatorContext }
  | { type: 'choose'; context: CoordinatorContext }
  | {
      type: 'order';
      kind: 'demote' | 'replace' | 'checkVip' | 'promote' | 'rejoin';
      context: CoordinatorContext;
    }
  | { type: 'notify'; id: NoticeId; quiet: boolean };

/** EFM repeats "Primary agent missing" (4.2 and later) at an interval it does not document (docs/method.md E16). */
const missingRepeatMs = 300_000;

/** Types, delays and guards of the coordinator's statechart. */
export const base = setup({
  types: {
    context: {} as CoordinatorContext,
    input: {} as { settings: EfmSettings },
    events: {} as CoordinatorEvent,
    emitted: {} as CoordinatorEmission,
  },
  delays: {
    missingRepeat: missingRepeatMs,
    askAgain: ({ context }) => context.settings.remoteTimeoutMs,
  },
  guards: {
    lostPrimary: ({ context }) => context.lost?.role === 'primary',
    primaryReachable: ({ context, event }) =>
      event.type === 'verified' && event.anyReaches && context.lost?.role === 'primary',
    primaryGone: ({ context, event }) =>
      event.type === 'verified' && event.confirmed && context.lost?.role === 'primary',
    primaryUnverified: ({ context, event }) =>
      event.type === 'verified' && event.majority && context.lost?.role === 'primary',
    /** An isolated node says nothing of standbys that it does not see. */
    isolatedSaysNothing: ({ context, event }) =>
      event.type === 'verified' && event.isolated && context.lost?.role === 'standby',
    standbyReachable: ({ event }) => event.type === 'verified' && event.anyReaches,
    /** Before 4.2, which brought the property, it was always done. */
    detachesOnAgentFailure: ({ context: { settings } }) =>
      settings.detachOnAgentFailure || !hasSince(settings, '4.2'),
    tellsOfMissing: ({ context }) => hasSince(context.settings, '4.2'),
    manualOnly: ({ context }) => !context.settings.autoFailover,
    noMajority: ({ event }) => event.type === 'assessed' && !event.majority,
    noStandbys: ({ event }) => event.type === 'assessed' && event.standbys === 0,
    noCandidates: ({ event }) => event.type === 'assessed' && event.candidates === 0,
    tooFewStandbys: ({ context, event }) =>
      event.type === 'assessed' && event.standbys - 1 < context.settings.minimumStandbys,
    checksVip: ({ context }) =>
      context.settings.virtualIp !== null && context.settings.checkVipBeforePromotion,
    hasWinner: ({ event }) => event.type === 'chosen' && event.winner !== null,
    obeyed: ({ event }) => event.type === 'obeyed' && event.ok,
    switchedOver: ({ context, event }) =>
      event.type === 'obeyed' && event.ok && context.change === 'switchover',
    replaces: ({ event }) => event.type === 'manual' && event.primary !== null,
  },
});

export const notify = (id: NoticeId) =>
  base.emit(({ context }) => ({ type: 'notify' as const, id, quiet: context.quiet }));

export const order = (kind: 'demote' | 'replace' | 'checkVip' | 'promote' | 'rejoin') =>
  base.emit(({ context }) => ({ type: 'order' as const, kind, context }));

export const takeFailure = base.assign(({ context, event }) => ({
  ...context,
  oldPrimary: event.type === 'primary.failed' ? event.node : null,
  lost: null,
  change: 'failover' as const,
  runScripts: true,
  quiet: false,
  winner: null,
}));

export const takeLoss = base.assign(({ context, event }) => {
  if (event.type !== 'member.lost') return context;
  const { node, role } = event;
  const oldPrimary = role === 'primary' ? node : null;
  return {
    ...context,
    oldPrimary,
    lost: { node, role },
    change: 'failover' as const,
    runScripts: true,
    quiet: false,
    winner: null,
  };
});

export const takeCommand = base.assign(({ context, event }) => {
  if (event.type !== 'switchover' && event.type !== 'manual') return context;
  const { type: change, primary, runScripts, quiet } = event;
  const recoverySettings = event.type === 'switchover' ? event.settings : null;
  return {
    ...context,
    oldPrimary: primary,
    lost: null,
    change,
    runScripts,
    quiet,
    recoverySettings,
    winner: null,
  };
});
