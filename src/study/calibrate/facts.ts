import { ClusterHistory } from '../../analysis/cluster-history.ts';
import { type CommandSpan, commandsIn } from '../../analysis/commands.ts';
import { type Frame, frameOf, type Stretch, within } from '../../analysis/frame.ts';
import type { CpuEvent, RecordedEvent, WalPositionEvent } from '../../recording/events.ts';
import type { Interval } from '../../recording/intervals.ts';
import type { LatencySlice } from '../../recording/latency.ts';
import type { ManifestClass, ManifestScenario } from '../../recording/manifest.ts';
import type { Recording } from '../../recording/recording.ts';
import { wakesOfStop } from '../../sim/wake.ts';
import { stoppedAtOnce, type Wakes, wakesOf } from './pauses.ts';
import { bytesAt } from './wal.ts';

/** A run that service times are taken from. */
export interface CalibrationRun {
  /** How the user named it: the result folder. */
  name: string;
  recording: Recording;
}

/** What one server did in some seconds, and what that took. */
export interface Window {
  run: string;
  server: string;
  role: 'primary' | 'standby';
  lengthMs: number;
  /** Statements of reads that it answered, writes that it carried out (a primary) or replayed (a standby). */
  reads: number;
  writes: number;
  /** Sessions that were opened, of the whole cluster: each opens one on every server. Reckoned from their lifetime. */
  sessionStarts: number;
  /** Statements of all clients together, which Pgpool handles wherever they go. */
  statements: number;
  /** BEGINs, COMMITs and their like that it got as the own node of sessions whose writes went to the primary. */
  brackets: number;
  /** Wake-ups of sessions: on this server, and of all of them in Pgpool (`pauses.ts`). */
  wakes: number;
  pgpoolWakes: number;
  postgresMs: number | null;
  pgpoolMs: number | null;
}

/** What one run tells about service times: its undisturbed stretch, and what agents and drills did after it. */
export interface RunFacts {
  name: string;
  scenario: ManifestScenario;
  steady: Stretch;
  windows: Window[];
  /** Servers that Pgpool opens a connection to for each session. */
  backends: number;
  /** Wake-ups of one operation of each class. */
  wakes: Readonly<Record<string, Wakes>>;
  /** Role of a server in that stretch; null of none that was seen. */
  roleOf(server: string): 'primary' | 'standby' | null;
  /** Largest share of that stretch for which a server was held back by its cap; cores count one by one. */
  heldBack: number;
  /** Latencies of the undisturbed stretch. */
  slices: LatencySlice[];
  /** Those of them in which no cap stopped their server. */
  unstopped: LatencySlice[];
  /** Commands of all agents in the whole run. */
  commands: CommandSpan[];
  events: readonly RecordedEvent[];
  /** WAL of the undisturbed stretch by its primary, and its writes there; null when positions were not seen. */
  wal: { bytes: number; writes: number } | null;
}

/** Processor samples are put together to windows of this length at least: a second is too short for the few operations of low loads. */
const windowMs = 3000;

/**
 * Reads the facts out of a run. Samples before the end of the warm-up and after the first drill's beginning are left out.
 * @param wakeAfterMs in about so long a session's processes come to rest
 */
export function factsOf({ name, recording }: CalibrationRun, wakeAfterMs: number): RunFacts {
  const { manifest, events } = recording;
  const frame = frameOf(recording);
  const steady = steadyOf(frame);
  const history = new ClusterHistory(events);
  const samples = events.filter((event): event is CpuEvent => event.type === 'cpu');
  const servers = [...new Set(samples.map(({ server }) => server))];
  const roleOf = (server: string): Window['role'] | null => {
    const role = history.roleAt(server, steady.endMs);
    return role === 'down' ? null : role;
  };
  const slices = recording.latency.filter(({ startMs, lengthMs }) => within(startMs + lengthMs / 2, steady));
  const wakes = wakesOf(recording, slices, { steady, afterMs: wakeAfterMs });
  /** Wake-ups of one stop by its cap, of each server that has one. */
  const perStop = new Map(
    manifest.servers.flatMap(({ name: server, cap }) => {
      if (!cap) return [];
      const sessionShare = sessionShareOf(recording.intervals, steady, server);
      const jobs = stoppedAtOnce(manifest.scenario, slices, sessionShare);
      return [[server, (wakesOfStop * jobs) / cap.periodMs] as const];
    }),
  );
  const stopWakes = (server: string, { startMs, endMs }: Stretch): number => {
    const held = Math.min(1, heldBackIn(samples, server, { startMs, endMs }));
    return held * (endMs - startMs) * (perStop.get(server) ?? 0);
  };
  const windows = servers.flatMap((server) => {
    const own = samples.filter((sample) => sample.server === server);
    const role = roleOf(server) ?? 'standby';
    return joined(own, steady).map(({ stretch, used }) => {
      const stopped = servers.map((other) => stopWakes(other, stretch));
      const done = operationsIn(recording, stretch, { server, role, wakes });
      return {
        ...used,
        ...done,
        wakes: done.wakes + (stopped[servers.indexOf(server)] ?? 0),
        pgpoolWakes: done.pgpoolWakes + stopped.reduce((sum, count) => sum + count, 0),
        run: name,
        server,
        role,
      };
    });
  });
  return {
    name,
    scenario: manifest.scenario,
    steady,
    windows,
    roleOf,
    heldBack: Math.max(0, ...servers.map((server) => heldBackIn(samples, server, steady))),
    slices,
    unstopped: slices.filter((slice) => !isStopped(samples, slice)),
    backends: manifest.servers.filter(({ backendId }) => backendId !== null).length,
    wakes,
    commands: commandsIn(events, { startMs: 0, endMs: Number.POSITIVE_INFINITY }),
    events,
    wal: walOf(recording, history.primaryAt(steady.startMs), steady),
  };
}

/** What no drill has disturbed: from the end of the warm-up to the first drill, or to the end of the load. */
export function steadyOf({ measured, drills }: Frame): Stretch {
  return { startMs: measured.startMs, endMs: Math.min(measured.endMs, drills[0]?.begunMs ?? measured.endMs) };
}

/** A sample tells of the time before it. */
function isWithin({ atMs, lengthMs }: CpuEvent, { startMs, endMs }: Stretch): boolean {
  return atMs - lengthMs >= startMs && atMs <= endMs;
}

/** Share of a stretch for which a server's cap let nothing run. */
function heldBackIn(samples: readonly CpuEvent[], server: string, stretch: Stretch): number {
  const own = samples.filter((sample) => sample.server === server && isWithin(sample, stretch));
  const lengthMs = own.reduce((sum, sample) => sum + sample.lengthMs, 0);
  const heldMs = own.reduce((sum, sample) => sum + (sample.throttledMs ?? 0), 0);
  return lengthMs === 0 ? 0 : heldMs / lengthMs;
}

/** Whether a cap stopped the slice's server in its second. */
function isStopped(samples: readonly CpuEvent[], { server, startMs, lengthMs }: LatencySlice): boolean {
  return samples.some(
    (sample) =>
      sample.server === server &&
      (sample.throttledMs ?? 0) > 0 &&
      sample.atMs > startMs &&
      sample.atMs - sample.lengthMs < startMs + lengthMs,
  );
}

/** Joins neighbouring samples of a server until they are long enough; a rest that is too short is left out. */
function joined(
  samples: readonly CpuEvent[],
  steady: Stretch,
): { stretch: Stretch; used: Pick<Window, 'lengthMs' | 'postgresMs' | 'pgpoolMs'> }[] {
  const parts: ReturnType<typeof joined> = [];
  let open: CpuEvent[] = [];
  for (const sample of samples) {
    if (!isWithin(sample, steady)) continue;
    open.push(sample);
    const [first] = open;
    const startMs = first ? first.atMs - first.lengthMs : 0;
    if (sample.atMs - startMs < windowMs) continue;
    const sum = (part: 'postgresMs' | 'pgpoolMs'): number | null =>
      open.some((entry) => entry[part] === null)
        ? null
        : open.reduce((total, entry) => total + (entry[part] ?? 0), 0);
    parts.push({
      stretch: { startMs, endMs: sample.atMs },
      used: { lengthMs: sample.atMs - startMs, postgresMs: sum('postgresMs'), pgpoolMs: sum('pgpoolMs') },
    });
    open = [];
  }
  return parts;
}

function operationsIn(
  { manifest, intervals }: Recording,
  stretch: Stretch,
  { server, role, wakes }: { server: string; role: Window['role']; wakes: RunFacts['wakes'] },
): Pick<Window, 'reads' | 'writes' | 'sessionStarts' | 'statements' | 'brackets' | 'wakes' | 'pgpoolWakes'> {
  const { classes, sessions: openSessions, sessionLifetimeMs } = manifest.scenario;
  /** Sum over the operations that were completed, of one kind or of both. */
  const sumOver = (kind: 'read' | 'write' | null, amount: (entry: ManifestClass) => number): number =>
    classes.reduce((sum, entry) => {
      if (kind !== null && entry.kind !== kind) return sum;
      const { name } = entry;
      return sum + amount(entry) * countIn(intervals, stretch, (one) => one.classes[name]?.completedOk ?? 0);
    }, 0);
  const wakesFor = (place: keyof Wakes) => (entry: ManifestClass) => wakes[entry.name]?.[place] ?? 0;
  const executions = countIn(intervals, stretch, ({ readsByServer }) => readsByServer[server] ?? 0);
  const allReads = sumOver('read', () => 1);
  const readShare = allReads === 0 ? 0 : executions / allReads;
  const sessionShare = sessionShareOf(intervals, stretch, server);
  const sessions = classes.reduce((sum, { closed }) => sum + (closed?.sessions ?? 0), openSessions);
  const onlyHere =
    role === 'primary'
      ? sumOver('write', wakesFor('worker'))
      : sessionShare * sumOver('write', wakesFor('own'));
  return {
    reads: readShare * sumOver('read', statementsOf),
    writes: sumOver('write', () => 1),
    statements: sumOver(null, statementsOf),
    brackets: sessionShare * sumOver('write', ({ onBothNodes = 0 }) => onBothNodes),
    wakes: readShare * sumOver('read', wakesFor('worker')) + onlyHere,
    pgpoolWakes: sumOver(null, wakesFor('pgpool')),
    sessionStarts:
      sessionLifetimeMs === null ? 0 : (sessions * (stretch.endMs - stretch.startMs)) / sessionLifetimeMs,
  };
}

function statementsOf({ statements = 1 }: ManifestClass): number {
  return statements;
}

/** Share of the sessions whose reads a server answered. */
function sessionShareOf(intervals: readonly Interval[], stretch: Stretch, server: string): number {
  const own = countIn(intervals, stretch, ({ sessionsByServer }) => sessionsByServer[server] ?? 0);
  const all = countIn(intervals, stretch, ({ sessionsByServer }) =>
    Object.values(sessionsByServer).reduce((sum, count) => sum + count, 0),
  );
  return all === 0 ? 0 : own / all;
}

/** Sums a count of the slices in a stretch; a slice that lies half in it counts half. */
function countIn(
  intervals: readonly Interval[],
  { startMs, endMs }: Stretch,
  count: (interval: Interval) => number,
): number {
  return intervals.reduce((sum, interval) => {
    const fromMs = Math.max(interval.startMs, startMs);
    const untilMs = Math.min(interval.startMs + interval.lengthMs, endMs);
    return untilMs <= fromMs ? sum : sum + (count(interval) * (untilMs - fromMs)) / interval.lengthMs;
  }, 0);
}

/** WAL that a primary wrote between the first and the last position seen in a stretch. */
function walOf(
  { events, intervals, manifest }: Recording,
  primary: string | null,
  steady: Stretch,
): RunFacts['wal'] {
  const seen = events.filter(
    (event): event is WalPositionEvent =>
      event.type === 'walPosition' &&
      event.server === primary &&
      event.role === 'primary' &&
      within(event.atMs, steady),
  );
  const [first, last] = [seen[0], seen.at(-1)];
  if (!first || !last || first === last) return null;
  const names = manifest.scenario.classes.filter(({ kind }) => kind === 'write').map(({ name }) => name);
  const stretch = { startMs: first.atMs, endMs: last.atMs };
  const writes = countIn(intervals, stretch, ({ classes }) =>
    names.reduce((sum, name) => sum + (classes[name]?.completedOk ?? 0), 0),
  );
  return { bytes: bytesAt(last.position) - bytesAt(first.position), writes };
}

/**
 * What one execution of a class consists of: its statements, and the ways between client, Pgpool and servers when its
 * session's own node is a standby. One statement where the recording does not say.
 */
export function stepsOf(
  { classes }: ManifestScenario,
  className: string,
): { statements: number; ways: number } {
  const { statements = 1, onBothNodes = 0 } = classes.find(({ name }) => name === className) ?? {};
  return { statements, ways: 2 * statements + onBothNodes };
}
