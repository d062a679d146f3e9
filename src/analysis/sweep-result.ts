import type { Summary } from '../recording/summary.ts';
import type { FigureKind, RunFigures } from './run-figures.ts';
import type { ScalePoint, UslFit } from './usl.ts';

/** What is varied: a path of the scenario or its model and the values it gets, as written. */
export interface Axis {
  path: string;
  values: readonly string[];
}

/** One run of a cell. */
export interface CellRun {
  seed: number;
  verdict: Summary['verdict'];
  figures: RunFigures;
  /** Of a run on real servers: what the simulation of the same plan and seed says; null where there is none. */
  predicted: RunFigures | null;
}

/** A mean over the runs that measured the figure; the half width of its 95 % interval, null of a single run. */
export interface Estimate {
  mean: number;
  halfWidth: number | null;
  runs: number;
}

/** How exactly a cell was wanted to be known, and what became of it. */
export interface Precision {
  /** Largest half width wanted, as a share of the mean. */
  wanted: number;
  reached: boolean;
  /** The figure whose interval is the widest, as a share of its mean; null before there are two runs. */
  loosest: { figure: string; share: number } | null;
}

/** One combination of values, its runs so far, and what they come to. */
export interface SweepCell {
  /** From 1, in the order of the table. */
  number: number;
  /** Value by path. */
  set: Record<string, string>;
  /** Tells plans apart: everything that is to be run, but the seed. */
  planHash: string;
  /** Below the sweep's own folder. */
  folder: string;
  /** Reads are due at a rate, whether answers come or not. */
  isOpen: boolean;
  state: 'done' | 'failed' | 'unfinished';
  failures: { seed: number; message: string }[];
  runs: CellRun[];
  estimates: Record<string, Estimate | null>;
  /** The same over the simulations beside runs on real servers; null where there is none. */
  predicted: Record<string, Estimate | null> | null;
  /** Against the first cell, run by run with equal seeds; null for that cell itself and where it did not run. */
  differences: Record<string, Estimate | null> | null;
  precision: Precision | null;
}

/** Read throughput against the number of something, with the universal scalability law where there are points enough. */
export interface Scaling {
  /** The varied path: `standbys`, or a number of sessions. */
  path: string;
  /** What the other varied paths were set to. */
  at: Record<string, string>;
  points: ScalePoint[];
  fit: UslFit | null;
  /** Why there is no fit. */
  refusal: string | null;
  /** Why the points may be no measure of capacity. */
  caution: string | null;
}

/** What `pgdrill sweep --json` prints and `sweep.json` holds. */
export interface SweepResult {
  schema: 'pgdrill/sweep@1';
  name: string;
  world: 'live' | 'simulated';
  version: string;
  calibrated: boolean;
  /** Confidence level of every interval. */
  level: 0.95;
  axes: readonly Axis[];
  figures: readonly FigureKind[];
  cells: readonly SweepCell[];
  /** Read throughput against what is scaled, where an axis scales something. */
  scaling: readonly Scaling[];
  interrupted: boolean;
}
