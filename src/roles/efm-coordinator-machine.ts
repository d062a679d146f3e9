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
  | { type: 'switchover'; primary: string; runScripts: boolean; quiet: boolean }
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

const base = setup({
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

const notify = (id: NoticeId) =>
  base.emit(({ context }) => ({ type: 'notify' as const, id, quiet: context.quiet }));

const order = (kind: 'demote' | 'replace' | 'checkVip' | 'promote' | 'rejoin') =>
  base.emit(({ context }) => ({ type: 'order' as const, kind, context }));

const takeFailure = base.assign(({ context, event }) => ({
  ...context,
  oldPrimary: event.type === 'primary.failed' ? event.node : null,
  lost: null,
  change: 'failover' as const,
  runScripts: true,
  quiet: false,
  winner: null,
}));

const takeLoss = base.assign(({ context, event }) => {
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

const takeCommand = base.assign(({ context, event }) => {
  if (event.type !== 'switchover' && event.type !== 'manual') return context;
  const { type: change, primary, runScripts, quiet } = event;
  return { ...context, oldPrimary: primary, lost: null, change, runScripts, quiet, winner: null };
});

/** What is taken up at rest, whatever was told last. */
const matters = {
  'primary.failed': { target: 'gate', actions: takeFailure },
  'member.lost': { target: 'verifying', actions: takeLoss },
  'primary.left': { target: 'noProtection', actions: notify('primaryLeft') },
  switchover: { target: 'demoting', actions: takeCommand },
  manual: [
    { guard: 'replaces', target: 'replacing', actions: takeCommand },
    { target: 'decidingOnVip', actions: takeCommand },
  ],
} as const;

const rest = [base.assign({ quiet: false }), base.emit({ type: 'rest' } as const)];
const resting = {
  tags: 'resting',
  entry: rest,
  on: { ...matters, 'primary.present': 'stable' },
} as const;

const notPromoted = { target: 'manualNeeded', actions: notify('promotionNotOccurred') } as const;

/**
 * The membership coordinator's duties: verification of a lost member, gate, VIP check, choice, promotion, and in a
 * switchover the demotion before and the return of the old primary after (method.md EFM 2.1, 2.2, 2.5, 2.9, 2.10).
 */
export const efmCoordinatorMachine = base.createMachine({
  id: 'coordinator',
  context: ({ input }) => ({
    settings: input.settings,
    oldPrimary: null,
    lost: null,
    change: 'failover',
    runScripts: true,
    quiet: false,
    winner: null,
  }),
  initial: 'stable',
  states: {
    stable: { tags: 'resting', entry: rest, on: matters },
    /** The primary's database runs without its agent: nothing is done until that is back. */
    noProtection: {
      ...resting,
      after: {
        missingRepeat: {
          guard: 'tellsOfMissing',
          target: 'noProtection',
          reenter: true,
          actions: notify('primaryMissing'),
        },
      },
    },
    /** This side has lost the primary and is no majority. */
    subset: resting,
    /** EFM has done what it may. */
    manualNeeded: resting,
    verifying: {
      entry: base.emit(({ context }) => ({ type: 'verify' as const, node: context.lost?.node ?? '' })),
      on: {
        verified: [
          { guard: 'isolatedSaysNothing', target: 'stable' },
          { guard: 'primaryReachable', target: 'leavingAlone', actions: notify('primaryStillRunning') },
          { guard: 'primaryGone', target: 'detaching' },
          { guard: 'primaryUnverified', target: 'unverified', actions: notify('couldNotVerify') },
          { guard: 'lostPrimary', target: 'subset', actions: notify('subsetDisconnected') },
          { guard: 'standbyReachable', target: 'detaching', actions: notify('standbyAgentFailed') },
          { target: 'detaching', actions: notify('standbyFailed') },
        ],
      },
    },
    /** Too few of the members have answered: asked again, until they do or are lost too. */
    unverified: {
      after: { askAgain: 'verifying' },
      on: { 'primary.present': 'stable' },
    },
    /** The lost primary's database can be reached: no failover, and the load balancer is told only when asked for. */
    leavingAlone: {
      always: [
        { guard: 'detachesOnAgentFailure', target: 'detachingRunning' },
        { guard: 'tellsOfMissing', target: 'noProtection', actions: notify('primaryMissing') },
        { target: 'noProtection' },
      ],
    },
    detachingRunning: {
      entry: base.emit(({ context }) => ({
        type: 'detach' as const,
        node: context.lost?.node ?? '',
        kind: 'p' as const,
      })),
      on: {
        detached: [
          { guard: 'tellsOfMissing', target: 'noProtection', actions: notify('primaryMissingDetached') },
          { target: 'noProtection' },
        ],
      },
    },
    detaching: {
      entry: base.emit(({ context }) => ({
        type: 'detach' as const,
        node: context.lost?.node ?? '',
        kind: context.lost?.role === 'primary' ? ('p' as const) : ('s' as const),
      })),
      on: { detached: [{ guard: 'lostPrimary', target: 'gate' }, { target: 'stable' }] },
    },
    gate: {
      entry: base.emit(({ context }) => ({ type: 'assess' as const, context })),
      on: {
        assessed: [
          { guard: 'noMajority', target: 'subset', actions: notify('subsetDisconnected') },
          { guard: 'manualOnly', target: 'manualNeeded', actions: notify('manualFailoverRequired') },
          { guard: 'noStandbys', target: 'manualNeeded', actions: notify('failoverWithoutStandbys') },
          { guard: 'tooFewStandbys', target: 'manualNeeded', actions: notify('failoverTooFewStandbys') },
          { guard: 'noCandidates', target: 'manualNeeded', actions: notify('noPromotableStandby') },
          { target: 'decidingOnVip' },
        ],
      },
    },
    demoting: {
      entry: order('demote'),
      on: {
        obeyed: [
          { guard: 'obeyed', target: 'decidingOnVip' },
          { target: 'stable', actions: notify('promotionNotOccurred') },
        ],
      },
    },
    replacing: {
      entry: order('replace'),
      on: { obeyed: [{ guard: 'obeyed', target: 'decidingOnVip' }, notPromoted] },
    },
    decidingOnVip: { always: [{ guard: 'checksVip', target: 'vipCheck' }, { target: 'choosing' }] },
    vipCheck: {
      entry: order('checkVip'),
      on: { obeyed: [{ guard: 'obeyed', target: 'choosing' }, notPromoted] },
    },
    choosing: {
      entry: base.emit(({ context }) => ({ type: 'choose' as const, context })),
      on: {
        chosen: [
          {
            guard: 'hasWinner',
            target: 'promoting',
            actions: base.assign(({ event }) => ({ winner: event.type === 'chosen' ? event.winner : null })),
          },
          { target: 'manualNeeded', actions: notify('failoverWithoutStandbys') },
        ],
      },
    },
    promoting: {
      entry: order('promote'),
      on: {
        obeyed: [
          { guard: 'switchedOver', target: 'rejoining' },
          { guard: 'obeyed', target: 'stable' },
          notPromoted,
        ],
      },
    },
    rejoining: { entry: order('rejoin'), on: { obeyed: 'stable' } },
  },
});
