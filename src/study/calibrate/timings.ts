import type { DrillEvent, ServerRoleEvent } from '../../recording/events.ts';
import type { RunFacts } from './facts.ts';

/** Times of one kind of work as they were seen, ms. */
export interface Times {
  name: 'stopServer' | 'startServer' | 'promoteServer' | 'rebuildServer' | 'script';
  /** Each time, with the run it was seen in. */
  seen: { run: string; ms: number }[];
  /** What the times cannot tell finer than, ms: half the distance between two looks. */
  resolutionMs: number;
  /** Why there is none, where there is none. */
  absent: string;
}

/** Running pg_ctl itself, or an edit of a file, is no part of the server's own time (docs/method.md S8). */
const programMs = 15;

/** Servers are looked at every 250 ms (docs/method.md A1), so a new role is seen late by half of that on average. */
const rolePeriodMs = 250;

/** Reads from the agents' commands and the drills how long servers and scripts took, over all runs. */
export function timesOf(runs: readonly RunFacts[]): Times[] {
  const ownTime = (name: 'stopServer' | 'startServer', lessMs: number): Times['seen'] =>
    runs.flatMap(({ name: run, commands }) =>
      commands
        .filter((command) => command.name === name && command.ok)
        .flatMap(({ startMs, endMs }) => (endMs === null ? [] : [{ run, ms: endMs - startMs - lessMs }]))
        .filter(({ ms }) => ms > 0),
    );
  const starts = ownTime('startServer', programMs);
  return [
    {
      name: 'stopServer',
      seen: ownTime('stopServer', programMs),
      resolutionMs: 0,
      absent: 'no agent stopped a server (a switchover does)',
    },
    {
      name: 'startServer',
      seen: starts,
      resolutionMs: 0,
      absent: 'no agent started a server (a switchover does)',
    },
    {
      name: 'promoteServer',
      seen: runs.flatMap(promotionsIn),
      resolutionMs: rolePeriodMs / 2,
      absent: 'no promotion was seen (a switchover or failover has one)',
    },
    {
      name: 'rebuildServer',
      seen: runs.flatMap((run) => rebuildsIn(run, medianOf(starts.map(({ ms }) => ms)) ?? 0)),
      resolutionMs: 0,
      absent: 'no server was rebuilt (the drill rebuild does)',
    },
    {
      name: 'script',
      seen: runs.flatMap(scriptsIn),
      resolutionMs: 0,
      absent: 'no server was detached from Pgpool by its script',
    },
  ];
}

/**
 * The first detach of each drill. Pgpool still works on that one when a later one comes, which then waits for it: up to a second
 * in a switchover, and that is Pgpool's time, not the script's. A script that finds its work done ends after its first
 * look: those much shorter than the longest are left out.
 */
function scriptsIn({ name: run, commands, events }: RunFacts): Times['seen'] {
  const detaches = commands.filter(({ name }) => name === 'loadBalancerDetach');
  const begun = events.flatMap((event) =>
    event.type === 'drill' && event.moment === 'begun' ? [event.atMs] : [],
  );
  const times = begun
    .flatMap((atMs, drill) => {
      const first = detaches.find(({ startMs }) => startMs >= atMs);
      return first && first.startMs < (begun[drill + 1] ?? Number.POSITIVE_INFINITY) ? [first] : [];
    })
    .flatMap(({ ok, startMs, endMs }) => (ok && endMs !== null ? [{ run, ms: endMs - startMs }] : []));
  const longestMs = Math.max(0, ...times.map(({ ms }) => ms));
  return times.filter(({ ms }) => ms > longestMs / 2);
}

/** From the command until the server was seen out of recovery, less how late it is seen on average. */
function promotionsIn({ name: run, commands, events }: RunFacts): Times['seen'] {
  const roles = events.filter((event): event is ServerRoleEvent => event.type === 'serverRole');
  return commands
    .filter((command) => command.name === 'promoteServer' && command.ok)
    .flatMap(({ node, target, startMs }) => {
      const server = target ?? node;
      const seen = roles.find(
        (event) => event.server === server && event.role === 'primary' && event.atMs > startMs,
      );
      return seen ? [{ run, ms: Math.max(1, seen.atMs - startMs - programMs - rolePeriodMs / 2) }] : [];
    });
}

/** From the operator's beginning until the server stands by again, less its start. */
function rebuildsIn({ name: run, events }: RunFacts, startMs: number): Times['seen'] {
  const drills = events.filter(
    (event): event is DrillEvent => event.type === 'drill' && event.kind === 'rebuild',
  );
  return drills
    .filter(({ moment }) => moment === 'injected')
    .flatMap(({ id, atMs }) => {
      const ended = drills.find((event) => event.id === id && event.moment === 'ended' && event.ok);
      return ended ? [{ run, ms: Math.max(1, ended.atMs - atMs - startMs) }] : [];
    });
}

/** Middle of some numbers; undefined of none. */
export function medianOf(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? undefined : (upper + lower) / 2;
}

/** Mean and coefficient of variation of some times. */
export function momentsOf(values: readonly number[]): { mean: number; variation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1));
  return { mean, variation: mean > 0 ? deviation / mean : 0 };
}
