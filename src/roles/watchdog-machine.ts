import { setup } from 'xstate';
import type { WatchdogInfo, WatchdogQuestion } from './watchdog-host.ts';

/** What a watchdog node needs to know of its cluster at each step. */
interface WatchdogFacts {
  /** Peers that are there as far as this node knows. */
  alive(): readonly number[];
  /** Peers that a connection can be made to, silent ones too. */
  connectable(): readonly number[];
  /** The leader that this node has accepted or is. */
  leader(): number | null;
  someoneStands(): boolean;
  hasQuorum(): boolean;
  /** wd_priority, or less for a moment after it has given the lead up. */
  priority(): number;
  startedAtMs: number;
}

interface WatchdogContext extends WatchdogFacts {
  /** Peers whose answer to the question under way is due. */
  due: readonly number[];
  asked: number;
}

type WatchdogEvent =
  | { type: 'start' }
  | { type: 'stop' }
  | { type: 'answered'; from: number; answer: 'accept' | 'reject' | 'error' }
  | { type: 'stand'; from: number; id: number; info: WatchdogInfo }
  | { type: 'declared'; from: number; id: number; info: WatchdogInfo }
  /** A peer is gone, or the leader is; the guards look at the facts. */
  | { type: 'changed' }
  /** Another leader has more right to be it. */
  | { type: 'outranked' }
  | { type: 'rejoin' }
  | { type: 'network.lost' }
  /** The own life check has found its own Pgpool dead. */
  | { type: 'self.lost' }
  | { type: 'network.found' };

type WatchdogEmission =
  | { type: 'ask'; question: WatchdogQuestion; to: readonly number[] }
  | { type: 'reply'; to: number; id: number; answer: 'accept' | 'reject' | 'error' }
  | { type: 'forgetLeader' }
  | { type: 'lead' }
  | { type: 'follow'; leader: number }
  | { type: 'resign' }
  | { type: 'escalate' }
  | { type: 'deEscalate' }
  | { type: 'leave' };

/** Times of watchdog.c: MAX_SECS_WAIT_FOR_REPLY_FROM_NODE, the timeouts of its cluster commands, BEACON_MESSAGE_INTERVAL_SECONDS. */
const patienceMs = 5000;
const commandMs = 4000;
const initializingMs = 1000;
const isolationMs = 10_000;

const outranks = (own: WatchdogContext, other: WatchdogInfo): boolean =>
  own.priority() > other.priority ||
  (own.priority() === other.priority && own.startedAtMs <= other.startedAtMs);

const base = setup({
  types: {
    input: {} as WatchdogFacts,
    context: {} as WatchdogContext,
    events: {} as WatchdogEvent,
    emitted: {} as WatchdogEmission,
  },
  delays: { patience: patienceMs, command: commandMs, initializing: initializingMs, isolation: isolationMs },
  guards: {
    leaderKnown: ({ context }) => context.leader() !== null,
    leaderLost: ({ context }) => context.leader() === null,
    alone: ({ context }) => context.alive().length === 0,
    someoneStands: ({ context }) => context.someoneStands(),
    allAnswered: ({ context }) => context.asked > 0 && context.due.length === 0,
    rejected: ({ event }) => event.type === 'answered' && event.answer === 'reject',
    refused: ({ event }) => event.type === 'answered' && event.answer === 'error',
    lessPriority: ({ context, event }) =>
      (event.type === 'stand' || event.type === 'declared') && event.info.priority < context.priority(),
    isBetter: ({ context, event }) => event.type === 'stand' && outranks(context, event.info),
    quorum: ({ context }) => context.hasQuorum(),
    noQuorum: ({ context }) => !context.hasQuorum(),
  },
});

const ask = (question: WatchdogQuestion, whom: 'alive' | 'connectable') =>
  base.enqueueActions(({ context, enqueue }) => {
    const to = context[whom]();
    enqueue.assign({ due: to, asked: to.length });
    enqueue.emit({ type: 'ask', question, to });
  });

const noteAnswer = base.assign({
  due: ({ context, event }) =>
    event.type === 'answered' ? context.due.filter((node) => node !== event.from) : context.due,
});

const reply = (answer: 'accept' | 'reject' | 'error') =>
  base.enqueueActions(({ event, enqueue }) => {
    if (event.type !== 'stand' && event.type !== 'declared') return;
    enqueue.emit({ type: 'reply', to: event.from, id: event.id, answer });
  });

const acceptLeader = base.enqueueActions(({ event, enqueue }) => {
  if (event.type !== 'declared') return;
  enqueue.emit({ type: 'reply', to: event.from, id: event.id, answer: 'accept' });
  enqueue.emit({ type: 'follow', leader: event.from });
});

const contest = [
  { guard: 'lessPriority' as const, target: '#watchdog.standing', actions: reply('reject') },
  { target: '#watchdog.participating', actions: reply('accept') },
];

const acceptOrStand = [
  { guard: 'lessPriority' as const, target: '#watchdog.standing', actions: reply('reject') },
  { target: '#watchdog.initializing', actions: acceptLeader },
];

const leader = base.createStateConfig({
  initial: 'announcing',
  exit: base.emit({ type: 'resign' }),
  on: {
    stand: { actions: reply('reject') },
    declared: { actions: reply('error') },
    outranked: 'joining',
    rejoin: 'joining',
  },
  states: {
    announcing: {
      entry: ask('declare', 'alive'),
      always: { guard: 'allAnswered', target: 'settled' },
      on: {
        answered: [
          { guard: 'rejected', target: '#watchdog.joining' },
          { guard: 'refused', target: '#watchdog.joining' },
          { actions: noteAnswer },
        ],
      },
      after: { command: 'settled' },
    },
    settled: {
      entry: base.emit({ type: 'lead' }),
      initial: 'waiting',
      states: {
        waiting: { always: { guard: 'quorum', target: 'escalated' } },
        escalated: {
          entry: base.emit({ type: 'escalate' }),
          always: { guard: 'noQuorum', target: 'waiting' },
          exit: base.emit({ type: 'deEscalate' }),
        },
      },
    },
  },
});

/**
 * One node of Pgpool's watchdog: joining, election, leading with and without quorum, following.
 *
 * A node that the leader's loss leaves behind initialises for a second, stands for leader if nobody else does, and leads
 * when all have accepted, or after 4 s when one is silent. A leader without quorum stays leader and gives the virtual IP up.
 *
 * Source: Pgpool-II 4.3.5, src/watchdog/watchdog.c (watchdog_state_machine_*). Beacons and the life check are timers beside it.
 */
export const watchdogMachine = base.createMachine({
  id: 'watchdog',
  context: ({ input }) => ({ ...input, due: [], asked: 0 }),
  initial: 'dead',
  on: { stop: '.shutdown', 'network.lost': '.networkTrouble', 'self.lost': '.lost' },
  states: {
    dead: { on: { start: 'loading', 'network.lost': {}, 'self.lost': {} } },
    loading: {
      entry: ask('info', 'connectable'),
      always: { guard: 'leaderKnown', target: 'initializing' },
      on: { stand: contest },
      after: { patience: 'joining' },
    },
    joining: {
      entry: [base.emit({ type: 'forgetLeader' }), ask('info', 'alive')],
      always: { guard: 'allAnswered', target: 'initializing' },
      on: { answered: { actions: noteAnswer }, stand: contest, declared: acceptOrStand },
      after: { command: 'initializing' },
    },
    initializing: {
      on: { stand: contest, declared: { actions: acceptLeader } },
      after: {
        initializing: [
          { guard: 'leaderKnown', target: 'standby' },
          { guard: 'alone', target: 'leader' },
          { guard: 'someoneStands', target: 'participating' },
          { target: 'standing' },
        ],
      },
    },
    standing: {
      entry: ask('stand', 'connectable'),
      always: { guard: 'allAnswered', target: 'leader' },
      on: {
        answered: [
          { guard: 'rejected', target: 'participating' },
          { guard: 'refused', target: 'isolated' },
          { actions: noteAnswer },
        ],
        stand: [
          { guard: 'isBetter', actions: reply('reject') },
          { target: 'participating', actions: reply('accept') },
        ],
        declared: [
          { guard: 'lessPriority', actions: reply('reject') },
          { target: 'initializing', actions: acceptLeader },
        ],
      },
      after: { command: 'leader' },
    },
    participating: {
      on: { stand: contest, declared: acceptOrStand, rejoin: 'joining' },
      after: { patience: 'joining' },
    },
    leader,
    standby: {
      entry: base.emit(({ context }) => {
        const to = context.leader();
        return { type: 'ask' as const, question: 'join' as const, to: to === null ? [] : [to] };
      }),
      always: { guard: 'leaderLost', target: 'joining' },
      on: {
        answered: [
          { guard: 'rejected', target: 'joining' },
          { guard: 'refused', target: 'joining' },
        ],
        stand: { actions: reply('error') },
        declared: { actions: reply('error') },
        rejoin: { target: 'standby', reenter: true },
      },
    },
    /** Cut off from the leader that the others have. */
    isolated: { on: { rejoin: 'joining' }, after: { isolation: 'joining' } },
    /**
     * Without any monitored link or address: 4.3.5 goes no further than here. Its watchdog process ends with an error that takes the
     * whole Pgpool down (watchdog_state_machine_nw_error: "commit suicide"); the way back that the source describes is never reached.
     */
    networkTrouble: {
      entry: base.emit({ type: 'leave' }),
      on: { stop: {}, 'network.lost': {}, 'self.lost': {}, start: 'loading' },
    },
    /** By the word of its own life check the node is dead: the whole Pgpool ends in the same way. */
    lost: {
      entry: base.emit({ type: 'leave' }),
      on: { stop: {}, 'network.lost': {}, 'self.lost': {}, start: 'loading' },
    },
    shutdown: {
      entry: base.emit({ type: 'leave' }),
      on: { start: 'loading', 'network.lost': {}, 'self.lost': {} },
    },
  },
});
