// Queues whose steady state is known, run on the simulator's own kernel, stations and distributions: for the tests (some
// seeds) and for `npm run verify -- --only theory` (all of them).
import { type Interval, replications } from '../../src/analysis/statistics.ts';
import { VirtualClock } from '../../src/kernel/clock.ts';
import { Random } from '../../src/kernel/random.ts';
import type { ServiceTime, ServiceTimes } from '../../src/scenario/model-shape.ts';
import { mg1, mmc } from '../../src/sim/analytic/erlang.ts';
import { solveClosedNetwork } from '../../src/sim/analytic/mva.ts';
import { Draws, drawOf } from '../../src/sim/draws.ts';
import { FcfsStation } from '../../src/sim/fcfs-station.ts';
import { Processor } from '../../src/sim/processor.ts';
import { Rest, wakeAfterMs } from '../../src/sim/wake.ts';

/** Means of every batch of one run, by metric; times in mean service times. */
export type Measured = Record<string, number[]>;

/** One model: its exact figures by metric, and a run of it. */
export interface TheoryModel {
  name: string;
  exact: Record<string, number>;
  run(seed: number, length: RunLength): Measured;
}

/** A run drops its warm-up and cuts the rest into batches of equal length; in mean service times. */
export interface RunLength {
  warmUp: number;
  batch: number;
  batches: number;
}

interface QueueStation {
  serve(work: number, kind: number, a: number, b: number): void;
  /** Busy time of all servers until now. */
  used(): number;
}

type Discipline = 'fcfs' | 'ps';

function stationOf(clock: VirtualClock, discipline: Discipline, servers: number): QueueStation {
  if (discipline === 'ps') {
    const station = new Processor(clock, servers).station();
    return { serve: (work, kind, a, b) => station.serve(work, kind, a, b), used: () => station.usedMs() };
  }
  const station = new FcfsStation(clock, servers);
  return { serve: (work, kind, a, b) => station.serve(work, kind, a, b), used: () => station.busyMs };
}

/** Sums that grow as a run goes; a batch is the difference of two looks. */
class Totals {
  responses = 0;
  ended = 0;
  inSystem = 0;
  #area = 0;
  #untilMs = 0;

  change(nowMs: number, by: number): void {
    this.#area += this.inSystem * (nowMs - this.#untilMs);
    this.#untilMs = nowMs;
    this.inSystem += by;
  }

  area(nowMs: number): number {
    this.change(nowMs, 0);
    return this.#area;
  }
}

/** Runs a started model over its batches and takes the totals at every edge. */
function measure(
  clock: VirtualClock,
  { warmUp, batch, batches }: RunLength,
  { totals, used, servers }: { totals: Totals; used: () => number; servers: number },
): Measured {
  const measured: Measured = { response: [], utilisation: [], inSystem: [], throughput: [] };
  const look = () => ({
    responses: totals.responses,
    ended: totals.ended,
    area: totals.area(clock.nowMs()),
    used: used(),
  });
  clock.runUntil(warmUp);
  let before = look();
  for (let number = 1; number <= batches; number += 1) {
    clock.runUntil(warmUp + number * batch);
    const now = look();
    measured.response?.push((now.responses - before.responses) / (now.ended - before.ended));
    measured.utilisation?.push((now.used - before.used) / (batch * servers));
    measured.inSystem?.push((now.area - before.area) / batch);
    measured.throughput?.push((now.ended - before.ended) / batch);
    before = now;
  }
  return measured;
}

interface OpenModel {
  discipline: Discipline;
  servers: number;
  rate: number;
  work: ServiceTime;
}

function runOpen(
  { discipline, servers, rate, work }: OpenModel,
  random: Random,
  length: RunLength,
): Measured {
  const clock = new VirtualClock();
  const { kernel } = clock;
  const station = stationOf(clock, discipline, servers);
  const gaps = random.fork('gaps');
  const draw = drawOf(work, random.fork('work'));
  const totals = new Totals();
  const arrivedMs: number[] = [];
  const free: number[] = [];
  const ends = kernel.kind((job) => {
    totals.change(kernel.nowMs, -1);
    totals.responses += kernel.nowMs - (arrivedMs[job] as number);
    totals.ended += 1;
    free.push(job);
  });
  const arrives = kernel.kind(() => {
    const job = free.pop() ?? arrivedMs.length;
    arrivedMs[job] = kernel.nowMs;
    totals.change(kernel.nowMs, 1);
    station.serve(draw(), ends, job, 0);
    kernel.schedule(gaps.exponential(1 / rate), arrives, 0, 0);
  });
  kernel.schedule(gaps.exponential(1 / rate), arrives, 0, 0);
  return measure(clock, length, { totals, used: () => station.used(), servers });
}

interface ClosedModel {
  users: number;
  think: ServiceTime;
  /** Work more, at the first station, of a process that has rested while its user thought. */
  wake?: ServiceTime;
  /** Visited one after the other. */
  stations: readonly { discipline: Discipline; servers: number; work: ServiceTime }[];
}

function runClosed(
  { users, think, wake, stations }: ClosedModel,
  random: Random,
  length: RunLength,
): Measured {
  const clock = new VirtualClock();
  const { kernel } = clock;
  const thinks = drawOf(think, random.fork('think'));
  const places = stations.map(({ discipline, servers, work }, index) => ({
    station: stationOf(clock, discipline, servers),
    draw: drawOf(work, random.fork(`work ${index}`)),
  }));
  const draws = new Draws((wake ? { wake } : {}) as ServiceTimes, random.fork('wake'));
  const rests = Array.from({ length: users }, (_, user) =>
    Rest.of(kernel, draws, { session: `user ${user}`, servers: 1 }),
  );
  const totals = new Totals();
  const sinceMs = new Array<number>(users).fill(0);
  const moves = kernel.kind((user, next) => {
    const place = places[next];
    if (next === 0) {
      sinceMs[user] = kernel.nowMs;
      totals.change(kernel.nowMs, 1);
    }
    if (place) {
      const wakeMs = next === 0 ? (rests[user]?.serverMs(0) ?? 0) : 0;
      place.station.serve(place.draw() + wakeMs, moves, user, next + 1);
    } else {
      rests[user]?.worked(0);
      totals.change(kernel.nowMs, -1);
      totals.responses += kernel.nowMs - (sinceMs[user] as number);
      totals.ended += 1;
      kernel.schedule(thinks(), moves, user, 0);
    }
  });
  for (let user = 0; user < users; user += 1) kernel.schedule(thinks(), moves, user, 0);
  const first = places[0] as (typeof places)[number];
  return measure(clock, length, {
    totals,
    used: () => first.station.used(),
    servers: stations[0]?.servers ?? 1,
  });
}

const exponential: ServiceTime = { mean: 1, variation: 1, distribution: 'exponential', source: 'theory' };
const lognormal = (variation: number): ServiceTime => ({
  ...exponential,
  distribution: 'lognormal',
  variation,
});
const gamma = (variation: number): ServiceTime => ({ ...exponential, distribution: 'gamma', variation });
const deterministic: ServiceTime = { ...exponential, distribution: 'deterministic', variation: 0 };

function open(name: string, model: OpenModel): TheoryModel {
  const { discipline, servers, rate, work } = model;
  const insensitive = discipline === 'ps' || work.distribution === 'exponential';
  const figures = insensitive
    ? mmc({ rate, meanService: work.mean, servers })
    : mg1({ rate, meanService: work.mean, variation: work.variation });
  if (!figures) throw new Error(`${name} has no steady state`);
  const { meanResponse: response, utilisation, meanInSystem: inSystem } = figures;
  return {
    name,
    exact: { response, utilisation, inSystem },
    run: (seed, length) => runOpen(model, new Random(seed).fork(name), length),
  };
}

function closed(name: string, model: ClosedModel): TheoryModel {
  // A thought of exponential length z has let a share z / (z + wakeAfterMs) of the warmth go in the mean; that the work depends on the
  // thought before it moves no mean of a product-form network, whose classes may be the pairs of both.
  const rested = model.think.mean / (model.think.mean + wakeAfterMs);
  const solution = solveClosedNetwork({
    stations: model.stations.map(({ servers, work }, index) => ({
      name: String(index),
      kind: 'queue',
      servers,
      demands: [work.mean + (index === 0 ? (model.wake?.mean ?? 0) * rested : 0)],
    })),
    populations: [model.users],
    thinkTimes: [model.think.mean],
  });
  const [throughput = 0] = solution.throughputs;
  const [response = 0] = solution.responses;
  const [utilisation = 0] = solution.utilisations;
  return {
    name,
    exact: { response, throughput, utilisation },
    run: (seed, length) => runClosed(model, new Random(seed).fork(name), length),
  };
}

const thinkOf = (mean: number): ServiceTime => ({ ...exponential, mean });

/** Long enough that the means of neighbouring batches hardly depend on each other, nor differ much from normal ones. */
export const usualLength: RunLength = { warmUp: 8000, batch: 40_000, batches: 20 };

export const theoryModels: readonly TheoryModel[] = [
  open('M/M/1, first come first served, 70 %', {
    discipline: 'fcfs',
    servers: 1,
    rate: 0.7,
    work: exponential,
  }),
  open('M/M/1, processor sharing, 70 %', { discipline: 'ps', servers: 1, rate: 0.7, work: exponential }),
  open('M/M/4, first come first served, 80 %', {
    discipline: 'fcfs',
    servers: 4,
    rate: 3.2,
    work: exponential,
  }),
  open('M/M/4, processor sharing, 80 %', { discipline: 'ps', servers: 4, rate: 3.2, work: exponential }),
  open('M/D/1, first come first served, 70 %', {
    discipline: 'fcfs',
    servers: 1,
    rate: 0.7,
    work: deterministic,
  }),
  open('M/G/1 lognormal (variation 1.5), first come first served, 60 %', {
    ...{ discipline: 'fcfs', servers: 1, rate: 0.6 },
    work: lognormal(1.5),
  }),
  open('M/G/1 gamma (variation 0.5), first come first served, 70 %', {
    ...{ discipline: 'fcfs', servers: 1, rate: 0.7 },
    work: gamma(0.5),
  }),
  open('M/G/1 lognormal (variation 1.5), processor sharing, 70 %', {
    ...{ discipline: 'ps', servers: 1, rate: 0.7 },
    work: lognormal(1.5),
  }),
  open('M/D/1, processor sharing, 70 %', { discipline: 'ps', servers: 1, rate: 0.7, work: deterministic }),
  closed('20 users thinking 15, one processor shared', {
    ...{ users: 20, think: thinkOf(15) },
    stations: [{ discipline: 'ps', servers: 1, work: exponential }],
  }),
  closed('40 users thinking 9, four cores shared, lognormal work', {
    ...{ users: 40, think: thinkOf(9) },
    stations: [{ discipline: 'ps', servers: 4, work: lognormal(0.6) }],
  }),
  closed('8 users thinking 15, one processor shared, processes that cool while they think', {
    ...{ users: 8, think: thinkOf(15), wake: { ...exponential, mean: 0.8 } },
    stations: [{ discipline: 'ps', servers: 1, work: exponential }],
  }),
  closed('30 users thinking 20, two cores shared and then one first come first served', {
    ...{ users: 30, think: thinkOf(20) },
    stations: [
      { discipline: 'ps', servers: 2, work: gamma(1.4) },
      { discipline: 'fcfs', servers: 1, work: { ...exponential, mean: 0.5 } },
    ],
  }),
];

/** One metric of one run beside theory: the run's own 95 % interval. */
export function intervalOf(measured: Measured, metric: string): Interval {
  return replications(measured[metric] ?? []);
}

/** Whether theory lies in the interval; a metric that never varies must be met to rounding. */
export function covers({ mean, halfWidth }: Interval, exact: number): boolean {
  return Math.abs(mean - exact) <= Math.max(halfWidth, 1e-9 * Math.abs(exact));
}
