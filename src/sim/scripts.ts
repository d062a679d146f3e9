import type { Clock } from '../kernel/clock.ts';
import type { Pgpool } from '../roles/pgpool.ts';
import type { Draw, Draws } from './draws.ts';
import type { SimServer } from './server.ts';

/** How a script ended; exit codes are those of scripts/efm. */
export interface ScriptResult {
  exitCode: number;
  text: string;
}

type Done = (result: ScriptResult) => void;

/** Waits of scripts/efm/pgpool.env and pauses between two looks, ms. */
const waits = {
  detachMs: 15_000,
  attachMs: 15_000,
  attachHoldMs: 2000,
  promoteMs: 20_000,
  searchMs: 4000,
  followMs: 60_000,
  askAgainMs: 2000,
  quickPauseMs: 20,
  searchPauseMs: 30,
  holdPauseMs: 200,
  followPauseMs: 500,
} as const;

const exit = { done: 0, timeout: 4, unfit: 5 } as const;

/**
 * The integration scripts of scripts/efm as models: the same looks, requests, waits and exit codes, on Pgpool's model.
 *
 * The service time `script` is that of three PCP connections and their shell, so every look or request takes a third of
 * a draw (docs/method.md A16).
 */
export class Scripts {
  readonly #clock: Clock;
  readonly #pgpool: Pgpool;
  readonly #servers: readonly SimServer[];
  readonly #whole: Draw;

  constructor(clock: Clock, draws: Draws, options: { pgpool: Pgpool; servers: readonly SimServer[] }) {
    this.#clock = clock;
    this.#pgpool = options.pgpool;
    this.#servers = options.servers;
    this.#whole = draws.of('script', 'scripts');
  }

  /** load_balancer_detach.sh: the node is down when it ends; it does not wait for Pgpool's search. */
  detach(node: number, done: Done): void {
    const lateMs = this.#clock.nowMs() + waits.detachMs;
    const look = (pauseMs: number): void => {
      this.#step(pauseMs, () => {
        if (this.#isDown(node)) done({ exitCode: exit.done, text: 'detached' });
        else if (this.#clock.nowMs() >= lateMs) done({ exitCode: exit.timeout, text: 'not down in time' });
        else look(waits.quickPauseMs);
      });
    };
    this.#step(0, () => {
      if (this.#isDown(node)) {
        done({ exitCode: exit.done, text: 'was already down' });
        return;
      }
      this.#step(0, () => {
        this.#pgpool.detach(node);
        look(0);
      });
    });
  }

  /** load_balancer_attach.sh: refuses a server that does not answer or is a stale primary; the node stays attached for a moment before it counts. */
  attach(node: number, type: 'p' | 's', done: Done): void {
    this.#step(0, () => {
      if (this.#isDown(node)) this.#keepAttached(node, type, done);
      else done({ exitCode: exit.done, text: 'was attached' });
    });
  }

  /** post_promotion.sh: Pgpool's primary is `node` when it ends; nothing is asked of Pgpool when it finds out by itself. */
  promote(node: number, done: Done): void {
    const startMs = this.#clock.nowMs();
    let requestedAtMs = Number.NEGATIVE_INFINITY;
    let checked = false;
    const turn = (pauseMs: number): void => {
      this.#step(pauseMs, () => {
        const nowMs = this.#clock.nowMs();
        const { role, status } = this.#nodeView(node);
        if (role === 'primary' && status !== 'down') done({ exitCode: exit.done, text: 'is the primary' });
        else if (nowMs >= startMs + waits.promoteMs)
          done({ exitCode: exit.timeout, text: 'not primary in time' });
        else if (!checked) {
          checked = true;
          if (this.#servers[node]?.state === 'primary') turn(0);
          else done({ exitCode: exit.unfit, text: 'the server is no primary' });
        } else if (this.#searches(node) && nowMs < startMs + waits.searchMs) turn(waits.searchPauseMs);
        else if (nowMs < requestedAtMs + waits.askAgainMs) turn(waits.quickPauseMs);
        else {
          if (status === 'down') this.#pgpool.attach(node);
          else {
            this.#pgpool.promote(node);
            requestedAtMs = nowMs;
          }
          turn(0);
        }
      });
    };
    turn(0);
  }

  /** follow_primary.sh: one look, then the rest in the background; `done` is called when Pgpool may go on. */
  follow({ node, oldPrimary }: { node: number; oldPrimary: number }, done: () => void): void {
    this.#step(0, () => {
      const server = this.#servers[node];
      if (node === oldPrimary || server?.state === 'primary') {
        done();
        return;
      }
      const background = (): void => {
        done();
        this.#bringBack(node, this.#clock.nowMs() + waits.followMs);
      };
      if (!server?.accepts) background();
      else
        this.#step(0, () => {
          this.#pgpool.attach(node);
          background();
        });
    });
  }

  #bringBack(node: number, lateMs: number): void {
    this.#step(waits.followPauseMs, () => {
      if (this.#clock.nowMs() >= lateMs) return;
      if (this.#servers[node]?.accepts) this.#keepAttached(node, 's', () => {});
      else if (this.#isDown(node)) this.#bringBack(node, lateMs);
    });
  }

  #keepAttached(node: number, type: 'p' | 's', done: Done): void {
    const lateMs = this.#clock.nowMs() + waits.attachMs;
    let heldSinceMs: number | null = null;
    let requestedAtMs = Number.NEGATIVE_INFINITY;
    const turn = (pauseMs: number): void => {
      this.#step(pauseMs, () => {
        const nowMs = this.#clock.nowMs();
        if (!this.#isDown(node)) {
          heldSinceMs ??= nowMs;
          if (nowMs >= heldSinceMs + waits.attachHoldMs) done({ exitCode: exit.done, text: 'is attached' });
          else turn(waits.holdPauseMs);
          return;
        }
        if (nowMs >= lateMs) {
          done({ exitCode: exit.timeout, text: 'not attached in time' });
          return;
        }
        if (heldSinceMs !== null) requestedAtMs = Number.NEGATIVE_INFINITY;
        heldSinceMs = null;
        if (nowMs < requestedAtMs + waits.askAgainMs) {
          turn(waits.quickPauseMs);
          return;
        }
        const unfit = this.#unfit(node, type);
        if (unfit) {
          done({ exitCode: exit.unfit, text: unfit });
          return;
        }
        this.#step(0, () => {
          this.#pgpool.attach(node);
          requestedAtMs = this.#clock.nowMs();
          turn(0);
        });
      });
    };
    turn(0);
  }

  #unfit(node: number, type: 'p' | 's'): string | null {
    const server = this.#servers[node];
    if (!server?.accepts) return 'the server does not answer';
    return type === 's' && !server.inRecovery ? 'should be a standby but is not in recovery' : null;
  }

  /** Pgpool looks for a primary: it lists a node that is down as one. */
  #searches(node: number): boolean {
    return this.#pgpool
      .nodes()
      .some((view, id) => id !== node && view.role === 'primary' && view.status === 'down');
  }

  #nodeView(node: number) {
    return this.#pgpool.nodes()[node] ?? { status: 'down' as const, role: 'standby' as const };
  }

  #isDown(node: number): boolean {
    return this.#nodeView(node).status === 'down';
  }

  #step(pauseMs: number, act: () => void): void {
    this.#clock.setTimeout(act, pauseMs + this.#whole() / 3);
  }
}
