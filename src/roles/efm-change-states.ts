import {
  attachAs,
  base,
  countUnanswered,
  detachAs,
  noteResume,
  notify,
  perform,
  promotionPlaceholders,
  queryOwn,
  reply,
  runHook,
  take,
} from './efm-agent-verbs.ts';

/** efm.md procedure G without a virtual IP: the winner's steps, in EFM's order. */
export const promoting = base.createStateConfig({
  initial: 'preparingOthers',
  entry: notify('WARNING', 'Promotion has started on cluster'),
  states: {
    preparingOthers: {
      entry: base.emit(({ context }) => ({
        type: 'askHook' as const,
        hook: 'script.remote.pre.promotion' as const,
        primary: context.node,
        skip: context.settings.hooks['script.remote.pre.promotion'] === undefined,
      })),
      on: { answered: 'fencing' },
    },
    fencing: {
      entry: runHook('fence', 'script.fence', promotionPlaceholders),
      on: {
        ended: [
          { guard: 'ok', target: 'promotingServer' },
          {
            target: '#agent.standby',
            actions: [notify('SEVERE', 'Fencing script error'), ...reply(false, 'the fencing script failed')],
          },
        ],
      },
    },
    promotingServer: {
      entry: perform('promoteServer', () => ({ type: 'promoteServer' })),
      on: {
        ended: [
          { guard: 'ok', target: 'awaitingRecoveryEnd' },
          {
            target: '#agent.standby',
            actions: [
              notify('SEVERE', 'Could not promote standby'),
              ...reply(false, 'the standby could not be promoted'),
            ],
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
              { guard: 'outOfRecovery', target: '#agent.promoting.reconfiguringOthers' },
              {
                guard: 'silentTooLong',
                target: '#agent.idle',
                actions: [
                  notify('SEVERE', 'Could not promote standby'),
                  ...reply(false, 'the promoted server does not answer'),
                ],
              },
              { target: 'waiting', actions: countUnanswered },
            ],
          },
        },
      },
    },
    reconfiguringOthers: {
      entry: base.emit(({ context }) => ({ type: 'askFollow' as const, primary: context.node })),
      on: { answered: 'runningPostPromotion' },
    },
    runningPostPromotion: {
      entry: runHook('postPromotion', 'script.post.promotion', promotionPlaceholders),
      on: {
        ended: [
          { guard: 'ok', target: 'informingOthers' },
          { target: 'informingOthers', actions: notify('SEVERE', 'Post-promotion script failed') },
        ],
      },
    },
    informingOthers: {
      entry: base.emit(({ context }) => ({
        type: 'askHook' as const,
        hook: 'script.remote.post.promotion' as const,
        primary: context.node,
        skip: context.settings.hooks['script.remote.post.promotion'] === undefined,
      })),
      on: { answered: 'attaching' },
    },
    attaching: {
      entry: attachAs('p'),
      on: {
        ended: {
          target: '#agent.primary',
          actions: [notify('WARNING', 'Failover has completed on cluster'), ...reply(true)],
        },
      },
    },
  },
});

/** Steps that make a stopped own server stream from `newPrimary`; shared by a reconfigured standby and a switched-over primary. */
function followSteps(kind: 'follow' | 'rejoin') {
  const path = kind === 'follow' ? '#agent.reconfiguring' : '#agent.rejoining';
  const gaveUp = {
    target: '#agent.idle',
    actions: [
      notify('SEVERE', 'Resume timed out'),
      ...reply(false, 'the server did not answer after its restart'),
    ],
  };
  return {
    configuring: {
      entry: perform('followPrimary', ({ context }) => ({
        type: 'followPrimary',
        primary: context.newPrimary ?? '',
      })),
      on: { ended: [{ guard: 'ok', target: 'starting' }, gaveUp] },
    },
    starting: {
      entry: perform('startServer', () => ({ type: 'startServer' })),
      on: { ended: 'connecting' },
    },
    connecting: {
      initial: 'asking',
      after: { restartConnectionTimeout: gaveUp },
      states: {
        asking: {
          entry: queryOwn('awaitConnection', (settings) => settings.restartConnectionTimeoutMs),
          on: { ended: [{ guard: 'inRecovery', target: `${path}.attaching` }, { target: 'waiting' }] },
        },
        waiting: { after: { connectionRetry: 'asking' } },
      },
    },
    attaching: {
      entry: attachAs('s'),
      on: { ended: { target: '#agent.standby', actions: reply(true) } },
    },
  } as const;
}

/** A remaining standby follows the new primary (efm.md procedure H). */
export const reconfiguring = base.createStateConfig({
  initial: 'deciding',
  states: {
    deciding: {
      always: [
        { guard: 'reconfigures', target: 'delaying' },
        {
          target: '#agent.standby',
          actions: [
            notify('WARNING', 'Standby will not be reconfigured after failover'),
            ...reply(false, 'auto.reconfigure is false'),
          ],
        },
      ],
    },
    delaying: { after: { standbyRestartDelay: 'detaching' } },
    detaching: { entry: detachAs('s'), on: { ended: 'stopping' } },
    stopping: { entry: perform('stopServer', () => ({ type: 'stopServer' })), on: { ended: 'configuring' } },
    ...followSteps('follow'),
  },
});

/** The old primary of a switchover comes back as a standby (efm.md 2.9 row 9). */
export const rejoining = base.createStateConfig({
  initial: 'configuring',
  states: { ...followSteps('rejoin') },
});

/** Not monitoring: after a failure, or until the operator resumes (efm.md 2.8). */
export const idle = base.createStateConfig({
  initial: 'waiting',
  entry: base.assign({ runScripts: true }),
  states: {
    waiting: { on: { resume: { target: 'runningResumedScript', actions: noteResume } } },
    /** Stopped for a switchover; waits for the new primary. */
    demoted: {
      on: {
        rejoin: { target: '#agent.rejoining', actions: take },
        resume: { target: 'runningResumedScript', actions: noteResume },
      },
    },
    runningResumedScript: {
      entry: runHook('resumedScript', 'script.resumed', () => ({})),
      on: { ended: 'asking' },
    },
    asking: {
      entry: queryOwn('awaitConnection', (settings) => settings.remoteTimeoutMs),
      on: {
        ended: [
          { guard: 'inRecovery', target: 'attaching' },
          { guard: 'onlyPrimary', target: 'attachingPrimary' },
          { guard: 'outOfRecovery', target: 'waiting', actions: notify('SEVERE', 'Database in wrong state') },
          {
            target: 'waiting',
            actions: notify('WARNING', 'Standby cannot resume monitoring local database'),
          },
        ],
      },
    },
    attaching: { entry: attachAs('s'), on: { ended: '#agent.standby' } },
    attachingPrimary: { entry: attachAs('p'), on: { ended: '#agent.primary' } },
  },
});
