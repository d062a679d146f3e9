import type { TimerId } from '../kernel/clock.ts';
import type { WatchdogConf } from '../topology/pgpool-conf.ts';
import type { WatchdogHost } from './watchdog-host.ts';

/** What the life check finds out. */
interface LifeCheckFindings {
  lost(node: number): void;
  found(node: number): void;
}

interface CheckedPeer {
  lastBeatMs: number | null;
  lives: number;
  dead: boolean;
}

/** Its processes have their sockets a second after they were forked (measured, docs/method.md P4). */
export const firstBeatMs = 1000;

/** The life check looks whether it may begin once per ten intervals (wd_lifecheck.c). */
export const readyIntervals = 10;

/**
 * Whether the other Pgpools live: by heartbeats, or by queries.
 *
 * It begins when every peer has been heard once, so a node that has never come is never found dead. Beats and checks are
 * timers. By query a node once dead is not found again here (wd_lifecheck.c has no way back, and reports it dead no second time); the
 * watchdog finds it by its new connection.
 *
 * Source: Pgpool-II 4.3.5, src/watchdog/wd_lifecheck.c.
 */
export class WatchdogLifeCheck {
  readonly #host: WatchdogHost;
  readonly #settings: WatchdogConf;
  readonly #findings: LifeCheckFindings;
  readonly #peers: Map<number, CheckedPeer>;
  /** By query each asks its own Pgpool too. */
  readonly #asked: ReadonlyMap<number, CheckedPeer>;
  #beatTimer: TimerId | null = null;
  #checkTimer: TimerId | null = null;
  #running = false;

  constructor(
    host: WatchdogHost,
    settings: WatchdogConf,
    { own, peers, findings }: { own: number; peers: readonly number[]; findings: LifeCheckFindings },
  ) {
    this.#host = host;
    this.#settings = settings;
    this.#findings = findings;
    const unchecked = (): CheckedPeer => ({ lastBeatMs: null, lives: settings.lifePoint, dead: false });
    this.#peers = new Map(peers.map((id) => [id, unchecked()]));
    this.#asked = new Map([[own, unchecked()], ...this.#peers]);
  }

  /** Begins, once: its processes are forked when the watchdog has found its place. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    if (this.#settings.lifecheck === 'external') return;
    if (this.#settings.lifecheck === 'heartbeat') {
      this.#beatTimer = this.#host.clock.setTimeout(() => this.#beat(), firstBeatMs);
    }
    this.#awaitReady();
  }

  stop(): void {
    this.#running = false;
    this.#host.clock.clearTimeout(this.#beatTimer);
    this.#host.clock.clearTimeout(this.#checkTimer);
  }

  beatFrom(node: number): void {
    const peer = this.#peers.get(node);
    if (peer && this.#running) peer.lastBeatMs = this.#host.clock.nowMs();
  }

  #beat(): void {
    for (const node of this.#peers.keys()) this.#host.sendBeat(node);
    this.#beatTimer = this.#host.clock.setTimeout(() => this.#beat(), this.#settings.heartbeatKeepaliveMs);
  }

  #later(act: () => void, delayMs: number): void {
    this.#checkTimer = this.#host.clock.setTimeout(act, delayMs);
  }

  #awaitReady(): void {
    const again = (): void =>
      this.#later(() => this.#awaitReady(), readyIntervals * this.#settings.intervalMs);
    if (this.#settings.lifecheck === 'heartbeat') {
      if ([...this.#peers.values()].every(({ lastBeatMs }) => lastBeatMs !== null)) this.#checkBeats();
      else again();
      return;
    }
    this.#askAll((answered) => {
      if (answered.every(Boolean)) this.#checkQueries();
      else again();
    });
  }

  #checkBeats(): void {
    const nowMs = this.#host.clock.nowMs();
    for (const [node, peer] of this.#peers) {
      if (peer.lastBeatMs === null) continue;
      const silentSeconds = Math.floor((nowMs - peer.lastBeatMs) / 1000);
      const dead = silentSeconds > this.#settings.heartbeatDeadtimeMs / 1000;
      if (dead === peer.dead) continue;
      peer.dead = dead;
      if (dead) this.#findings.lost(node);
      else this.#findings.found(node);
    }
    this.#later(() => this.#checkBeats(), this.#settings.intervalMs);
  }

  #checkQueries(): void {
    this.#askAll((answered) => {
      for (const [position, [node, peer]] of [...this.#asked].entries()) {
        peer.lives = answered[position] === true ? this.#settings.lifePoint : Math.max(0, peer.lives - 1);
        if (peer.lives > 0 || peer.dead) continue;
        peer.dead = true;
        this.#findings.lost(node);
      }
      this.#later(() => this.#checkQueries(), this.#settings.intervalMs);
    });
  }

  /** Asks every Pgpool at once, its own too, and waits for the last answer. */
  #askAll(done: (answered: readonly boolean[]) => void): void {
    const nodes = [...this.#asked.keys()];
    const answers: boolean[] = nodes.map(() => false);
    let due = nodes.length;
    for (const [position, node] of nodes.entries()) {
      this.#host.queryPgpool(node, (answered) => {
        answers[position] = answered;
        due -= 1;
        if (due === 0 && this.#running) done(answers);
      });
    }
  }
}
