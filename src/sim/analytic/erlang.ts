import { invariant } from '../../kernel/errors.ts';

/** What a queue in the steady state shows; spans in the unit of its service time. */
export interface QueueFigures {
  /** Busy share of each server, 0..1. */
  utilisation: number;
  /** Probability that an arrival finds every server busy. */
  waitProbability: number;
  meanWait: number;
  meanResponse: number;
  /** Mean number in the system, served ones included. */
  meanInSystem: number;
}

/** A queue with exponential gaps between arrivals; times in any one unit, rates in its inverse. */
export interface OpenQueue {
  rate: number;
  meanService: number;
  servers: number;
}

/** Steps of a search by halving: to the last digit of a double. */
const halvings = 200;

/**
 * Erlang B: the share of arrivals that `servers` without a queue turn away.
 * @param offered arrivals per mean service time (erlangs)
 */
export function erlangB(servers: number, offered: number): number {
  invariant(Number.isInteger(servers) && servers >= 0, `${servers} servers`);
  let blocked = 1;
  for (let count = 1; count <= servers; count += 1)
    blocked = (offered * blocked) / (count + offered * blocked);
  return blocked;
}

/**
 * Erlang C: the share of arrivals that wait when all of `servers` are busy; 1 where the load does not fit.
 * @param offered arrivals per mean service time (erlangs)
 */
export function erlangC(servers: number, offered: number): number {
  if (offered >= servers) return 1;
  const blocked = erlangB(servers, offered);
  return (servers * blocked) / (servers - offered * (1 - blocked));
}

/** M/M/c, first come first served; the means hold under processor sharing too. Null where the load does not fit. */
export function mmc({ rate, meanService, servers }: OpenQueue): QueueFigures | null {
  const offered = rate * meanService;
  if (offered >= servers) return null;
  const waitProbability = erlangC(servers, offered);
  const meanWait = (waitProbability * meanService) / (servers - offered);
  const meanResponse = meanWait + meanService;
  return {
    utilisation: offered / servers,
    waitProbability,
    meanWait,
    meanResponse,
    meanInSystem: rate * meanResponse,
  };
}

/**
 * M/G/1, first come first served (Pollaczek and Khinchine). Null where the load does not fit.
 * @param variation coefficient of variation of the service times
 */
export function mg1({ rate, meanService, variation }: Omit<OpenQueue, 'servers'> & { variation: number }) {
  const utilisation = rate * meanService;
  if (utilisation >= 1) return null;
  const meanWait = (utilisation * meanService * (1 + variation * variation)) / (2 * (1 - utilisation));
  const meanResponse = meanWait + meanService;
  const figures: QueueFigures = {
    utilisation,
    waitProbability: utilisation,
    meanWait,
    meanResponse,
    meanInSystem: rate * meanResponse,
  };
  return figures;
}

/** Probability that a job of M/M/c, first come first served, is in the system for longer than `span`. */
export function mmcResponseTail({ rate, meanService, servers }: OpenQueue, span: number): number {
  const waits = erlangC(servers, rate * meanService);
  if (waits >= 1) return 1;
  const serve = 1 / meanService;
  const drain = servers * serve - rate;
  const served = Math.exp(-serve * span);
  const apart = drain - serve;
  const both =
    Math.abs(apart) < 1e-9 * serve
      ? (1 + serve * span) * served
      : (drain * served - serve * Math.exp(-drain * span)) / apart;
  return (1 - waits) * served + waits * both;
}

/** The span that a share `quantile` of the jobs of M/M/c, first come first served, keeps below; infinite where the load does not fit. */
export function mmcResponseQuantile(queue: OpenQueue, quantile: number): number {
  if (queue.rate * queue.meanService >= queue.servers) return Number.POSITIVE_INFINITY;
  let low = 0;
  let high = queue.meanService;
  while (mmcResponseTail(queue, high) > 1 - quantile) high *= 2;
  for (let step = 0; step < halvings && high - low > 1e-15 * high; step += 1) {
    const middle = (low + high) / 2;
    if (mmcResponseTail(queue, middle) > 1 - quantile) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * How many jobs a station holds, as probabilities of 0, 1, 2, … until what is left is below `rest`. Holds for any distribution of
 * service times under processor sharing (insensitivity), for exponential ones under first come first served.
 *
 * @param cores may be a fraction: n jobs are served at rate min(n, cores)
 * @param offered load in cores, below `cores`
 */
export function occupancy(cores: number, offered: number, rest = 1e-9): number[] {
  invariant(offered < cores, `a load of ${offered} does not fit ${cores} cores`);
  const relative = [1];
  let sum = 1;
  let last = 1;
  for (let jobs = 1; ; jobs += 1) {
    const rate = Math.min(jobs, cores);
    last *= offered / rate;
    relative.push(last);
    sum += last;
    const ratio = offered / Math.min(jobs + 1, cores);
    if (ratio < 1 && (last * ratio) / (1 - ratio) < rest * sum) break;
  }
  return relative.map((value) => value / sum);
}
