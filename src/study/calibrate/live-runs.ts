import { join } from 'node:path';
import { DrillError, ExitCode, InputError, type Problem } from '../../kernel/errors.ts';
import { planRun, type RunPlan } from '../../run/plan.ts';
import { type RunHooks, run } from '../../run.ts';
import type { Assignment } from '../../scenario/set.ts';

/** Share of the rate that the other kind of operation has in each of the two runs: far apart, so that costs can be told apart. */
const quietShare = 0.25;

/**
 * Runs a scenario on real servers at two loads, without its drills: a quarter of its reads with all its writes; then a quarter of
 * its writes with as many reads as half of its sessions can do one after the other.
 *
 * @param options.folder gets a result folder for each run
 * @returns the result folders
 * @throws InputError when the scenario has no such loads; DrillError when a run fails or is called off
 */
export async function runForCalibration(
  scenario: string,
  options: { model: string; folder: string; hooks: RunHooks },
): Promise<string[]> {
  const { model, folder, hooks } = options;
  const loads = calibrationLoads(planRun(scenario, { model }));
  const folders: string[] = [];
  for (const [name, set] of Object.entries(loads)) {
    const target = join(folder, name);
    hooks.progress(`calibration run ${folders.length + 1} of 2: ${name}`);
    const { failure, interrupted } = await run(
      { scenario, world: 'live', model, set: [{ path: 'drills', value: '[]' }, ...set], folder: target },
      hooks,
    );
    if (interrupted) throw new DrillError('interrupted', { exitCode: ExitCode.interrupted });
    if (failure) throw failure;
    folders.push(target);
  }
  return folders;
}

/** What each of the two runs changes in the scenario. */
export function calibrationLoads({ scenario, load }: RunPlan): Record<'open' | 'closed', Assignment[]> {
  const rates = Object.fromEntries(load.classes.map(({ name, perSecond }) => [name, perSecond]));
  const { read, write } = rates;
  const problems = [...rateProblems('read', read), ...rateProblems('write', write)].map((problem) => ({
    ...problem,
    place: scenario.placeOf(['load', 'classes']),
  }));
  if (typeof read !== 'number' || typeof write !== 'number') throw new InputError(problems);
  if (load.sessions < 2) {
    const message = `two kinds of load need two sessions at least, got ${load.sessions}`;
    throw new InputError([
      { rule: 'calibration-scenario', message, place: scenario.placeOf(['load', 'sessions']) },
    ]);
  }
  const script = scenario.value.load.classes.find(({ name }) => name === 'read')?.script ?? '';
  const closedSessions = Math.floor(load.sessions / 2);
  const closed = JSON.stringify({ name: 'read', script, sessions: closedSessions, thinkTime: '0ms' });
  return {
    open: [{ path: 'load.classes.read.perSecond', value: String(quietShare * read) }],
    closed: [
      { path: 'load.classes.write.perSecond', value: String(quietShare * write) },
      { path: 'load.classes.read', value: closed },
      { path: 'load.sessions', value: String(load.sessions - closedSessions) },
    ],
  };
}

function rateProblems(name: string, perSecond: unknown): Problem[] {
  if (typeof perSecond === 'number' && perSecond > 0) return [];
  const message = `a calibration needs a class ${name} of a constant rate`;
  return [
    {
      rule: 'calibration-scenario',
      message,
      hint: `give the scenario a class ${name} with a perSecond of its own`,
    },
  ];
}
