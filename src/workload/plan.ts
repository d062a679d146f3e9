import { InputError, type Problem } from '../kernel/errors.ts';
import type { ScenarioFile } from '../scenario/scenario-shape.ts';
import type { Source } from '../scenario/source.ts';
import { builtinPrefix, builtinScript } from './builtin.ts';
import { type Rate, rateOf, scaledRate } from './rate.ts';
import { parseScript, type Script, statementMaker } from './script.ts';

/** One class of operations, ready to be sent: either open, with a rate, or closed, with sessions of its own. */
export interface PlannedClass {
  name: string;
  script: Script;
  /** Operations that become due per second; null of a closed class. */
  perSecond: Rate | null;
  /** Null of an open class. */
  closed: ClosedLoad | null;
  /** An execution that has no answer so long after it was sent is stopped. */
  timeoutMs: number;
}

/** Sessions that each have one operation after the other, with a pause after each end. */
export interface ClosedLoad {
  sessions: number;
  /** Mean length of a pause; 0: none. */
  thinkTimeMs: number;
  think: 'fixed' | 'exponential';
}

/** The load of a scenario as plain data: the same for every worker and both worlds. Times in ms. */
export interface LoadPlan
  extends Pick<ScenarioFile['load'], 'protocol' | 'transport' | 'arrivals' | 'late' | 'connect'> {
  seed: number;
  scale: number;
  /** Operations are due from 0 up to this instant, itself not included. */
  durationMs: number;
  classes: readonly PlannedClass[];
  /** Sessions of the open classes; those of closed classes come on top (`sessionCount`). */
  sessions: number;
  sessionLifetimeMs: number | null;
  patienceMs: number;
  /** Time limit of the classes that name none of their own. */
  timeoutMs: number;
}

/** The longest that any execution of a load may take, ms. */
export function longestTimeoutMs({ classes }: Pick<LoadPlan, 'classes'>): number {
  return Math.max(...classes.map(({ timeoutMs }) => timeoutMs));
}

/** Draws of a script's variables that are tried before the run. */
const trialDraws = 100;

/**
 * Reads a scenario's scripts and resolves its rates; open classes given by weight share `load.perSecond`.
 *
 * @param readScript text of a script file as the scenario names it; may throw when it cannot be read
 */
export function planLoad(
  { value, placeOf }: Pick<Source<Pick<ScenarioFile, 'seed' | 'load' | 'phases'>>, 'value' | 'placeOf'>,
  readScript: (file: string) => string,
): { plan: LoadPlan } | { problems: Problem[] } {
  const { seed, load, phases } = value;
  const problems: Problem[] = [];
  const classes: PlannedClass[] = [];
  const durationMs = phases.warmup + phases.measure;
  const weights = load.classes.reduce((sum, { weight }) => sum + (weight ?? 0), 0);
  for (const [index, entry] of load.classes.entries()) {
    const { name, script: reference, weight } = entry;
    const place = placeOf(['load', 'classes', index, 'script']);
    const read = readReference(reference, { readScript, protocol: load.protocol });
    if ('problems' in read) {
      problems.push(...read.problems.map((problem) => ({ place, ...problem })));
      continue;
    }
    if (name === 'read' && read.script.kind === 'write') {
      const message = `the class "read" runs ${reference}, which does more than SELECT`;
      problems.push({
        place,
        rule: 'script',
        message,
        hint: 'name the class write, or give it a script of SELECTs',
      });
    }
    problems.push(...drawFaults(read.script, load));
    const { sessions, thinkTime: thinkTimeMs, think } = entry;
    const isOpen = sessions === undefined;
    const written = entry.perSecond ?? load.perSecond ?? 0;
    classes.push({
      name,
      script: read.script,
      perSecond: isOpen
        ? scaledRate(rateOf(written, durationMs), weight === undefined ? 1 : weight / weights)
        : null,
      closed: isOpen ? null : { sessions, thinkTimeMs, think },
      timeoutMs: entry.timeout ?? load.timeout,
    });
  }
  if (problems.length > 0) return { problems };
  return {
    plan: {
      seed,
      scale: load.scale,
      protocol: load.protocol,
      transport: load.transport,
      arrivals: load.arrivals,
      late: load.late,
      connect: load.connect,
      durationMs,
      classes,
      sessions: load.sessions,
      sessionLifetimeMs: load.sessionLifetime ?? null,
      patienceMs: load.patience,
      timeoutMs: load.timeout,
    },
  };
}

/** Draws a script's variables a few times: what fails then would fail in the middle of the run. */
function drawFaults(
  script: Script,
  { scale, protocol }: Pick<LoadPlan, 'scale' | 'protocol'>,
): readonly Problem[] {
  const make = statementMaker(script, { scale, protocol, seed: 1 });
  try {
    for (let draw = 0; draw < trialDraws; draw += 1) make({ operationId: '', seed: [0, draw] });
    return [];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.problems;
  }
}

function readReference(
  reference: string,
  { readScript, protocol }: { readScript: (file: string) => string; protocol: LoadPlan['protocol'] },
): { script: Script } | { problems: Problem[] } {
  if (reference.startsWith(builtinPrefix)) return builtinScript(reference, protocol);
  let text: string;
  try {
    text = readScript(reference);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { problems: [{ rule: 'script', message: `the script ${reference} cannot be read: ${why}` }] };
  }
  return parseScript(text, reference, protocol);
}

/** A class reads when its script does and it is named so: what balanced reads and offload are counted from. */
export function kindOf({ name, script }: Pick<PlannedClass, 'name' | 'script'>): 'read' | 'write' {
  return script.kind === 'read' && name !== 'write' ? 'read' : 'write';
}
