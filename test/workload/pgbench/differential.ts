import { type CompiledScript, ScriptCompiler } from '../../../src/workload/pgbench/compile.ts';
import { endOfLine } from '../../../src/workload/pgbench/meta-command.ts';
import { ScriptRun } from '../../../src/workload/pgbench/run.ts';
import { definitions, ExpressionMaker } from './generate.ts';
import { makeScript, makeSplitting } from './generate-scripts.ts';
import type { LoggedStatement, Oracle } from './oracle.ts';
import { firstClient, playScript } from './play.ts';
import { compareChoices, compareDraws, makeDrawing } from './streams.ts';

export interface DifferentialCounts {
  /** Expressions with a value, compared in value, type and print. */
  values: number;
  /** Expressions without one, compared in pgbench's messages. */
  failures: number;
  /** Texts that are no expression, compared in the message. */
  syntaxErrors: number;
  scripts: number;
  /** Texts that were cut into the same statements and commands, and texts that both refused for a quote without an end. */
  splittings: { equal: number; refused: number };
  /** Statements that the server logged from both. */
  statements: number;
  /** Random draws of four clients, and choices between weighted scripts. */
  draws: number;
  choices: number;
  /** What differed, with what both said. */
  mismatches: string[];
}

/** Expressions in one run of pgbench. */
const batch = 400;

export interface DifferentialSize {
  seed: number;
  /** Expressions; a tenth as many at most of those without a value, a run of pgbench each. */
  expressions: number;
  /** Scripts, each in the three protocols. */
  scripts: number;
  /** Texts that are only cut, not sent. */
  splittings: number;
  /** Seeds of runs whose draws and choices are compared. */
  streams: number;
}

/** Runs generated expressions, scripts and random streams through the installed pgbench and through us. */
export async function runDifferential(
  oracle: Oracle,
  { seed, expressions, scripts, splittings, streams }: DifferentialSize,
): Promise<DifferentialCounts> {
  const counts: DifferentialCounts = {
    values: 0,
    failures: 0,
    syntaxErrors: 0,
    scripts: 0,
    splittings: { equal: 0, refused: 0 },
    statements: 0,
    draws: 0,
    choices: 0,
    mismatches: [],
  };
  const maker = new ExpressionMaker(seed);
  const failing: string[] = [];
  for (let done = 0; done < expressions; done += batch)
    await compareValues(
      { oracle, maker, counts, failing, seed: seed + done },
      Math.min(batch, expressions - done),
    );
  for (const text of failing.slice(0, Math.ceil(expressions / 10)))
    await compareFailure(oracle, text, counts);
  for (let done = 0; done < expressions / 20; done += 1) await compareSoup(oracle, maker.soup(), counts);
  for (let index = 0; index < scripts; index += 1) await compareScript(oracle, seed + index, counts);
  for (let index = 0; index < splittings; index += 1)
    await compareSplitting(oracle, makeSplitting(seed + index), counts);
  for (let index = 0; index < streams; index += 1) await compareStreams(oracle, seed + index, counts);
  return counts;
}

async function compareStreams(oracle: Oracle, seed: number, counts: DifferentialCounts): Promise<void> {
  const drawn = await compareDraws(oracle, makeDrawing(seed));
  const chosen = await compareChoices(oracle, seed);
  counts.draws += drawn.draws;
  counts.choices += chosen.choices;
  counts.mismatches.push(...drawn.mismatches, ...chosen.mismatches);
}

const defined = Object.entries(definitions).flatMap(([name, value]) => ['-D', `${name}=${value}`]);

interface Values {
  oracle: Oracle;
  maker: ExpressionMaker;
  counts: DifferentialCounts;
  failing: string[];
  seed: number;
}

/** Expressions with a value go into one script, each assigned to :x and printed; the others are set aside. */
async function compareValues(
  { oracle, maker, counts, failing, seed }: Values,
  wanted: number,
): Promise<void> {
  const compiler = new ScriptCompiler();
  const { variables, random } = firstClient(seed, compiler.names);
  const printed: string[] = [];
  const run = new ScriptRun({
    client: 0,
    variables,
    random,
    protocol: 'simple',
    debug: (line) => printed.push(line),
  });
  variables.setValue(compiler.names.slot('x'), 3);
  const lines = ['\\set x 3'];
  const ours: string[] = [];
  for (let made = 0; made < wanted; made += 1) {
    const text = maker.next();
    const before = random.state;
    printed.length = 0;
    const compiled = compiler.compile(`\\set x debug(${text})`, 'made');
    if ('problems' in compiled) {
      failing.push(text);
      continue;
    }
    run.start(compiled.script);
    if (run.next() === 'done') {
      lines.push(`\\set x debug(${text})`);
      ours.push((printed.at(-1) ?? '').replace(/^[^:]*: /, ''));
    } else {
      random.state = before;
      failing.push(text);
    }
  }
  const { stderr } = await oracle.pgbench(`${lines.join('\n')}\n`, [`--random-seed=${seed}`, ...defined]);
  const theirs = stderr.split('\n').filter((line) => !line.startsWith('pgbench: setting random seed'));
  for (const [index, own] of ours.entries()) {
    const other = (theirs[index] ?? '').replace(/^debug\([^:]*: /, '');
    if (!agree(own, other)) {
      counts.mismatches.push(`${lines[index + 1]}: pgbench ${other}, pgdrill ${own}`);
      if (!theirs[index]?.startsWith('debug(')) return;
    }
    counts.values += 1;
  }
}

/** One in the last of 15 digits, which is all that is printed: relative, at its largest (1.00000000000001), and the printing's own rounding. */
const lastDigit = 1.001e-14;

/** Equal, or doubles that agree to 14 digits. */
function agree(own: string, other: string): boolean {
  if (own === other) return true;
  const [, mine] = /^double (\S+)$/.exec(own) ?? [];
  const [, their] = /^double (\S+)$/.exec(other) ?? [];
  if (mine === undefined || their === undefined || Number(mine) === Number(their)) return false;
  const [ours, theirs] = [Number(mine), Number(their)];
  // By their distance: two neighbours may round to either side of a fourteenth digit.
  return Math.abs(ours - theirs) <= lastDigit * Math.max(Math.abs(ours), Math.abs(theirs));
}

/** What both log of one expression: pgbench's lines without its name, ours without places. */
async function compareFailure(oracle: Oracle, text: string, counts: DifferentialCounts): Promise<void> {
  const source = `\\set x 3\n\\set x debug(${text})\n`;
  const { stderr } = await oracle.pgbench(source, ['--random-seed=1', ...defined]);
  const compiler = new ScriptCompiler();
  const compiled = compiler.compile(source, 'made');
  let own: string;
  if ('problems' in compiled) own = compiled.problems[0]?.message ?? '';
  else {
    const run = new ScriptRun({ client: 0, ...firstClient(1, compiler.names), protocol: 'simple' });
    run.start(compiled.script);
    own = run.next() === 'failed' ? run.messages.join('\n') : 'no failure';
  }
  compareMessage({ text, own, stderr }, counts);
  counts.failures += 1;
}

function compareMessage(
  { text, own, stderr }: { text: string; own: string; stderr: string },
  counts: DifferentialCounts,
): void {
  const said = [...stderr.matchAll(/^pgbench: error: (?:\S+\.sql:\d+: )?(?!Run was aborted)(.*)$/gm)];
  const other = said.map(([, message]) => message).join('\n') || 'no failure';
  if (own !== other) counts.mismatches.push(`${text}: pgbench "${other}", pgdrill "${own}"`);
}

async function compareSoup(oracle: Oracle, text: string, counts: DifferentialCounts): Promise<void> {
  await compareFailure(oracle, text, counts);
  counts.failures -= 1;
  counts.syntaxErrors += 1;
}

async function compareScript(oracle: Oracle, seed: number, counts: DifferentialCounts): Promise<void> {
  for (const protocol of ['simple', 'extended', 'prepared'] as const) {
    const source = makeScript(seed, { compound: protocol === 'simple' });
    await oracle.statements();
    const { stderr } = await oracle.pgbench(source, ['-M', protocol, `--random-seed=${seed}`, ...defined]);
    const theirs = (await oracle.statements()).filter(({ application }) => application === 'pgbench');
    const { printed, messages } = await playScript(oracle.port, source, { protocol, seed });
    const ours = (await oracle.statements()).filter(({ application }) => application === 'pgdrill');
    const name = `${protocol}, script ${seed}`;
    const difference = firstDifference(theirs, ours);
    if (difference) counts.mismatches.push(`${name}: ${difference}\n${stderr}`);
    const debug = stderr.split('\n').filter((line) => line.startsWith('debug('));
    if (debug.join('\n') !== printed.join('\n'))
      counts.mismatches.push(`${name}: debug() printed ${debug.join('; ')}, ours ${printed.join('; ')}`);
    if (messages.length > 0) compareMessage({ text: name, own: messages.join('\n'), stderr }, counts);
    counts.statements += ours.length;
  }
  counts.scripts += 1;
}

/** Both cut a text that stands in a branch not taken; pgbench lists what it found in its report for each command. */
async function compareSplitting(oracle: Oracle, text: string, counts: DifferentialCounts): Promise<void> {
  const source = `\\if false\n${text}\n\\endif\n`;
  const { stdout, stderr } = await oracle.pgbench(source, ['-r']);
  const listed = stdout.split('statement latencies in milliseconds and failures:\n')[1];
  const theirs = listed?.replace(/^ +\d+\.\d{3} +\d+ {2}/gm, '').trimEnd();
  const read = new ScriptCompiler().compile(source, 'made.sql');
  const ours = 'script' in read ? firstLines(read.script, source).join('\n').trimEnd() : undefined;
  if (theirs !== ours)
    counts.mismatches.push(
      `${JSON.stringify(source)}: pgbench ${theirs ?? stderr}, pgdrill ${ours ?? 'refused'}`,
    );
  else counts.splittings[ours === undefined ? 'refused' : 'equal'] += 1;
}

/** What pgbench shows of each command: a statement's first line, at most 127 characters; a meta command whole. */
function firstLines({ steps }: CompiledScript, source: string): string[] {
  return steps.map((step) =>
    step.type === 'sql'
      ? (/^[^\r\n]*/.exec(step.statement.sql)?.[0] ?? '').slice(0, 127)
      : source.slice(step.offset, endOfLine(source, step.offset + 1)).replace(/[\r\n]+$/, ''),
  );
}

function firstDifference(
  theirs: readonly LoggedStatement[],
  ours: readonly LoggedStatement[],
): string | null {
  for (let index = 0; index < Math.max(theirs.length, ours.length); index += 1) {
    const show = (entry: LoggedStatement | undefined): string =>
      entry ? `${entry.kind}: ${entry.sql} (${entry.parameters})` : 'nothing';
    if (show(theirs[index]) !== show(ours[index]))
      return `statement ${index}: pgbench sent ${show(theirs[index])}, pgdrill ${show(ours[index])}`;
  }
  return null;
}
