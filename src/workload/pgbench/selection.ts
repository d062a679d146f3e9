import { DrillError, ExitCode } from '../../kernel/errors.ts';
import { type Int, intOf } from './int64.ts';
import { PgRandom } from './random.ts';
import type { VariableStore } from './variables.ts';

const largestWeight = 2147483647;

/**
 * Reads `name@weight`, as `-f` and `-b` take it; without an @ the weight is 1.
 *
 * @throws DrillError when the weight is no integer from 0 to 2^31 - 1
 */
export function parseWeighted(option: string): { name: string; weight: number } {
  const at = option.lastIndexOf('@');
  if (at < 0) return { name: option, weight: 1 };
  const text = option.slice(at + 1);
  const usage = { exitCode: ExitCode.usage } as const;
  if (!/^\s*[-+]?\d+$/.test(text)) throw new DrillError(`invalid weight specification: @${text}`, usage);
  const weight = Number(text);
  if (weight < 0 || weight > largestWeight)
    throw new DrillError(`weight specification out of range (0 .. ${largestWeight}): ${weight}`, usage);
  return { name: option.slice(0, at), weight };
}

/** Which script a client runs next. @param weights of all scripts, their sum above 0 */
export function chooseScript(random: PgRandom, weights: readonly number[]): number {
  if (weights.length === 1) return 0;
  const sum = weights.reduce((total, weight) => total + weight, 0);
  let rest = Number(random.uniform(0, sum - 1));
  for (const [index, weight] of weights.entries()) {
    rest -= weight;
    if (rest < 0) return index;
  }
  return weights.length - 1;
}

/** The random streams of a run. */
export interface RunStreams {
  /** One for each client: its scripts draw from it. */
  clients: PgRandom[];
  /** Value of :default_seed. */
  defaultSeed: Int | null;
  /** Three for each thread. */
  threads: { script: PgRandom; throttle: PgRandom; sample: PgRandom }[];
}

/**
 * All streams of a run from its seed, seeded in pgbench's order: clients, the hash functions' seed, then threads.
 *
 * @param drawsDefaultSeed false when `-D` sets :default_seed, which then is not drawn
 * @see PostgreSQL 15, src/bin/pgbench/pgbench.c, main()
 */
export function seedStreams(
  seed: bigint,
  {
    clients,
    threads,
    drawsDefaultSeed = true,
  }: { clients: number; threads: number; drawsDefaultSeed?: boolean },
): RunStreams {
  const base = new PgRandom(seed);
  const stream = (): PgRandom => new PgRandom(base.uint64());
  return {
    clients: Array.from({ length: clients }, stream),
    defaultSeed: drawsDefaultSeed ? intOf(BigInt.asIntN(64, base.uint64())) : null,
    threads: Array.from({ length: threads }, () => ({
      script: stream(),
      throttle: stream(),
      sample: stream(),
    })),
  };
}

/** What every script of `pgbench` finds without setting it; a variable that `-D` set keeps its value. */
export function setAutomaticVariables(
  variables: VariableStore,
  values: { scale: number; client: number; seed: bigint; defaultSeed: Int | null },
): void {
  const set = (name: string, value: Int): void => {
    const slot = variables.names.slot(name);
    if (!variables.isSet(slot)) variables.setValue(slot, value);
  };
  set('scale', values.scale);
  set('client_id', values.client);
  set('random_seed', intOf(BigInt.asIntN(64, values.seed)));
  if (values.defaultSeed !== null) set('default_seed', values.defaultSeed);
}
