import type { DrillKind } from '../../scenario/scenario-shape.ts';
import { hasWatchdog } from '../../topology/cluster.ts';
import type { Figures } from './figures.ts';
import type { Spread } from './spread.ts';
import type { TrialSet } from './threads.ts';
import type { TrialPlan } from './trial.ts';
import { watchdogRemarks } from './watchdog-remarks.ts';

/** Kinds whose fault ends only by an operator's work, and what that is. */
const operatorsWork: Partial<Record<DrillKind, string>> = {
  hang: 'until the frozen server goes on or is killed',
  'pgpool-loss': 'until Pgpool is started again',
};

/** What ends an outage that a drill brings to a cluster whose Pgpools watch each other. */
function watchdogsWork({ kind, cluster }: TrialPlan): string {
  if (kind !== 'hang' && cluster.backends.length > 0)
    return 'until a Pgpool of a majority has the address, or somebody tells Pgpool';
  return operatorsWork[kind] ?? 'until somebody tells Pgpool';
}

/** An outage of reads that lasts longer than this is worth a word. */
const notableMs = 1000;

export interface RemarkInput {
  plan: TrialPlan;
  set: TrialSet;
  spreads: { write: Spread; read: Spread; reducedRead: Spread };
}

/** What a drill leaves behind, and what of it a reader would not expect, in sentences. */
export function remarksOf(input: RemarkInput): string[] {
  const { plan, set } = input;
  return [
    ...failoverRemarks(plan, set),
    ...outageRemarks(input),
    ...readRemarks(input),
    ...capacityRemarks(input),
    ...watchdogRemarks(input),
  ];
}

/** Kinds that take a server, or its agent, from the cluster without asking. */
const mayFailOver: ReadonlySet<DrillKind> = new Set([
  'failover',
  'node-loss',
  'agent-kill',
  'agent-stop',
  'hang',
  'partition',
]);

/** Kinds that leave Pgpool with a primary that does not answer. */
const takesPrimary: ReadonlySet<DrillKind> = new Set(['failover', 'node-loss', 'hang', 'partition']);

function failoverRemarks({ kind, cluster }: TrialPlan, { trials }: TrialSet): string[] {
  const refused = trials.flatMap((figures) => figures.refused ?? []);
  const share = (count: number): string =>
    count === trials.length ? '' : ` (in ${percent(count / trials.length)} of the trials)`;
  const remarks = refused[0] ? [`the drill was refused${share(refused.length)}: ${refused[0]}`] : [];
  const target = trials[0]?.target;
  const isElsewhere = target && !cluster.backends.some(({ server }) => server === target);
  if (!mayFailOver.has(kind) || isElsewhere) return remarks;
  const still = trials.filter(({ promoted }) => promoted === null);
  if (still.length > 0) {
    const why = still[0] ? lastWord(still[0]) : undefined;
    remarks.push(`no failover${share(still.length)}${why ? `: EFM says "${why}"` : ''}${lessFor(kind)}`);
  }
  return remarks;
}

function lessFor(kind: DrillKind): string {
  if (kind === 'agent-kill' || kind === 'agent-stop')
    return '; the database goes on, unprotected until its agent is started again';
  return '';
}

/** The notice that says why nothing was promoted: the last that is more than information. */
function lastWord({ notices }: Figures): string | undefined {
  const told = notices.findLast((text) => !text.startsWith('INFO'));
  return told?.slice(told.indexOf(' ') + 1);
}

function outageRemarks({ plan, spreads, set }: RemarkInput): string[] {
  if (spreads.write.worst !== null && spreads.read.worst !== null) return [];
  const what =
    spreads.write.worst === null && spreads.read.worst === null
      ? 'no session is served'
      : spreads.write.worst === null
        ? 'no session can write'
        : 'no session can read';
  const pgpoolHost = plan.cluster.pgpools[0]?.server;
  const target = set.trials[0]?.target;
  const until = hasWatchdog(plan.cluster)
    ? watchdogsWork(plan)
    : pgpoolHost && target === pgpoolHost
      ? `Pgpool ran on ${target}: until it is started again, there or elsewhere`
      : (operatorsWork[plan.kind] ?? 'until somebody tells Pgpool');
  if (plan.kind === 'agent-kill' || plan.kind === 'agent-stop') {
    return [
      `${what} until the agent of ${target} is started again: EFM has taken the primary out of Pgpool although its database answers (detach.on.agent.failure, and always before 4.2)`,
    ];
  }
  if (plan.kind === 'hang') {
    return [
      `${what} ${until}: Pgpool's replication check waits for it and holds the lock that the detach needs (with sr_check_period 0 it does not)`,
    ];
  }
  const some = spreads.write.best !== null && spreads.read.best !== null ? ' in some trials' : '';
  return [`${what}${some} ${until.startsWith('Pgpool') ? `– ${until}` : until}`];
}

function readRemarks({ plan, spreads, set }: RemarkInput): string[] {
  const { read } = spreads;
  if ((read.mean ?? 0) < notableMs) return [];
  const { kind, cluster } = plan;
  if (kind === 'standby-node-loss')
    return ['a standby whose host is gone holds up every new session until it is detached, writes too'];
  if (kind === 'switchover' || kind === 'switchback')
    return ['reads are refused too while Pgpool searches for the new primary'];
  const target = set.trials[0]?.target;
  const hitsDatabase = cluster.backends.some(({ server }) => server === target);
  if (!hitsDatabase || !takesPrimary.has(kind)) return [];
  return [
    'reads are refused too until the detach: Pgpool opens no session while the node that it takes for the primary does not answer',
  ];
}

function capacityRemarks({ plan, set, spreads }: RemarkInput): string[] {
  if (spreads.reducedRead.worst !== null) return [];
  const target = set.trials[0]?.target ?? 'the server';
  const standbysBefore = plan.cluster.backends.filter(({ roleAtStart }) => roleAtStart === 'standby').length;
  const after = Math.max(...set.trials.map(({ standbysAtEnd }) => standbysAtEnd));
  if (after >= standbysBefore) return [];
  const served = `${after} of ${standbysBefore} standbys serve reads`;
  const pgpoolGone =
    plan.cluster.pgpools.some(({ server }) => server === target) || plan.kind === 'pgpool-loss';
  if (pgpoolGone) return [];
  return [`${served}, until ${target} has been rebuilt by the operator and resumed (efm resume)`];
}

const percent = (share: number): string => `${Math.round(100 * share)} %`;
