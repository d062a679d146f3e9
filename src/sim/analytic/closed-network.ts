/** A place where jobs of a closed network are served. */
export interface ClosedStation {
  name: string;
  /**
   * A `delay` serves everybody at once; a `queue` has `servers` equal ones and a product-form discipline: processor sharing, or
   * first come first served with exponential times.
   */
  kind: 'queue' | 'delay';
  servers?: number;
  /** Mean work of one cycle, by class. */
  demands: readonly number[];
}

/** A closed network: `populations[r]` jobs of class r circulate for ever, thinking for `thinkTimes[r]` each time. */
export interface ClosedNetwork {
  stations: readonly ClosedStation[];
  populations: readonly number[];
  thinkTimes: readonly number[];
}

/** The steady state of a closed network; rows are stations, columns classes. */
export interface ClosedSolution {
  /** Exact figures are those of any product-form network; the approximation errs by some per cent. */
  method: 'exact MVA' | 'exact convolution' | 'approximate MVA (Schweitzer)';
  /** Cycles per unit of time, by class. */
  throughputs: number[];
  /** Time of a cycle without the thinking, by class. */
  responses: number[];
  queueLengths: number[][];
  /** Busy share of each station's servers; of a delay, the mean number in it. */
  utilisations: number[];
}
