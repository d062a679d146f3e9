import { InputError, type Problem } from '../kernel/errors.ts';
import { checkSimulated } from '../sim/check.ts';
import { pgpoolSwitch } from '../topology/pgpool-conf.ts';
import { type Confirmation, confirm, isBoundByTimers, runPlanOf } from './plan/confirm.ts';
import { type ConnectionBudget, connectionBudget } from './plan/connections.ts';
import { type Demand, profileOf, type ScriptProfile } from './plan/demand.ts';
import { type PlanOptions, type PlanQuestion, readQuestion } from './plan/inputs.ts';
import { remarksOn, whyNot } from './plan/reasons.ts';
import { assess, type Candidate, isFutile } from './plan/search.ts';

/** The answer to a capacity question. Rates per second, spans ms, shares 0..1; what is infinite prints as null. */
export interface PlanResult {
  schema: 'pgdrill/plan@1';
  model: string;
  /** The model's service times were measured on the user's servers. */
  calibrated: boolean;
  seed: number;
  asked: {
    readsPerSecond: number;
    writesPerSecond: number;
    scripts: { read: string; write: string };
    thresholds: string[];
    survive: string[];
    sessions: number;
    sessionLifetimeMs: number;
    mostStandbys: number;
  };
  /** `met`: with so many standbys and these weights. `impossible`: `why` names the limit. */
  answer: {
    result: 'met' | 'impossible';
    standbys: number | null;
    weights: Record<string, number> | null;
    why: string[];
  };
  /** Every number of standbys that was looked at, by formula. */
  candidates: Candidate[];
  connections: ConnectionBudget;
  /** Each point that was simulated; the last one is the answer's. */
  confirmed: ({ standbys: number } & Confirmation)[];
  remarks: string[];
}

/** Points that are simulated at most, each with one standby more than the one before. */
const mostConfirmations = 3;

/**
 * Finds the smallest number of standbys, and their weights, with which a cluster model keeps to the objectives in the normal state and
 * after each loss: the formulas of `sim/analytic` search, the simulation confirms.
 *
 * @throws InputError with every mistake of the options or of the model
 */
export async function plan(options: PlanOptions, note: (line: string) => void): Promise<PlanResult> {
  const question = readQuestion(options);
  const settled = settle(question);
  const { demand, connections, calibrated } = settled;
  const { candidates, confirmed, found } = await search(question, settled, note);
  const evidence = { question, candidates, confirmed, ...settled };
  return {
    schema: 'pgdrill/plan@1',
    model: question.model,
    calibrated,
    seed: question.seed,
    asked: {
      readsPerSecond: question.readsPerSecond,
      writesPerSecond: question.writesPerSecond,
      scripts: question.scripts,
      thresholds: question.thresholds.map(({ text }) => text),
      survive: [...question.survive],
      sessions: demand.sessions,
      sessionLifetimeMs: question.sessionLifetimeMs,
      mostStandbys: question.mostStandbys,
    },
    answer: found
      ? { result: 'met', standbys: found.standbys, weights: found.weights, why: [] }
      : { result: 'impossible', standbys: null, weights: null, why: whyNot(evidence) },
    candidates,
    connections,
    confirmed,
    remarks: remarksOn(evidence, found),
  };
}

interface Search {
  candidates: Candidate[];
  confirmed: PlanResult['confirmed'];
  found: Candidate | null;
}

/** One standby more each time, until the formulas and the simulation agree, or more standbys cannot help. */
async function search(
  question: PlanQuestion,
  { demand, connections }: Settled,
  note: (line: string) => void,
): Promise<Search> {
  const { thresholds, survive, mostStandbys, runs, seed } = question;
  const children = connections.children - connections.reserved;
  const candidates: Candidate[] = [];
  const confirmed: PlanResult['confirmed'] = [];
  for (let standbys = 1; standbys <= mostStandbys; standbys += 1) {
    note(`${standbys} ${standbys === 1 ? 'standby' : 'standbys'}: by formula`);
    const { cluster } = runPlanOf({ question, standbys, weights: {}, sessions: 1 }, 'normal', seed);
    const candidate = assess(cluster, { demand, thresholds, survive, children });
    const before = candidates.at(-1);
    candidates.push(candidate);
    if (before && isFutile(candidate, before)) break;
    if (!candidate.meets) continue;
    if (!connections.fits || demand.sessions > children) break;
    if (runs === 0) return { candidates, confirmed, found: candidate };
    const point = { question, standbys, weights: candidate.weights, sessions: demand.sessions };
    const confirmation = await confirm(point, note);
    confirmed.push({ standbys, ...confirmation });
    if (confirmation.holds) return { candidates, confirmed, found: candidate };
    if (confirmed.length === mostConfirmations || isBoundByTimers(confirmation)) break;
  }
  return { candidates, confirmed, found: null };
}

/** Reads may go to standbys, writes never: a script given for the one cannot be the other. */
function wrongKind(name: 'read' | 'write', { scripts }: PlanQuestion): Problem {
  const file = `--${name}-script ${scripts[name]}`;
  const message = name === 'read' ? 'this script writes' : 'this script writes nothing';
  const other = name === 'read' ? 'write' : 'read';
  const hint = `give it as --${other}-script, with its rate as --${other}s`;
  return { place: { file, line: 1, column: 1 }, rule: 'plan-option', message, hint };
}

/** What does not change with the number of standbys. */
interface Settled {
  demand: Demand;
  connections: ConnectionBudget;
  calibrated: boolean;
  refusesAll: boolean;
  pgpools: number;
}

/** Reads the model once, as it is. */
function settle(question: PlanQuestion): Settled {
  const point = { question, standbys: 1, weights: {}, sessions: 1 };
  const { cluster, load } = runPlanOf(point, 'normal', question.seed);
  const problems = checkSimulated(cluster);
  if (problems.length > 0) throw new InputError(problems);
  const { databases, maxConnections } = question;
  const connections = connectionBudget(cluster, { databases, maxConnections });
  const profile = (name: 'read' | 'write'): ScriptProfile => {
    const entry = load.classes.find((one) => one.name === name);
    if (!entry) return { statements: 1, brackets: 0, endsInCommit: false };
    if (entry.script.kind !== name) throw new InputError([wrongKind(name, question)]);
    return profileOf(entry.script, cluster);
  };
  return {
    connections,
    calibrated: cluster.serviceTimes.calibrated,
    refusesAll: !pgpoolSwitch(cluster.pgpoolSettings, 'failover_on_backend_error'),
    pgpools: cluster.pgpools.length,
    demand: {
      readsPerMs: question.readsPerSecond / 1000,
      writesPerMs: question.writesPerSecond / 1000,
      scripts: { read: profile('read'), write: profile('write') },
      sessions: question.sessions ?? Math.max(1, connections.children - connections.reserved),
      sessionLifetimeMs: question.sessionLifetimeMs,
    },
  };
}
