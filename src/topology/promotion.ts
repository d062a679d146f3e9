/** A standby that may be promoted, with its WAL positions in bytes since 0/0. */
export interface Candidate {
  node: string;
  receivedBytes: number;
  replayedBytes: number;
}

/**
 * Which standby EFM promotes: the largest received WAL position; on a tie the largest replayed one (when
 * `use.replay.tiebreaker`); on a tie the first in the priority list.
 *
 * @param candidates in order of the priority list
 * @returns undefined without a candidate
 * @see EDB, EFM 4 "Supported failover scenarios" and `use.replay.tiebreaker`
 */
export function choosePromotion(
  candidates: readonly Candidate[],
  useReplayTiebreaker: boolean,
): Candidate | undefined {
  let best: Candidate | undefined;
  for (const candidate of candidates) {
    if (!best || candidate.receivedBytes > best.receivedBytes) best = candidate;
    else if (
      useReplayTiebreaker &&
      candidate.receivedBytes === best.receivedBytes &&
      candidate.replayedBytes > best.replayedBytes
    )
      best = candidate;
  }
  return best;
}
