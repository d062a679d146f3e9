import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Random } from '../../../src/kernel/random.ts';
import { ScriptCompiler } from '../../../src/workload/pgbench/compile.ts';
import { ScriptRun } from '../../../src/workload/pgbench/run.ts';
import { chooseScript, seedStreams, setAutomaticVariables } from '../../../src/workload/pgbench/selection.ts';
import { VariableStore } from '../../../src/workload/pgbench/variables.ts';
import type { Oracle } from './oracle.ts';
import { compiled } from './play.ts';

const clients = 4;
const transactions = 5;

/** A script that tells what it draws, and the seed of the run. */
export interface Drawing {
  seed: bigint;
  script: string;
}

/** One of each random function over the same range, told with the number of the client. */
function drawingOf(
  seed: bigint,
  {
    least,
    most,
    exponential,
    gaussian,
    zipfian,
  }: { least: number; most: number; exponential: number; gaussian: number; zipfian: number },
): Drawing {
  const range = `${least}, ${most}`;
  const told = (value: string): string => `\\set told debug(:client_id * 100000000 + ${value})\n`;
  const script = [
    `\\set uniform random(${range})\n`,
    `\\set exponential random_exponential(${range}, ${exponential})\n`,
    `\\set gaussian random_gaussian(${range}, ${gaussian})\n`,
    `\\set zipfian random_zipfian(${range}, ${zipfian})\n`,
    ...[':uniform', ':exponential', ':gaussian', ':zipfian'].map(told),
    told(`permute(:uniform, ${most})`),
    '\\set told debug(:random_seed + :scale)\n',
  ];
  return { seed, script: script.join('') };
}

/** Draws from 1 to a million, of a run with this seed. */
export function plainDrawing(seed: bigint): Drawing {
  return drawingOf(seed, { least: 1, most: 1_000_000, exponential: 5, gaussian: 2.5, zipfian: 1.5 });
}

/** Draws whose seed (64 bits), range and parameters follow from a number; ranges stay below those where doubles decide (docs/method.md L2). */
export function makeDrawing(number: number): Drawing {
  const random = new Random(number);
  const half = (): bigint => BigInt(random.uint32() >>> 0);
  const least = random.integer(-1000, 1000);
  return drawingOf((half() << 32n) | half(), {
    least,
    most: Math.max(1, least) + random.integer(0, 10 ** random.integer(0, 9)),
    exponential: random.integer(1, 500) / 10,
    gaussian: 2 + random.integer(0, 80) / 10,
    zipfian: 1.01 + random.integer(0, 300) / 100,
  });
}

/** What four clients of one thread draw, there and here. */
export async function compareDraws(
  oracle: Oracle,
  { seed, script: source }: Drawing,
): Promise<{ draws: number; mismatches: string[] }> {
  const { stderr } = await oracle.pgbench(source, [
    ...['-c', String(clients), '-t', String(transactions), `--random-seed=${seed}`],
  ]);
  const compiler = new ScriptCompiler();
  const script = compiled(compiler, source);
  const streams = seedStreams(seed, { clients, threads: 1 });
  const ours: string[] = [];
  for (const [client, random] of streams.clients.entries()) {
    const variables = new VariableStore(compiler.names);
    setAutomaticVariables(variables, { scale: 1, client, seed, defaultSeed: streams.defaultSeed });
    const options = { client, variables, random, protocol: 'simple' } as const;
    const run = new ScriptRun({ ...options, debug: (line) => ours.push(line) });
    for (let transaction = 0; transaction < transactions; transaction += 1) {
      run.start(script);
      if (run.next() !== 'done')
        return { draws: 0, mismatches: [`seed ${seed}: ${run.messages.join('; ')}`] };
    }
  }
  const theirs = stderr.split('\n').filter((line) => line.startsWith('debug('));
  const missing = without(theirs, ours);
  const mismatches =
    missing.length > 0 || theirs.length !== ours.length
      ? [
          `seed ${seed}: of pgbench's ${theirs.length} draws ${missing.length} are not ours, such as ${missing[0]}\n${source}`,
        ]
      : [];
  return { draws: ours.length, mismatches };
}

/** What is in a list more often than in another. */
function without(list: readonly string[], other: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const entry of other) left.set(entry, (left.get(entry) ?? 0) + 1);
  return list.filter((entry) => {
    const count = left.get(entry) ?? 0;
    left.set(entry, count - 1);
    return count <= 0;
  });
}

const scripts = ['1', '2', '3'];

/** Which of three weighted scripts a thread runs, forty times. */
export async function compareChoices(
  oracle: Oracle,
  seed: number,
): Promise<{ choices: number; chosen: Set<number>; mismatches: string[] }> {
  const dice = new Random(seed);
  const weights = scripts.map(() => dice.integer(1, 5));
  const words = await Promise.all(
    scripts.map(async (number, index) => {
      const file = join(oracle.folder, `choice-${number}.sql`);
      await writeFile(file, `\\set a debug(${number})\n`);
      return ['-f', `${file}@${weights[index]}`];
    }),
  );
  const { stderr } = await oracle.run([
    ...['-n', '-t', '40', `--random-seed=${seed}`],
    ...[...words.flat(), 'postgres'],
  ]);
  const thread = seedStreams(BigInt(seed), { clients: 1, threads: 1 }).threads[0];
  if (!thread) throw new Error('no thread');
  const ours = Array.from({ length: 40 }, () => 1 + chooseScript(thread.script, weights));
  const theirs = [...stderr.matchAll(/^debug\(.*: int (\d)$/gm)].map(([, number]) => Number(number));
  const same = theirs.join() === ours.join();
  return {
    ...{ choices: ours.length, chosen: new Set(ours) },
    mismatches: same ? [] : [`seed ${seed}, weights ${weights}: pgbench chose ${theirs}, pgdrill ${ours}`],
  };
}
