import { hasSince } from './efm-abilities.ts';
import {
  assignVip,
  attachAs,
  base,
  notify,
  perform,
  queryOwn,
  runHook,
  take,
  vipTaken,
} from './efm-agent-verbs.ts';

/** What an idle agent does by itself or is told, in every kind of waiting. */
const resuming = {
  resume: { target: 'runningResumedScript' },
} as const;
const looking = { autoResumePeriod: { guard: 'autoResumes', target: 'checking' } } as const;

/** EFM tells of a resume that fails since 4.1; before, of none. */
const cannotResume = (id: 'primaryCannotResume' | 'standbyCannotResume') =>
  base.enqueueActions(({ context, enqueue }) => {
    if (hasSince(context.settings, '4.1')) enqueue(notify(id));
  });

/** Told once, when an agent has become idle that will look for its database by itself. */
const tellOfAutoResume = base.enqueueActions(({ context, enqueue }) => {
  if (context.autoResumeMs === 0 || context.autoResumeTold) return;
  enqueue(notify('autoResumeStarted'));
  enqueue.assign({ autoResumeTold: true });
});

const stillUnreachable = [
  {
    guard: 'primaryLocalOnly',
    target: 'waiting',
    actions: [cannotResume('primaryCannotResume'), base.assign({ localOnly: false })],
  },
  {
    guard: 'localOnly',
    target: 'waiting',
    actions: [cannotResume('standbyCannotResume'), base.assign({ localOnly: false })],
  },
] as const;

/** An isolated primary takes its place again, since nobody else has (method.md EFM 2.7, 4.5 and later). */
const reviving = base.createStateConfig({
  initial: 'removingGuard',
  states: {
    removingGuard: {
      entry: perform('removeGuard', () => ({ type: 'removeGuard' })),
      on: { ended: 'starting' },
    },
    starting: {
      entry: perform('startServer', () => ({ type: 'startServer' })),
      on: { ended: 'connecting' },
    },
    connecting: {
      entry: queryOwn('awaitConnection', (settings) => settings.restartConnectionTimeoutMs),
      on: {
        ended: [
          { guard: 'onlyPrimary', target: 'takingVip' },
          {
            guard: 'outOfRecovery',
            target: '#agent.primary.isolating',
            actions: base.assign({ fenceCause: 'rival' }),
          },
          { target: '#agent.idle.waiting', actions: notify('primaryCannotResume') },
        ],
      },
    },
    takingVip: { entry: assignVip, on: { ended: vipTaken('attaching') } },
    attaching: {
      entry: attachAs('p'),
      on: { ended: { target: '#agent.primary', actions: notify('primaryRunning') } },
    },
  },
});

/** Not monitoring: after a failure, or until the operator resumes (method.md EFM 2.8). */
export const idle = base.createStateConfig({
  initial: 'waiting',
  entry: base.assign({ runScripts: true, quiet: false, forced: false, autoResumeTold: false }),
  states: {
    waiting: { entry: tellOfAutoResume, on: resuming, after: looking },
    /** The database gave no answer when the agent started. */
    atStart: {
      entry: tellOfAutoResume,
      on: { ...resuming, 'primary.heard': { guard: 'createsGuard', target: 'guarding' } },
      after: looking,
    },
    /** A primary that is back after its host was lost must not start beside the new one (method.md EFM J). */
    guarding: {
      entry: perform('writeGuard', () => ({ type: 'writeGuard', unlessStandby: true })),
      on: { ended: 'waiting' },
    },
    /** Stopped for a switchover; waits for the new primary. */
    demoted: { on: { ...resuming, rejoin: { target: '#agent.rejoining', actions: take } } },
    /** Fenced off; waits for the others. */
    isolated: {
      on: {
        ...resuming,
        rejoined: [
          {
            guard: 'primaryExists',
            target: 'waiting',
            actions: [notify('noLongerIsolated'), notify('primaryFenced')],
          },
          { guard: 'restartsAfterIsolation', target: 'reviving', actions: notify('noLongerIsolated') },
          { target: 'waiting', actions: notify('noLongerIsolated') },
        ],
      },
    },
    reviving,
    /** By itself, every auto.resume period: is the database back? */
    checking: {
      entry: queryOwn('awaitConnection', (settings) => settings.remoteTimeoutMs),
      on: {
        ended: [{ guard: 'ok', target: 'runningResumedScript' }, ...stillUnreachable, { target: 'waiting' }],
        resume: { target: 'runningResumedScript' },
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
          { guard: 'onlyPrimary', target: 'takingVip' },
          { guard: 'outOfRecovery', target: 'waiting', actions: notify('wrongState') },
          { guard: 'isPrimary', target: 'waiting', actions: cannotResume('primaryCannotResume') },
          { target: 'waiting', actions: cannotResume('standbyCannotResume') },
        ],
      },
    },
    attaching: {
      entry: attachAs('s'),
      on: {
        ended: {
          target: '#agent.standby',
          actions: [base.emit({ type: 'resumed' } as const), notify('standbyRunning')],
        },
      },
    },
    takingVip: { entry: assignVip, on: { ended: vipTaken('attachingPrimary') } },
    attachingPrimary: {
      entry: attachAs('p'),
      on: { ended: { target: '#agent.primary', actions: notify('primaryRunning') } },
    },
  },
});
