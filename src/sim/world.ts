import type { ActionResult, ClusterView, DrillAction, Settlement, World } from '../drills/world.ts';
import { VirtualClock, yieldToEvents } from '../kernel/clock.ts';
import type { Problem } from '../kernel/errors.ts';
import { invariant } from '../kernel/errors.ts';
import { roundMs } from '../kernel/time.ts';
import type { Component } from '../recording/manifest.ts';
import type { Recorder } from '../recording/recording.ts';
import { drillKinds } from '../scenario/scenario-shape.ts';
import { type Cluster, isOnOneMachine } from '../topology/cluster.ts';
import type { LoadPlan } from '../workload/plan.ts';
import { checkSimulated } from './check.ts';
import { leadMsOf, SimCluster } from './cluster.ts';
import { SimLoad } from './load.ts';

/** Client sessions connect so long before the load. */
const sessionsLeadMs = 5000;

/** A write that was sent just before the end of the load still has its timeout, so this is never reached. */
const drainLimitMs = 3_600_000;

/** Virtual time computed without a break. */
const sliceMs = 100;

/** The world on the virtual clock: the same roles, load and recording as live, no process, no socket, no real time. */
export class SimWorld implements World {
  readonly kind = 'simulated' as const;
  readonly drillKinds = drillKinds;
  readonly transport = 'simulated' as const;
  /** The cluster starts at negative times, the load at 0. */
  readonly clock: VirtualClock;
  readonly #cluster: Cluster;
  readonly #plan: LoadPlan;
  #running: { cluster: SimCluster; load: SimLoad } | null = null;

  /** @param options the load's seed is that of every stream of this world */
  constructor(options: { cluster: Cluster; load: LoadPlan }) {
    this.#cluster = options.cluster;
    this.clock = new VirtualClock(-leadMsOf(options.cluster));
    this.#plan = options.load;
  }

  check(): Promise<Problem[]> {
    return Promise.resolve(checkSimulated(this.#cluster));
  }

  prepare(recorder: Recorder): Promise<void> {
    invariant(this.#running === null, 'a world is prepared once');
    const record = (event: Parameters<SimCluster['record']>[0]): void => {
      recorder.event({ atMs: roundMs(this.clock.nowMs()), ...event });
    };
    const lossStyle = isOnOneMachine(this.#cluster) ? 'refused' : 'silent';
    const cluster = new SimCluster(this.clock, this.#cluster, { seed: this.#plan.seed, record, lossStyle });
    const load = new SimLoad(this.clock, this.#plan, { cluster, recorder });
    this.#running = { cluster, load };
    cluster.start();
    this.clock.runUntil(-sessionsLeadMs);
    load.connect();
    this.clock.runUntil(0);
    return Promise.resolve();
  }

  components(): Component[] {
    const simulated = (name: string, version: string | null): Component => ({
      name,
      kind: 'simulated',
      version,
    });
    const { pgpoolVersion, agents } = this.#cluster;
    return [
      simulated('PostgreSQL', null),
      simulated('Pgpool-II', pgpoolVersion),
      simulated('EDB Failover Manager', agents[0]?.version ?? null),
      simulated('clients', null),
    ];
  }

  /** Computes in slices of virtual time and lets a signal through between them, so that Ctrl-C ends a long simulation. */
  async drive(durationMs: number, onStart: () => void): Promise<void> {
    const { cluster, load } = this.#world();
    let drained = false;
    onStart();
    cluster.observers.start();
    load.start(() => {
      drained = true;
    });
    for (let untilMs = sliceMs; !drained; untilMs += sliceMs) {
      invariant(untilMs < durationMs + drainLimitMs, 'the simulated load never ended');
      this.clock.runUntil(untilMs);
      if (untilMs >= durationMs) load.stop();
      await yieldToEvents();
    }
    cluster.observers.stop();
  }

  view(): ClusterView {
    return this.#world().cluster.view();
  }

  snapshot(): null {
    return null;
  }

  perform(action: DrillAction, done: (result: ActionResult) => void): void {
    this.#world().cluster.perform(action, done);
  }

  settle(): Promise<Settlement> {
    const { cluster, load } = this.#world();
    return Promise.resolve(load.settle(cluster));
  }

  abort(): void {
    this.#running?.load.abort();
  }

  close(): Promise<void> {
    this.#running?.cluster.close();
    return Promise.resolve();
  }

  #world(): { cluster: SimCluster; load: SimLoad } {
    invariant(this.#running, 'the simulated world has not been prepared');
    return this.#running;
  }
}
