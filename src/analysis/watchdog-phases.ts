import type { RecordedEvent, WatchdogEvent, WatchdogVoteEvent } from '../recording/events.ts';
import type { PhaseName } from '../recording/summary.ts';
import type { Stretch } from './frame.ts';
import { within } from './frame.ts';

/** Phases of the loss of the leading Pgpool. */
type TakeoverPhase = Extract<PhaseName, 'leaderLost' | 'election' | 'quorum' | 'escalation' | 'addressUp'>;

/**
 * How the virtual IP came to another Pgpool: told back from its last coming up in a stretch that another Pgpool's loss began.
 * Nothing where it came up nowhere.
 *
 * @see docs/method.md, "Phases", for where each begins and ends
 */
export function takeoverIn(
  events: readonly RecordedEvent[],
  stretch: Stretch,
): Partial<Record<TakeoverPhase, Stretch>> {
  const steps = events.filter(
    (event): event is WatchdogEvent => event.type === 'watchdog' && within(event.atMs, stretch),
  );
  const up = steps.findLast(({ moment }) => moment === 'addressUp');
  if (!up) return {};
  const before = (moment: WatchdogEvent['moment'], untilMs: number): number | undefined =>
    steps.findLast((step) => step.pgpool === up.pgpool && step.moment === moment && step.atMs <= untilMs)
      ?.atMs;
  const escalatesMs = before('escalates', up.atMs);
  const leadsMs = escalatesMs === undefined ? undefined : before('leads', escalatesMs);
  const lostMs = steps.find(({ moment, state }) => moment === 'state' && state === 'JOINING')?.atMs;
  if (escalatesMs === undefined || leadsMs === undefined || lostMs === undefined || lostMs > leadsMs)
    return {};
  const commandEndMs = before('commandEnded', up.atMs);
  return {
    leaderLost: { startMs: stretch.startMs, endMs: lostMs },
    election: { startMs: lostMs, endMs: leadsMs },
    quorum: { startMs: leadsMs, endMs: escalatesMs },
    ...(commandEndMs === undefined ? {} : { escalation: { startMs: escalatesMs, endMs: commandEndMs } }),
    addressUp: { startMs: commandEndMs ?? escalatesMs, endMs: up.atMs },
  };
}

/** From the first vote for the detach of a server until the leader has it carried out; a vote alone is none. */
export function votesIn(
  events: readonly RecordedEvent[],
  { server, ...stretch }: Stretch & { server: string },
): Stretch | undefined {
  const votes = events.filter(
    (event): event is WatchdogVoteEvent =>
      event.type === 'watchdogVote' &&
      event.kind === 'detach' &&
      event.server === server &&
      within(event.atMs, stretch),
  );
  const first = votes.find(({ verdict }) => verdict === 'building');
  const last = first && votes.find(({ verdict, atMs }) => verdict === 'proceed' && atMs >= first.atMs);
  return first && last ? { startMs: first.atMs, endMs: last.atMs } : undefined;
}
