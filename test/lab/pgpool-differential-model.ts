import { VirtualClock } from '../../src/kernel/clock.ts';
import { createPgpool, type Pgpool, type PgpoolSettings } from '../../src/roles/pgpool.ts';
import { type Cut, isValid, primaryMeantBy, validNodes } from '../../src/roles/pgpool-failover.ts';
import type { ReplicationReport } from '../../src/roles/pgpool-replication-check.ts';
import {
  type AdmissionResult,
  admitSession,
  type BackendEnd,
  cutError,
  lostBackend,
  readOnlyError,
  sessionAfterLoss,
} from '../../src/roles/pgpool-sessions.ts';
import { routeStatement } from '../../src/topology/routing.ts';
import { type Candidate, Children } from './pgpool-differential-children.ts';
import type { Choose } from './pgpool-differential-hypotheses.ts';
import { heardTooLate, refusalsOf } from './pgpool-differential-races.ts';
import { nodeIds } from './pgpool-differential-servers.ts';
import type { Answer } from './pgpool-differential-session.ts';
import {
  applyToServers,
  type MirroredServer,
  type PcpCommand,
  rolesOf,
  type Step,
  serversAtStart,
} from './pgpool-differential-steps.ts';

/** More than any chain of requests, searches and follow commands takes. */
const settleMs = 60_000;
/** What the follow script of the real cluster waits. */
const followMs = 1500;
/** `num_init_children`: more than the sessions that a sequence keeps. */
export const childCount = 8;
/** Draws of the load-balance node that between them reach every node that can be drawn. */
const units = Array.from({ length: 33 }, (_, index) => index / 32);

export const weights: readonly number[] = [0, 1, 1];

interface ModelSession {
  nodes: ReadonlyMap<number, number>;
  loadBalanceNode: number;
  lost: string | null;
}

/** What a client sees who opens a session and reads. */
export type Opening = Pick<Visit, 'connect' | 'read'>;

/** What a client may see who opens a session, reads, writes and leaves. */
export interface Visit {
  /** `ok`, or what it was refused with. */
  connect: string;
  read: Answer | null;
  write: Answer | null;
}

/** The Pgpool statecharts over mirrored servers, on a virtual clock. */
export class ModelCluster {
  readonly servers: MirroredServer[] = serversAtStart();
  readonly sessions: ModelSession[] = [];
  readonly #clock = new VirtualClock();
  readonly #children = new Children<ModelSession>(childCount, () => this.#pgpool.state().main);
  readonly #pgpool: Pgpool;
  readonly #settings: PgpoolSettings;
  readonly #choose: Choose;
  /**
   * The request that began this follow run ended the replication check amid a look: no node counts as streaming, and so none fails
   * back, until the run is over and it looks again. Whether it hits a look is not determined.
   */
  #lookCutShort = false;
  /** Clients of children that crashed: a graceful command counts them for ever, for nobody has counted them out. */
  #crashed = 0;

  /** By node id: the standbys that stream from it, as the real servers say. */
  streaming: readonly (readonly number[])[] = [[1, 2], [], []];
  /** What the last pcp command said: whether it succeeded; null for no answer. */
  reply: boolean | null = null;

  constructor(settings: PgpoolSettings, choose: Choose) {
    this.#settings = settings;
    this.#choose = choose;
    this.#pgpool = createPgpool(
      {
        clock: this.#clock,
        wallMs: () => this.#clock.nowMs(),
        askRoles: (asked, done) => {
          this.#clock.setTimeout(() => {
            done(rolesOf(this.servers, asked));
          }, 5);
        },
        runFollowCommand: (run, done) => this.#follow(run, done),
        cutSessions: (cut) => this.#cut(cut),
        renewChildren: () => this.#children.flagAll(),
        serving: () => {},
        reaping: () => {},
        greeting: (node) => (this.servers[node]?.alive && !this.#unwatched(node) ? 'accepts' : 'refuses'),
        following: (on) => {
          this.#lookCutShort = on && settings.autoFailback === true && choose(2) === 1;
        },
        checkReplication: (asked, done) => {
          this.#clock.setTimeout(() => done(this.#replication(asked)), 5);
        },
        clients: () => this.#crashed + this.sessions.filter(({ lost }) => lost === null).length,
      },
      settings,
      { status: nodeIds.map(() => 'waiting'), primary: 0, main: 0 },
    );
    this.#pgpool.start();
  }

  /** As the real one shows them: `up:primary down:standby …` */
  nodes(): string {
    return this.#pgpool
      .nodes()
      .map(({ status, role }) => `${status}:${role}`)
      .join(' ');
  }

  /** Does a step that is not about sessions. */
  apply(step: Step): void {
    applyToServers(this.servers, step);
    if (step.kind === 'kill' || step.kind === 'stop') this.#backendLost(step.node, 'announced');
    if (step.kind === 'vanish') this.#backendLost(step.node, 'vanished');
    if (step.kind === 'pcp') this.reply = this.#command(step.command, step.node);
  }

  /** Lets everything happen that follows from what was done. */
  settle(): void {
    this.#clock.runUntil(this.#clock.nowMs() + settleMs);
    this.#children.settle(({ lost }) => lost !== null);
  }

  /** What a client may see now, whichever child takes it and whichever node it draws. */
  possibleVisits(): Visit[] {
    const visits = new Map<string, Visit>();
    for (const { main } of this.#children.candidates()) {
      for (const visit of units.flatMap((unit) => this.#visitsOf(this.#admission(main, unit)))) {
        visits.set(JSON.stringify(visit), visit);
      }
    }
    return [...visits.values()];
  }

  /** Does what a client was seen to do. @returns its session, dead or alive; null when it was refused */
  open(seen: Opening): ModelSession | null {
    const wanted = JSON.stringify([seen.connect, seen.read]);
    const fits = this.#children.candidates().flatMap((candidate) => {
      const results = units.map((unit) => this.#admission(candidate.main, unit));
      const result = results.find((entry) =>
        this.#visitsOf(entry).some(({ connect, read }) => JSON.stringify([connect, read]) === wanted),
      );
      return result ? [{ candidate, result }] : [];
    });
    const fit = fits[fits.length > 1 ? this.#choose(fits.length) : 0];
    if (!fit) throw new Error('nobody could have seen that');
    return this.#serve(fit.candidate, fit.result);
  }

  /** Its client has gone. */
  close(session: ModelSession): void {
    this.#children.left(session);
  }

  /** Models with the same key have the same future. */
  key(): string {
    const { status, primary, main } = this.#pgpool.state();
    const children = this.#children.keys((session) => String(this.sessions.indexOf(session)));
    return JSON.stringify([
      status,
      primary,
      main,
      children,
      this.sessions.map(({ lost }) => lost),
      this.#crashed,
    ]);
  }

  /** A statement of a kept session. */
  use(index: number, kind: 'read' | 'write'): Answer {
    const session = this.sessions[index];
    if (!session) throw new Error(`no session ${index}`);
    return this.#statement(session, kind);
  }

  /**
   * The follow script: waits, then attaches the node unless it is the old primary. Its last attach races with the end of the
   * run: the main process either still sees the run (and keeps the primary it has) or searches.
   */
  #follow({ node, oldPrimary }: { node: number; oldPrimary: number }, done: () => void): void {
    this.#clock.setTimeout(() => {
      if (node === oldPrimary) done();
      else if (this.#pgpool.nodes().some(({ status }, id) => id > node && status === 'down')) {
        this.#pgpool.attach(node);
        done();
      } else if (this.#choose(2) === 0) {
        done();
        this.#pgpool.attach(node);
      } else {
        this.#pgpool.attach(node);
        this.#clock.setTimeout(done, 20);
      }
    }, followMs);
  }

  #unwatched(node: number): boolean {
    return this.#lookCutShort && !isValid(this.#pgpool.state().status[node]);
  }

  #replication(asked: readonly number[]): ReplicationReport {
    const listed = this.streaming[this.#pgpool.state().primary] ?? [];
    return {
      answers: rolesOf(this.servers, asked),
      upstreams: nodeIds.map((id) => nodeIds.find((other) => this.streaming[other]?.includes(id)) ?? null),
      delayBytes: nodeIds.map(() => 0),
      streaming: nodeIds.map((id) => listed.includes(id)),
    };
  }

  #serve(candidate: Candidate<ModelSession>, result: AdmissionResult): ModelSession | null {
    const { main: mainBefore, status } = this.#pgpool.state();
    if (!result.ok && result.connected) {
      this.#pgpool.sessionConnected(result.connected, false);
      const flagged = result.connected.length < validNodes(status).length;
      this.#children.served(candidate, { session: null, flagged, mainBefore });
      return null;
    }
    if (!result.ok) {
      this.#children.woken(candidate.child, mainBefore);
      this.#children.replace(candidate.child);
      if (result.degenerate !== null) this.#pgpool.sessionSawError(result.degenerate);
      return null;
    }
    this.#pgpool.sessionConnected(result.nodes, result.skippedMain);
    const session = this.#sessionOf(result);
    const flagged = result.nodes.length < validNodes(status).length;
    this.#children.served(candidate, { session, flagged, mainBefore });
    if (result.crashes) {
      this.#crashed += 1;
      session.lost = cutError.code;
      this.#children.replace(candidate.child);
    }
    return session;
  }

  #sessionOf({ nodes, loadBalanceNode }: AdmissionResult & { ok: true }): ModelSession {
    const incarnations = nodes.map((id) => [id, this.servers[id]?.incarnation ?? 0] as const);
    return { nodes: new Map(incarnations), loadBalanceNode, lost: null };
  }

  #visitsOf(result: AdmissionResult): Visit[] {
    if (!result.ok) {
      const codes = refusalsOf(this.#pgpool.state(), result);
      return codes.map((connect) => ({ connect, read: null, write: null }));
    }
    const session = this.#sessionOf(result);
    if (result.crashes) session.lost = cutError.code;
    const read = this.#statement(session, 'read');
    return [{ connect: 'ok', read, write: this.#statement(session, 'write') }];
  }

  #statement(session: ModelSession, kind: 'read' | 'write'): Answer {
    if (session.lost !== null) return { error: session.lost };
    const primary = primaryMeantBy(this.#pgpool.state(), [...session.nodes.keys()]);
    if (primary === null) return { error: 'no node' };
    const state = { inTransaction: false, wroteInTransaction: false };
    const [node] = routeStatement(kind, { primary, loadBalanceNode: session.loadBalanceNode, ...state });
    if (node === undefined) return { error: 'no node' };
    if (this.servers[node]?.incarnation !== session.nodes.get(node) || !this.servers[node]?.alive)
      return { error: lostBackend(node).code };
    if (kind === 'write' && this.servers[node]?.inRecovery) return { error: readOnlyError.code };
    return { node };
  }

  #admission(childMain: number, unit: number): AdmissionResult {
    return admitSession({
      state: this.#pgpool.state(),
      childMain,
      switching: this.#pgpool.switching(),
      greetings: this.servers.map(({ alive }) => (alive ? 'accepts' : 'refuses')),
      weights,
      failoverOnBackendError: this.#settings.failoverOnBackendError,
      unit,
    });
  }

  #command(command: PcpCommand, node: number): boolean | null {
    switch (command) {
      case 'attach':
      case 'detach':
      case 'promote':
        return this.#pgpool[command](node).ok;
      case 'switchover':
        return this.#pgpool.promote(node, { switchover: true }).ok;
      case 'detach -g':
      case 'promote -g':
        return this.#gracefully(command === 'detach -g' ? 'detach' : 'promote', node);
    }
  }

  /** The command returns when all is over. */
  #gracefully(kind: 'detach' | 'promote', node: number): boolean | null {
    let ok: boolean | null = null;
    this.#pgpool.graceful({ kind, node }, (reply) => {
      ok = reply.ok;
    });
    this.settle();
    return ok;
  }

  #cut(cut: Cut): void {
    for (const session of this.sessions) {
      const hit = cut.scope === 'all' || (cut.scope === 'balancedTo' && session.loadBalanceNode === cut.node);
      if (hit) session.lost ??= cutError.code;
    }
    if (cut.scope === 'all') this.#children.replaceAll();
  }

  /** With `failover_on_backend_shutdown` the first session to hear of it asks for the node's failover. */
  #backendLost(node: number, end: BackendEnd): void {
    const { failoverOnBackendShutdown } = this.#settings;
    const state = this.#pgpool.state();
    const connected = this.sessions.filter(({ lost, nodes }) => lost === null && nodes.has(node));
    const losses = connected.flatMap((session) => {
      const { loadBalanceNode } = session;
      const loss = { node, end, state, failoverOnBackendShutdown };
      const after = sessionAfterLoss({ nodes: [...session.nodes.keys()], loadBalanceNode }, loss);
      return after ? [{ session, after }] : [];
    });
    const asked = end === 'announced' && losses.length > 0;
    if (asked && failoverOnBackendShutdown) {
      const tooLate = heardTooLate(connected, { state, node, choose: this.#choose });
      for (const session of tooLate) session.lost = cutError.code;
    }
    for (const { session, after } of losses) {
      this.#clock.setTimeout(() => {
        session.lost ??= after.error.code;
      }, after.afterMs);
    }
    if (asked) this.#pgpool.sessionSawShutdown(node);
  }
}
