import type { World } from './drills/world.ts';
import { isoNow } from './kernel/clock.ts';
import { DrillError, ExitCode, formatProblem, InputError, type Problem } from './kernel/errors.ts';
import { LiveWorld } from './live/world.ts';
import { ResultWriter } from './recording/store.ts';
import type { Summary } from './recording/summary.ts';
import { driveLoad, GuardedRecorder, type RunTick } from './run/drive.ts';
import { manifestOf } from './run/manifest.ts';
import { checkKinds, planRun, type RunPlan } from './run/plan.ts';
import { writePrediction, writeReports } from './run/reports.ts';
import type { Assignment } from './scenario/set.ts';
import { commandRemarks } from './sim/command-remarks.ts';
import { simulationWarnings } from './sim/script-ways.ts';
import { SimWorld } from './sim/world.ts';

/** What is asked for on the command line. */
export interface RunRequest {
  scenario: string;
  world: 'live' | 'simulated';
  /** Cluster model that replaces the scenario's. */
  model?: string;
  seed?: number;
  /** Single values that replace those of scenario and model. */
  set?: readonly Assignment[];
  /** Judged beside those of the scenario. */
  thresholds?: readonly string[];
  /** Folder for the results of this run. */
  folder: string;
}

/** Where a run tells of its progress, and how it is called off. */
export interface RunHooks {
  progress: (line: string) => void;
  tick: (state: RunTick) => void;
  signal: AbortSignal;
}

export interface RunResult {
  summary: Summary;
  folder: string;
  /** It was called off; after the end of the load the summary is whole all the same. */
  interrupted: boolean;
  /** What made the run fail after it had started; the folder holds what was recorded until then. */
  failure: Error | null;
}

/** What a simulation of the plan takes differently. */
function warningsOf({ load, cluster }: RunPlan): Problem[] {
  const commands = commandRemarks(cluster).map((message) => ({ rule: 'simulated-world', message }));
  return [...simulationWarnings(load), ...commands];
}

/**
 * The story: load → check → build → choose the world → drive → record → analyse → report.
 *
 * @throws InputError (nothing was started)
 */
export async function run(request: RunRequest, hooks: RunHooks): Promise<RunResult> {
  const plan = planRun(request.scenario, request);
  const left = request.world === 'simulated' ? warningsOf(plan) : [];
  for (const warning of [...plan.warnings, ...left]) hooks.progress(`warning: ${formatProblem(warning)}`);
  const world = worldOf(request.world, plan, hooks);
  const problems = [...checkKinds(plan, world), ...(await world.check())];
  if (problems.length > 0) throw new InputError(problems);

  const { kind, transport } = world;
  const startedAt = kind === 'live' ? isoNow() : null;
  const components = world.components();
  const writer = new ResultWriter(
    request.folder,
    manifestOf(plan, { kind, transport, components, startedAt }),
  );
  const failures = new Failures();
  await failures.during(() => drive(world, plan, { writer, hooks }));
  await failures.during(() => world.close());
  writer.close();

  if (kind === 'live') await failures.during(() => writePrediction(request.folder, plan));
  let summary: Summary;
  try {
    summary = writeReports(request.folder);
  } catch (error) {
    throw failures.first ?? error;
  }
  const interrupted = hooks.signal.aborted;
  return { summary, folder: request.folder, interrupted, failure: failures.first };
}

function worldOf(kind: 'live' | 'simulated', plan: RunPlan, hooks: RunHooks): World {
  if (kind === 'simulated') return new SimWorld(plan);
  const { workers } = plan.scenario.value.load;
  return new LiveWorld(plan, { workers, onProgress: hooks.progress, signal: hooks.signal });
}

/** From an empty machine to a settled run; what goes wrong on the way is also in the recording. */
async function drive(
  world: World,
  plan: RunPlan,
  { writer, hooks }: { writer: ResultWriter; hooks: RunHooks },
): Promise<void> {
  const recorder = new GuardedRecorder(writer, () => world.abort());
  const onAbort = (): void => world.abort();
  hooks.signal.addEventListener('abort', onAbort, { once: true });
  let failures: string[] = [];
  try {
    await world.prepare(recorder);
    if (hooks.signal.aborted) return;
    const onTick = world.kind === 'live' ? { onTick: hooks.tick } : {};
    const driven = await driveLoad(world, plan, { recorder, ...onTick });
    failures = driven.failures;
    if (recorder.failure) throw recorder.failure;
    writer.settled(driven.settled);
  } catch (error) {
    if (hooks.signal.aborted && error instanceof DrillError && error.exitCode === ExitCode.interrupted)
      return;
    const detail = (error as Error).message;
    const atMs = world.clock.nowMs();
    recorder.event({ type: 'probe', observer: 'run', target: 'run', ok: false, detail, atMs });
    throw error;
  } finally {
    hooks.signal.removeEventListener('abort', onAbort);
    if (hooks.signal.aborted)
      recorder.event({ type: 'phase', name: 'interrupted', atMs: world.clock.nowMs() });
  }
  if (failures.length > 0) throw new DrillError(failures.join('\n'), { exitCode: ExitCode.failed });
}

/** Keeps the first failure of a series of steps, each of which is taken whatever became of the ones before. */
class Failures {
  first: Error | null = null;

  async during(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.first ??= error as Error;
    }
  }
}
