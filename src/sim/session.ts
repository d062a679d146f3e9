import type { Clock, TimerId } from '../kernel/clock.ts';
import { invariant } from '../kernel/errors.ts';
import { type AdmissionResult, type ClientError, cutError } from '../roles/pgpool-sessions.ts';
import type {
  ConnectOutcome,
  ExecutionOutcome,
  ScriptCall,
  SessionTransport,
  TransportHandler,
} from '../workload/transport.ts';
import type { Backends, Child } from './children.ts';
import type { Draw } from './draws.ts';
import type { PgpoolFront } from './pgpool-front.ts';
import { RunningScript, type RunningScriptParts, type ScriptOwner } from './running-script.ts';
import type { SimServer } from './server.ts';
import { type Connection, sameConnections } from './session-state.ts';

/** A client gives a connect up after this long, as the live sessions do. */
const connectTimeoutMs = 3000;

/** Another host has the address now and knows nothing of the connection. */
const reset = { code: 'ECONNRESET', message: 'read ECONNRESET' };

export interface SimSessionParts extends RunningScriptParts {
  clock: Clock;
  /** Counts what the servers answered to living sessions. */
  answered(kind: 'read' | 'write', server: string): void;
}

/** One client's connection through the simulated Pgpool. */
export class SimSession implements SessionTransport, ScriptOwner {
  handler: TransportHandler | null = null;
  readonly #parts: SimSessionParts;
  readonly #network: Draw;
  readonly #readTime: Draw;
  readonly #resetTime: Draw | null;
  readonly #script: RunningScript;
  #connection: Connection | null = null;
  /** Grows with every connect and close: timers of an earlier one do nothing. */
  #turn = 0;
  #leaveQueue: () => void = () => {};
  /** The Pgpool that this client is at, or was last. */
  #front: PgpoolFront;
  #child: Child | null = null;
  #timeout: TimerId | null = null;

  constructor(parts: SimSessionParts, name: string) {
    this.#parts = parts;
    this.#front = parts.fronts.all[0] as PgpoolFront;
    this.#network = parts.draws.of('network', `start of ${name}`);
    this.#readTime = parts.draws.of('read', `start of ${name}`);
    this.#resetTime = parts.draws.optional('reset', name);
    this.#script = new RunningScript(parts, this, name);
  }

  /** @see ScriptOwner */
  scriptEnded(outcome: ExecutionOutcome, { kind }: ScriptCall, { name }: SimServer): void {
    if (outcome.ok) this.#parts.answered(kind, name);
    if (this.#front.isReached) this.handler?.onAnswer(outcome);
  }

  /** @see ScriptOwner */
  connectionLost(error: ClientError): void {
    this.#ended(error);
  }

  connect(done: (outcome: ConnectOutcome) => void): void {
    const { clock, fronts } = this.#parts;
    const turn = ++this.#turn;
    const end = (outcome: ConnectOutcome): void => {
      if (turn !== this.#turn) return;
      this.#endAttempt();
      if (!outcome.ok) this.#freeChild();
      done(outcome);
    };
    const hear = (outcome: ConnectOutcome): void => {
      if (this.#front.isReached) end(outcome);
    };
    const refuse = (error: ClientError): void => hear({ ok: false, error });
    const late = { code: 'timeout', message: `no session within ${connectTimeoutMs} ms` };
    this.#timeout = clock.setTimeout(() => end({ ok: false, error: late }), connectTimeoutMs);
    this.#later(this.#network(), () => {
      const front = fronts.reached;
      if (!front) return;
      this.#front = front;
      if (!front.alive)
        this.#later(this.#network(), () => refuse({ code: 'ECONNREFUSED', message: 'connection refused' }));
      else if (front.children.turnsAway)
        this.#later(this.#network(), () =>
          refuse({ code: '53300', message: 'Sorry, too many clients already' }),
        );
      else this.#leaveQueue = front.children.admit((child) => this.#greet(child, hear, refuse));
    });
  }

  execute(call: ScriptCall): void {
    invariant(this.#connection !== null, 'a session without a connection executes nothing');
    if (this.#front.isReached) this.#script.begin(call, this.#connection, this.#front);
    else if (this.#parts.fronts.reached) this.#ended(reset, false, true);
  }

  cancel(): boolean {
    if (!this.#script.isRunning || !this.#front.isReached) return false;
    this.#script.cancel();
    return true;
  }

  close(): void {
    this.#turn += 1;
    this.#endAttempt();
    const connection = this.#connection;
    const idle = !this.#script.isRunning;
    this.#connection = null;
    if (connection) this.#front.sessions.left(connection);
    if (this.#script.isStuck && this.#child) this.#waitFor(this.#child);
    this.#script.abandon();
    const kept = connection && idle ? connection.backends : null;
    if (kept && this.#resetTime && this.#front.children.keepsConnections) this.#reset(kept, this.#resetTime);
    this.#freeChild(kept);
  }

  /** Pgpool makes the connections that it keeps ready for the next client. */
  #reset(backends: Backends, work: Draw): void {
    for (const [id, incarnation] of backends) {
      const server = this.#front.sight.server(id);
      if (server.incarnation === incarnation) server.station.run(work(), () => {});
    }
  }

  /** A child serves this client: it checks the client, then connects to every backend in turn or takes the connections that it kept. */
  #greet(child: Child, end: (outcome: ConnectOutcome) => void, refuse: (error: ClientError) => void): void {
    const front = this.#front;
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
    this.#front.stick(child);
  }

  #connectBackends(
    child: Child,
    admitted: Extract<AdmissionResult, { ok: true }>,
    { end, refuse }: { end: (outcome: ConnectOutcome) => void; refuse: (error: ClientError) => void },
  ): void {
    const front = this.#front;
    const turn = this.#turn;
    const backends = front.backendsNow(admitted.nodes);
    const kept = child.cached !== null && sameConnections(child.cached, backends);
    const server = front.sight.server(admitted.loadBalanceNode);
    const connection: Connection = {
      child,
      server,
      backends,
      loadBalanceNode: admitted.loadBalanceNode,
      isDoomed: false,
      ...{ seen: 0, primary: null, primaryReach: 'lost', balancedReach: 'lost' },
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
      if (turn !== this.#turn || connection.isDoomed) return;
      if (front.pgpool.switching()) {
        connection.end(cutError, false);
        return;
      }
      this.#later(this.#readTime() + 2 * this.#network(), () => {
        if (connection.isDoomed) return;
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

  /** The connection is gone; whoever waits is told in a later turn. */
  #ended(error: ClientError, killed = false, sent = false): void {
    const connection = this.#connection;
    if (!connection) return;
    const { isRunning, committing } = this.#script;
    this.#connection = null;
    this.#script.abandon();
    this.#turn += 1;
    this.#front.sessions.left(connection);
    this.#loseChild(connection.backends, killed);
    this.#later(0, () => {
      if (isRunning || sent)
        this.handler?.onAnswer({ ok: false, error, definite: sent || !committing, lost: true });
      else this.handler?.onLost(error);
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
    if (child) this.#front.children.release(child, cached);
  }

  /** The child that served this client is gone with its connections. @param killed the main process has another in its place */
  #loseChild(backends: Backends | null, killed = false): void {
    const front = this.#front;
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
