import { invariant } from '../../kernel/errors.ts';
import type { ClosedNetwork, ClosedSolution } from './closed-network.ts';
import { solveByConvolution } from './convolution.ts';
import { Lattice } from './lattice.ts';

/** States beyond which the exact recursion is left for the approximation: about a second of work. */
const mostMvaStates = 2_000_000;

/** The same for the convolution, whose work grows with the square. */
const mostConvolutionStates = 4000;

const mostRounds = 100_000;
const closeEnough = 1e-12;

/**
 * Solves a closed network: by exact mean value analysis where every queue has one server (Reiser and Lavenberg 1980), by convolution
 * where some have several (Buzen 1973; the exact recursion for those is numerically unstable), and beyond `mostMvaStates` or
 * `mostConvolutionStates` population vectors by Schweitzer's approximation, which says so.
 */
export function solveClosedNetwork(network: ClosedNetwork): ClosedSolution {
  check(network);
  const { size } = new Lattice(network.populations);
  const single = network.stations.every(({ kind, servers = 1 }) => kind === 'delay' || servers === 1);
  if (single && size <= mostMvaStates) return exactMva(network);
  if (!single && size <= mostConvolutionStates) {
    return finish(network, 'exact convolution', solveByConvolution(network));
  }
  return schweitzer(network);
}

/** Exact MVA over every population vector up to the whole. Queues with one server and delays only. */
export function exactMva(network: ClosedNetwork): ClosedSolution {
  const { stations, populations, thinkTimes } = network;
  const lattice = new Lattice(populations);
  const classes = populations.length;
  const held = stations.map(() => new Float64Array(lattice.size));
  const throughputs = new Float64Array(classes);
  const queueLengths = stations.map(() => new Array<number>(classes).fill(0));
  lattice.each((jobs, index) => {
    throughputs.fill(0);
    for (const row of queueLengths) row.fill(0);
    for (let r = 0; r < classes; r += 1) {
      const count = jobs[r] as number;
      if (count === 0) continue;
      const without = index - lattice.stride(r);
      const times = stations.map(({ kind, demands }, i) => {
        const demand = demands[r] as number;
        return kind === 'delay' ? demand : demand * (1 + (held[i]?.[without] as number));
      });
      const cycle = times.reduce((sum, time) => sum + time, thinkTimes[r] as number);
      const throughput = count / cycle;
      throughputs[r] = throughput;
      for (const [i, time] of times.entries()) (queueLengths[i] as number[])[r] = throughput * time;
    }
    for (const [i, row] of queueLengths.entries()) {
      (held[i] as Float64Array)[index] = row.reduce((sum, value) => sum + value, 0);
    }
  });
  return finish(network, 'exact MVA', { throughputs: [...throughputs], queueLengths });
}

/**
 * Approximate MVA: an arrival sees the queue of its own class shrunk by one job's share (Schweitzer 1979, Bard). A queue with m
 * servers is one server m times as fast and a delay for the rest of the work (Seidmann 1987).
 */
export function schweitzer(network: ClosedNetwork): ClosedSolution {
  const { stations, populations, thinkTimes } = network;
  const queueLengths = stations.map(() => populations.map((count) => count / stations.length));
  const throughputs = populations.map(() => 0);
  for (let round = 0; round < mostRounds; round += 1) {
    let moved = 0;
    const next = stations.map(() => populations.map(() => 0));
    for (const [r, count] of populations.entries()) {
      if (count === 0) continue;
      const times = stations.map(({ kind, servers = 1, demands }, i) => {
        const demand = demands[r] as number;
        if (kind === 'delay') return demand;
        const row = queueLengths[i] as number[];
        const own = row[r] as number;
        const seen = row.reduce((sum, value) => sum + value, 0) - own / count;
        return (demand / servers) * (1 + seen) + (demand * (servers - 1)) / servers;
      });
      const cycle = times.reduce((sum, time) => sum + time, thinkTimes[r] as number);
      const throughput = count / cycle;
      throughputs[r] = throughput;
      for (const [i, time] of times.entries()) {
        const length = throughput * time;
        moved = Math.max(moved, Math.abs(length - ((queueLengths[i] as number[])[r] as number)) / count);
        (next[i] as number[])[r] = length;
      }
    }
    for (const [i, row] of next.entries()) queueLengths[i] = row;
    if (moved < closeEnough) break;
  }
  return finish(network, 'approximate MVA (Schweitzer)', { throughputs, queueLengths });
}

function finish(
  { stations, populations, thinkTimes }: ClosedNetwork,
  method: ClosedSolution['method'],
  { throughputs, queueLengths }: { throughputs: number[]; queueLengths: number[][] },
): ClosedSolution {
  const responses = populations.map((count, r) => {
    const throughput = throughputs[r] as number;
    return throughput === 0 ? 0 : count / throughput - (thinkTimes[r] as number);
  });
  const utilisations = stations.map(({ kind, servers = 1, demands }) => {
    const busy = demands.reduce((sum, demand, r) => sum + demand * (throughputs[r] as number), 0);
    return kind === 'delay' ? busy : busy / servers;
  });
  return { method, throughputs, responses, queueLengths, utilisations };
}

function check({ stations, populations, thinkTimes }: ClosedNetwork): void {
  const classes = populations.length;
  invariant(classes > 0 && thinkTimes.length === classes, 'a think time for each class');
  invariant(
    populations.every((count) => Number.isInteger(count) && count >= 0),
    `populations are whole numbers, got ${populations.join(', ')}`,
  );
  for (const { name, demands, servers = 1 } of stations) {
    invariant(demands.length === classes, `${name} has a demand for each class`);
    invariant(Number.isInteger(servers) && servers >= 1, `${name} has ${servers} servers`);
  }
  const works = populations.every((count, r) => {
    const work = stations.reduce((sum, { demands }) => sum + (demands[r] as number), thinkTimes[r] as number);
    return count === 0 || work > 0;
  });
  invariant(works, 'every class with jobs has work or thinks');
}
