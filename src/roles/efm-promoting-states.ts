import {
  assignVip,
  attachAs,
  base,
  countUnanswered,
  goIdle,
  notify,
  perform,
  promotionPlaceholders,
  queryOwn,
  reply,
  runHook,
  vipTaken,
} from './efm-agent-verbs.ts';

/** Before the server is touched, a promotion ends when the majority is gone. */
const quorumLost = {
  'quorum.lost': {
    guard: 'needsMajority',
    target: '#agent.standby',
    actions: [notify('promotionNotOccurred'), ...reply(false, 'the majority was lost')],
  },
} as const;

/** method.md EFM procedure G: the winner's steps, in EFM's order; the VIP was found free before (docs/method.md E12). */
export const promoting = base.createStateConfig({
  initial: 'preparingOthers',
  entry: notify('promotionStarted'),
  states: {
    preparingOthers: {
      entry: base.emit(({ context }) => ({
        type: 'askHook' as const,
        hook: 'script.remote.pre.promotion' as const,
        primary: context.node,
        skip: context.settings.hooks['script.remote.pre.promotion'] === undefined,
        quiet: context.quiet,
      })),
      on: { ...quorumLost, answered: 'fencing' },
    },
    fencing: {
      entry: runHook('fence', 'script.fence', promotionPlaceholders),
      on: {
        ...quorumLost,
        ended: [
          { guard: 'ok', target: 'promotingServer' },
          { target: '#agent.standby', actions: reply(false, 'the fencing script failed') },
        ],
      },
    },
    promotingServer: {
      entry: [
        base.emit({ type: 'promotionBegun' } as const),
        perform('promoteServer', () => ({ type: 'promoteServer' })),
      ],
      on: {
        ended: [
          { guard: 'ok', target: 'awaitingRecoveryEnd' },
          {
            target: '#agent.standby',
            actions: [notify('couldNotPromote'), ...reply(false, 'the standby could not be promoted')],
          },
        ],
      },
    },
    awaitingRecoveryEnd: {
      entry: base.assign({ unanswered: 0 }),
      initial: 'waiting',
      states: {
        waiting: { after: { recoveryCheckPeriod: 'asking' } },
        asking: {
          entry: queryOwn('awaitRecoveryEnd', (settings) => settings.remoteTimeoutMs),
          on: {
            ended: [
              { guard: 'outOfRecovery', target: '#agent.promoting.assigningVip' },
              {
                guard: 'silentTooLong',
                target: '#agent.idle',
                actions: [
                  notify('couldNotPromote'),
                  ...reply(false, 'the promoted server does not answer'),
                  goIdle(),
                ],
              },
              { target: 'waiting', actions: countUnanswered },
            ],
          },
        },
      },
    },
    assigningVip: { entry: assignVip, on: { ended: vipTaken('reconfiguringOthers') } },
    reconfiguringOthers: {
      entry: base.emit(({ context }) => ({
        type: 'askFollow' as const,
        primary: context.node,
        quiet: context.quiet,
      })),
      on: { answered: 'runningPostPromotion' },
    },
    runningPostPromotion: {
      entry: runHook('postPromotion', 'script.post.promotion', promotionPlaceholders),
      on: { ended: 'informingOthers' },
    },
    informingOthers: {
      entry: base.emit(({ context }) => ({
        type: 'askHook' as const,
        hook: 'script.remote.post.promotion' as const,
        primary: context.node,
        skip: context.settings.hooks['script.remote.post.promotion'] === undefined,
        quiet: context.quiet,
      })),
      on: { answered: 'attaching' },
    },
    attaching: {
      entry: attachAs('p'),
      on: {
        ended: {
          target: '#agent.primary',
          actions: [base.emit({ type: 'tookOver' } as const), notify('failoverCompleted'), ...reply(true)],
        },
      },
    },
  },
});
