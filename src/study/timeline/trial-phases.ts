import type { Random } from '../../kernel/random.ts';
import { heartbeatPeriodMs } from '../../roles/membership.ts';
import type { DrillKind } from '../../scenario/scenario-shape.ts';
import type { AgentBeat } from '../../sim/agent-host.ts';
import type { EfmSettings } from '../../topology/efm-properties.ts';

/** Where in their periods the periodic works of a trial stand, each 0 to 1 of its period. */
export interface TrialPhases {
  /** Of the work that finds the fault out (the check of the database, or the heartbeat): how far it is past when the fault comes. */
  fault: number;
  /** The fault's phase counts over the leading Pgpool's heartbeats alone, not over the longer interval of the life checks. */
  atBeat?: boolean;
  /** Of each agent's checks against those of the first agent, in the order of the node list. */
  agent(position: number): number;
  /** Of Pgpool's own checks. */
  pgpool: number;
  /** Of each Pgpool's life check, by its place in the model, against the instant at which it can first find the leader dead. */
  watchdog(place: number): number;
}

/** Which trial it is of how many; with phases of its own it is at a place of the phase space that somebody chose. */
export interface TrialPlace {
  index: number;
  trials: number;
  phases?: TrialPhases;
}

/** Steps of this share of a period, one a trial, spread Pgpool's phase over the fault's as evenly as few points can be (golden ratio). */
const goldenStep = (Math.sqrt(5) - 1) / 2;

/**
 * The phases of a trial: the fault's and, over it, Pgpool's are spread evenly over all trials, each agent's has a stream of its own.
 *
 * @param start where Pgpool's phase begins, 0 to 1, the same for all trials of a plan
 */
export function drawnPhases(
  random: Random,
  { index, trials, start }: TrialPlace & { start: number },
): TrialPhases {
  const unit = (name: string): number => random.fork(name).unit();
  return {
    fault: (index + unit('fault')) / trials,
    agent: (position) => unit(`agent ${position}`),
    pgpool: (start + index * goldenStep) % 1,
    watchdog: (place) => unit(`watchdog ${place}`),
  };
}

/** Phases at the ends of their ranges, where a span is longest or shortest: right after a check, right before the next. */
const cornerBits = 3;
export const cornerCount = 2 ** cornerBits;
const end = 1 - 1e-6;

/** @param corner 0 to `cornerCount` - 1: a bit each for the fault, the agents and Pgpool */
export function cornerPhases(corner: number): TrialPhases {
  const at = (bit: number): number => ((corner >> bit) % 2 === 0 ? 0 : end);
  return { fault: at(0), atBeat: true, agent: () => at(1), pgpool: at(2), watchdog: () => at(2) };
}

/** The periodic works of an agent. */
type AgentWork = Exclude<AgentBeat['what'], 'watchdog'>;

/** Which periodic work finds out what a drill does: the phase of a trial counts from it. */
export const foundBy: Partial<Record<DrillKind, AgentWork>> = {
  failover: 'check',
  hang: 'check',
  'standby-down': 'check',
  'node-loss': 'heartbeat',
  'agent-kill': 'heartbeat',
  'standby-node-loss': 'heartbeat',
  'witness-loss': 'heartbeat',
  partition: 'heartbeat',
};

/** A heartbeat that was sent has reached everybody by then. */
const arrivedMs = 0.4;

/** From a Pgpool's heartbeat until the fault comes, at a phase of the period that it counts over, ms. */
export function faultAfterBeatMs(periodMs: number, phase: number): number {
  return arrivedMs + (periodMs - arrivedMs) * phase;
}

/** From the end of a turn of the work that finds a fault out until the fault comes, at a phase of the period. */
export function faultDelayMs(
  what: AgentWork,
  options: { settings: EfmSettings; tookMs: number; phase: number },
): number {
  const periodMs = what === 'check' ? options.settings.localPeriodMs : heartbeatPeriodMs;
  const doneMs = what === 'check' ? 0 : arrivedMs;
  return doneMs + (periodMs - options.tookMs - doneMs) * options.phase;
}
