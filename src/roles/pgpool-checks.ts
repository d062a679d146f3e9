import { judgeNodes } from '../topology/routing.ts';
import { isValid, type PgpoolState, validNodes } from './pgpool-failover.ts';
import { type CheckPurpose, healthCheckMachine } from './pgpool-health-check.ts';
import type { PgpoolHost } from './pgpool-host.ts';
import {
  noReplicationView,
  ReplicationCheck,
  type ReplicationReport,
  type ReplicationView,
  replicationViewAfter,
} from './pgpool-replication-check.ts';
import type { CompleteSettings } from './pgpool-settings.ts';
import { pgpoolFeatures } from './pgpool-versions.ts';
import { Statechart } from './statechart.ts';

/** What the checks of a Pgpool see and do of it. */
interface CheckedPgpool {
  state(): PgpoolState;
  switching(): boolean;
  /** A follow run holds the lock, here or on the leader of the watchdog. */
  locked(): boolean;
  holdLock(held: boolean): void;
  degenerate(node: number, wholeRestart: boolean): void;
  attach(node: number): void;
}

/** Pgpool's processes that look at nodes by themselves: a health check a node, and the replication check. */
export class PgpoolChecks {
  readonly #host: PgpoolHost;
  readonly #settings: CompleteSettings;
  readonly #pgpool: CheckedPgpool;
  readonly #healthChecks = new Map<number, Statechart<typeof healthCheckMachine>>();
  /** Second of the day before which auto_failback leaves a node alone. */
  readonly #failbackFrom = new Map<number, number>();
  readonly #replication: ReplicationCheck;
  #view: ReplicationView = noReplicationView;

  constructor(host: PgpoolHost, settings: CompleteSettings, pgpool: CheckedPgpool) {
    this.#host = host;
    this.#settings = settings;
    this.#pgpool = pgpool;
    this.#replication = new ReplicationCheck({
      clock: host.clock,
      periodMs: host.checkReplication ? settings.srCheckPeriodMs : 0,
      mayCheck: () => !pgpool.switching() && !pgpool.locked(),
      check: () => this.#checkReplication(),
      over: () => pgpool.holdLock(false),
    });
  }

  get view(): ReplicationView {
    return this.#view;
  }

  /** Nodes whose health check runs. */
  get checked(): readonly number[] {
    return [...this.#healthChecks.keys()];
  }

  start(): void {
    this.forkHealthChecks();
    this.#replication.start();
  }

  stop(): void {
    for (const check of this.#healthChecks.values()) check.stop();
    this.#replication.stop();
  }

  /** A request is done: the replication check starts anew, and nodes that are in use now get a health check. */
  requestDone(): void {
    this.#replication.restart();
    this.forkHealthChecks();
  }

  forkHealthChecks(): void {
    if (!this.#host.greeting) return;
    for (const node of validNodes(this.#pgpool.state().status)) {
      if (!this.#healthChecks.has(node)) this.#forkHealthCheck(node);
    }
  }

  #forkHealthCheck(node: number): void {
    const conf = this.#settings.nodes[node]?.healthCheck;
    if (!conf || conf.periodMs <= 0) return;
    const check = new Statechart(healthCheckMachine, {
      clock: this.#host.clock,
      input: {
        conf,
        purpose: () => this.#purposeOf(node),
        greeting: () => this.#host.greeting?.(node) ?? 'accepts',
      },
    });
    check.on('passed', ({ purpose }) => this.#passed(node, purpose));
    check.on('failed', ({ purpose, timedOut }) => this.#failed(node, purpose, timedOut));
    this.#healthChecks.set(node, check);
    check.start();
  }

  #second(): number {
    return Math.floor(this.#host.wallMs() / 1000);
  }

  #purposeOf(node: number): CheckPurpose {
    const status = this.#pgpool.state().status[node];
    if (isValid(status) || status === 'quarantine') return 'check';
    const wanted =
      this.#settings.autoFailback &&
      (this.#failbackFrom.get(node) ?? 0) < this.#second() &&
      this.#view.streaming[node] === true &&
      !this.#pgpool.switching();
    return wanted ? 'failback' : 'none';
  }

  #passed(node: number, purpose: CheckPurpose): void {
    if (purpose === 'failback') {
      if (this.#pgpool.switching()) return;
      this.#failbackFrom.set(node, this.#second() + this.#settings.autoFailbackIntervalMs / 1000);
      this.#pgpool.attach(node);
    } else if (
      this.#pgpool.state().status[node] === 'quarantine' &&
      pgpoolFeatures(this.#settings.version).releasesQuarantine
    ) {
      this.#pgpool.attach(node);
    }
  }

  #failed(node: number, purpose: CheckPurpose, timedOut: boolean): void {
    if (purpose === 'failback' || this.#pgpool.state().status[node] === 'quarantine') return;
    this.#pgpool.degenerate(node, timedOut);
  }

  #checkReplication(): void {
    this.#pgpool.holdLock(true);
    const asked = validNodes(this.#pgpool.state().status);
    this.#host.checkReplication?.(asked, (report) => {
      const primary = this.#pgpool.state().primary;
      this.#view = replicationViewAfter(this.#view, report, { primary, asked });
      this.#detachFalsePrimaries(report);
      this.#replication.checked();
    });
  }

  #detachFalsePrimaries({ answers, upstreams }: ReplicationReport): void {
    const { detachFalsePrimary, version } = this.#settings;
    const { leaderDetachesFalsePrimary } = pgpoolFeatures(version);
    if (leaderDetachesFalsePrimary && this.#host.mayDetachFalsePrimary?.() === false) return;
    for (const [node, judged] of judgeNodes(answers, { upstreams, detachFalsePrimary }).entries()) {
      if (judged === 'invalid') this.#pgpool.degenerate(node, false);
    }
  }
}
