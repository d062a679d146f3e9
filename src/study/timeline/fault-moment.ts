import type { Clock } from '../../kernel/clock.ts';
import { heartbeatPeriodMs } from '../../roles/membership.ts';
import type { DrillKind } from '../../scenario/scenario-shape.ts';
import type { AgentBeat } from '../../sim/agent-host.ts';
import type { SimCluster } from '../../sim/cluster.ts';
import type { WatchdogPlan } from '../../sim/watchdog-settings.ts';
import type { EfmSettings } from '../../topology/efm-properties.ts';
import { faultAfterBeatMs, faultDelayMs, foundBy, type TrialPhases } from './trial-phases.ts';

/** Heartbeats of the leading Pgpool: their period, that of the life checks that miss them, and the first one's instant, ms. */
interface LeaderBeats {
  keepaliveMs: number;
  intervalMs: number;
  firstMs: number;
}

interface Parts {
  phases: TrialPhases;
  /** Of every agent, by its server. */
  settings: ReadonlyMap<string, EfmSettings>;
  watchdog: WatchdogPlan | null;
  /** Instant of the leading Pgpool's first heartbeat, ms. */
  firstBeatMs: number;
}

/** Waits for a fault's place among the periodic works of its cluster that find it out. */
export class FaultMoment {
  readonly #clock: Clock;
  readonly #cluster: SimCluster;
  readonly #parts: Parts;
  #onBeat: ((beat: AgentBeat) => void) | null = null;

  constructor(clock: Clock, cluster: SimCluster, parts: Parts) {
    this.#clock = clock;
    this.#cluster = cluster;
    this.#parts = parts;
  }

  /** An agent or a Pgpool has ended a turn of its work. */
  heard(beat: AgentBeat): void {
    this.#onBeat?.(beat);
  }

  /** Calls `act` behind the end of a check, or behind a heartbeat, of the target's agent or Pgpool. */
  await(kind: DrillKind, target: string, act: () => void): void {
    const what = foundBy[kind];
    const { fault: phase } = this.#parts.phases;
    const beats = this.#beatsOf(kind, target);
    if (beats) {
      this.#awaitLeader(target, beats, act);
      return;
    }
    const settings = this.#parts.settings.get(target);
    if (!what || !settings) {
      this.#clock.setTimeout(act, heartbeatPeriodMs * phase);
      return;
    }
    this.#onBeat = (beat) => {
      if (beat.node !== target || beat.what !== what) return;
      this.#onBeat = null;
      const { tookMs } = beat;
      this.#clock.setTimeout(act, faultDelayMs(what, { settings, tookMs, phase }));
    };
  }

  /**
   * The fault follows the first beat in an interval of the life checks, whose phases count from there; a drawn one comes anywhere in
   * the interval, in which the leader's beacon has its place too. One at a beat waits for the beat that begins an interval: not
   * each has one where neither period is a multiple of the other.
   */
  #awaitLeader(target: string, { keepaliveMs, intervalMs, firstMs }: LeaderBeats, act: () => void): void {
    const { fault, atBeat = false } = this.#parts.phases;
    const nearMs = atBeat ? greatestDivisor(keepaliveMs, intervalMs) : keepaliveMs;
    this.#onBeat = ({ node, what }) => {
      if (node !== target || what !== 'watchdog') return;
      if ((this.#clock.nowMs() - firstMs) % intervalMs >= nearMs) return;
      this.#onBeat = null;
      const periodMs = atBeat ? keepaliveMs : Math.max(keepaliveMs, intervalMs);
      this.#clock.setTimeout(act, faultAfterBeatMs(periodMs, fault));
    };
  }

  /** The heartbeats by which the others miss a host without a database that carries the leading Pgpool; null: they do not. */
  #beatsOf(kind: DrillKind, target: string): LeaderBeats | null {
    const { watchdog, firstBeatMs: firstMs } = this.#parts;
    const settings = watchdog?.identities[0]?.settings;
    if (foundBy[kind] !== 'heartbeat' || settings?.lifecheck !== 'heartbeat') return null;
    if (this.#cluster.servers.some(({ name }) => name === target) || this.#cluster.fronts.host !== target)
      return null;
    return { keepaliveMs: settings.heartbeatKeepaliveMs, intervalMs: settings.intervalMs, firstMs };
  }
}

/** Of two periods of whole milliseconds: beats come at multiples of it in their intervals, one of them nearer to the beginning. */
function greatestDivisor(oneMs: number, otherMs: number): number {
  return otherMs > 0 ? greatestDivisor(otherMs, oneMs % otherMs) : oneMs;
}
