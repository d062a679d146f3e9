import { DrillError, invariant, type Problem } from '../kernel/errors.ts';
import { type CompiledScript, inOrder, placeAt, ScriptCompiler } from './pgbench/compile.ts';
import { PgRandom } from './pgbench/random.ts';
import { ScriptRun } from './pgbench/run.ts';
import { seedStreams } from './pgbench/selection.ts';
import { type StatementEffect, simpleText } from './pgbench/statement.ts';
import { type VariableNames, VariableStore } from './pgbench/variables.ts';

/** A pgbench-format script of a scenario, checked: plain data, so that it can be handed to worker threads, which compile it. */
export interface Script {
  /** Where it came from, for messages and the report. */
  file: string;
  text: string;
  /** `read`: only SELECTs without FOR UPDATE (or SHARE) and without INTO. */
  kind: 'read' | 'write';
  /** The script writes `:operation` somewhere: its rows can be counted one by one. */
  hasLedger: boolean;
  /** SQL of its statements, with their `:names`. */
  statements: readonly string[];
  /** Every execution sends each statement once, in a message of its own: servers' counters can be compared with it. */
  isUniform: boolean;
}

/** Values that every script of a scenario finds without setting them. */
const automaticVariables = ['scale', 'operation', 'default_seed', 'random_seed'] as const;

/**
 * Reads a script of a scenario: pgbench's whole language, but for what waits for results or time between statements. All
 * mistakes come at once.
 *
 * @param file name for messages
 */
export function parseScript(text: string, file: string): { script: Script } | { problems: Problem[] } {
  const compiled = new ScriptCompiler().compile(text, file);
  if ('problems' in compiled) return compiled;
  const { script } = compiled;
  const problems = [...unsupported(script, text), ...unsetVariables(script, text)].sort(inOrder);
  if (problems.length > 0) return { problems };
  const { kind, hasLedger, statements, steps } = script;
  const branches = steps.some(({ type }) => type === 'if');
  return {
    script: {
      file,
      text,
      kind,
      hasLedger,
      statements: statements.map(({ sql }) => sql),
      isUniform: !branches && statements.every(({ isCompound }) => !isCompound),
    },
  };
}

/** What a scenario's transports cannot carry out: they are given all statements of an execution at once. */
function unsupported({ file, steps, statements }: CompiledScript, text: string): Problem[] {
  const problems: Problem[] = [];
  const refuse = (offset: number, message: string, hint?: string): void => {
    problems.push({
      place: placeAt({ text, file }, offset),
      rule: 'script',
      message,
      ...(hint !== undefined && { hint }),
    });
  };
  if (statements.length === 0) refuse(0, 'the script holds no SQL statement');
  for (const step of steps) {
    if (step.type === 'sql' && step.statement.capture) {
      const { command } = step.statement.capture;
      refuse(step.offset, `\\${command} after this statement: a scenario's script cannot use results yet`);
    } else if (step.type === 'sleep') {
      refuse(
        step.offset,
        "\\sleep: a scenario's script cannot wait yet",
        'lower perSecond or weight instead',
      );
    } else if (step.type === 'startpipeline' || step.type === 'endpipeline') {
      refuse(step.offset, `\\${step.type}: a scenario's statements are not sent as a pipeline yet`);
    }
  }
  return problems;
}

function unsetVariables({ file, expressions }: CompiledScript, text: string): Problem[] {
  const problems: Problem[] = [];
  const known = new Set<string>(automaticVariables);
  for (const { offset, sets, reads } of expressions) {
    const refuse = (message: string): void => {
      problems.push({ place: placeAt({ text, file }, offset), rule: 'script', message });
    };
    if (sets === 'operation')
      refuse('the variable "operation" is set by pgdrill and cannot be set by a script');
    for (const name of reads)
      if (name === 'operation' || !known.has(name))
        refuse(`the variable "${name}" is not set before this line`);
    if (sets !== null) known.add(sets);
  }
  return problems;
}

/** One statement as it goes over the wire, and whether losing its answer leaves the outcome open. */
export interface RenderedStatement {
  sql: string;
  effect: StatementEffect;
}

/** One execution: the id that its rows carry, and the seed of its random numbers in two halves. */
export interface Execution {
  operationId: string;
  seed: readonly [high: number, low: number];
}

/**
 * Compiles a script into what gives the statements of one execution after the other. An execution's statements depend on
 * its seed only, not on what was executed before.
 *
 * @returns a function that throws DrillError where an expression has no value
 */
export function statementMaker(
  { file, text }: Script,
  { scale, seed }: { scale: number; seed: number },
): (execution: Execution) => RenderedStatement[] {
  const compiler = new ScriptCompiler();
  const compiled = compiler.compile(text, file);
  invariant('script' in compiled, `the script ${file} was checked before`);
  const { names } = compiler;
  const random = new PgRandom();
  const variables = new VariableStore(names);
  const run = new ScriptRun({ client: 0, variables, random, protocol: 'simple' });
  const slots = slotsOf(names);
  const { defaultSeed } = seedStreams(BigInt(seed), { clients: 0, threads: 0 });
  return ({ operationId, seed: [high, low] }) => {
    variables.clear();
    variables.setValue(slots.scale, scale);
    variables.setValue(slots.random_seed, seed);
    variables.setValue(slots.default_seed, defaultSeed);
    variables.setText(slots.operation, operationId);
    random.seed(high, low);
    run.start(compiled.script);
    const statements: RenderedStatement[] = [];
    for (let step = run.next(); step !== 'done'; step = run.next()) {
      if (step === 'failed') throw new DrillError(`${file}: ${run.messages[0]}`);
      invariant(step === 'send', `the script ${file} was checked for \\${step}`);
      const { effect } = run.statement;
      statements.push({ sql: simpleText(run.statement, variables), effect });
    }
    return statements;
  };
}

function slotsOf(names: VariableNames): Record<(typeof automaticVariables)[number], number> {
  const [scale, operation, default_seed, random_seed] = automaticVariables;
  return {
    scale: names.slot(scale),
    operation: names.slot(operation),
    default_seed: names.slot(default_seed),
    random_seed: names.slot(random_seed),
  };
}
