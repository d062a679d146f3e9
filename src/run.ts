import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { summarise } from './analysis/summary.ts';
import { DrillSchedule } from './drills/schedule.ts';
import type { Settlement, World, WorldSnapshot } from './drills/world.ts';
import { isoNow, RealClock } from './kernel/clock.ts';
import { DrillError, ExitCode, InputError } from './kernel/errors.ts';
import { LiveWorld } from './live/world.ts';
import { MemoryRecorder } from './recording/memory.ts';
import type { Recorder, Recording } from './recording/recording.ts';
import { ResultWriter, readRecording, resultFiles } from './recording/store.ts';
import type { Summary } from './recording/summary.ts';
import { renderHtml } from './report/html.ts';
import { renderJson } from './report/json.ts';
import { manifestOf } from './run/manifest.ts';
import { planRun, type RunPlan } from './run/plan.ts';
import { SimWorld } from './sim/world.ts';

/** What is asked for on the command line. */
export interface RunRequest {
  scenario: string;
  world: 'live' | 'simulated';
  /** Cluster model that replaces the scenario's. */
  model?: string;
  seed?: number;
  /** Folder for the results of this run. */
  folder: string;
}

/** Where a run tells of its progress, and how it is called off. */
export interface RunHooks {
  progress: (line: string) => void;
  tick: (state: RunTick) => void;
  signal: AbortSignal;
}

/** The state of a live run, several times a second. */
export interface RunTick {
  elapsedMs: number;
  totalMs: number;
  /** What is going on, in a few words. */
  stage: string;
  primary: string | null;
  snapshot: WorldSnapshot | null;
}

export interface RunResult {
  summary: Summary;
  folder: string;
  interrupted: boolean;
  /** What made the run fail after it had started; the folder holds what was recorded until then. */
  failure: Error | null;
}

const tickMs = 500;

/**
 * The story: load → check → build → choose the world → drive → record → analyse → report.
 *
 * @throws InputError (nothing was started)
 */
export async function run(request: RunRequest, hooks: RunHooks): Promise<RunResult> {
  const plan = planRun(request.scenario, request);
  const world = worldOf(request.world, plan, hooks);
  const problems = await world.check();
  if (problems.length > 0) throw new InputError(problems);

  const { kind, transport } = world;
  const startedAt = kind === 'live' ? isoNow() : null;
  const writer = new ResultWriter(
    request.folder,
    manifestOf(plan, { kind, transport, components: world.components(), startedAt }),
  );
  let failure: Error | null = null;
  try {
    await drive(world, plan, { writer, hooks });
  } catch (error) {
    failure = error as Error;
  } finally {
    await world.close();
    writer.close();
  }
  if (kind === 'live')
    writeFileSync(join(request.folder, resultFiles.predicted), renderJson(summarise(await simulate(plan))));
  const summary = writeReports(request.folder);
  return { summary, folder: request.folder, interrupted: hooks.signal.aborted, failure };
}

/** Analyses a result folder and writes `summary.json` and `report.html` into it; a live run's prediction lies beside. */
export function writeReports(folder: string): Summary {
  const recording = readRecording(folder);
  const file = join(folder, resultFiles.predicted);
  const predicted = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Summary) : undefined;
  const summary = summarise(recording, predicted ? { predicted } : {});
  writeFileSync(join(folder, resultFiles.summary), renderJson(summary));
  writeFileSync(join(folder, resultFiles.report), renderHtml(summary, recording));
  return summary;
}

/** The same question asked of virtual time, in memory: a prediction sees the plan and never a measurement. */
export async function simulate(plan: RunPlan): Promise<Recording> {
  const world = new SimWorld(plan);
  const recorder = new MemoryRecorder();
  await world.prepare(recorder);
  const { settled } = await driveLoad(world, plan, recorder);
  await world.close();
  const { kind, transport } = world;
  return recorder.recording(
    manifestOf(plan, { kind, transport, components: world.components(), startedAt: null }),
    settled,
  );
}

function worldOf(kind: 'live' | 'simulated', plan: RunPlan, hooks: RunHooks): World {
  if (kind === 'simulated') return new SimWorld(plan);
  const { workers } = plan.scenario.value.load;
  return new LiveWorld(plan, { workers, onProgress: hooks.progress, signal: hooks.signal });
}

async function drive(
  world: World,
  plan: RunPlan,
  { writer, hooks }: { writer: ResultWriter; hooks: RunHooks },
): Promise<void> {
  const onAbort = (): void => world.abort();
  hooks.signal.addEventListener('abort', onAbort, { once: true });
  try {
    await world.prepare(writer);
    if (hooks.signal.aborted) return;
    const driven = await driveLoad(world, plan, writer, world.kind === 'live' ? hooks : undefined);
    writer.settled(driven.settled);
    if (driven.failures.length > 0)
      throw new DrillError(driven.failures.join('\n'), { exitCode: ExitCode.failed });
  } catch (error) {
    if (!hooks.signal.aborted) throw error;
  } finally {
    hooks.signal.removeEventListener('abort', onAbort);
    if (hooks.signal.aborted) writer.event({ type: 'phase', name: 'interrupted', atMs: world.clock.nowMs() });
  }
}

/** Load and drills from start to settlement; `failures` says which drills could not be carried out, and why. */
async function driveLoad(
  world: World,
  plan: RunPlan,
  recorder: Recorder,
  hooks?: RunHooks,
): Promise<{ settled: Settlement; failures: string[] }> {
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
  const stopTicking = hooks ? tick(world, plan, { schedule, hooks }) : () => undefined;
  await world.drive(plan.durationMs, () => {
    phase('start', 0);
    world.clock.setTimeout(() => phase('warmedUp', warmup), warmup - world.clock.nowMs());
    schedule.start();
  });
  stopTicking();
  schedule.stop();
  phase('stop', Math.min(plan.durationMs, world.clock.nowMs()));
  const settled = await world.settle();
  for (const reason of settled.invalid ?? []) {
    recorder.event({
      type: 'probe',
      observer: 'run',
      target: 'load',
      ok: false,
      detail: reason,
      atMs: world.clock.nowMs(),
    });
  }
  return { settled, failures };
}

function tick(
  world: World,
  plan: RunPlan,
  { schedule, hooks }: { schedule: DrillSchedule; hooks: RunHooks },
): () => void {
  const clock = new RealClock();
  const { warmup } = plan.scenario.value.phases;
  let timer: unknown = null;
  const beat = (): void => {
    timer = clock.setTimeout(beat, tickMs);
    const elapsedMs = world.clock.nowMs();
    if (elapsedMs < 0) return;
    const stage = schedule.current?.id ?? (elapsedMs < warmup ? 'warm-up' : 'steady');
    const { primary } = world.view();
    hooks.tick({ elapsedMs, totalMs: plan.durationMs, stage, primary, snapshot: world.snapshot() });
  };
  beat();
  return () => clock.clearTimeout(timer);
}
