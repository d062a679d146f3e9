import { VirtualClock } from '../kernel/clock.ts';

/** A virtual clock whose zero lies `leadMs` after its beginning: the cluster starts at negative times, the load at 0. */
export class ShiftedClock extends VirtualClock {
  constructor(leadMs: number) {
    super(-leadMs);
  }
}
