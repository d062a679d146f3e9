import type { TimerId } from '../kernel/clock.ts';
import { invariant } from '../kernel/errors.ts';
import type { DrillEvent } from '../recording/events.ts';
import type { Recorder } from '../recording/recording.ts';
import { drills, type Injection, type PlannedDrill } from './catalogue.ts';
import type { ActionResult, DrillAction, World } from './world.ts';

/** An operator asks again when a switchover is refused because a standby is a moment behind. */
const refusedRetryMs = 500;
const refusedTries = 10;

/**
 * Carries the drills of a scenario out on a world's clock, one after the other: a drill starts at its time, or as soon
 * as the action of the one before it has ended.
 *
 * @param onDone called once for every drill with how its action ended
 */
export class DrillSchedule {
  readonly #world: World;
  readonly #recorder: Recorder;
  readonly #plan: readonly PlannedDrill[];
  readonly #onDone: (drill: PlannedDrill, result: ActionResult) => void;
  #next = 0;
  #stopped = false;
  #timer: TimerId = null;
  #current: PlannedDrill | null = null;
  readonly #heals = new Set<TimerId>();

  constructor(options: {
    world: World;
    recorder: Recorder;
    plan: readonly PlannedDrill[];
    onDone: (drill: PlannedDrill, result: ActionResult) => void;
  }) {
    this.#world = options.world;
    this.#recorder = options.recorder;
    this.#plan = options.plan;
    this.#onDone = options.onDone;
  }

  /** Call at load start: the plan's times count from the world's instant 0. */
  start(): void {
    this.#setNext();
  }

  /** No further drill is begun, no attempt repeated, none ended early; the action in hand ends by itself. */
  stop(): void {
    this.#stopped = true;
    this.#world.clock.clearTimeout(this.#timer);
    for (const timer of this.#heals) this.#world.clock.clearTimeout(timer);
    this.#heals.clear();
  }

  /** The drill whose action is under way, or the last one begun. */
  get current(): PlannedDrill | null {
    return this.#current;
  }

  #setNext(): void {
    const drill = this.#plan[this.#next++];
    if (!drill || this.#stopped) return;
    this.#timer = this.#world.clock.setTimeout(
      () => this.#begin(drill),
      drill.atMs - this.#world.clock.nowMs(),
    );
  }

  #begin(drill: PlannedDrill): void {
    if (this.#stopped) return;
    this.#current = drill;
    this.#note(drill, { target: drill.target, moment: 'begun' }, { ok: true, detail: null });
    const found = drills[drill.kind].inject(this.#world.view(), drill.target);
    if (typeof found === 'string') {
      this.#end(drill, drill.target, { ok: false, detail: found });
      return;
    }
    this.#prepare(drill, found, 0);
  }

  /** Carries out what stands before the drill's own action; a failure there is the drill's. */
  #prepare(drill: PlannedDrill, found: Injection, next: number): void {
    const action = found.actions[next];
    invariant(action, `a drill of kind ${drill.kind} acts`);
    if (next === found.actions.length - 1) {
      this.#act(drill, { action, target: found.target }, 1);
      return;
    }
    this.#world.perform(action, (result) => {
      if (result.ok) this.#prepare(drill, found, next + 1);
      else this.#end(drill, found.target, result);
    });
  }

  /**
   * `injected` is the instant that outages count from: of the attempt that was accepted, which for an `efm` command is
   * known only when it has answered.
   */
  #act(drill: PlannedDrill, found: { action: DrillAction; target: string }, attempt: number): void {
    const startMs = this.#world.clock.nowMs();
    const asksEfm = found.action.type === 'efm';
    const injected = (detail: string | null): void =>
      this.#note(drill, { target: found.target, moment: 'injected', atMs: startMs }, { ok: true, detail });
    if (!asksEfm) injected(null);
    this.#healLater(drill, found.target);
    this.#world.perform(found.action, (result) => {
      const refused = asksEfm && !result.ok && (result.detail ?? '').includes('Switchover refused');
      if (refused && attempt < refusedTries && !this.#stopped) {
        this.#timer = this.#world.clock.setTimeout(
          () => this.#act(drill, found, attempt + 1),
          refusedRetryMs,
        );
        return;
      }
      if (asksEfm && result.ok) injected(attempt > 1 ? `attempt ${attempt}` : null);
      this.#end(drill, found.target, result);
    });
  }

  /** Drills may begin while one that lasts goes on. */
  #healLater(drill: PlannedDrill, target: string): void {
    const action = drills[drill.kind].heal?.(target);
    if (!action || drill.lastsMs === null) return;
    const timer = this.#world.clock.setTimeout(() => {
      this.#heals.delete(timer);
      this.#world.perform(action, (result) => this.#note(drill, { target, moment: 'healed' }, result));
    }, drill.lastsMs);
    this.#heals.add(timer);
  }

  #end(drill: PlannedDrill, target: string | null, result: ActionResult): void {
    this.#note(drill, { target, moment: 'ended' }, result);
    this.#onDone(drill, result);
    this.#setNext();
  }

  #note(
    drill: PlannedDrill,
    what: { target: string | null; moment: DrillEvent['moment']; atMs?: number },
    result: ActionResult,
  ): void {
    const { id, kind } = drill;
    const atMs = what.atMs ?? this.#world.clock.nowMs();
    const { ok, detail } = result;
    this.#recorder.event({
      type: 'drill',
      atMs,
      id,
      kind,
      target: what.target,
      moment: what.moment,
      ok,
      detail,
    });
  }
}
