import { DrillSchedule } from '../drills/schedule.ts';
import type { Settlement, World, WorldSnapshot } from '../drills/world.ts';
import { RealClock, type TimerId } from '../kernel/clock.ts';
import type { RecordedEvent } from '../recording/events.ts';
import type { Histogram } from '../recording/histogram.ts';
import type { Interval } from '../recording/intervals.ts';
import type { LatencySlice } from '../recording/latency.ts';
import type { Recorder } from '../recording/recording.ts';
import type { RunPlan } from './plan.ts';

/** The state of a live run, several times a second. */
export interface RunTick {
  elapsedMs: number;
  totalMs: number;
  /** What is going on, in a few words. */
  stage: string;
  primary: string | null;
  snapshot: WorldSnapshot | null;
}

export interface Driven {
  settled: Settlement;
  /** Drills that could not be carried out, and why. */
  failures: string[];
}

const tickMs = 500;

/** Carries load and drills of a plan out in a prepared world, from start to settlement. */
export async function driveLoad(
  world: World,
  plan: RunPlan,
  { recorder, onTick }: { recorder: Recorder; onTick?: (state: RunTick) => void },
): Promise<Driven> {
  const { warmup } = plan.scenario.value.phases;
  const failures: string[] = [];
  const schedule = new DrillSchedule({
    world,
    recorder,
    plan: plan.drills,
    onDone: ({ id }, { ok, detail }) => {
      if (!ok) failures.push(`drill ${id} could not be carried out: ${detail ?? 'no reason given'}`);
    },
  });
  const phase = (name: 'start' | 'warmedUp' | 'stop', atMs: number): void =>
    recorder.event({ type: 'phase', name, atMs });
  let warmedUp: TimerId = null;
  const stopTicking = onTick ? tick(world, plan, { schedule, onTick }) : () => undefined;
  try {
    await world.drive(plan.durationMs, () => {
      phase('start', 0);
      warmedUp = world.clock.setTimeout(() => phase('warmedUp', warmup), warmup - world.clock.nowMs());
      schedule.start();
    });
  } finally {
    stopTicking();
    schedule.stop();
    world.clock.clearTimeout(warmedUp);
  }
  phase('stop', Math.min(plan.durationMs, world.clock.nowMs()));
  const settled = await world.settle();
  const atMs = world.clock.nowMs();
  for (const detail of settled.invalid ?? []) {
    recorder.event({ type: 'probe', observer: 'run', target: 'load', ok: false, detail, atMs });
  }
  return { settled, failures };
}

function tick(
  world: World,
  plan: RunPlan,
  { schedule, onTick }: { schedule: DrillSchedule; onTick: (state: RunTick) => void },
): () => void {
  const clock = new RealClock();
  const { warmup } = plan.scenario.value.phases;
  let timer: TimerId = null;
  const beat = (): void => {
    timer = clock.setTimeout(beat, tickMs);
    const elapsedMs = world.clock.nowMs();
    if (elapsedMs < 0) return;
    const stage = schedule.current?.id ?? (elapsedMs < warmup ? 'warm-up' : 'steady');
    const { primary } = world.view();
    onTick({ elapsedMs, totalMs: plan.durationMs, stage, primary, snapshot: world.snapshot() });
  };
  beat();
  return () => clock.clearTimeout(timer);
}

/**
 * A recorder that never throws: the first failure to write (a full disk) is kept and told once, what comes after it is
 * dropped. Observers and worker messages write from callbacks in which nobody could catch.
 */
export class GuardedRecorder implements Recorder {
  readonly #recorder: Recorder;
  readonly #onFailure: () => void;
  failure: Error | null = null;

  constructor(recorder: Recorder, onFailure: () => void) {
    this.#recorder = recorder;
    this.#onFailure = onFailure;
  }

  event(event: RecordedEvent): void {
    this.#guard(() => this.#recorder.event(event));
  }

  interval(interval: Interval): void {
    this.#guard(() => this.#recorder.interval(interval));
  }

  latency(slice: LatencySlice<Histogram>): void {
    this.#guard(() => this.#recorder.latency(slice));
  }

  #guard(write: () => void): void {
    if (this.failure) return;
    try {
      write();
    } catch (error) {
      this.failure = error as Error;
      this.#onFailure();
    }
  }
}
