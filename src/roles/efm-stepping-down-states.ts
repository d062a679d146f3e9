import {
  base,
  detachAs,
  goIdle,
  guardWritten,
  notify,
  perform,
  releaseVip,
  reply,
  runHook,
  stopServer,
  writeGuard,
} from './efm-agent-verbs.ts';

/** The old primary of a switchover stops, and waits to come back (method.md EFM 2.9). */
export const demoting = base.createStateConfig({
  initial: 'detaching',
  states: {
    detaching: { entry: detachAs('p'), on: { ended: 'releasingVip' } },
    releasingVip: { entry: releaseVip, on: { ended: 'stopping' } },
    stopping: {
      entry: stopServer,
      on: {
        ended: [
          { guard: 'ok', target: '#agent.idle.demoted', actions: [...reply(true), goIdle()] },
          {
            target: '#agent.idle',
            actions: [...reply(false, 'the primary could not be stopped'), goIdle()],
          },
        ],
      },
    },
  },
});

/** The old primary of a promotion by hand stops for good (method.md EFM 2.10). */
export const replacing = base.createStateConfig({
  initial: 'releasingVip',
  states: {
    releasingVip: { entry: releaseVip, on: { ended: 'guarding' } },
    guarding: { entry: writeGuard, on: { ended: guardWritten('stopping') } },
    stopping: {
      entry: stopServer,
      on: {
        ended: [
          { guard: 'ok', target: '#agent.idle', actions: [...reply(true), goIdle()] },
          {
            target: '#agent.idle',
            actions: [...reply(false, 'the primary could not be stopped'), goIdle()],
          },
        ],
      },
    },
  },
});

/** EFM says that it has shut the database down; it has not where stop.isolated is off. */
const toldShutdown = base.enqueueActions(({ context, enqueue }) => {
  if (context.settings.stopIsolatedPrimary) enqueue(notify('isolatedShutdown'));
});

/**
 * A primary fences itself off (method.md EFM 2.7). EDB says only that the script runs after the stop and right
 * after the release of the VIP; the guard comes before both, for the script may last (docs/method.md E15).
 */
export const isolating = base.createStateConfig({
  initial: 'telling',
  states: {
    telling: {
      always: [
        { guard: 'fencedForQuorum', target: 'stopping', actions: notify('nodesIsolated') },
        { guard: 'fencedByOrder', target: 'stopping' },
        { target: 'stopping', actions: notify('primaryFenced') },
      ],
    },
    stopping: {
      entry: perform(
        'stopServer',
        () => ({ type: 'stopServer' }),
        ({ context }) => context.settings.stopIsolatedPrimary,
      ),
      on: { ended: 'guarding' },
    },
    guarding: { entry: writeGuard, on: { ended: guardWritten('releasingVip') } },
    releasingVip: { entry: releaseVip, on: { ended: 'runningScript' } },
    runningScript: {
      entry: runHook('isolationScript', 'script.primary.isolated', () => ({})),
      on: { ended: 'isolated' },
    },
    isolated: {
      always: [
        { guard: 'fencedForRival', target: '#agent.idle', actions: [toldShutdown, goIdle()] },
        { target: '#agent.idle.isolated', actions: [toldShutdown, goIdle()] },
      ],
    },
  },
});
