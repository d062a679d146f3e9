import type { Problem } from '../kernel/errors.ts';
import { formatDuration } from '../kernel/time.ts';
import type { ScenarioFile } from '../scenario/scenario-shape.ts';
import type { Source } from '../scenario/source.ts';

type Add = (path: readonly (string | number)[], rule: string, message: string) => void;

/** What is wrong with the load of a scenario beyond the form of each value, every mistake at its place. */
export function checkLoad({ value: { load, phases }, placeOf }: Source<ScenarioFile>): Problem[] {
  const problems: Problem[] = [];
  const add: Add = (path, rule, message) => {
    problems.push({ place: placeOf(path), rule, message });
  };
  checkClasses(load, phases.warmup + phases.measure, add);
  if (load.patience <= 0)
    add(['load', 'patience'], 'positive', `patience must be above 0, got ${load.patience} ms`);
  if (load.timeout <= 0)
    add(['load', 'timeout'], 'positive', `timeout must be above 0, got ${load.timeout} ms`);
  if (load.sessionLifetime !== undefined && load.sessionLifetime < 100) {
    add(
      ['load', 'sessionLifetime'],
      'session-lifetime',
      `sessionLifetime must be at least 100 ms, got ${load.sessionLifetime} ms`,
    );
  }
  const closed = load.classes.reduce((sum, { sessions }) => sum + (sessions ?? 0), 0);
  const sessions = load.sessions > 0 ? load.sessions : closed;
  if (load.workers > sessions) {
    add(
      ['load', 'workers'],
      'worker-has-session',
      `${load.workers} workers share ${sessions} sessions: one has none`,
    );
  }
  if (phases.measure <= 0) add(['phases', 'measure'], 'positive', 'measure must be above 0');
  return problems;
}

function checkClasses({ classes, perSecond }: ScenarioFile['load'], loadMs: number, add: Add): void {
  const names = classes.map(({ name }) => name);
  for (const [index, entry] of classes.entries()) {
    const { name, timeout } = entry;
    const path = ['load', 'classes', index];
    if (names.indexOf(name) < index) add([...path, 'name'], 'unique-class', `two classes are named ${name}`);
    if (timeout !== undefined && timeout <= 0)
      add([...path, 'timeout'], 'positive', `timeout must be above 0, got ${timeout} ms`);
    checkRate(entry.perSecond, { path: [...path, 'perSecond'], loadMs, add });
  }
  checkRate(perSecond, { path: ['load', 'perSecond'], loadMs, add });
}

/** A rate that changes does so within the load, which begins with the warm-up. */
function checkRate(
  rate: ScenarioFile['load']['perSecond'],
  { path, loadMs, add }: { path: readonly (string | number)[]; loadMs: number; add: Add },
): void {
  if (rate === undefined || typeof rate === 'number') return;
  const load = `the load, warm-up included, is ${formatDuration(loadMs)} long`;
  if (!Array.isArray(rate)) {
    if (rate.over !== undefined && rate.over > loadMs)
      add([...path, 'over'], 'ramp-fits-load', `the ramp takes ${formatDuration(rate.over)}, but ${load}`);
    return;
  }
  for (const [index, { at }] of rate.entries())
    if (at >= loadMs)
      add([...path, index, 'at'], 'step-in-load', `the step at ${formatDuration(at)} never comes: ${load}`);
}
