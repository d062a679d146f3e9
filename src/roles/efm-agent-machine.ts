import { hasSince } from './efm-abilities.ts';
import { assignVip, base, notify, perform, queryOwn, vipTaken } from './efm-agent-verbs.ts';
import { reconfiguring, rejoining } from './efm-following-states.ts';
import { idle } from './efm-idle-states.ts';
import { primary, standby } from './efm-monitoring-states.ts';
import { promoting } from './efm-promoting-states.ts';

/** The role at start (method.md EFM procedure A). */
const starting = base.createStateConfig({
  initial: 'deciding',
  states: {
    deciding: { always: [{ guard: 'isWitness', target: '#agent.witness' }, { target: 'asking' }] },
    asking: {
      entry: queryOwn('awaitConnection', (settings) => settings.localTimeoutFinalMs),
      on: {
        ended: [
          { guard: 'inRecovery', target: '#agent.standby', actions: notify('standbyRunning') },
          { guard: 'onlyPrimary', target: 'lookingForVip' },
          { guard: 'outOfRecovery', target: '#agent.leaving' },
          {
            target: '#agent.idle.atStart',
            actions: [
              notify('idleRunning'),
              base.assign(({ context }) => ({
                ...context,
                localOnly: false,
                autoResumeMs: context.settings.autoResumeStartupMs,
              })),
            ],
          },
        ],
      },
    },
    lookingForVip: {
      entry: perform(
        'lookForVip',
        () => ({ type: 'lookForVip' }),
        ({ context }) => context.settings.virtualIp !== null,
      ),
      on: {
        ended: [
          { guard: 'ok', target: '#agent.primary', actions: notify('primaryRunning') },
          { target: 'takingVip' },
        ],
      },
    },
    takingVip: { entry: assignVip, on: { ended: vipTaken('decided') } },
    decided: { always: { target: '#agent.primary', actions: notify('primaryRunning') } },
  },
});

/**
 * One EFM agent: what it does to its own server and in which order.
 *
 * Source: EDB's EFM 3.9 and 5 documentation, as numbered in docs/method.md; where the generations differ a guard asks
 * the settings. Heartbeats and passing checks are timers outside this statechart, which hears only of a check that is overdue.
 */
export const efmAgentMachine = base.createMachine({
  id: 'agent',
  context: ({ input }) => ({
    node: input.node,
    settings: input.settings,
    request: null,
    newPrimary: null,
    failedPrimary: null,
    recoverySettings: null,
    runScripts: true,
    quiet: false,
    forced: false,
    role: 'standby',
    fenceCause: 'quorum',
    autoResumeMs: 0,
    autoResumeTold: false,
    localOnly: false,
    unanswered: 0,
  }),
  initial: 'starting',
  on: { refused: '.stopped' },
  states: {
    starting,
    witness: { entry: notify('witnessRunning') },
    primary,
    standby,
    promoting,
    reconfiguring,
    rejoining,
    idle,
    /** Started beside another primary with a database that is no standby: the agent ends (method.md EFM A). */
    leaving: {
      entry: perform(
        'releaseVip',
        () => ({ type: 'releaseVip' }),
        ({ context }) => context.settings.virtualIp !== null && hasSince(context.settings, '4.10'),
      ),
      on: { ended: 'stopped' },
    },
    stopped: {
      type: 'final',
      entry: [notify('startupExited'), base.emit({ type: 'exit', exitCode: 1 } as const)],
    },
  },
});
