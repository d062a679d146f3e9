import { base, notify, order, takeCommand, takeFailure, takeLoss } from './efm-coordinator-verbs.ts';

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
    recoverySettings: null,
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
