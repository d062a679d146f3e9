import type { ClosedNetwork, ClosedStation } from './closed-network.ts';
import { Lattice } from './lattice.ts';

/**
 * Solves a closed product-form network with multi-server queues by normalising constants: every term is positive, so no
 * digits are lost, and logarithms keep them from overflowing.
 *
 * Work grows with the square of the number of population vectors.
 * Source: Buzen, "Computational algorithms for closed queueing networks", CACM 16 (1973); several classes as in Reiser and
 * Kobayashi (1975).
 */
export function solveByConvolution(network: ClosedNetwork): {
  throughputs: number[];
  queueLengths: number[][];
} {
  const { stations, populations } = network;
  const lattice = new Lattice(populations);
  const vectors = allVectors(lattice, populations.length);
  const convolve = convolver(lattice, vectors);
  const factors = stations.map((station) => factorOf(station, lattice, populations.length));
  const thinking = factorOf(
    { name: '', kind: 'delay', demands: network.thinkTimes },
    lattice,
    populations.length,
  );
  const before: Float64Array[] = [];
  let product: Float64Array = thinking;
  for (const factor of factors) {
    before.push(product);
    product = convolve(product, factor);
  }
  const whole = product;
  const last = lattice.size - 1;
  const throughputs = populations.map((count, r) =>
    count === 0 ? 0 : Math.exp((whole[last - lattice.stride(r)] as number) - (whole[last] as number)),
  );
  const queueLengths: number[][] = stations.map(() => []);
  let after: Float64Array | null = null;
  for (let i = stations.length - 1; i >= 0; i -= 1) {
    const factor = factors[i] as Float64Array;
    const others: Float64Array =
      after === null ? (before[i] as Float64Array) : convolve(before[i] as Float64Array, after);
    queueLengths[i] = populations.map((_, r) => {
      let mean = 0;
      for (let index = 0; index < lattice.size; index += 1) {
        const jobs = vectors[index * populations.length + r] as number;
        if (jobs === 0) continue;
        const rest = others[last - index] as number;
        mean += jobs * Math.exp((factor[index] as number) + rest - (whole[last] as number));
      }
      return mean;
    });
    after = after === null ? factor : convolve(after, factor);
  }
  return { throughputs, queueLengths };
}

/** Every vector of the lattice, one after the other. */
function allVectors(lattice: Lattice, classes: number): Int32Array {
  const vectors = new Int32Array(lattice.size * classes);
  lattice.each((jobs, index) => {
    for (const [r, count] of jobs.entries()) vectors[index * classes + r] = count;
  });
  return vectors;
}

/** Logarithms of a station's factor in the product: |n|! Π D^n / n! over the rates of its servers; a delay's lacks |n|!. */
function factorOf(
  { kind, servers = 1, demands }: ClosedStation,
  lattice: Lattice,
  classes: number,
): Float64Array {
  const factor = new Float64Array(lattice.size);
  lattice.each((jobs, index) => {
    let value = 0;
    let total = 0;
    for (let r = 0; r < classes; r += 1) {
      const count = jobs[r] as number;
      total += count;
      if (count > 0) value += count * Math.log(demands[r] as number) - logFactorial(count);
    }
    if (kind === 'queue') {
      value += logFactorial(total);
      for (let busy = 1; busy <= total; busy += 1) value -= Math.log(Math.min(busy, servers));
    }
    factor[index] = value;
  });
  return factor;
}

/** The convolution of two factors over the lattice, in logarithms. */
function convolver(
  lattice: Lattice,
  vectors: Int32Array,
): (left: Float64Array, right: Float64Array) => Float64Array {
  const classes = vectors.length / lattice.size;
  const fits = (part: number, whole: number): boolean => {
    for (let r = 0; r < classes; r += 1) {
      if ((vectors[part * classes + r] as number) > (vectors[whole * classes + r] as number)) return false;
    }
    return true;
  };
  return (left, right) => {
    const found = new Float64Array(lattice.size);
    const terms = new Float64Array(lattice.size);
    for (let whole = 0; whole < lattice.size; whole += 1) {
      let largest = Number.NEGATIVE_INFINITY;
      let count = 0;
      for (let part = 0; part <= whole; part += 1) {
        if (!fits(part, whole)) continue;
        const term = (left[part] as number) + (right[whole - part] as number);
        terms[count] = term;
        count += 1;
        if (term > largest) largest = term;
      }
      if (largest === Number.NEGATIVE_INFINITY) {
        found[whole] = largest;
        continue;
      }
      let sum = 0;
      for (let at = 0; at < count; at += 1) sum += Math.exp((terms[at] as number) - largest);
      found[whole] = largest + Math.log(sum);
    }
    return found;
  };
}

const factorials = [0];

function logFactorial(count: number): number {
  for (let next = factorials.length; next <= count; next += 1) {
    factorials.push((factorials[next - 1] as number) + Math.log(next));
  }
  return factorials[count] as number;
}
