import type { Clock } from '../kernel/clock.ts';
import type { Pgpool } from '../roles/pgpool.ts';
import type { Draw, Draws } from './draws.ts';
import type { PgpoolFront } from './pgpool-front.ts';
import type { SimServer } from './server.ts';

/** How a script ended; exit codes are those of scripts/efm. */
export interface ScriptResult {
  exitCode: number;
  text: string;
}

type Done = (result: ScriptResult) => void;

/** The waits that pgpool.env sets, ms. */
export interface ScriptWaits {
  pcpMs: number;
  databaseMs: number;
  detachMs: number;
  attachMs: number;
  attachHoldMs: number;
  promoteMs: number;
  searchMs: number;
  followMs: number;
}

/** As scripts/efm/pgpool.env.example has them. */
export const shippedWaits: Readonly<ScriptWaits> = {
  pcpMs: 5000,
  databaseMs: 3000,
  detachMs: 15_000,
  attachMs: 15_000,
  attachHoldMs: 2000,
  promoteMs: 20_000,
  searchMs: 4000,
  followMs: 60_000,
};

/** What is written into the scripts: when a request is sent again, and pauses between two looks, ms. */
const pauses = { askAgainMs: 2000, quickMs: 20, searchMs: 30, holdMs: 200, followMs: 500 } as const;

/** The follow script's first look at a server, whatever DB_TIMEOUT says. */
const followLookMs = 1000;

const exit = { done: 0, timeout: 4, unfit: 5 } as const;

/** Pgpool's PCP port did not answer. */
export const exitUnreachable = 2;

/**
 * The integration scripts of scripts/efm as models: the same looks, requests, waits and exit codes, on Pgpool's model.
 *
 * The service time `script` is that of three PCP connections and their shell, so every look or request takes a third of
 * a draw (docs/method.md A16).
 */
export class Scripts {
  readonly waits: Readonly<ScriptWaits>;
  readonly #clock: Clock;
  readonly #front: Pick<PgpoolFront, 'pgpool' | 'sight'>;
  readonly #servers: readonly SimServer[];
  readonly #whole: Draw;
  #background = 0;

  constructor(
    clock: Clock,
    draws: Draws,
    options: {
      front: Pick<PgpoolFront, 'pgpool' | 'sight'>;
      servers: readonly SimServer[];
      waits?: Partial<ScriptWaits>;
    },
  ) {
    this.#clock = clock;
    this.#front = options.front;
    this.#servers = options.servers;
    this.waits = { ...shippedWaits, ...options.waits };
    this.#whole = draws.of('script', 'scripts');
  }

  get #pgpool(): Pgpool {
    return this.#front.pgpool;
  }

  /** A follow script is still at work in the background. */
  get busy(): boolean {
    return this.#background > 0;
  }

  /** load_balancer_detach.sh: the node is down when it ends; it does not wait for Pgpool's search. */
  detach(node: number, done: Done): void {
    const lateMs = this.#clock.nowMs() + this.waits.detachMs;
    const look = (pauseMs: number): void => {
      this.#step(pauseMs, () => {
        if (this.#isDown(node)) done({ exitCode: exit.done, text: 'detached' });
        else if (this.#clock.nowMs() >= lateMs) done({ exitCode: exit.timeout, text: 'not down in time' });
        else look(pauses.quickMs);
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
        else if (nowMs >= startMs + this.waits.promoteMs)
          done({ exitCode: exit.timeout, text: 'not primary in time' });
        else if (!checked) {
          checked = true;
          this.#look(node, (server) => {
            if (server?.state === 'primary') turn(0);
            else done({ exitCode: exit.unfit, text: 'the server is no primary' });
          });
        } else if (this.#searches(node) && nowMs < startMs + this.waits.searchMs) turn(pauses.searchMs);
        else if (nowMs < requestedAtMs + pauses.askAgainMs) turn(pauses.quickMs);
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
    const background = (): void => {
      done();
      this.#background += 1;
      this.#bringBack(node, this.#clock.nowMs() + this.waits.followMs);
    };
    const consider = (server: SimServer | null): void => {
      if (server?.state === 'primary') done();
      else if (!server) background();
      else
        this.#step(0, () => {
          this.#pgpool.attach(node);
          background();
        });
    };
    this.#step(0, () => {
      if (node === oldPrimary) done();
      else this.#look(node, consider, followLookMs);
    });
  }

  #bringBack(node: number, lateMs: number): void {
    this.#step(pauses.followMs, () => {
      const end = (): void => {
        this.#background -= 1;
      };
      if (this.#clock.nowMs() >= lateMs) end();
      else
        this.#look(node, (server) => {
          if (server) this.#keepAttached(node, 's', end);
          else if (this.#isDown(node)) this.#bringBack(node, lateMs);
          else end();
        });
    });
  }

  #keepAttached(node: number, type: 'p' | 's', done: Done): void {
    const lateMs = this.#clock.nowMs() + this.waits.attachMs;
    let heldSinceMs: number | null = null;
    let requestedAtMs = Number.NEGATIVE_INFINITY;
    const turn = (pauseMs: number): void => {
      this.#step(pauseMs, () => {
        const nowMs = this.#clock.nowMs();
        if (!this.#isDown(node)) {
          heldSinceMs ??= nowMs;
          if (nowMs >= heldSinceMs + this.waits.attachHoldMs)
            done({ exitCode: exit.done, text: 'is attached' });
          else turn(pauses.holdMs);
          return;
        }
        if (nowMs >= lateMs) {
          done({ exitCode: exit.timeout, text: 'not attached in time' });
          return;
        }
        if (heldSinceMs !== null) requestedAtMs = Number.NEGATIVE_INFINITY;
        heldSinceMs = null;
        if (nowMs < requestedAtMs + pauses.askAgainMs) {
          turn(pauses.quickMs);
          return;
        }
        this.#look(node, (server) => {
          const unfit = unfitAs(type, server);
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
      });
    };
    turn(0);
  }

  /** Asks a server for its role: null when it does not answer, for a hung or lost one only after the time limit. */
  #look(node: number, done: (server: SimServer | null) => void, limitMs = this.waits.databaseMs): void {
    const server = this.#servers[node];
    if (server && this.#front.sight.silent(node)) this.#clock.setTimeout(() => done(null), limitMs);
    else done(server?.accepts ? server : null);
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

function unfitAs(type: 'p' | 's', server: SimServer | null): string | null {
  if (!server) return 'the server does not answer';
  return type === 's' && !server.inRecovery ? 'should be a standby but is not in recovery' : null;
}
