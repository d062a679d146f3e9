import { availableParallelism } from 'node:os';
import { drills } from '../drills/catalogue.ts';
import { DrillError, ExitCode } from '../kernel/errors.ts';
import { type DrillKind, drillKinds } from '../scenario/scenario-shape.ts';
import type { Cluster } from '../topology/cluster.ts';
import { readTimelineInput, type TimelineFiles } from './timeline/inputs.ts';
import { remarksOf } from './timeline/remarks.ts';
import { noticeRows, phaseRows, sensitivityRow, spanOver, type TimelineResult } from './timeline/result.ts';
import { sensitivitiesOf } from './timeline/sensitivity.ts';
import { TargetSearch } from './timeline/target.ts';
import { TrialThreads } from './timeline/threads.ts';
import type { TrialPlan } from './timeline/trial.ts';

export interface TimelineRequest extends TimelineFiles {
  drill: string;
  trials: number;
  seed: number;
  /** The longest write outage that is wanted; null asks for no proposal. */
  targetMs: number | null;
  /** Server that the drill is about; left out: the kind's own choice, the primary for most. */
  on?: string | null;
  /** Worker threads; left out: one a processor. 0 computes in this thread. The result is the same. */
  threads?: number;
  /** Hears that the input is right and the work begins. */
  note?: (text: string) => void;
  /** Pairs of trials for each setting's effect; left out: enough for two places. */
  pairs?: number;
}

/** Trials beyond this are no more exact than the model. */
const mostTrials = 1_000_000;

/**
 * The story of a timeline: read the configuration → simulate the drill many times, at every phase of every periodic check →
 * once more with each setting a second longer → bounds, spans, remarks → what would reach a target.
 *
 * No server is started, nothing is written. Equal requests give equal results, whatever the number of threads.
 *
 * @throws InputError, DrillError of usage
 */
export async function timeline(request: TimelineRequest): Promise<TimelineResult> {
  const kind = kindOf(request.drill);
  const { trials, seed, efm, pgpool, model } = request;
  if (!Number.isInteger(trials) || trials < 1 || trials > mostTrials) {
    const message = `--trials is a whole number from 1 to ${mostTrials}, got ${trials}`;
    throw new DrillError(message, { exitCode: ExitCode.usage });
  }
  const { cluster, versions, hasFollowCommand, remarks } = readTimelineInput(request);
  const target = targetOf(kind, request.on ?? null, cluster);
  request.note?.(`simulating ${trials} drills of kind ${kind}`);
  const plan: TrialPlan = { cluster, kind, seed, hasFollowCommand, ...(target === null ? {} : { target }) };
  const threads = new TrialThreads(request.threads ?? availableParallelism());
  try {
    const [set, sensitivities] = await Promise.all([
      threads.run(plan, { trials, corners: true }),
      sensitivitiesOf(threads, plan, request.pairs),
    ]);
    const rows = phaseRows(set, plan, sensitivities);
    const write = spanOver(set, ({ writeOutageMs }) => writeOutageMs);
    const read = spanOver(set, ({ readOutageMs }) => readOutageMs);
    const reducedRead = spanOver(set, ({ reducedReadMs }) => reducedReadMs);
    const result: TimelineResult = {
      schema: 'pgdrill/timeline@1',
      drill: kind,
      target: set.trials[0]?.target ?? null,
      versions,
      files: { efm, pgpool, model },
      trials,
      seed,
      calibrated: cluster.serviceTimes.calibrated,
      phases: rows,
      writeOutageMs: write,
      readOutageMs: read,
      reducedReadMs: reducedRead,
      sensitivity: sensitivities.map((sensitivity) => sensitivityRow(sensitivity, plan)),
      notices: noticeRows(set),
      remarks: [...remarksOf({ plan, set, spreads: { write, read, reducedRead } }), ...remarks],
    };
    if (request.targetMs === null) return result;
    const search = new TargetSearch(threads, plan, { targetMs: request.targetMs, sensitivities });
    return { ...result, targetFinding: await search.find(write.worst ?? Number.POSITIVE_INFINITY) };
  } finally {
    await threads.close();
  }
}

function targetOf(kind: DrillKind, name: string | null, { servers }: Cluster): string | null {
  if (name === null) return null;
  const names = servers.map((server) => server.name);
  if (!names.includes(name)) {
    const hint = `it has ${names.join(', ')}`;
    throw new DrillError(`the cluster has no server "${name}"`, { hint, exitCode: ExitCode.usage });
  }
  if (drills[kind].takesTarget) return name;
  const message = `${kind} takes no server: it is about the primary of that moment; got "${name}"`;
  throw new DrillError(message, { exitCode: ExitCode.usage });
}

function kindOf(text: string): DrillKind {
  const kind = drillKinds.find((name) => name === text);
  if (kind) return kind;
  throw new DrillError(`"${text}" is no kind of drill`, {
    hint: `one of ${drillKinds.join(', ')}`,
    exitCode: ExitCode.usage,
  });
}
