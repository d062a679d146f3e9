import { validNodes } from './pgpool-failover.ts';
import {
  cutAfterFailback,
  decide,
  enqueueRequest,
  finish,
  mainBase,
  markConnected,
  nextDown,
  runCommand,
  skipMain,
  sync,
  take,
  takeFound,
} from './pgpool-main.ts';

const base = mainBase;

const lookAgain = [
  { guard: 'searchesLeft' as const, target: 'entering' },
  { target: '#pgpool.main.concluding' },
];

const searching = base.createStateConfig({
  initial: 'entering',
  states: {
    entering: { always: [{ guard: 'lockFree', target: 'asking' }, { target: 'locked' }] },
    locked: { after: { lockPause: 'entering' } },
    asking: {
      entry: [
        base.assign({ searches: ({ context }) => context.searches + 1 }),
        base.emit(({ context }) => ({
          type: 'askRoles' as const,
          nodes: validNodes(context.shared.status),
        })),
      ],
      on: {
        roles: [
          { guard: 'found', target: '#pgpool.main.concluding', actions: takeFound },
          { target: 'pausing' },
        ],
      },
    },
    pausing: { on: { 'pause.cutShort': lookAgain }, after: { searchPause: lookAgain } },
  },
});

const follow = base.createStateConfig({
  initial: 'none',
  states: {
    none: {
      entry: base.assign({ following: false }),
      always: { guard: 'followDue', target: 'entering' },
    },
    entering: {
      always: [
        {
          guard: 'lockFree',
          target: 'choosing',
          actions: [base.assign({ following: true }), base.emit({ type: 'following', on: true })],
        },
        { target: 'locked' },
      ],
    },
    locked: { after: { lockPause: 'entering' } },
    choosing: {
      always: [
        { guard: 'followNodeLeft', target: 'running' },
        {
          target: 'none',
          actions: [
            base.assign({ follows: ({ context }) => context.follows.slice(1), followNode: -1 }),
            base.emit({ type: 'following', on: false }),
          ],
        },
      ],
    },
    running: {
      entry: [
        base.assign({ followNode: ({ context }) => nextDown(context) ?? context.followNode }),
        base.emit(({ context }) => ({
          type: 'runFollow' as const,
          node: context.followNode,
          oldPrimary: context.follows[0] ?? -1,
        })),
      ],
      on: { 'follow.ended': 'choosing' },
    },
  },
});

/**
 * One Pgpool-II: the main process that carries out node requests one by one, and beside it the follow runs.
 *
 * `switching` in the source is every state of `main` but `starting`, `idle`, `resting`, `blocked` and `reaping`. Children that
 * have ended by themselves are forked again in `idle` and `reaping` only. The follow lock is held by a follow run from
 * `choosing` to its end, and by the replication check; a search and the next run wait for it.
 *
 * Source: Pgpool-II 4.3.5, src/main/pgpool_main.c; sequences of docs/pgpool-observed.md.
 */
export const pgpoolMachine = base.createMachine({
  id: 'pgpool',
  type: 'parallel',
  context: ({ input }) => ({
    ...input,
    queue: [],
    taken: null,
    starting: input.settings.searchAtStart,
    worked: false,
    searches: 0,
    searchFromSecond: 0,
    found: -1,
    follows: [],
    following: false,
    followNode: -1,
    pcpHeld: 0,
  }),
  on: {
    connected: { actions: markConnected },
    mainUnreachable: { actions: skipMain },
    synced: { actions: sync },
    'pcp.held': { actions: base.assign({ pcpHeld: ({ context }) => context.pcpHeld + 1 }) },
    'pcp.released': { actions: base.assign({ pcpHeld: ({ context }) => context.pcpHeld - 1 }) },
  },
  states: {
    main: {
      initial: 'starting',
      on: { request: { actions: enqueueRequest } },
      states: {
        starting: {
          always: [
            { guard: 'knowsPrimary', target: 'idle', actions: base.emit({ type: 'started' }) },
            { target: 'deciding' },
          ],
        },
        idle: {
          entry: [base.assign({ worked: false }), base.emit({ type: 'reaping' })],
          on: { request: { target: 'taking', actions: enqueueRequest } },
        },
        taking: {
          entry: take,
          always: [
            { guard: 'void', target: 'taking', reenter: true },
            { guard: 'done', target: 'resting' },
            { guard: 'nothingDone', target: 'idle' },
            { guard: 'commandDue', target: 'commanding' },
            { target: 'deciding' },
          ],
        },
        commanding: {
          entry: runCommand,
          on: { 'command.ended': { target: 'deciding', actions: cutAfterFailback } },
        },
        deciding: {
          entry: decide,
          always: [{ guard: 'mustSearch', target: 'searching' }, { target: 'concluding' }],
        },
        searching,
        concluding: { entry: finish, on: { 'children.forked': 'taking' } },
        resting: { entry: base.emit({ type: 'serving' }), after: { pcpRestart: 'rested' } },
        rested: {
          always: [
            { guard: 'pcpHeld', target: 'blocked' },
            { guard: 'heardOfEnds', target: 'reaping' },
            { guard: 'queued', target: 'taking' },
            { target: 'idle' },
          ],
        },
        blocked: { always: { guard: 'pcpFree', target: 'rested' } },
        reaping: { entry: base.emit({ type: 'reaping' }), after: { forkAll: 'taking' } },
      },
    },
    follow,
  },
});
