import {
  attachAs,
  base,
  detachAs,
  goIdle,
  notify,
  perform,
  queryOwn,
  reply,
  stopServer,
} from './efm-agent-verbs.ts';

/** Steps that make a stopped own server stream from `newPrimary`; shared by a reconfigured standby and a switched-over primary. */
function followSteps(kind: 'follow' | 'rejoin') {
  const path = kind === 'follow' ? '#agent.reconfiguring' : '#agent.rejoining';
  const gaveUp = {
    target: '#agent.idle',
    actions: [
      notify('resumeTimedOut'),
      ...reply(false, 'the server did not answer after its restart'),
      goIdle(),
    ],
  };
  return {
    configuring: {
      entry: perform('followPrimary', ({ context }) => ({
        type: 'followPrimary',
        primary: context.newPrimary ?? '',
        ...(context.recoverySettings === null ? {} : { settings: context.recoverySettings }),
      })),
      on: { ended: [{ guard: 'ok', target: 'starting' }, gaveUp] },
    },
    starting: {
      entry: perform('startServer', () => ({ type: 'startServer' })),
      on: { ended: 'connecting' },
    },
    connecting: {
      initial: 'asking',
      entry: base.assign({ unanswered: 0 }),
      after: { restartConnectionTimeout: gaveUp },
      states: {
        asking: {
          entry: queryOwn('awaitConnection', (settings) => settings.restartConnectionTimeoutMs),
          on: {
            ended: [
              { guard: 'inRecovery', target: `${path}.attaching` },
              {
                guard: 'firstLook',
                target: 'waiting',
                actions: [notify('standbyCannotConnect'), base.assign({ unanswered: 1 })],
              },
              { target: 'waiting' },
            ],
          },
        },
        waiting: { after: { connectionRetry: 'asking' } },
      },
    },
    attaching: {
      entry: attachAs('s'),
      on: { ended: { target: '#agent.standby', actions: [notify('standbyRunning'), ...reply(true)] } },
    },
  } as const;
}

/** A remaining standby follows the new primary (method.md EFM procedure H). */
export const reconfiguring = base.createStateConfig({
  initial: 'deciding',
  states: {
    deciding: {
      always: [
        { guard: 'reconfigures', target: 'delaying' },
        {
          target: '#agent.standby',
          actions: [notify('standbyNotReconfigured'), ...reply(false, 'auto.reconfigure is false')],
        },
      ],
    },
    delaying: {
      entry: base.enqueueActions(({ context, enqueue }) => {
        if (context.settings.standbyRestartDelayMs > 0) enqueue(notify('standbyNotStopped'));
      }),
      after: { standbyRestartDelay: 'detaching' },
    },
    detaching: { entry: detachAs('s'), on: { ended: 'stopping' } },
    stopping: { entry: stopServer, on: { ended: 'configuring' } },
    ...followSteps('follow'),
  },
});

/** The old primary of a switchover comes back as a standby (method.md EFM 2.9). */
export const rejoining = base.createStateConfig({
  initial: 'configuring',
  states: { ...followSteps('rejoin') },
});
