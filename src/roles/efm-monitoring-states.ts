import { hasSince } from './efm-abilities.ts';
import {
  base,
  detachAs,
  type FenceCause,
  goIdle,
  guardWritten,
  notify,
  perform,
  queryOwn,
  releaseVip,
  runHook,
  stopWatch,
  take,
  writeGuard,
} from './efm-agent-verbs.ts';
import { demoting, isolating, replacing } from './efm-stepping-down-states.ts';

/** A standby's agent tells of it itself since 4.1; before, only the others do. */
const standbyCannotPing = base.enqueueActions(({ context, enqueue }) => {
  if (hasSince(context.settings, '4.1')) enqueue(notify('standbyCannotPing'));
});

/** Monitoring, the last check, and the question to the cluster are alike for primary and standby. */
function doubt(role: 'primary' | 'standby') {
  const told =
    role === 'primary'
      ? [notify('primaryCannotPing'), goIdle(true)]
      : [standbyCannotPing, base.emit({ type: 'report', what: 'reached.standby' } as const), goIdle(true)];
  return {
    finalCheck: {
      entry: queryOwn('finalCheck', (settings) => settings.localTimeoutFinalMs),
      on: {
        ended: [
          { guard: 'ok', target: 'monitoring', actions: notify('agentTimingOut') },
          { target: 'askCluster' },
        ],
      },
    },
    askCluster: {
      entry: base.emit({ type: 'askVerify' } as const),
      on: {
        answered: [{ guard: 'anyReaches', target: '#agent.idle', actions: told }, { target: 'failing' }],
      },
    },
  } as const;
}

const wrongState = {
  target: '#agent.idle',
  actions: [notify('wrongState'), goIdle()],
} as const;

const runningFailureScript = {
  entry: runHook('databaseFailureScript', 'script.db.failure', () => ({})),
  on: { ended: 'detaching' },
} as const;

const fenceFor = (fenceCause: FenceCause) => ({
  target: 'isolating',
  actions: base.assign({ fenceCause }),
});

/** What makes a primary step down, whatever it does at the time; another's better right only from its monitoring on. */
const fencing = {
  'quorum.lost': fenceFor('quorum'),
  'fence.ordered': fenceFor('order'),
  rival: [{ guard: 'atStart', target: '#agent.leaving' }, fenceFor('rival')],
} as const;

const doubted = doubt('primary');

/** The agent of the primary: watches it, fails it over, steps down for a switchover, fences it off. */
export const primary = base.createStateConfig({
  initial: 'monitoring',
  entry: base.assign({ role: 'primary', request: null, runScripts: true, quiet: false, forced: false }),
  states: {
    monitoring: {
      entry: base.emit({ type: 'watch', expectRecovery: false } as const),
      exit: stopWatch,
      on: {
        ...fencing,
        'database.overdue': 'finalCheck',
        'database.wrongState': wrongState,
        'customMonitor.failed': { target: 'failing', actions: notify('primaryMonitorFailed') },
        demote: { target: 'demoting', actions: take },
        replace: { target: 'replacing', actions: take },
      },
    },
    finalCheck: { ...doubted.finalCheck, on: { ...doubted.finalCheck.on, ...fencing } },
    askCluster: { ...doubted.askCluster, on: { ...doubted.askCluster.on, ...fencing } },
    /** method.md EFM procedure X. */
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
        detaching: { entry: detachAs('p'), on: { ended: 'releasingVip' } },
        releasingVip: { entry: releaseVip, on: { ended: 'guarding' } },
        guarding: { entry: writeGuard, on: { ended: guardWritten('failed') } },
        failed: {
          always: {
            target: '#agent.idle',
            actions: [
              notify('primaryDatabaseFailure'),
              base.emit({ type: 'report', what: 'failed.primary' } as const),
              goIdle(),
            ],
          },
        },
      },
    },
    demoting,
    replacing,
    isolating,
  },
});

/** The agent of a standby: watches it and takes orders. */
export const standby = base.createStateConfig({
  initial: 'monitoring',
  entry: base.assign({ role: 'standby', request: null, runScripts: true, quiet: false, forced: false }),
  states: {
    monitoring: {
      entry: base.emit({ type: 'watch', expectRecovery: true } as const),
      exit: stopWatch,
      on: {
        'database.overdue': 'finalCheck',
        'database.wrongState': wrongState,
        'customMonitor.failed': { target: 'failing', actions: notify('standbyMonitorFailed') },
        promote: { target: '#agent.promoting', actions: take },
        follow: { target: '#agent.reconfiguring', actions: take },
      },
    },
    ...doubt('standby'),
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
                notify('standbyDatabaseFailure'),
                base.emit({ type: 'report', what: 'failed.standby' } as const),
                goIdle(),
              ],
            },
          },
        },
      },
    },
  },
});
