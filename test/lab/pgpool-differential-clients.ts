import type { VirtualClock } from '../../src/kernel/clock.ts';
import type { Pgpool, PgpoolSettings } from '../../src/roles/pgpool.ts';
import { type Cut, primaryMeantBy, validNodes } from '../../src/roles/pgpool-failover.ts';
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
import type { Answer } from './pgpool-differential-session.ts';
import type { MirroredServer } from './pgpool-differential-steps.ts';

/** `num_init_children`: more than the sessions that a sequence keeps. */
export const childCount = 8;
/** Draws of the load-balance node that between them reach every node that can be drawn. */
const units = Array.from({ length: 33 }, (_, index) => index / 32);

const weights: readonly number[] = [0, 1, 1];

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

interface ClientsPlace {
  clock: VirtualClock;
  servers: readonly MirroredServer[];
  settings: PgpoolSettings;
  choose: Choose;
  pgpool(): Pgpool;
}

/** The clients of a model: Pgpool's children, the sessions that are kept, and what they meet. */
export class ModelClients {
  readonly sessions: ModelSession[] = [];
  readonly #place: ClientsPlace;
  readonly #children = new Children<ModelSession>(childCount, () => this.#pgpool.state().main);
  /** Clients of children that crashed: a graceful command counts them for ever, for nobody has counted them out. */
  #crashed = 0;

  constructor(place: ClientsPlace) {
    this.#place = place;
  }

  get #pgpool(): Pgpool {
    return this.#place.pgpool();
  }

  /** Those that Pgpool counts. */
  get count(): number {
    return this.#crashed + this.sessions.filter(({ lost }) => lost === null).length;
  }

  /** Every child renews itself after its client. */
  flagAll(): void {
    this.#children.flagAll();
  }

  cut(cut: Cut): void {
    for (const session of this.sessions) {
      const hit = cut.scope === 'all' || (cut.scope === 'balancedTo' && session.loadBalanceNode === cut.node);
      if (hit) session.lost ??= cutError.code;
    }
    if (cut.scope === 'all') this.#children.replaceAll();
  }

  settle(): void {
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
    const fit = fits[fits.length > 1 ? this.#place.choose(fits.length) : 0];
    if (!fit) throw new Error('nobody could have seen that');
    return this.#serve(fit.candidate, fit.result);
  }

  /** Its client has gone. */
  close(session: ModelSession): void {
    this.#children.left(session);
  }

  /** Clients with the same keys have the same future. */
  keys(): unknown[] {
    const children = this.#children.keys((session) => String(this.sessions.indexOf(session)));
    return [children, this.sessions.map(({ lost }) => lost), this.#crashed];
  }

  /** A statement of a kept session. */
  use(index: number, kind: 'read' | 'write'): Answer {
    const session = this.sessions[index];
    if (!session) throw new Error(`no session ${index}`);
    return this.#statement(session, kind);
  }

  /** With `failover_on_backend_shutdown` the first session to hear of it asks for the node's failover. */
  backendLost(node: number, end: BackendEnd): void {
    const { settings, choose, clock } = this.#place;
    const { failoverOnBackendShutdown } = settings;
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
      const tooLate = heardTooLate(connected, { state, node, choose });
      for (const session of tooLate) session.lost = cutError.code;
    }
    for (const { session, after } of losses) {
      clock.setTimeout(() => {
        session.lost ??= after.error.code;
      }, after.afterMs);
    }
    if (asked) this.#pgpool.sessionSawShutdown(node);
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
      if (result.reached) this.#pgpool.sessionConnected(result.reached, false);
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
    const incarnations = nodes.map((id) => [id, this.#place.servers[id]?.incarnation ?? 0] as const);
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
    const server = node === undefined ? undefined : this.#place.servers[node];
    if (node === undefined || !server) return { error: 'no node' };
    if (server.incarnation !== session.nodes.get(node) || !server.alive)
      return { error: lostBackend(node).code };
    if (kind === 'write' && server.inRecovery) return { error: readOnlyError.code };
    return { node };
  }

  #admission(childMain: number, unit: number): AdmissionResult {
    return admitSession({
      state: this.#pgpool.state(),
      childMain,
      switching: this.#pgpool.switching(),
      greetings: this.#place.servers.map(({ alive }) => (alive ? 'accepts' : 'refuses')),
      weights,
      failoverOnBackendError: this.#place.settings.failoverOnBackendError,
      unit,
    });
  }
}
