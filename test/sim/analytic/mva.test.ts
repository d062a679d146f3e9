import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ClosedNetwork } from '../../../src/sim/analytic/closed-network.ts';
import { solveByConvolution } from '../../../src/sim/analytic/convolution.ts';
import { exactMva, schweitzer, solveClosedNetwork } from '../../../src/sim/analytic/mva.ts';

// Goal: exact figures of closed networks. Method: closed forms, a published example, and two algorithms against each other.

/** Machine repair: `population` users think and share one queue; a birth-death chain solved by its balance equations. */
function machineRepair(population: number, think: number, demand: number, servers: number) {
  const weights = [1];
  for (let jobs = 1; jobs <= population; jobs += 1) {
    const born = (population - jobs + 1) / think;
    const served = Math.min(jobs, servers) / demand;
    weights.push(((weights[jobs - 1] as number) * born) / served);
  }
  const sum = weights.reduce((all, weight) => all + weight, 0);
  const mean = weights.reduce((all, weight, jobs) => all + (weight * jobs) / sum, 0);
  return { mean, throughput: (population - mean) / think };
}

function interactive(population: number, servers: number, demand = 2, think = 10): ClosedNetwork {
  return {
    stations: [{ name: 'cpu', kind: 'queue', servers, demands: [demand] }],
    populations: [population],
    thinkTimes: [think],
  };
}

test.each([
  [1, 1],
  [8, 1],
  [60, 1],
  [8, 4],
  [60, 4],
  [300, 32],
])('%i users of %i servers are the machine repair model', (population, servers) => {
  const exact = machineRepair(population, 10, 2, servers);
  const solved = solveClosedNetwork(interactive(population, servers));
  expect(solved.method).toBe(servers === 1 ? 'exact MVA' : 'exact convolution');
  expect(solved.throughputs[0]).toBeCloseTo(exact.throughput, 8);
  expect(solved.queueLengths[0]?.[0]).toBeCloseTo(exact.mean, 6);
  expect(solved.utilisations[0]).toBeCloseTo((exact.throughput * 2) / servers, 8);
  expect(solved.responses[0]).toBeCloseTo(population / exact.throughput - 10, 6);
});

// An interactive system as textbooks work it out (Lazowska, Zahorjan, Graham, Sevcik: Quantitative System Performance, 1984, chapter
// 6): demands of 0.605, 2.1 and 1.35 s, 15 s of thinking. The figures follow by hand from R = D (1 + Q), X = N / (R + Z), Q = X R.
test('one CPU and two disks of a textbook', () => {
  const network = (population: number): ClosedNetwork => ({
    stations: [
      { name: 'CPU', kind: 'queue', demands: [0.605] },
      { name: 'disk 1', kind: 'queue', demands: [2.1] },
      { name: 'disk 2', kind: 'queue', demands: [1.35] },
    ],
    populations: [population],
    thinkTimes: [15],
  });
  const found = [1, 2, 3].map((population) => solveClosedNetwork(network(population)));
  expect(found.map(({ throughputs }) => Number(throughputs[0]?.toFixed(3)))).toEqual([0.052, 0.103, 0.152]);
  expect(found.map(({ responses }) => Number(responses[0]?.toFixed(2)))).toEqual([4.06, 4.4, 4.8]);
});

// Jain: The Art of Computer Systems Performance Analysis (1991), chapter 34: demands of 2, 3 and 1 s, 4 s of thinking.
test('the timesharing system of another textbook', () => {
  const found = [1, 2].map((users) =>
    solveClosedNetwork({
      stations: [2, 3, 1].map((demand) => ({ name: String(demand), kind: 'queue', demands: [demand] })),
      populations: [users],
      thinkTimes: [4],
    }),
  );
  expect(found.map(({ responses }) => responses[0])).toEqual([
    expect.closeTo(6, 12),
    expect.closeTo(7.4, 12),
  ]);
  expect(found[1]?.throughputs[0]).toBeCloseTo(2 / 11.4, 12);
});

test('two classes: their total is that of one class where they are alike', () => {
  const alike: ClosedNetwork = {
    stations: [
      { name: 'a', kind: 'queue', demands: [1, 1] },
      { name: 'b', kind: 'queue', demands: [3, 3] },
    ],
    populations: [4, 6],
    thinkTimes: [5, 5],
  };
  const one = exactMva({
    stations: alike.stations.map((station) => ({ ...station, demands: [station.demands[0] as number] })),
    populations: [10],
    thinkTimes: [5],
  });
  const two = exactMva(alike);
  expect((two.throughputs[0] as number) + (two.throughputs[1] as number)).toBeCloseTo(
    one.throughputs[0] as number,
    10,
  );
  expect((two.throughputs[0] as number) / (two.throughputs[1] as number)).toBeCloseTo(4 / 6, 10);
});

const networks = fc
  .record({
    classes: fc.integer({ min: 1, max: 2 }),
    stations: fc.array(
      fc.record({
        kind: fc.constantFrom('queue' as const, 'delay' as const),
        demands: fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 40 })),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    populations: fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 0, max: 7 })),
    thinkTimes: fc.tuple(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 100 })),
  })
  .map(
    ({ classes, stations, populations, thinkTimes }): ClosedNetwork => ({
      stations: stations.map(({ kind, demands }, index) => ({
        name: String(index),
        kind,
        demands: demands.slice(0, classes),
      })),
      populations: populations.slice(0, classes),
      thinkTimes: thinkTimes.slice(0, classes),
    }),
  );

test('mean value analysis and convolution agree, jobs are conserved, and the approximation is near', () => {
  fc.assert(
    fc.property(networks, (network) => {
      const mva = exactMva(network);
      const constants = solveByConvolution(network);
      for (const [r, throughput] of mva.throughputs.entries()) {
        expect(constants.throughputs[r]).toBeCloseTo(throughput, 9);
        const held = mva.queueLengths.reduce((sum, row) => sum + (row[r] as number), 0);
        expect(held + throughput * (network.thinkTimes[r] as number)).toBeCloseTo(
          network.populations[r] as number,
          9,
        );
      }
      for (const [i, row] of mva.queueLengths.entries()) {
        for (const [r, length] of row.entries())
          expect(constants.queueLengths[i]?.[r]).toBeCloseTo(length, 8);
      }
      const near = schweitzer(network);
      for (const [r, throughput] of mva.throughputs.entries()) {
        if (throughput > 0) expect((near.throughputs[r] as number) / throughput).toBeCloseTo(1, 0);
      }
    }),
  );
});

test('many servers at full load lose no digits', () => {
  const { throughputs, queueLengths } = solveByConvolution(interactive(500, 64, 10, 1));
  expect(throughputs[0]).toBeCloseTo(6.4, 9);
  expect(queueLengths[0]?.[0]).toBeCloseTo(500 - 6.4, 6);
});

test('beyond a stated size the approximation says what it is', () => {
  const network: ClosedNetwork = {
    stations: [{ name: 'cpu', kind: 'queue', servers: 8, demands: [1, 2] }],
    populations: [2000, 2000],
    thinkTimes: [100, 100],
  };
  const solved = solveClosedNetwork(network);
  expect(solved.method).toBe('approximate MVA (Schweitzer)');
  expect(solved.utilisations[0]).toBeLessThanOrEqual(1);
  expect(solved.utilisations[0]).toBeGreaterThan(0.95);
});

test('a network that makes no sense is a bug of the caller', () => {
  const broken: ClosedNetwork = { stations: [], populations: [3], thinkTimes: [0] };
  expect(() => solveClosedNetwork(broken)).toThrow('work or thinks');
  expect(() => solveClosedNetwork({ ...broken, populations: [1.5], thinkTimes: [1] })).toThrow(
    'whole numbers',
  );
});
