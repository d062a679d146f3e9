import type {
  ActionResult,
  ClusterView,
  DrillAction,
  Settlement,
  World,
  WorldSnapshot,
} from '../drills/world.ts';
import { epochMs, RealClock, sleep } from '../kernel/clock.ts';
import { DrillError, ExitCode, invariant, type Problem } from '../kernel/errors.ts';
import { findBinaries } from '../lab/binaries.ts';
import { checkLab } from '../lab/check.ts';
import { componentsOf } from '../lab/components.ts';
import { type Lab, type LabOptions, startLab } from '../lab/lab.ts';
import { sweepDeadLabs } from '../lab/lab-command.ts';
import { primaryOf } from '../lab/lab-settings.ts';
import { LoadDriver, type LoadResult } from '../load/driver.ts';
import { checkRoom } from '../load/room.ts';
import { loadSchema, readLedger } from '../load/schema.ts';
import { NoRing } from '../load/wire/kernel-calls.ts';
import { tryWire } from '../load/wire/open-wire.ts';
import type { ServerAccess } from '../observe/server-sampler.ts';
import type { Component } from '../recording/manifest.ts';
import type { Recorder } from '../recording/recording.ts';
import { drillKinds } from '../scenario/scenario-shape.ts';
import type { Cluster } from '../topology/cluster.ts';
import { compareLedger } from '../workload/ledger.ts';
import { kindOf, type LoadPlan } from '../workload/plan.ts';
import { sessionCount } from '../workload/share.ts';
import { carryOut, refusals } from './actions.ts';
import { ClusterWatch } from './cluster-watch.ts';
import { ErrorRate, snapshotOf } from './figures.ts';
import { RunCounters } from './run-counters.ts';

/** What a live run needs of a plan. */
export interface LivePlan {
  cluster: Cluster;
  load: LoadPlan;
}

export interface LiveOptions extends Pick<LabOptions, 'programs' | 'scripts' | 'database' | 'user'> {
  workers: number;
  onProgress?: (step: string) => void;
  signal?: AbortSignal;
}

/** From the call to `drive` until the load starts, so that every worker has the start instant before it comes, ms. */
const startDelayMs = 250;

/** Before the start instant is set, the clock shows it as so far away, ms. */
const farAwayMs = 60_000;

/** Real servers on this machine, under real load. */
export class LiveWorld implements World {
  readonly kind = 'live';
  readonly drillKinds = drillKinds.filter((kind) => !(kind in refusals));
  readonly refusals = refusals;
  #transport = 'not chosen';
  readonly #plan: LivePlan;
  readonly #options: LiveOptions;
  readonly #driver = new LoadDriver();
  readonly #errors = new ErrorRate();
  #clock = new RealClock(epochMs() + farAwayMs);
  #lab: Lab | null = null;
  #starting: Promise<Lab> | null = null;
  #recorder: Recorder | null = null;
  #watch: ClusterWatch | null = null;
  #counters: RunCounters | null = null;
  #result: LoadResult | null = null;
  #disturbed = false;
  #aborted = false;
  readonly #calledOff = new AbortController();
  /** Aborted when the run is called off, from inside or outside. */
  readonly #signal: AbortSignal;

  constructor(plan: LivePlan, options: LiveOptions) {
    this.#plan = plan;
    this.#options = options;
    const { signal } = options;
    this.#signal = AbortSignal.any([this.#calledOff.signal, ...(signal ? [signal] : [])]);
  }

  get clock(): RealClock {
    return this.#clock;
  }

  /** How sessions reach the servers, as this machine allows; known after `check`. */
  get transport(): string {
    return this.#transport;
  }

  async check(): Promise<Problem[]> {
    await sweepDeadLabs();
    const problems = await checkLab(this.#plan.cluster, { ...this.#options, scale: this.#plan.load.scale });
    return [...problems, ...(await this.#chooseTransport())];
  }

  components(): Component[] {
    const { binaries } = findBinaries();
    return binaries ? componentsOf(binaries) : [];
  }

  async prepare(recorder: Recorder): Promise<void> {
    const { cluster, load } = this.#plan;
    const { workers, onProgress = () => {}, ...labOptions } = this.#options;
    const signal = this.#signal;
    this.#recorder = recorder;
    this.#starting = startLab(cluster, { ...labOptions, onProgress, signal });
    const lab = await this.#starting;
    this.#lab = lab;
    onProgress(`filling the tables at scale ${load.scale}`);
    await loadSchema(lab.direct(this.#primaryAtStart()), load.scale, { signal });
    await lab.awaitReplay();
    const servers = this.#access();
    const counters = await RunCounters.begin(lab.endpoint(), servers);
    this.#counters = counters;
    await checkRoom(load, { pgpool: lab.endpoint(), servers });
    const count = sessionCount(load);
    const opens =
      load.connect === 'pooled' ? `connecting ${count} sessions` : `${count} sessions connect each time`;
    onProgress(opens);
    this.#mustGoOn();
    await this.#driver.prepare({
      target: lab.endpoint(),
      plan: load,
      workers,
      serverByAddress: Object.fromEntries(
        cluster.backends.map(({ server, address, port }) => [`${address}:${port}`, server]),
      ),
      recorder: {
        interval: (interval) => {
          counters.addReads(interval.readsByServer);
          recorder.interval(interval);
        },
        latency: (slice) => recorder.latency(slice),
      },
    });
    this.#mustGoOn();
    lab.applyCaps();
  }

  async drive(durationMs: number, onStart: () => void): Promise<void> {
    const { load } = this.#plan;
    invariant(load.durationMs === durationMs, 'the load was planned for the duration that is driven');
    this.#mustGoOn();
    this.#clock = new RealClock(epochMs() + startDelayMs);
    this.#watch = this.#observe();
    this.#driver.start(this.#clock.originEpochMs);
    await sleep(-this.#clock.nowMs());
    onStart();
    this.#result = await this.#driver.finished();
    const atMs = this.#clock.nowMs();
    for (const worker of this.#result.workers) this.#recorder?.event({ type: 'loadWorker', ...worker, atMs });
    await this.#watch.finish();
  }

  view(): ClusterView {
    const watch = this.#watch;
    const { agents, backends, pgpools } = this.#plan.cluster;
    const primary = watch ? watch.primary : this.#primaryAtStart();
    return {
      primary,
      primaryAtStart: this.#primaryAtStart(),
      standbys: backends
        .map(({ server }) => server)
        .filter((server) => watch?.isStandby(server) ?? server !== primary),
      witness: agents.find(({ witness }) => witness)?.server ?? null,
      pgpool: pgpools[0]?.server ?? null,
      agentBeside: (server) =>
        agents.find((agent) => agent.server !== server && this.#lab?.faults.hasAgent(agent.server))?.server ??
        null,
      lastFailed: watch?.lastFailed ?? null,
    };
  }

  snapshot(): WorldSnapshot | null {
    const { load } = this.#plan;
    const kinds = new Map(load.classes.map((entry) => [entry.name, kindOf(entry)]));
    return snapshotOf(this.#driver.snapshot(), kinds, this.#errors);
  }

  perform(action: DrillAction, done: (result: ActionResult) => void): void {
    this.#disturbed = true;
    const lab = this.#lab;
    invariant(lab, 'a drill acts on a prepared world');
    carryOut(action, { lab, watch: this.#watch }).then(done, (cause: unknown) => {
      const hint = cause instanceof DrillError && cause.hint ? `: ${cause.hint}` : '';
      done({ ok: false, detail: `${cause instanceof Error ? cause.message : String(cause)}${hint}` });
    });
  }

  async settle(): Promise<Settlement> {
    const lab = this.#lab;
    const result = this.#result;
    invariant(lab && result, 'a world settles after it was driven');
    const invalid = result.invalid;
    const primary = this.view().primary;
    if (!primary || this.#aborted) return { ledger: null, counters: [], invalid };
    const hasLedger = result.ledger.length > 0;
    const ids = hasLedger ? await readLedger(lab.direct(primary), { signal: this.#signal }) : [];
    const ledger = hasLedger ? compareLedger(result.ledger, ids) : null;
    const counters = this.#disturbed
      ? []
      : await this.#counters?.compare(this.#plan.load, result, { primary, ledgerRows: ids.length });
    return { ledger, counters: counters ?? [], invalid };
  }

  abort(): void {
    this.#aborted = true;
    this.#calledOff.abort();
    this.#driver.abort();
  }

  async close(): Promise<void> {
    this.#calledOff.abort();
    this.#watch?.stop();
    this.#driver.abort();
    const lab = await this.#starting?.catch(() => null);
    await lab?.stop();
  }

  async #chooseTransport(): Promise<Problem[]> {
    try {
      this.#transport = await tryWire({ prefer: this.#plan.load.transport });
      return [];
    } catch (error) {
      if (!(error instanceof NoRing)) throw error;
      return [{ rule: 'load-transport', message: error.message, hint: 'write load.transport: auto' }];
    }
  }

  #observe(): ClusterWatch {
    const lab = this.#lab;
    const recorder = this.#recorder;
    invariant(lab && recorder, 'observers watch a prepared world');
    return new ClusterWatch(lab, this.#access(), {
      clock: this.#clock,
      recorder,
      primary: this.#primaryAtStart(),
    });
  }

  #access(): ServerAccess[] {
    const lab = this.#lab;
    invariant(lab, 'servers are reached in a prepared world');
    return lab.servers().map(({ server }) => ({ server, ...lab.direct(server) }));
  }

  #primaryAtStart(): string {
    const primary = primaryOf(this.#plan.cluster);
    invariant(primary, 'a checked cluster has a primary');
    return primary.server;
  }

  #mustGoOn(): void {
    if (this.#aborted || this.#options.signal?.aborted) {
      throw new DrillError('interrupted before the load started', { exitCode: ExitCode.interrupted });
    }
  }
}
