import type { Problem } from '../kernel/errors.ts';
import type { RoutingRules } from '../topology/statement-routing.ts';
import { executionMaker } from '../workload/calls.ts';
import { type CompiledScript, placeAt, ScriptCompiler, type Step } from '../workload/pgbench/compile.ts';
import { PgRandom } from '../workload/pgbench/random.ts';
import { ScriptRun } from '../workload/pgbench/run.ts';
import { VariableStore } from '../workload/pgbench/variables.ts';
import type { LoadPlan } from '../workload/plan.ts';
import { automaticVariables, compileChecked, executionStarter } from '../workload/script.ts';
import type { ScriptCall } from '../workload/transport.ts';
import { planWay, type ScriptPlan, ScriptWay, wholeWay } from './script-plan.ts';

/** What gives the executions of one class their statements. */
export interface ScriptSource {
  planOf(call: ScriptCall): ScriptPlan;
}

type ScriptLoad = Pick<LoadPlan, 'seed' | 'scale' | 'protocol' | 'classes'>;

/** Ways of one script that are remembered; a script with more branches has the others routed anew. */
const mostWays = 1000;

/**
 * Sources of all classes. A script without branches does the same each time; one whose branches or pauses follow from its variables goes
 * the way that the same operation goes on real servers. What would follow from results is told by `simulationWarnings`.
 */
export function scriptSources(load: ScriptLoad, rules: RoutingRules): ScriptSource[] {
  const executionOf = executionMaker(load);
  return load.classes.map((entry) => {
    const compiler = new ScriptCompiler();
    const script = compileChecked(entry.script, compiler);
    const whole = planWay(wholeWay(script.steps), rules);
    if (!script.steps.some(isDecided) || undecided(script).length > 0) return { planOf: () => whole };
    const { names } = compiler;
    const client = { variables: new VariableStore(names), random: new PgRandom() };
    const begin = executionStarter(names, load);
    const run = new ScriptRun({ client: 0, ...client, protocol: load.protocol });
    const guessed = resultNames(script).map((name) => names.slot(name));
    const plans = new WayPlans(script.steps, rules);
    return {
      planOf: (call) => {
        begin(executionOf(call), client);
        for (const slot of guessed) client.variables.setValue(slot, 1);
        run.start(script);
        return plans.take(run) ?? whole;
      },
    };
  });
}

/** A step that goes different ways, or takes different times, from one execution to another. */
function isDecided(step: Step): boolean {
  return step.type === 'if' || sleptNames(step).length > 0;
}

/** The variable that a step takes the length of its sleep from, if it does. */
function sleptNames(step: Step): string[] {
  return step.type === 'sleep' && typeof step.amount !== 'number' ? [step.amount.name] : [];
}

/** The plans of the ways through one script that were gone before. */
class WayPlans {
  readonly #rules: RoutingRules;
  readonly #known = new Map<string, ScriptPlan>();
  /** Pauses differ between executions that go the same way. */
  readonly #pausesVary: boolean;

  constructor(steps: readonly Step[], rules: RoutingRules) {
    this.#rules = rules;
    this.#pausesVary = steps.some((step) => sleptNames(step).length > 0);
  }

  /** Takes a script's steps to its end; null when it cannot go on. */
  take(run: ScriptRun): ScriptPlan | null {
    const way = new ScriptWay();
    let key = '';
    for (let step = run.next(); step !== 'done'; step = run.next()) {
      if (step === 'failed') return null;
      key += `${step} ${run.command} `;
      if (step === 'sleep') way.sleep(run.sleepMicroseconds / 1000);
      else if (step === 'sync') way.sync();
      else way.add(run.statement, step === 'queue');
    }
    const plan = this.#known.get(key) ?? planWay(way, this.#rules);
    if (this.#known.size < mostWays) this.#known.set(key, plan);
    return this.#pausesVary ? { ...plan, pausesMs: Float64Array.from(way.pausesMs) } : plan;
  }
}

/** Variables that expressions read and only a result can have set. */
function resultNames({ expressions, steps }: CompiledScript): string[] {
  const own = new Set<string>(automaticVariables);
  for (const { sets } of expressions) if (sets !== null) own.add(sets);
  const read = [...expressions.flatMap(({ reads }) => reads), ...steps.flatMap(sleptNames)];
  return [...new Set(read)].filter((name) => !own.has(name));
}

/**
 * The branches and pauses of a script that may follow from what a statement returned (\gset, \aset): those that read a variable whose
 * name stands in that statement, or one that was made of such a variable.
 */
function undecided({ steps, expressions }: CompiledScript): Step[] {
  const byOffset = new Map(expressions.map((expression) => [expression.offset, expression]));
  const names = new Set([...expressions.flatMap(({ reads }) => reads), ...steps.flatMap(sleptNames)]);
  const returned = new Set<string>();
  const found: Step[] = [];
  for (const step of steps) {
    if (step.type === 'sql') {
      for (const name of names) if (mayReturn(step.statement, name)) returned.add(name);
      continue;
    }
    const { reads = [], sets = null } = byOffset.get(step.offset) ?? {};
    if (![...reads, ...sleptNames(step)].some((name) => returned.has(name))) continue;
    if (sets !== null) returned.add(sets);
    else found.push(step);
  }
  return found;
}

/** Whether a statement whose result is kept may set a variable: a column of that name, or any with a star. */
function mayReturn({ sql, capture }: Extract<Step, { type: 'sql' }>['statement'], name: string): boolean {
  if (capture === null || !name.startsWith(capture.prefix)) return false;
  const column = name.slice(capture.prefix.length);
  return sql.includes('*') || new RegExp(`(?<![:\\w])${column}(?!\\w)`, 'i').test(sql);
}

/** What of a load's scripts a simulation does not follow, each at its line; a script that several classes run is told once. */
export function simulationWarnings({ classes }: Pick<LoadPlan, 'classes'>): Problem[] {
  const scripts = new Map(classes.map(({ script }) => [script.file, script]));
  return [...scripts.values()].flatMap((source) => {
    const script = compileChecked(source);
    const left = undecided(script).map((step) =>
      step.type === 'sleep'
        ? {
            step,
            message:
              '\\sleep takes its length from a result, which a simulation does not have: it is left out',
          }
        : {
            step,
            message: `\\${step.type} follows from a result, which a simulation does not have: every branch of the script is counted once`,
          },
    );
    const joined = script.steps.flatMap((step) =>
      step.type === 'sql' && step.statement.isCompound
        ? [{ step, message: 'several statements in one message are simulated as one' }]
        : [],
    );
    return [...left, ...joined].map(({ step, message }) => ({
      place: placeAt(source, step.offset),
      rule: 'simulated-script',
      message,
    }));
  });
}
