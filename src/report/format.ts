import { formatDuration } from '../kernel/time.ts';
import type {
  ClassSummary,
  GeneratorWorker,
  PhaseName,
  Summary,
  TimelinePhase,
} from '../recording/summary.ts';

/** Widest line of plain text. */
export const terminalColumns = 80;

/** A count for people: all digits up to ten million, then millions or billions. */
export function formatCount(count: number): string {
  if (Math.abs(count) >= 1e10) return `${(count / 1e9).toFixed(0)}G`;
  return Math.abs(count) >= 1e7 ? `${(count / 1e6).toFixed(1)}M` : String(Math.round(count));
}

/** A rate with as many digits as it deserves. */
export function formatRate(perSecond: number): string {
  return perSecond >= 100 ? formatCount(perSecond) : perSecond.toFixed(1);
}

/** A share of 0..1 in percent. */
export function formatShare(share: number | null | undefined): string {
  return share == null ? '-' : `${(share * 100).toFixed(1)} %`;
}

/** A span, or `-` where there is none. Input in ms. */
export function formatSpan(spanMs: number | null | undefined): string {
  if (spanMs == null) return '-';
  return spanMs === 0 ? '0 s' : formatDuration(spanMs);
}

/** A span with its sign: `+3.61 s`, `-0.40 s`. Input in ms. */
export function formatSigned(spanMs: number | null | undefined): string {
  if (spanMs == null) return '-';
  return `${spanMs < 0 ? '-' : '+'}${formatSpan(Math.abs(spanMs))}`;
}

/** How long operations that were not answered ok kept their clients waiting, from their due time; null where there were none. */
export function missedSentence({
  failedMs,
  unknownMs,
}: Pick<ClassSummary, 'failedMs' | 'unknownMs'>): string | null {
  const parts = Object.entries({ failed: failedMs, unknown: unknownMs }).flatMap(([outcome, found]) => {
    if (found === null) return [];
    const [p50, p99, max] = [found.p50, found.p99, found.max].map(formatSpan);
    return [`${outcome} after ${p50} (p50), ${p99} (p99), ${max} (max)`];
  });
  return parts.length === 0 ? null : parts.join('; ');
}

/** An instant of the load in seconds: `38.00 s`. Input in ms. */
export function formatInstant(atMs: number): string {
  return `${(atMs / 1000).toFixed(2)} s`;
}

const phaseWords: Record<PhaseName, [short: string, long: string]> = {
  leaderLost: ['lose leader', 'another Pgpool notices that the leading one is gone'],
  election: ['elect leader', 'the Pgpools that are left choose a leader'],
  quorum: ['quorum', 'the first standby joins the new leader'],
  escalation: ['escalate', 'the new leader runs wd_escalation_command'],
  addressUp: ['raise VIP', 'the virtual IP comes up on its host and is announced'],
  votes: ['votes', 'Pgpools vote on the failover of the server'],
  detect: ['detect', 'the agent notices that its database is gone'],
  verify: ['verify', 'last check, and every agent tries to connect'],
  stop: ['stop primary', 'the old primary is stopped'],
  detach: ['detach primary', 'Pgpool is told to leave the old primary alone'],
  vip: ['move address', 'the virtual address moves'],
  fence: ['fence', 'the old primary is kept from coming back'],
  promote: ['promote', 'a standby becomes the primary'],
  reconfigure: ['reconfigure', 'the other standbys follow the new primary'],
  pgpoolPromote: ['tell Pgpool', 'the post-promotion script names the new primary to Pgpool'],
  primarySearch: ['Pgpool search', 'Pgpool has no primary'],
  sessionsBack: ['first write', 'sessions come back until a write is answered'],
  standbysAttached: ['attach standbys', 'until the last standby is in use again'],
};

/** What a phase is called in reports, in a few letters. */
export function phaseLabel(name: PhaseName): string {
  return phaseWords[name][0];
}

/** What happens in a phase, in a clause. */
export function phaseMeaning(name: PhaseName): string {
  return phaseWords[name][1];
}

/** The setting that bounds a phase with its value: `local.timeout 4`. */
export function formatBound(boundBy: TimelinePhase['boundBy']): string {
  return boundBy === null ? '-' : `${boundBy.setting} ${boundBy.value}`;
}

/** What sessions do with their connections. */
export function formatKeeping({ connect, sessionLifetimeMs }: Summary['load']): string {
  if (connect === 'perTransaction') return 'a connection for each transaction';
  return sessionLifetimeMs === null ? 'kept for ever' : `each renewed after ${formatSpan(sessionLifetimeMs)}`;
}

/** How long operations of a load may wait, and take. */
export function formatWaiting({ late, patienceMs, timeoutMs }: Summary['load']): string {
  const waiting =
    late === 'skip' ? `given up unsent after ${formatSpan(patienceMs)}` : 'sent however late they are';
  return `${waiting}, unanswered after ${formatSpan(timeoutMs)}`;
}

/** How a thread of the load generator fared, in one line. */
export function formatWorker({
  worker,
  transport,
  cpuShare,
  busiestCpuShare,
  gcMs,
  eventLoopDelayMs,
}: GeneratorWorker): string {
  const parts = [
    ...(transport === null ? [] : [transport]),
    cpuShare === null
      ? 'processor time not measured'
      : `${formatShare(cpuShare)} of a processor (busiest second ${formatShare(busiestCpuShare)})`,
    ...(gcMs === null ? [] : [`garbage collection ${formatSpan(gcMs)}`]),
    `event loop late p99 ${formatSpan(eventLoopDelayMs?.p99)}, largest ${formatSpan(eventLoopDelayMs?.max)}`,
  ];
  return `load worker ${worker + 1}: ${parts.join('; ')}`;
}

/** What each verdict means, in a sentence. */
export const verdictMeaning: Record<Summary['verdict']['result'], string> = {
  pass: 'every drill did what it should, and the counts agree',
  fail: 'a drill failed, a threshold was crossed, or two servers were primary at once',
  unknown: 'the run is not whole, so it proves nothing either way',
  invalid: 'the numbers of this run cannot be trusted',
};

/** What ran: by whom each part was played, and which program with which input. */
export function provenanceText({ world, seed, provenance }: Summary): { parts: string; source: string } {
  const { version, commit, scenarioHash, clusterHash, components, transport } = provenance;
  const named = components.map(
    ({ name, kind, version: found }) => `${name}${found === null ? '' : ` ${found}`} ${kind}`,
  );
  const carried = world === 'live' ? [`sessions by ${transport}`] : [];
  const built = `pgdrill ${version}${commit === null ? '' : ` (${commit})`}`;
  return {
    parts: [...named, ...carried].join('; '),
    source: `${built}, seed ${seed}, scenario ${scenarioHash.slice(0, 12)}, cluster ${clusterHash.slice(0, 12)}`,
  };
}

/** What a reader must know before believing the numbers of a summary, each a sentence. */
export function cautions({ world, provenance, drills }: Summary): string[] {
  const { calibrated, capped } = provenance;
  const found: string[] = [];
  const predicts = world === 'simulated' || drills.some(({ predicted }) => predicted !== null);
  if (!calibrated && predicts) {
    found.push(
      'Not calibrated: the service times of the cluster model were not measured on this machine (calibrated: false), so simulated times show order and size, not milliseconds.',
    );
  }
  if (!calibrated && !predicts) {
    found.push(
      'The service times of the cluster model were not measured on this machine (calibrated: false).',
    );
  }
  if (capped) found.push('CPU caps were in force: latencies are longer than on servers of their own.');
  return found;
}

/** The servers of some records and whatever else they name, in the order of first sight. */
export function namesIn(...records: Record<string, unknown>[]): string[] {
  return [...new Set(records.flatMap((record) => Object.keys(record)))];
}

/** How often Pgpool refused a new session in a drill, by SQLSTATE, and how often the simulation expected it to. */
export function refusalText(
  refused: Readonly<Record<string, number>>,
  predicted: { refusedSessions: Readonly<Record<string, number>> } | null,
): string {
  const total = (counts: Readonly<Record<string, number>>): number =>
    Object.values(counts).reduce((sum, count) => sum + count, 0);
  const codes = Object.entries(refused).map(([code, count]) => `${code} ${formatCount(count)}`);
  const listed = codes.length === 0 ? '' : ` (${codes.join(', ')})`;
  const other = predicted ? `; simulated ${formatCount(total(predicted.refusedSessions))}` : '';
  return `new sessions refused: ${formatCount(total(refused))}${listed}${other}`;
}

/** What shares the weights let expect, and how far chance may move them, as a sentence; null where nothing tells. */
export function shareSentence({ shareInterval }: Pick<Summary, 'shareInterval'>): string | null {
  if (!shareInterval) return null;
  const { sessionStarts, servers } = shareInterval;
  const each = servers.map(
    ({ name, share, halfWidth }) => `${name} ${formatShare(share)} ± ${(100 * halfWidth).toFixed(1)}`,
  );
  return `shares by weight: ${each.join(', ')} (95 % interval for about ${formatCount(sessionStarts)} session starts)`;
}
