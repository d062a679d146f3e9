import { base, notify, queryOwn } from './efm-agent-verbs.ts';
import { idle, promoting, reconfiguring, rejoining } from './efm-change-states.ts';
import { primary, standby } from './efm-monitoring-states.ts';

/**
 * One EFM agent, 4.x generation without virtual IP: what it does to its own server and in which order.
 *
 * Source: EDB's EFM 4 documentation, as numbered in docs/method.md; heartbeats and passing checks are timers outside
 * this statechart, which hears only of a check that is overdue.
 */
export const efmAgentMachine = base.createMachine({
  id: 'agent',
  context: ({ input }) => ({
    node: input.node,
    settings: input.settings,
    request: null,
    newPrimary: null,
    failedPrimary: null,
    runScripts: true,
    role: 'standby',
    primaryExists: false,
    unanswered: 0,
  }),
  initial: 'starting',
  states: {
    starting: {
      initial: 'deciding',
      states: {
        deciding: { always: [{ guard: 'isWitness', target: '#agent.witness' }, { target: 'asking' }] },
        asking: {
          entry: queryOwn('awaitConnection', (settings) => settings.localTimeoutFinalMs),
          on: {
            ended: [
              {
                guard: 'inRecovery',
                target: '#agent.standby',
                actions: notify('INFO', 'Standby agent running'),
              },
              {
                guard: 'outOfRecovery',
                target: '#agent.primary',
                actions: notify('INFO', 'Primary agent running'),
              },
              { target: '#agent.idle', actions: notify('INFO', 'Idle agent running') },
            ],
          },
        },
      },
    },
    witness: { entry: notify('INFO', 'Witness agent running') },
    primary,
    standby,
    promoting,
    reconfiguring,
    rejoining,
    idle,
  },
});
