import { Random } from '../../src/kernel/random.ts';
import { drawSteps } from './pgpool-differential-draw.ts';
import { profiles, rota } from './pgpool-differential-profiles.ts';
import { DifferentialRunner, type SequenceResult } from './pgpool-differential-runner.ts';
import { parseSteps } from './pgpool-differential-steps.ts';

/** One sequence: drawn from a seed (then the settings are those whose turn it is), or written out. */
export type Plan =
  | { seed: number; steps: number; profile?: string }
  | { name: string; sequence: string; profile: string };

export interface DifferentialOptions {
  plans: readonly Plan[];
  /** Clusters side by side, each on loopback addresses of its own. */
  lanes?: number;
  signal?: AbortSignal;
  /** Hears of every sequence as it ends. */
  onSequence?: (result: PlannedResult) => void;
}

export interface PlannedResult extends SequenceResult {
  /** The seed, or the name of the sequence. */
  name: string;
  /** What does the sequence again. */
  replay: string;
  versions: { postgres: string; pgpool: string };
}

export interface DifferentialResult {
  sequences: number;
  steps: number;
  comparisons: number;
  /** By answer, over all sequences. */
  answers: Record<string, number>;
  /** Distinct vectors of node states. */
  vectors: number;
  firstMismatch: PlannedResult | null;
  /** Programs that were still there after the clusters had been removed. */
  left: string[];
}

/** Addresses that another run at the same time is not likely to have; servers that meet others there stop the run. */
function networkOf(lane: number): string {
  return `127.${91 + lane}.${process.pid % 251}`;
}

/**
 * Random sequences of steps on real clusters and on the statecharts alike; after each step what can be seen of the real
 * Pgpool must be one of the things that the model allows.
 *
 * A seed draws the same steps whatever the settings; which of the model's races a real cluster takes is not in its hand.
 */
export async function runDifferential(options: DifferentialOptions): Promise<DifferentialResult> {
  const { plans, lanes = 1, signal } = options;
  const total = { sequences: 0, steps: 0, comparisons: 0, answers: {}, vectors: 0 };
  const result: DifferentialResult = { ...total, firstMismatch: null, left: [] };
  const vectors = new Set<string>();
  const due = [...plans];
  const lane = async (number: number): Promise<void> => {
    const runner = await DifferentialRunner.build(networkOf(number));
    try {
      for (let plan = due.shift(); plan; plan = due.shift()) {
        const sequence = await one(runner, plan);
        if (signal?.aborted) return;
        add(result, sequence);
        for (const vector of sequence.vectors) vectors.add(vector);
        if (sequence.mismatch) result.firstMismatch ??= sequence;
        options.onSequence?.(sequence);
      }
    } finally {
      result.left.push(...(await runner.remove()));
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, plans.length) }, (_, number) => lane(number)));
  return { ...result, vectors: vectors.size };
}

async function one(runner: DifferentialRunner, plan: Plan): Promise<PlannedResult> {
  const drawn = 'seed' in plan;
  const profileName = plan.profile ?? (drawn ? rota[plan.seed % rota.length] : undefined);
  const profile = profiles.find(({ name }) => name === profileName);
  if (!profile)
    throw new Error(
      `no settings named ${profileName}; there are ${profiles.map(({ name }) => name).join(', ')}`,
    );
  const steps = drawn
    ? drawSteps(new Random(plan.seed).fork('pgpool differential'), plan.steps)
    : parseSteps(plan.sequence);
  const what = drawn
    ? `PGDRILL_SEED=${plan.seed} PGDRILL_STEPS=${plan.steps}`
    : `PGDRILL_SEQUENCE='${plan.sequence}'`;
  const replay = `PGDRILL_PROFILE=${profile.name} ${what} npx vitest run --project servers test/lab/pgpool-differential.test.ts`;
  const name = drawn ? String(plan.seed) : plan.name;
  return { ...(await runner.sequence(profile, steps)), name, replay, versions: runner.versions };
}

function add(total: DifferentialResult, sequence: SequenceResult): void {
  total.sequences += 1;
  total.steps += sequence.steps;
  total.comparisons += sequence.comparisons;
  for (const [answer, count] of Object.entries(sequence.answers))
    total.answers[answer] = (total.answers[answer] ?? 0) + count;
}

/** A mismatch as a person reads it. */
export function textOfMismatch({ profile, mismatch, replay }: PlannedResult): string {
  if (!mismatch) return 'no mismatch';
  const { steps, what, real, model, log } = mismatch;
  const lines = log.split('\n').filter((line) => !/ (sr_check_worker|pcp_main|pcp_child) pid/.test(line));
  return [
    `${profile}: after ${steps.join(', ') || 'the start'}`,
    `${what}`,
    `  real:  ${real}`,
    `  model: ${model}`,
    `again: ${replay}`,
    ...lines.slice(-40),
  ].join('\n');
}
