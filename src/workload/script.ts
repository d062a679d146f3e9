import { InputError, invariant, type Problem } from '../kernel/errors.ts';
import { type CompiledScript, inOrder, placeAt, ScriptCompiler } from './pgbench/compile.ts';
import { checkProtocol, protocolWarnings } from './pgbench/protocol.ts';
import { PgRandom } from './pgbench/random.ts';
import { ScriptRun } from './pgbench/run.ts';
import { seedStreams } from './pgbench/selection.ts';
import { type Protocol, type StatementEffect, simpleText } from './pgbench/statement.ts';
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
export const automaticVariables = ['scale', 'operation', 'default_seed', 'random_seed'] as const;

/**
 * Reads a script of a scenario: pgbench's whole language. All mistakes come at once.
 *
 * @param file name for messages
 */
export function parseScript(
  text: string,
  file: string,
  protocol: Protocol = 'simple',
): { script: Script } | { problems: Problem[] } {
  const compiled = new ScriptCompiler().compile(text, file);
  if ('problems' in compiled) return compiled;
  const { script } = compiled;
  const problems = [...unsupported(script, text, protocol), ...unsetVariables(script, text)].sort(inOrder);
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

/** What a scenario cannot carry out, or not with this protocol, where a variable in quotes is text and no parameter. */
function unsupported(script: CompiledScript, text: string, protocol: Protocol): Problem[] {
  const { file, statements } = script;
  const problems = [
    ...checkProtocol(script, text, protocol),
    ...protocolWarnings(script, text, protocol).map((warning) => ({
      ...warning,
      hint: 'write load.protocol: simple, or take the variable out of the quotes',
    })),
  ];
  if (statements.length > 0) return problems;
  const place = placeAt({ text, file }, 0);
  return [...problems, { place, rule: 'script', message: 'the script holds no SQL statement' }];
}

/** Variables that no line sets. After a \gset or \aset nobody knows which columns the result has, so nothing is said. */
function unsetVariables({ file, expressions, steps }: CompiledScript, text: string): Problem[] {
  const problems: Problem[] = [];
  const known = new Set<string>(automaticVariables);
  const capture = steps.find((step) => step.type === 'sql' && step.statement.capture !== null);
  for (const { offset, sets, reads } of expressions) {
    const refuse = (message: string): void => {
      problems.push({ place: placeAt({ text, file }, offset), rule: 'script', message });
    };
    if (sets === 'operation')
      refuse('the variable "operation" is set by pgdrill and cannot be set by a script');
    const isKnown = (name: string): boolean =>
      name !== 'operation' && (known.has(name) || (capture !== undefined && offset > capture.offset));
    for (const name of reads)
      if (!isKnown(name)) refuse(`the variable "${name}" is not set before this line`);
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

/** Compiles a script that was checked before. @param compiler whose numbers its variables share; left out: one of its own */
export function compileChecked(
  { text, file }: Pick<Script, 'text' | 'file'>,
  compiler = new ScriptCompiler(),
): CompiledScript {
  const compiled = compiler.compile(text, file);
  invariant('script' in compiled, `the script ${file} was checked before`);
  return compiled.script;
}

/**
 * Compiles a script into what gives the statements of one execution after the other. An execution's statements depend on
 * its seed only, not on what was executed before. Where a script uses results (\gset, \aset), only the statements up to
 * the first such result are known before it runs.
 *
 * @returns a function that throws InputError where an expression has no value
 */
export function statementMaker(
  { file, text }: Script,
  { scale, seed, protocol = 'simple' }: { scale: number; seed: number; protocol?: Protocol },
): (execution: Execution) => RenderedStatement[] {
  const compiler = new ScriptCompiler();
  const script = compileChecked({ file, text }, compiler);
  const { names } = compiler;
  const client = { variables: new VariableStore(names), random: new PgRandom() };
  const { variables } = client;
  const run = new ScriptRun({ client: 0, ...client, protocol });
  const begin = executionStarter(names, { scale, seed });
  return (execution) => {
    begin(execution, client);
    run.start(script);
    const statements: RenderedStatement[] = [];
    for (let step = run.next(); step !== 'done'; step = run.next()) {
      if (step === 'failed') {
        const place = placeAt({ text, file }, script.steps[run.command]?.offset ?? 0);
        throw new InputError([{ place, rule: 'script', message: run.messages[0] ?? 'cannot go on' }]);
      }
      if (step !== 'send' && step !== 'queue') continue;
      const { effect, capture } = run.statement;
      statements.push({ sql: simpleText(run.statement, variables), effect });
      if (capture !== null) break;
    }
    return statements;
  };
}

/**
 * Gives a client what an execution of a scenario's script begins with: the variables that pgdrill sets, no other, and random numbers
 * that follow from the execution alone.
 */
export function executionStarter(
  names: VariableNames,
  { scale, seed }: { scale: number; seed: number },
): (execution: Execution, client: { variables: VariableStore; random: PgRandom }) => void {
  const [scaleSlot, operationSlot, defaultSeedSlot, randomSeedSlot] = automaticVariables.map((name) =>
    names.slot(name),
  ) as [number, number, number, number];
  const { defaultSeed } = seedStreams(BigInt(seed), { clients: 0, threads: 0 });
  return ({ operationId, seed: [high, low] }, { variables, random }) => {
    variables.clear();
    variables.setValue(scaleSlot, scale);
    variables.setValue(randomSeedSlot, seed);
    variables.setValue(defaultSeedSlot, defaultSeed);
    variables.setText(operationSlot, operationId);
    random.seed(high, low);
  };
}
