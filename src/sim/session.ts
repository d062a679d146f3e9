import type { Clock, TimerId } from '../kernel/clock.ts';
import {
  type AdmissionResult,
  type ClientError,
  cutError,
  lostBackend,
  readOnlyError,
} from '../roles/pgpool-sessions.ts';
import { routeStatement } from '../topology/routing.ts';
import type {
  ConnectOutcome,
  ExecutionOutcome,
  ScriptCall,
  SessionTransport,
  WireError,
} from '../workload/transport.ts';
import type { Backends, Child } from './children.ts';
import type { Draw, Draws } from './draws.ts';
import type { PgpoolFront } from './pgpool-front.ts';
import type { Replication } from './replication.ts';
import type { SimServer } from './server.ts';
import { type Connection, type Execution, sameConnections } from './session-state.ts';

/** A client gives a connect up after this long, as the live sessions do. */
const connectTimeoutMs = 3000;

/** Part of a write's service time that its COMMIT takes: one of seven statements. */
const commitShare = 1 / 7;

export interface SimSessionParts {
  clock: Clock;
  draws: Draws;
  front: PgpoolFront;
  replication: Replication;
  /** Counts what the servers answered to living sessions. */
  answered(kind: 'read' | 'write', server: string): void;
}

/** One client's connection through the simulated Pgpool. */
export class SimSession implements SessionTransport {
  onLost: ((error: WireError) => void) | null = null;
  readonly #parts: SimSessionParts;
  readonly #network: Draw;
  readonly #readTime: Draw;
  readonly #writeTime: Draw;
  #connection: Connection | null = null;
  #execution: Execution | null = null;
  /** Grows with every connect and close: timers of an earlier one do nothing. */
  #turn = 0;
  #leaveQueue: () => void = () => {};
  #child: Child | null = null;
  /** The child waits for a server that does not answer. */
  #stuck = false;
  #timeout: TimerId | null = null;

  constructor(parts: SimSessionParts, name: string) {
    this.#parts = parts;
    this.#network = parts.draws.of('network', name);
    this.#readTime = parts.draws.of('read', name);
    this.#writeTime = parts.draws.of('write', name);
  }

  connect(done: (outcome: ConnectOutcome) => void): void {
    const { clock, front } = this.#parts;
    const turn = ++this.#turn;
    const end = (outcome: ConnectOutcome): void => {
      if (turn !== this.#turn) return;
      this.#endAttempt();
      if (!outcome.ok) this.#freeChild();
      done(outcome);
    };
    const refuse = (error: ClientError): void => end({ ok: false, error });
    this.#timeout = clock.setTimeout(
      () => refuse({ code: 'timeout', message: `no session within ${connectTimeoutMs} ms` }),
      connectTimeoutMs,
    );
    this.#later(this.#network(), () => {
      if (!front.alive)
        this.#later(this.#network(), () => refuse({ code: 'ECONNREFUSED', message: 'connection refused' }));
      else if (front.holding)
        this.#leaveQueue = front.hold(() => this.#later(this.#network(), () => refuse(cutError)));
      else this.#leaveQueue = front.children.admit((child) => this.#greet(child, end, refuse));
    });
  }

  execute(call: ScriptCall, done: (outcome: ExecutionOutcome) => void): void {
    this.#execution = { call, committing: false, done };
    this.#later(this.#network(), () => this.#run());
  }

  close(): void {
    this.#turn += 1;
    this.#endAttempt();
    const connection = this.#connection;
    const idle = this.#execution === null;
    this.#connection = null;
    this.#execution = null;
    if (connection) this.#parts.front.sessions.left(connection);
    if (this.#stuck && this.#child) this.#waitFor(this.#child);
    this.#stuck = false;
    this.#freeChild(connection && idle ? connection.backends : null);
  }

  /** A child serves this client: it checks the client, then connects to every backend in turn or takes the connections that it kept. */
  #greet(child: Child, end: (outcome: ConnectOutcome) => void, refuse: (error: ClientError) => void): void {
    const { front } = this.#parts;
    const turn = this.#turn;
    this.#child = child;
    front.acceptClient(() => {
      if (turn !== this.#turn) return;
      const result = front.admit();
      if (result.ok === 'waits' && result.for === 'switch')
        this.#leaveQueue = front.hold(() => this.#greet(child, end, refuse));
      else if (result.ok === 'waits') this.#waitFor(child);
      else if (result.ok) this.#connectBackends(child, result, { end, refuse });
      else {
        if (front.pgpool.switching()) this.#loseChild(child.cached);
        this.#later(this.#network(), () => refuse(result.error));
      }
    });
  }

  /** The child waits for a server that never answers; after its client has given up, too. */
  #waitFor(child: Child): void {
    this.#child = null;
    this.#parts.front.stick(child);
  }

  #connectBackends(
    child: Child,
    admitted: Extract<AdmissionResult, { ok: true }>,
    { end, refuse }: { end: (outcome: ConnectOutcome) => void; refuse: (error: ClientError) => void },
  ): void {
    const { front } = this.#parts;
    const turn = this.#turn;
    const backends = front.backendsNow(admitted.nodes);
    const kept = child.cached !== null && sameConnections(child.cached, backends);
    const server = front.sight.server(admitted.loadBalanceNode);
    const connection: Connection = {
      child,
      server,
      backends,
      loadBalanceNode: admitted.loadBalanceNode,
      end: (error, killed) => {
        if (this.#connection === connection) this.#ended(error, killed);
        else {
          this.#loseChild(backends, killed);
          refuse(error);
        }
      },
    };
    front.sessions.joined(connection);
    front.sight.connectTo(kept ? [] : admitted.nodes, () => {
      if (turn !== this.#turn || front.sessions.isDoomed(connection)) return;
      if (front.pgpool.switching()) {
        connection.end(cutError, false);
        return;
      }
      this.#later(this.#readTime() + 2 * this.#network(), () => {
        if (front.sessions.isDoomed(connection)) return;
        this.#connection = connection;
        end({ ok: true, server: server.name });
      });
    });
    const leaveQueue = this.#leaveQueue;
    this.#leaveQueue = () => {
      leaveQueue();
      if (this.#connection !== connection) front.sessions.left(connection);
    };
  }

  #run(): void {
    const { front } = this.#parts;
    const session = this.#connection;
    const execution = this.#execution;
    if (!session || !execution || front.sessions.isDoomed(session)) return;
    if (front.pgpool.switching()) {
      this.#ended(cutError);
      return;
    }
    const primary = front.sessions.primaryOf(session);
    const node = primary === null ? undefined : this.#nodeFor(execution.call, session, primary);
    if (node !== undefined && session.backends.has(node) && front.sight.silent(node)) {
      const turn = this.#turn;
      this.#stuck = true;
      front.sight.whenHeard(node, () => {
        if (turn !== this.#turn || this.#execution !== execution) return;
        this.#stuck = false;
        this.#run();
      });
      return;
    }
    if (node === undefined || !front.connectedTo(session, node)) {
      this.#ended(lostBackend(node ?? session.loadBalanceNode));
      return;
    }
    const server = front.sight.server(node);
    if (execution.call.kind === 'read') this.#onStation(server, this.#readTime(), () => this.#answer(server));
    else if (server.state !== 'primary') {
      this.#onStation(server, this.#readTime(), () => this.#fail(readOnlyError));
    } else this.#write(server, execution);
  }

  #nodeFor({ kind }: ScriptCall, { loadBalanceNode }: Connection, primary: number): number | undefined {
    const session = { primary, loadBalanceNode, inTransaction: kind === 'write', wroteInTransaction: false };
    return routeStatement(kind, session)[0];
  }

  #write(server: SimServer, execution: Execution): void {
    const { front, replication } = this.#parts;
    const workMs = this.#writeTime();
    this.#onStation(server, workMs * (1 - commitShare), () => {
      if (front.pgpool.switching()) {
        this.#ended(cutError);
        return;
      }
      execution.committing = true;
      const { operationId } = execution.call;
      server.run(workMs * commitShare, () => {
        replication.commit(server, operationId);
        if (this.#execution === execution) this.#answer(server);
      });
    });
  }

  /** Work of this session's present execution; forgotten when the session has moved on. */
  #onStation(server: SimServer, workMs: number, done: () => void): void {
    const turn = this.#turn;
    const connection = this.#connection;
    server.run(workMs, () => {
      if (turn === this.#turn && connection && !this.#parts.front.sessions.isDoomed(connection)) done();
    });
  }

  #answer(server: SimServer): void {
    const execution = this.#execution;
    this.#later(this.#network(), () => {
      if (!execution || this.#execution !== execution) return;
      this.#execution = null;
      this.#parts.answered(execution.call.kind, server.name);
      execution.done({ ok: true });
    });
  }

  /** An error that leaves the connection as it is. */
  #fail(error: ClientError): void {
    const execution = this.#execution;
    this.#later(this.#network(), () => {
      if (!execution || this.#execution !== execution) return;
      this.#execution = null;
      execution.done({ ok: false, error, definite: true, lost: false });
    });
  }

  /** The connection is gone; whoever waits is told in a later turn. */
  #ended(error: ClientError, killed = false): void {
    const connection = this.#connection;
    if (!connection) return;
    const execution = this.#execution;
    this.#connection = null;
    this.#execution = null;
    this.#stuck = false;
    this.#turn += 1;
    this.#parts.front.sessions.left(connection);
    this.#loseChild(connection.backends, killed);
    this.#later(0, () => {
      if (execution) execution.done({ ok: false, error, definite: !execution.committing, lost: true });
      else this.onLost?.(error);
    });
  }

  #endAttempt(): void {
    if (this.#timeout !== null) this.#parts.clock.clearTimeout(this.#timeout);
    this.#timeout = null;
    const leaveQueue = this.#leaveQueue;
    this.#leaveQueue = () => {};
    leaveQueue();
  }

  #freeChild(cached: ReadonlyMap<number, number> | null = null): void {
    const child = this.#child;
    this.#child = null;
    if (child) this.#parts.front.children.release(child, cached);
  }

  /** The child that served this client is gone with its connections. @param killed the main process has another in its place */
  #loseChild(backends: Backends | null, killed = false): void {
    const { front } = this.#parts;
    if (!this.#child) return;
    this.#child = null;
    if (killed) front.childKilled(backends);
    else front.children.died(backends);
  }

  /** Calls `act` after `delayMs`, unless the session was closed or connected anew meanwhile. */
  #later(delayMs: number, act: () => void): void {
    const turn = this.#turn;
    this.#parts.clock.setTimeout(() => {
      if (turn === this.#turn) act();
    }, delayMs);
  }
}
