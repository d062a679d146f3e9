import { readFileSync } from 'node:fs';
import { DrillError, formatProblem, type Problem } from '../../kernel/errors.ts';
import type { PlannedScript } from '../../load/pgbench/plan.ts';
import { builtins, findBuiltin } from '../../workload/pgbench/builtin.ts';
import { ScriptCompiler } from '../../workload/pgbench/compile.ts';
import { checkProtocol, protocolWarnings } from '../../workload/pgbench/protocol.ts';
import { fatal, type PgbenchOptions, PgbenchUsageError, type ScriptChoice } from './options.ts';

/** The scripts of a run, read and checked. */
export interface ChosenScripts {
  scripts: PlannedScript[];
  kinds: ('read' | 'write')[];
  /** The scale is asked of pgbench's tables. */
  usesBuiltin: boolean;
  warnings: string[];
}

/** More scripts in one run pgbench does not take. */
const mostScripts = 128;

/** Lines that list the built-in scripts. */
export function builtinList(): string[] {
  const entries = builtins.map(({ name, description }) => `  ${name.padStart(13)}: ${description}`);
  return ['Available builtin scripts:', ...entries, ''];
}

/** @throws PgbenchUsageError when there is no such script, or several */
export function builtinNamed(prefix: string): (typeof builtins)[number] {
  try {
    return findBuiltin(prefix);
  } catch (error) {
    if (!(error instanceof DrillError)) throw error;
    throw new PgbenchUsageError([[`error: ${error.message}`, ...builtinList()].join('\n')]);
  }
}

/**
 * Reads and compiles what `-f`, `-b`, `-N` and `-S` name; without them the TPC-B-like script.
 *
 * @throws PgbenchUsageError with every mistake of every script
 */
export function chooseScripts({ scripts: choices, protocol }: PgbenchOptions): ChosenScripts {
  const wanted: ScriptChoice[] =
    choices.length > 0 ? choices : [{ kind: 'builtin', name: 'tpcb-like', weight: 1 }];
  if (wanted.length > mostScripts) fatal(`at most ${mostScripts} SQL scripts are allowed`);
  const compiler = new ScriptCompiler();
  const chosen: ChosenScripts = { scripts: [], kinds: [], usesBuiltin: false, warnings: [] };
  const problems: Problem[] = [];
  for (const { kind, name, weight } of wanted) {
    const { text, description } = kind === 'builtin' ? builtinNamed(name) : readScript(name);
    if (kind === 'builtin') chosen.usesBuiltin = true;
    const compiled = compiler.compile(text, description);
    if ('problems' in compiled) {
      problems.push(...compiled.problems);
      continue;
    }
    const { script } = compiled;
    if (protocol !== 'simple') problems.push(...checkProtocol(script, text, protocol));
    chosen.warnings.push(...protocolWarnings(script, text, protocol).map(formatProblem));
    chosen.scripts.push({ description, text, weight });
    chosen.kinds.push(script.kind);
  }
  if (problems.length > 0)
    throw new PgbenchUsageError(problems.map((problem) => `error: ${formatProblem(problem)}`));
  return chosen;
}

function readScript(name: string): { text: string; description: string } {
  try {
    return { text: readFileSync(name === '-' ? 0 : name, 'utf8'), description: name };
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const why = missing
      ? 'No such file or directory'
      : error instanceof Error
        ? error.message
        : String(error);
    return fatal(`could not open file "${name}": ${why}`);
  }
}
