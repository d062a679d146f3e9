import { setup } from 'xstate';
import type { EfmSettings } from '../topology/efm-properties.ts';

/** What the coordinator knows while it works on one change of primary. */
export interface CoordinatorContext {
  settings: EfmSettings;
  oldPrimary: string | null;
  switchover: boolean;
  runScripts: boolean;
  winner: string | null;
  /** The primary whose failure was reported while the coordinator was at work. */
  waitingFailure: string | null;
}

export type CoordinatorEvent =
  | { type: 'primary.failed'; node: string; candidates: number }
  | { type: 'switchover'; primary: string; runScripts: boolean }
  /** Positions were read; nobody can be promoted when `winner` is null. */
  | { type: 'chosen'; winner: string | null }
  /** The agent that got the order has done it, or not. */
  | { type: 'obeyed'; ok: boolean; detail: string | null };

export type CoordinatorEmission =
  | { type: 'choose' }
  /** At rest again, with a failure that came in meanwhile or without: it is to be reported anew. */
  | { type: 'rest'; waitingFailure: string | null }
  | { type: 'order'; kind: 'demote' | 'promote' | 'rejoin'; to: string; context: CoordinatorContext }
  | { type: 'notify'; severity: 'INFO' | 'WARNING' | 'SEVERE'; subject: string };

const base = setup({
  types: {
    context: {} as CoordinatorContext,
    input: {} as { settings: EfmSettings },
    events: {} as CoordinatorEvent,
    emitted: {} as CoordinatorEmission,
  },
  guards: {
    manualOnly: ({ context }) => !context.settings.autoFailover,
    tooFewStandbys: ({ context, event }) =>
      event.type === 'primary.failed' && event.candidates - 1 < context.settings.minimumStandbys,
    hasWinner: ({ event }) => event.type === 'chosen' && event.winner !== null,
    obeyed: ({ event }) => event.type === 'obeyed' && event.ok,
    switchesOver: ({ context }) => context.switchover,
    switchedOver: ({ context, event }) => event.type === 'obeyed' && event.ok && context.switchover,
  },
});

const notify = (severity: 'INFO' | 'WARNING' | 'SEVERE', subject: string) =>
  base.emit({ type: 'notify', severity, subject } as const);

const order = (kind: 'demote' | 'promote' | 'rejoin') =>
  base.emit(({ context }) => ({
    type: 'order' as const,
    kind,
    to: (kind === 'promote' ? context.winner : context.oldPrimary) ?? '',
    context,
  }));

/** A failure heard while at work, for when it is done: a switchover's new primary may die while the old one comes back. */
const remember = {
  'primary.failed': {
    actions: base.assign(({ event }) => ({
      waitingFailure: event.type === 'primary.failed' ? event.node : null,
    })),
  },
} as const;

/**
 * The membership coordinator's duties in a change of primary, EFM 4.x: gate, choice, promotion, and in a switchover
 * the demotion before and the return of the old primary after (efm.md 2.1 rows 10-13, 2.9; docs/method.md).
 */
export const efmCoordinatorMachine = base.createMachine({
  id: 'coordinator',
  context: ({ input }) => ({
    settings: input.settings,
    oldPrimary: null,
    switchover: false,
    runScripts: true,
    winner: null,
    waitingFailure: null,
  }),
  initial: 'stable',
  states: {
    stable: {
      entry: [
        base.emit(({ context }) => ({ type: 'rest' as const, waitingFailure: context.waitingFailure })),
        base.assign({ waitingFailure: null }),
      ],
      on: {
        'primary.failed': [
          {
            guard: 'manualOnly',
            actions: notify('WARNING', 'Potential manual failover required on cluster'),
          },
          { guard: 'tooFewStandbys', actions: notify('SEVERE', 'Failover has not occurred') },
          {
            target: 'choosing',
            actions: base.assign(({ event }) => ({
              oldPrimary: event.type === 'primary.failed' ? event.node : null,
              switchover: false,
              runScripts: true,
              winner: null,
            })),
          },
        ],
        switchover: {
          target: 'demoting',
          actions: base.assign(({ event }) => ({
            oldPrimary: event.type === 'switchover' ? event.primary : null,
            switchover: true,
            runScripts: event.type === 'switchover' && event.runScripts,
            winner: null,
          })),
        },
      },
    },
    demoting: {
      entry: order('demote'),
      on: {
        ...remember,
        obeyed: [
          { guard: 'obeyed', target: 'choosing' },
          { target: 'stable', actions: notify('WARNING', 'Promotion has not occurred for cluster') },
        ],
      },
    },
    choosing: {
      entry: base.emit({ type: 'choose' } as const),
      on: {
        ...remember,
        chosen: [
          {
            guard: 'hasWinner',
            target: 'promoting',
            actions: base.assign(({ event }) => ({ winner: event.type === 'chosen' ? event.winner : null })),
          },
          { target: 'stable', actions: notify('SEVERE', 'Failover has not occurred') },
        ],
      },
    },
    promoting: {
      entry: order('promote'),
      on: {
        ...remember,
        obeyed: [
          { guard: 'switchedOver', target: 'rejoining' },
          { guard: 'obeyed', target: 'stable' },
          { target: 'stable', actions: notify('WARNING', 'Promotion has not occurred for cluster') },
        ],
      },
    },
    rejoining: { entry: order('rejoin'), on: { ...remember, obeyed: 'stable' } },
  },
});
