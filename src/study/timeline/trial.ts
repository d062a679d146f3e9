import { drills } from '../../drills/catalogue.ts';
import { VirtualClock } from '../../kernel/clock.ts';
import { Random } from '../../kernel/random.ts';
import type { RecordedEvent } from '../../recording/events.ts';
import type { DrillKind } from '../../scenario/scenario-shape.ts';
import { SimCluster } from '../../sim/cluster.ts';
import type { LossStyle } from '../../sim/network.ts';
import type { ScriptWaits } from '../../sim/scripts.ts';
import {
  leaderBeatsMs,
  type WatchdogPlan,
  watchdogPlanOf,
  watchdogRestMs,
  watchdogStart,
} from '../../sim/watchdog-settings.ts';
import type { Cluster } from '../../topology/cluster.ts';
import { type EfmSettings, parseEfmSettings } from '../../topology/efm-properties.ts';
import { pgpoolDurationMs } from '../../topology/pgpool-conf.ts';
import { FaultMoment } from './fault-moment.ts';
import { drawnPhases, foundBy, type TrialPhases, type TrialPlace } from './trial-phases.ts';
import { ClusterWatch, type Seen } from './watch.ts';

/** What every trial of one timeline has in common. */
export interface TrialPlan {
  cluster: Cluster;
  kind: DrillKind;
  /** Server that the drill is about; left out: the kind's own choice. */
  target?: string;
  seed: number;
  /** The waits of pgpool.env that differ from the shipped ones. */
  waits?: Partial<ScriptWaits>;
  /** Pgpool has a follow_primary_command; left out: it has. */
  hasFollowCommand?: boolean;
  /** It is ended again after so long, where its kind can be; left out: it lasts. */
  lastsMs?: number;
  /** How a lost host meets a packet; left out: by silence. */
  lossStyle?: LossStyle;
}

/** One simulated drill, from its injection to rest. */
export interface Trial extends Seen {
  /** What agents, servers and Pgpool did from shortly before the drill. */
  events: readonly RecordedEvent[];
  /** When the drill's own action was begun. */
  injectedMs: number;
  endMs: number;
  target: string | null;
  /** How the action ended: null when it did. */
  refused: string | null;
  /** First instant at or after another at which a new session can write. */
  writableFrom(atMs: number): number | null;
}

/** What must have happened before a drill can be. */
const preludes: Partial<Record<DrillKind, readonly DrillKind[]>> = {
  switchback: ['switchover'],
  rebuild: ['failover'],
  resume: ['failover', 'rebuild'],
};

/** Servers and Pgpool are up before the first agent starts; every agent has its role this long after its start. */
const pgpoolStartMs = 500;
const agentsStartMs = 2000;
const roleTakenMs = 3000;

/** Pgpool's phase is drawn over this: twice its usual sr_check_period, the cycle of a check that runs into its connect_timeout. */
const pgpoolPeriodMs = 20_000;

/** So long without a command or a change, in which nothing waits, is rest once something was done about the fault. */
const restMs = 3000;

/** Pgpool that is still switching so long after its search must have ended is stuck. */
const stuckMs = 30_000;

/** A trial that is not at rest by then never will be. */
const horizonMs = 3_600_000;
const stepMs = 500;
const operatorRetryMs = 500;
const operatorTries = 40;

/** Simulates one drill. Equal arguments give equal trials, whoever computes them. */
export function runTrial(plan: TrialPlan, place: TrialPlace): Trial {
  return new TrialRun(plan, place).run();
}

interface Injected {
  target: string | null;
  injectedMs: number;
  refused: string | null;
}

const settingsByCluster = new WeakMap<Cluster, ReadonlyMap<string, EfmSettings>>();

/** The settings of every agent, read once for all trials of a cluster. */
function settingsOf(cluster: Cluster): ReadonlyMap<string, EfmSettings> {
  const known = settingsByCluster.get(cluster);
  if (known) return known;
  const read = new Map(
    cluster.agents.map(({ server, properties, version }) => [server, parseEfmSettings(properties, version)]),
  );
  settingsByCluster.set(cluster, read);
  return read;
}

class TrialRun {
  readonly #plan: TrialPlan;
  readonly #phases: TrialPhases;
  readonly #clock = new VirtualClock();
  readonly #cluster: SimCluster;
  readonly #watch: ClusterWatch;
  readonly #settings: ReadonlyMap<string, EfmSettings>;
  readonly #open = new Set<string>();
  readonly #searchMs: number;
  readonly #watchdog: WatchdogPlan | null;
  readonly #moment: FaultMoment;
  #events: RecordedEvent[] = [];
  /** An agent has given a command since the drill began. */
  #acted = false;
  #lastMs = 0;

  constructor(plan: TrialPlan, place: TrialPlace) {
    this.#plan = plan;
    const seeded = new Random(plan.seed);
    const random = seeded.fork(`trial ${place.index}`);
    const start = seeded.fork('pgpool').unit();
    this.#phases = place.phases ?? drawnPhases(random, { ...place, start });
    this.#settings = settingsOf(plan.cluster);
    this.#searchMs = pgpoolDurationMs(plan.cluster.pgpoolSettings, 'search_primary_node_timeout') ?? 0;
    this.#watchdog = watchdogPlanOf(plan.cluster);
    const record = (event: RecordedEvent): void => this.#take(event);
    this.#cluster = new SimCluster(this.#clock, plan.cluster, {
      seed: random.uint32() | 0,
      record: (event) => record(Object.assign(event, { atMs: this.#clock.nowMs() })),
      beat: (beat) => this.#moment.heard(beat),
      hasFollowCommand: plan.hasFollowCommand ?? true,
      ...(plan.waits ? { waits: plan.waits } : {}),
      ...(plan.lossStyle ? { lossStyle: plan.lossStyle } : {}),
    });
    this.#moment = new FaultMoment(this.#clock, this.#cluster, {
      phases: this.#phases,
      settings: this.#settings,
      watchdog: this.#watchdog,
      firstBeatMs: pgpoolStartMs + leaderBeatsMs,
    });
    this.#watch = new ClusterWatch(this.#clock, this.#cluster, record);
  }

  run(): Trial {
    const { kind } = this.#plan;
    this.#start();
    this.#watch.begin();
    for (const before of preludes[kind] ?? []) {
      this.#act(before);
      this.#rest(before);
    }
    this.#events = [];
    this.#watch.begin();
    const { target, injectedMs, refused } = this.#act(kind);
    this.#rest(kind);
    return {
      ...this.#watch.result(injectedMs),
      events: this.#events,
      injectedMs,
      endMs: this.#clock.nowMs(),
      target,
      refused,
      writableFrom: (atMs: number) => this.#watch.writableFrom(atMs),
    };
  }

  /** Every agent runs, at its own place in the period of its checks. */
  #start(): void {
    const periodMs = this.#longest(({ localPeriodMs }) => localPeriodMs);
    const watchdog = this.#watchdog;
    const pgpools = watchdog && watchdogStart(watchdog, (place) => this.#phases.watchdog(place));
    const firstMs = agentsStartMs + (pgpools?.readyMs ?? 0) + pgpoolPeriodMs * this.#phases.pgpool;
    let lastMs = firstMs;
    this.#cluster.start({
      pgpoolMs: (place) => pgpoolStartMs + (pgpools?.startMs[place] ?? 0),
      agentMs: (position) => {
        const startMs = position === 0 ? firstMs : firstMs + 10 + periodMs * this.#phases.agent(position);
        lastMs = Math.max(lastMs, startMs);
        return startMs;
      },
    });
    this.#clock.runUntil(lastMs + roleTakenMs);
  }

  /** Does what a drill does, at its phase, and waits until its own action has ended. */
  #act(kind: DrillKind): Injected {
    this.#acted = false;
    const target = kind === this.#plan.kind ? (this.#plan.target ?? null) : null;
    const found = drills[kind].inject(this.#cluster.view(), target);
    const injected: Injected = { target: null, injectedMs: this.#clock.nowMs(), refused: null };
    if (typeof found === 'string') return { ...injected, refused: found };
    injected.target = found.target;
    let done = false;
    const perform = (position: number, attempt: number): void => {
      const action = found.actions[position];
      done = action === undefined;
      if (!action) return;
      injected.injectedMs = this.#clock.nowMs();
      this.#cluster.perform(action, ({ ok, detail }) => {
        if (ok) perform(position + 1, 1);
        else if (action.type === 'efm' && attempt < operatorTries)
          this.#clock.setTimeout(() => perform(position, attempt + 1), operatorRetryMs);
        else {
          injected.refused = detail ?? 'refused';
          done = true;
        }
      });
    };
    this.#moment.await(kind, found.target, () => {
      perform(0, 1);
      if (kind === this.#plan.kind) this.#healLater(found.target);
    });
    while (!done) this.#step();
    return injected;
  }

  /** What lasts is under way until it is ended. */
  #healLater(target: string): void {
    const { kind, lastsMs } = this.#plan;
    const action = drills[kind].heal?.(target);
    if (!action || lastsMs === undefined) return;
    this.#open.add('heal');
    this.#clock.setTimeout(() => {
      this.#open.delete('heal');
      this.#cluster.perform(action, () => {});
    }, lastsMs);
  }

  /** Lets time pass until nothing has happened for so long, nothing waits, and nothing is under way. */
  #rest(kind: DrillKind): void {
    const untilMs = this.#clock.nowMs() + horizonMs;
    const watchdogMs = this.#watchdog ? watchdogRestMs(this.#watchdog) : 0;
    const restMs = Math.max(this.#restMs(kind), watchdogMs);
    const silenceMs = foundBy[kind] ? Math.max(this.#silenceMs(), watchdogMs) : restMs;
    this.#lastMs = this.#clock.nowMs();
    while (this.#clock.nowMs() < untilMs) {
      this.#step();
      const nowMs = this.#clock.nowMs();
      if (this.#open.size > 0 || this.#cluster.commanding) this.#lastMs = nowMs;
      const silentMs = nowMs - this.#lastMs;
      if (silentMs < (this.#acted ? restMs : silenceMs)) continue;
      if (!this.#cluster.busy || silentMs >= this.#searchMs + stuckMs) return;
    }
  }

  /** After it, without a command of an agent, nobody will act on a fault any more. */
  #silenceMs(): number {
    return this.#longest(
      ({ localTimeoutMs, localTimeoutFinalMs, nodeTimeoutMs, remoteTimeoutMs, localPeriodMs }) =>
        Math.max(localTimeoutMs + localPeriodMs, nodeTimeoutMs) +
        localTimeoutFinalMs +
        remoteTimeoutMs +
        5000,
    );
  }

  /** The longest that agents wait in silence once they are at work: for each other's answers, or for a delay of their own. */
  #restMs(kind: DrillKind): number {
    const peersAreGone = foundBy[kind] === 'heartbeat';
    return this.#longest(
      ({ standbyRestartDelayMs, autoResumeFailureMs, remoteTimeoutMs }) =>
        restMs + Math.max(standbyRestartDelayMs, autoResumeFailureMs, peersAreGone ? remoteTimeoutMs : 0),
    );
  }

  #longest(span: (settings: EfmSettings) => number): number {
    return Math.max(...[...this.#settings.values()].map(span));
  }

  #step(): void {
    this.#clock.runUntil(this.#clock.nowMs() + stepMs);
  }

  #take(event: RecordedEvent): void {
    this.#events.push(event);
    this.#lastMs = event.atMs;
    if (event.type === 'command') {
      this.#acted = true;
      this.#open.add(event.id);
    } else if (event.type === 'commandEnded') this.#open.delete(event.id);
  }
}
