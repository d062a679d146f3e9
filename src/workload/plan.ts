import { DrillError, type Problem } from '../kernel/errors.ts';
import type { ScenarioFile } from '../scenario/scenario-shape.ts';
import { builtinPrefix, builtinScript } from './builtin.ts';
import { parseScript, type Script, statementMaker } from './script.ts';

/** One class of operations, ready to be sent. */
export interface PlannedClass {
  name: string;
  script: Script;
  perSecond: number;
}

/** The load of a scenario as plain data: the same for every worker and both worlds. Times in ms. */
export interface LoadPlan {
  seed: number;
  scale: number;
  arrivals: 'constant' | 'poisson';
  /** Operations are due from 0 up to this instant, itself not included. */
  durationMs: number;
  classes: readonly PlannedClass[];
  sessions: number;
  sessionLifetimeMs: number | null;
  patienceMs: number;
  timeoutMs: number;
}

/** Draws of a script's variables that are tried before the run. */
const trialDraws = 100;

/**
 * Reads a scenario's scripts and resolves its rates; classes given by weight share `load.perSecond`.
 *
 * @param readScript text of a script file as the scenario names it; may throw when it cannot be read
 */
export function planLoad(
  { seed, load, phases }: Pick<ScenarioFile, 'seed' | 'load' | 'phases'>,
  readScript: (file: string) => string,
): { plan: LoadPlan } | { problems: Problem[] } {
  const problems: Problem[] = [];
  const classes: PlannedClass[] = [];
  const weights = load.classes.reduce((sum, { weight }) => sum + (weight ?? 0), 0);
  for (const { name, script: reference, perSecond, weight } of load.classes) {
    const read = readReference(reference, readScript);
    if ('problems' in read) {
      problems.push(...read.problems);
      continue;
    }
    if (name === 'read' && read.script.kind === 'write') {
      const message = `the class "read" runs ${reference}, which does more than SELECT`;
      problems.push({
        rule: 'script',
        message,
        hint: 'name the class write, or give it a script of SELECTs',
      });
    }
    const fault = drawFault(read.script, load.scale);
    if (fault) problems.push(fault);
    const share = weight === undefined || weights === 0 ? 0 : (weight / weights) * (load.perSecond ?? 0);
    classes.push({ name, script: read.script, perSecond: perSecond ?? share });
  }
  if (problems.length > 0) return { problems };
  return {
    plan: {
      seed,
      scale: load.scale,
      arrivals: load.arrivals,
      durationMs: phases.warmup + phases.measure,
      classes,
      sessions: load.sessions,
      sessionLifetimeMs: load.sessionLifetime ?? null,
      patienceMs: load.patience,
      timeoutMs: load.timeout,
    },
  };
}

/** Draws a script's variables a few times: what fails then would fail in the middle of the run. */
function drawFault(script: Script, scale: number): Problem | null {
  const make = statementMaker(script, { scale, seed: 1 });
  try {
    for (let draw = 0; draw < trialDraws; draw += 1) make({ operationId: '', seed: [0, draw] });
    return null;
  } catch (error) {
    if (!(error instanceof DrillError)) throw error;
    return { rule: 'script', message: error.message };
  }
}

function readReference(
  reference: string,
  readScript: (file: string) => string,
): { script: Script } | { problems: Problem[] } {
  if (reference.startsWith(builtinPrefix)) return builtinScript(reference);
  let text: string;
  try {
    text = readScript(reference);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { problems: [{ rule: 'script', message: `the script ${reference} cannot be read: ${why}` }] };
  }
  return parseScript(text, reference);
}

/** A class reads when its script does and it is named so: what balanced reads and offload are counted from. */
export function kindOf({ name, script }: PlannedClass): 'read' | 'write' {
  return script.kind === 'read' && name !== 'write' ? 'read' : 'write';
}
