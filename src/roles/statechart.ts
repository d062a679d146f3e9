import type {
  AnyEventObject,
  AnyStateMachine,
  ContextFrom,
  EmittedFrom,
  EventFromLogic,
  InputFrom,
  SnapshotFrom,
  StateValue,
} from 'xstate';
import type { Clock, TimerId } from '../kernel/clock.ts';
import { invariant } from '../kernel/errors.ts';
import {
  type ChartAction,
  type ChartPlan,
  type Configuration,
  eventlessTaken,
  type Given,
  planOf,
  type Step,
} from './statechart-plan.ts';

/** What a statechart is at one moment. A new one is made when anything of it changes. */
export interface StatechartSnapshot<Machine extends AnyStateMachine> {
  readonly status: 'active' | 'done';
  readonly context: ContextFrom<Machine>;
  readonly value: SnapshotFrom<Machine>['value'];
  /** The event would be taken: some transition has it, and its guard holds. */
  can(event: EventFromLogic<Machine>): boolean;
  hasTag(tag: string): boolean;
  matches(value: Parameters<SnapshotFrom<Machine>['matches']>[0]): boolean;
}

type Emitted<Machine extends AnyStateMachine, Type> = Type extends '*'
  ? EmittedFrom<Machine>
  : Extract<EmittedFrom<Machine>, { type: Type }>;

const initialEvent: AnyEventObject = { type: 'xstate.init' };

/**
 * Runs a statechart made with xstate: its states, guards, actions and delays, one event after the other.
 *
 * It does what xstate's own `createActor` does, and a test holds the two together event by event; but it finds the structure of
 * a step once (statechart-plan.ts) and not at every step, for simulations run statecharts by the ten thousand. An error that a guard, an
 * action or a listener throws goes to who sent the event.
 */
export class Statechart<Machine extends AnyStateMachine> {
  readonly #plan: ChartPlan;
  readonly #clock: Clock;
  readonly #delays: Readonly<Record<string, unknown>>;
  readonly #listeners = new Map<string, ((emitted: never) => void)[]>();
  readonly #observers: ((snapshot: StatechartSnapshot<Machine>) => void)[] = [];
  readonly #timers = new Map<string, TimerId>();
  /** Events that wait; what has been told while one is worked on. */
  #queue: AnyEventObject[] = [];
  /** What a step wants done when the new snapshot stands. */
  #effects: (() => void)[] = [];
  #configuration: Configuration;
  #context: object = {};
  #snapshot: StatechartSnapshot<Machine>;
  #life: 'created' | 'running' | 'stopping' | 'stopped' = 'created';
  #working = false;

  constructor(machine: Machine, { clock, input }: { clock: Clock; input: InputFrom<Machine> }) {
    this.#plan = planOf(machine);
    this.#clock = clock;
    this.#delays = machine.implementations.delays ?? {};
    this.#configuration = this.#plan.begin.next;
    const { context } = machine.config;
    const given =
      typeof context === 'function' ? (context as (given: { input: unknown }) => object)({ input }) : context;
    this.#context = { ...given };
    this.#take(this.#plan.begin, initialEvent);
    this.#settle(initialEvent);
    this.#snapshot = new Snapshot<Machine>(this.#plan, this.#configuration, this.#context);
  }

  /** Hears of emissions of one type, or (`*`) of all. */
  on<Type extends EmittedFrom<Machine>['type'] | '*'>(
    type: Type,
    hear: (emitted: Emitted<Machine, Type>) => void,
  ): void {
    const known = this.#listeners.get(type) ?? [];
    this.#listeners.set(type, [...known, hear]);
  }

  /** Hears the snapshot after the start and after every event, changed or not. */
  subscribe(observe: (snapshot: StatechartSnapshot<Machine>) => void): void {
    this.#observers.push(observe);
  }

  getSnapshot(): StatechartSnapshot<Machine> {
    return this.#snapshot;
  }

  /** Carries out what the first states want done; before, nothing leaves the statechart. */
  start(): this {
    if (this.#life !== 'created') return this;
    this.#life = 'running';
    this.#whileWorking(() => this.#tell());
    return this;
  }

  /** Nothing happens any more; what the present event wants done still is. */
  stop(): void {
    if (this.#life === 'stopped') return;
    this.#queue.length = 0;
    if (this.#working) this.#life = 'stopping';
    else this.#end();
  }

  /** Works on an event, after those that came before it; one to a statechart that was stopped is dropped. */
  send(event: EventFromLogic<Machine>): void {
    this.#receive(event);
  }

  #receive(event: AnyEventObject): void {
    if (this.#life === 'stopping' || this.#life === 'stopped') return;
    this.#queue.push(event);
    if (this.#life === 'running' && !this.#working) this.#whileWorking(() => {});
  }

  /** Does something, then works on the events that wait. */
  #whileWorking(act: () => void): void {
    this.#working = true;
    try {
      act();
      for (let event = this.#queue.shift(); event; event = this.#queue.shift()) this.#process(event);
    } finally {
      this.#working = false;
    }
    if (this.#life === 'stopping') this.#end();
  }

  #process(event: AnyEventObject): void {
    const before = { configuration: this.#configuration, context: this.#context };
    const taken = this.#plan.taken(this.#configuration, { context: this.#context, event });
    if (taken.length > 0) this.#take(this.#plan.step(this.#configuration, taken), event);
    this.#settle(event);
    if (before.configuration !== this.#configuration || before.context !== this.#context)
      this.#snapshot = new Snapshot<Machine>(this.#plan, this.#configuration, this.#context);
    this.#tell();
  }

  /** Takes eventless transitions as long as they change something. */
  #settle(event: AnyEventObject): void {
    for (;;) {
      const { isFinal } = this.#configuration;
      const taken = isFinal ? [] : eventlessTaken(this.#configuration, { context: this.#context, event });
      if (taken.length === 0) return;
      const [configuration, context] = [this.#configuration, this.#context];
      this.#take(this.#plan.step(configuration, taken), event);
      if (configuration === this.#configuration && context === this.#context) return;
    }
  }

  #take({ actions, next }: Step, event: AnyEventObject): void {
    for (const action of actions) this.#resolve(action, event);
    this.#configuration = next;
  }

  #resolve(action: ChartAction, event: AnyEventObject): void {
    const given: Given = { context: this.#context, event };
    switch (action.type) {
      case 'xstate.assign':
        this.#context = { ...this.#context, ...assigned(action.assignment, given) };
        return;
      case 'xstate.emit': {
        const emitted = resolved(action.event, given) as AnyEventObject;
        this.#effects.push(() => this.#emit(emitted));
        return;
      }
      case 'xstate.raise': {
        const { id = '', event: due, delay } = action;
        const delayMs = resolved(typeof delay === 'string' ? this.#delays[delay] : delay, given) as number;
        this.#effects.push(() => this.#schedule(id, due as AnyEventObject, delayMs));
        return;
      }
      case 'xstate.cancel': {
        const { sendId = '' } = action;
        this.#effects.push(() => this.#cancel(sendId));
        return;
      }
      case 'xstate.enqueueActions':
        for (const enqueued of collected(action, given)) this.#resolve(enqueued, event);
        return;
      default:
        invariant(false, `no action ${action.type} is known here`);
    }
  }

  /** Does what the step wants done, then shows the new snapshot. */
  #tell(): void {
    const effects = this.#effects;
    this.#effects = [];
    for (const effect of effects) effect();
    for (const observe of this.#observers) observe(this.#snapshot);
    if (this.#configuration.isFinal) this.#end();
  }

  #emit(emitted: AnyEventObject): void {
    for (const type of [emitted.type, '*'])
      for (const hear of this.#listeners.get(type) ?? [])
        (hear as (emitted: AnyEventObject) => void)(emitted);
  }

  #schedule(id: string, event: AnyEventObject, delayMs: number): void {
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(id);
      this.#receive(event);
    }, delayMs);
    this.#timers.set(id, timer);
  }

  #cancel(id: string): void {
    const timer = this.#timers.get(id);
    if (timer === undefined) return;
    this.#clock.clearTimeout(timer);
    this.#timers.delete(id);
  }

  #end(): void {
    this.#life = 'stopped';
    this.#queue.length = 0;
    for (const timer of this.#timers.values()) this.#clock.clearTimeout(timer);
    this.#timers.clear();
    this.#observers.length = 0;
    this.#listeners.clear();
  }
}

class Snapshot<Machine extends AnyStateMachine> implements StatechartSnapshot<Machine> {
  readonly context: ContextFrom<Machine>;
  readonly #plan: ChartPlan;
  readonly #configuration: Configuration;

  constructor(plan: ChartPlan, configuration: Configuration, context: object) {
    this.#plan = plan;
    this.#configuration = configuration;
    this.context = context as ContextFrom<Machine>;
  }

  get status(): 'active' | 'done' {
    return this.#configuration.isFinal ? 'done' : 'active';
  }

  get value(): SnapshotFrom<Machine>['value'] {
    return this.#configuration.value as SnapshotFrom<Machine>['value'];
  }

  can(event: EventFromLogic<Machine>): boolean {
    return this.#plan
      .taken(this.#configuration, { context: this.context, event })
      .some(({ target, actions }) => target !== null || actions.length > 0);
  }

  hasTag(tag: string): boolean {
    return this.#configuration.tags.has(tag);
  }

  matches(value: Parameters<SnapshotFrom<Machine>['matches']>[0]): boolean {
    return includes(this.#configuration.value as StateValue, value as StateValue);
  }
}

/** The value, a name or a name within others, is part of the actual one. */
function includes(actual: StateValue, wanted: StateValue): boolean {
  if (typeof wanted === 'string') return typeof actual === 'string' ? actual === wanted : wanted in actual;
  if (typeof actual === 'string') return false;
  return Object.entries(wanted).every(([name, inner]) => {
    const found = actual[name];
    return found !== undefined && inner !== undefined && includes(found, inner);
  });
}

/** A value, or what a function makes of what is given. */
function resolved(value: unknown, given: Given): unknown {
  return typeof value === 'function' ? value(given) : value;
}

/** What `assign` changes: a function tells all of it, or each property has a value or a function of its own. */
function assigned(assignment: unknown, given: Given): object {
  if (typeof assignment === 'function') return assignment(given);
  return Object.fromEntries(
    Object.entries(assignment as object).map(([name, value]) => [name, resolved(value, given)]),
  );
}

function collected({ collect }: ChartAction, given: Given): ChartAction[] {
  const actions: ChartAction[] = [];
  const enqueue = Object.assign((action: ChartAction) => actions.push(action), {
    assign: (assignment: unknown) => actions.push({ type: 'xstate.assign', assignment }),
    emit: (event: unknown) => actions.push({ type: 'xstate.emit', event }),
  });
  collect?.({ ...given, enqueue });
  return actions;
}
