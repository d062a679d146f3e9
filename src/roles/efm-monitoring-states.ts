import {
  base,
  detachAs,
  notify,
  perform,
  queryOwn,
  reply,
  runHook,
  stopWatch,
  take,
} from './efm-agent-verbs.ts';

/** Monitoring, the last check, and the question to the cluster are alike for primary and standby. */
const doubt = {
  finalCheck: {
    entry: queryOwn('finalCheck', (settings) => settings.localTimeoutFinalMs),
    on: {
      ended: [
        { guard: 'ok', target: 'monitoring', actions: notify('SEVERE', 'Agent is timing out') },
        { target: 'askCluster' },
      ],
    },
  },
  askCluster: {
    entry: base.emit({ type: 'askVerify' } as const),
    on: {
      answered: [
        {
          guard: 'anyReaches',
          target: '#agent.idle',
          actions: notify('WARNING', 'Agent cannot ping its local database'),
        },
        { target: 'failing' },
      ],
    },
  },
} as const;

const wrongState = {
  target: '#agent.idle',
  actions: notify('SEVERE', 'Database in wrong state'),
} as const;

const runningFailureScript = {
  entry: runHook('databaseFailureScript', 'script.db.failure', () => ({})),
  on: { ended: 'detaching' },
} as const;

/** The agent of the primary: watches it, fails it over, steps down for a switchover. */
export const primary = base.createStateConfig({
  initial: 'monitoring',
  entry: base.assign({ role: 'primary', request: null, runScripts: true }),
  states: {
    monitoring: {
      entry: base.emit({ type: 'watch', expectRecovery: false } as const),
      exit: stopWatch,
      on: {
        'database.overdue': 'finalCheck',
        'database.wrongState': wrongState,
        demote: { target: 'demoting', actions: take },
      },
    },
    ...doubt,
    failing: {
      initial: 'stopping',
      states: {
        stopping: {
          entry: perform(
            'stopServer',
            () => ({ type: 'stopServer' }),
            ({ context }) => context.settings.stopFailedPrimary,
          ),
          on: { ended: 'runningFailureScript' },
        },
        runningFailureScript,
        detaching: { entry: detachAs('p'), on: { ended: 'guarding' } },
        guarding: {
          entry: perform('writeGuard', () => ({ type: 'writeGuard' })),
          on: {
            ended: {
              target: '#agent.idle',
              actions: [
                notify('SEVERE', 'Primary database failure'),
                base.emit({ type: 'report', what: 'failed.primary' } as const),
              ],
            },
          },
        },
      },
    },
    demoting: {
      initial: 'detaching',
      states: {
        detaching: { entry: detachAs('p'), on: { ended: 'stopping' } },
        stopping: {
          entry: perform('stopServer', () => ({ type: 'stopServer' })),
          on: {
            ended: [
              { guard: 'ok', target: '#agent.idle.demoted', actions: reply(true) },
              { target: '#agent.idle', actions: reply(false, 'the primary could not be stopped') },
            ],
          },
        },
      },
    },
  },
});

/** The agent of a standby: watches it and takes orders. */
export const standby = base.createStateConfig({
  initial: 'monitoring',
  entry: base.assign({ role: 'standby', request: null, runScripts: true }),
  states: {
    monitoring: {
      entry: base.emit({ type: 'watch', expectRecovery: true } as const),
      exit: stopWatch,
      on: {
        'database.overdue': 'finalCheck',
        'database.wrongState': wrongState,
        promote: { target: '#agent.promoting', actions: take },
        follow: { target: '#agent.reconfiguring', actions: take },
      },
    },
    ...doubt,
    failing: {
      initial: 'runningFailureScript',
      states: {
        runningFailureScript,
        detaching: {
          entry: detachAs('s'),
          on: {
            ended: {
              target: '#agent.idle',
              actions: [
                notify('SEVERE', 'Standby database failure'),
                base.emit({ type: 'report', what: 'failed.standby' } as const),
              ],
            },
          },
        },
      },
    },
  },
});
