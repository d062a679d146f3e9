import { printMetric } from '../../analysis/thresholds.ts';
import type { Confirmation } from './confirm.ts';
import type { ConnectionBudget } from './connections.ts';
import type { Demand } from './demand.ts';
import type { PlanQuestion } from './inputs.ts';
import { type Candidate, leastFactor, type StateRow } from './search.ts';

/** What a plan found on its way. */
export interface Evidence {
  question: PlanQuestion;
  candidates: readonly Candidate[];
  connections: ConnectionBudget;
  confirmed: readonly ({ standbys: number } & Confirmation)[];
  demand: Demand;
  /** Pgpool does not fail over by itself: with a dead primary that is still attached it serves nobody. */
  refusesAll: boolean;
  /** Those of the model; with several one serves at a time. */
  pgpools: number;
}

/** Why no number of standbys will do: every limit in a sentence with its value and what would move it. */
export function whyNot(evidence: Evidence): string[] {
  const { connections, demand, candidates, confirmed } = evidence;
  const why: string[] = [];
  const served = connections.children - connections.reserved;
  if (demand.sessions > served) {
    why.push(
      `children: ${demand.sessions} sessions are asked for, and Pgpool serves ${served} at once (num_init_children); the others wait unanswered`,
    );
  }
  if (!connections.fits) {
    why.push(
      `connections: Pgpool may open ${connections.perServer} to each server, which takes ${connections.available}; raise max_connections or lower num_init_children or max_pool`,
    );
  }
  const last = confirmed.at(-1);
  const best = candidates.reduce<Candidate | undefined>(
    (most, next) => (!most || leastFactor(next) > leastFactor(most) * 1.001 ? next : most),
    undefined,
  );
  if (candidates.every(({ meets }) => !meets) && best) {
    for (const row of best.states.filter(({ meets }) => !meets)) why.push(whyState(row, best));
    if (best.fatal) why.push(`${best.fatal}: with ${standbysText(best.standbys)} nothing is left to serve`);
  } else if (last && !last.holds) {
    for (const { state, thresholds } of last.states) {
      for (const { text, unit, interval, result } of thresholds) {
        if (result !== 'fail' && result !== 'unknown') continue;
        const value = interval ? printMetric(interval.mean, unit) : 'not measured';
        why.push(
          `${state}: the simulation of ${standbysText(last.standbys)} finds ${text} at ${value}${adviceFor(text)}`,
        );
      }
    }
  }
  return why;
}

/** What a reader should know of the answer. */
export function remarksOn(evidence: Evidence, found: Candidate | null): string[] {
  const { question, candidates, connections, demand } = evidence;
  const remarks: string[] = [];
  const shown = found ?? candidates.at(-1);
  if (
    shown?.states.some(({ busiest, limit }) => busiest.kind === 'shared CPU' || limit.kind === 'shared CPU')
  ) {
    remarks.push(
      'Servers of this model have no cpu of their own: they share one machine of two cores, so a standby adds no capacity. Give each server its cpu.',
    );
  }
  const after = found?.states.find(({ state }) => state === 'failover');
  if (after && found && Object.values(found.weights).filter((weight) => weight > 0).length > 0) {
    remarks.push(
      'Weights stay with node ids: after a failover the new primary keeps its weight and takes its share of the reads beside the writes.',
    );
  }
  if (question.survive.some((loss) => loss === 'failover' || loss === 'double-loss') && evidence.refusesAll) {
    remarks.push(
      'From the loss of the primary until EFM detaches it Pgpool refuses every new session, reads too: no standby and no weight helps in that time.',
    );
  }
  if (evidence.pgpools > 1) {
    remarks.push(
      `Of the ${evidence.pgpools} Pgpools one serves, the watchdog's leader: sessions and connections are counted for it alone, and its loss is none of these states (pgdrill timeline --drill pgpool-loss).`,
    );
  }
  if (connections.thrashes) {
    remarks.push(
      `${connections.databases} pairs of user and database share max_pool = ${connections.maxPool}: children close and open connections at each change.`,
    );
  }
  if (connections.source === 'PostgreSQL default') {
    remarks.push(
      "max_connections is taken as PostgreSQL's default of 100; say it with --max-connections or in the model's postgres.settings.",
    );
  }
  if (question.sessions === null) {
    remarks.push(
      `The application is taken to open ${demand.sessions} sessions, all that Pgpool serves; --sessions says otherwise.`,
    );
  }
  return remarks;
}

function whyState(
  { state, variant, limit, highest, busiest, thresholds }: StateRow,
  { standbys }: Candidate,
): string {
  const where = `${state} (${variant}), ${standbysText(standbys)}`;
  if (limit.kind === 'service time') {
    const missed = thresholds.filter(({ result }) => result === 'fail').map(({ text }) => text);
    return `${where}: ${missed.join(', ')} is out of reach without any load: ${limit.name} takes longer`;
  }
  const crossed = thresholds
    .filter(({ result }) => result === 'fail')
    .map(({ text, value, unit }) =>
      Number.isFinite(value ?? 0)
        ? `${text}, found ${printMetric(value, unit)}`
        : `${text}, found without end`,
    );
  const most = `${Math.floor(highest.readsPerSecond)} reads and ${Math.floor(highest.writesPerSecond)} writes a second are the most within the objectives`;
  const busy = `${busiest.name} (${busiest.kind}) would be busy ${(100 * busiest.utilisation).toFixed(0)} %`;
  return `${where}: limited by ${limit.kind}, ${limit.name}: ${most}; ${busy}; ${crossed.join('; ')}`;
}

function adviceFor(text: string): string {
  return text.startsWith('outage.')
    ? '; standbys do not shorten an outage, timers do: pgdrill timeline --target'
    : '';
}

function standbysText(count: number): string {
  return count === 1 ? '1 standby' : `${count} standbys`;
}
