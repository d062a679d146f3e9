import { ClusterHistory } from '../../analysis/cluster-history.ts';
import type { Stretch } from '../../analysis/frame.ts';
import { stretchesOf } from '../../analysis/phases.ts';
import type { PhaseName } from '../../recording/summary.ts';
import { serversOf } from '../../run/manifest.ts';
import type { Cluster } from '../../topology/cluster.ts';
import type { Trial } from './trial.ts';

/** The phases of a drill in the order in which they usually begin (design: verify, stop and detach may swap). */
export const phaseNames: readonly PhaseName[] = [
  'leaderLost',
  'election',
  'quorum',
  'escalation',
  'addressUp',
  'detect',
  'verify',
  'stop',
  'votes',
  'detach',
  'vip',
  'fence',
  'promote',
  'reconfigure',
  'pgpoolPromote',
  'primarySearch',
  'sessionsBack',
  'standbysAttached',
];

/** What one trial came to, small enough to be handed between threads by the thousand. Spans in ms. */
export interface Figures {
  /** Infinity: it did not end by itself. */
  writeOutageMs: number;
  readOutageMs: number;
  reducedReadMs: number;
  standbysAtEnd: number;
  /** Length by phase, of those that were seen. */
  phases: Partial<Record<PhaseName, number>>;
  /** From the injection to a phase's start. */
  starts: Partial<Record<PhaseName, number>>;
  /** `SEVERITY subject`, each once, in order of their first appearance. */
  notices: readonly string[];
  target: string | null;
  /** The server that was promoted. */
  promoted: string | null;
  refused: string | null;
}

/** Reads one trial by the definitions that every report uses (docs/method.md, "Phases"). */
export function figuresOf(trial: Trial, cluster: Cluster): Figures {
  const { events, injectedMs, endMs, target } = trial;
  const window = {
    id: 'timeline',
    kind: 'timeline',
    target,
    begunMs: injectedMs,
    injectedMs,
    actionEndMs: null,
    ok: true,
    detail: null,
    untilMs: endMs + 1,
  };
  const found = stretchesOf(
    { events, manifest: { servers: serversOf(cluster) } },
    new ClusterHistory(events),
    {
      window,
      okWriteAt: (atMs) => trial.writableFrom(atMs),
    },
  );
  const stretches = phaseNames.flatMap((name) => {
    const stretch = found[name];
    return stretch ? [[name, stretch] as const] : [];
  });
  const spans = (measure: (stretch: Stretch) => number): Partial<Record<PhaseName, number>> =>
    Object.fromEntries(stretches.map(([name, stretch]) => [name, measure(stretch)]));
  return {
    writeOutageMs: trial.writeOutageMs,
    readOutageMs: trial.readOutageMs,
    reducedReadMs: trial.reducedReadMs,
    standbysAtEnd: trial.standbysAtEnd,
    phases: spans(({ startMs, endMs: untilMs }) => untilMs - startMs),
    starts: spans(({ startMs }) => startMs - injectedMs),
    notices: noticesOf(trial),
    target,
    promoted: promotedIn(trial),
    refused: trial.refused,
  };
}

function noticesOf({ events, injectedMs }: Trial): string[] {
  const notices = new Set<string>();
  for (const event of events) {
    if (event.type === 'notice' && event.atMs >= injectedMs)
      notices.add(`${event.severity} ${event.subject}`);
  }
  return [...notices];
}

function promotedIn({ events }: Trial): string | null {
  const promotion = events.find((event) => event.type === 'command' && event.name === 'promoteServer');
  return promotion?.type === 'command' ? promotion.node : null;
}
