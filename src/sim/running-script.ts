import type { EventKernel } from '../kernel/event-kernel.ts';
import { type ClientError, cutError, lostBackend, readOnlyError } from '../roles/pgpool-sessions.ts';
import { type ExecutionOutcome, executed, type ScriptCall } from '../workload/transport.ts';
import type { Draw, Draws } from './draws.ts';
import type { PgpoolFront } from './pgpool-front.ts';
import type { PgpoolFronts } from './pgpool-fronts.ts';
import type { Replication } from './replication.ts';
import { ScriptPlace } from './script-place.ts';
import { Destination } from './script-plan.ts';
import type { ScriptSource } from './script-ways.ts';
import type { SimServer } from './server.ts';
import type { Commit, ScriptSteps, SessionEvents } from './session-events.ts';
import type { Connection } from './session-state.ts';
import { StatementWork } from './statement-work.ts';

const canceled = { code: '57014', message: 'canceling statement due to user request' };
const stoppedAlone: ExecutionOutcome = { ok: false, error: canceled, definite: true, lost: false };
const stoppedLate: ExecutionOutcome = { ok: false, error: canceled, definite: false, lost: false };

export interface RunningScriptParts {
  kernel: EventKernel;
  draws: Draws;
  fronts: PgpoolFronts;
  replication: Replication;
  events: SessionEvents;
  /** By position of the class. */
  scripts: readonly ScriptSource[];
}

/** Who owns a running script. */
export interface ScriptOwner {
  /** The script ended, and the connection stands. */
  scriptEnded(outcome: ExecutionOutcome, call: ScriptCall, server: SimServer): void;
  /** The connection is gone under it. */
  connectionLost(error: ClientError): void;
}

/**
 * The script that one session executes: its statements one after the other, each from the client through Pgpool to the server
 * or servers that it goes to, and back. Nothing on this path allocates; only the way through a script with branches is found anew
 * each time (script-ways.ts).
 */
export class RunningScript implements ScriptSteps {
  readonly #parts: RunningScriptParts;
  readonly #owner: ScriptOwner;
  readonly #number: number;
  readonly #network: Draw;
  readonly #work: StatementWork;
  /** Grows with every execution and every end: events of an earlier one do nothing. */
  #turn = 0;
  #call: ScriptCall | null = null;
  #connection: Connection | null = null;
  /** The Pgpool of the connection, or of the last. */
  #front: PgpoolFront;
  readonly #place: ScriptPlace;
  #server: SimServer | null = null;
  #incarnation = 0;
  #refused = false;
  /** The server has committed and waits for standbys. */
  #awaitsStandbys = false;
  /** Pgpool's child waits for a server that does not answer. */
  isStuck = false;

  constructor(parts: RunningScriptParts, owner: ScriptOwner, name: string) {
    const { draws } = parts;
    this.#parts = parts;
    this.#owner = owner;
    this.#number = parts.events.add(this);
    this.#network = draws.of('network', name);
    this.#place = new ScriptPlace(parts.kernel);
    this.#front = parts.fronts.all[0] as PgpoolFront;
    this.#work = new StatementWork(parts, { session: name, servers: this.#front.sight.count });
  }

  get isRunning(): boolean {
    return this.#call !== null;
  }

  /** A statement that commits was sent: whether it was done is not known when the connection ends now. */
  get committing(): boolean {
    return this.#place.hasSentCommit;
  }

  begin(call: ScriptCall, connection: Connection, front: PgpoolFront): void {
    this.#turn += 1;
    this.#call = call;
    this.#connection = connection;
    this.#front = front;
    const script = (this.#parts.scripts[call.classIndex] as ScriptSource).planOf(call);
    this.#work.begin(call, connection, script);
    this.#server = connection.server;
    this.#awaitsStandbys = false;
    const place = this.#place;
    place.begin(script);
    const pauseMs = place.pauseMs();
    if (place.isOver) this.#after(pauseMs, this.#parts.events.answers);
    else this.#after(pauseMs + this.#network(), this.#parts.events.arrives);
  }

  /** The session has moved on: nothing is heard of this execution any more. */
  abandon(): void {
    this.#turn += 1;
    this.#call = null;
    this.#connection = null;
    this.isStuck = false;
  }

  isPresent(turn: number): boolean {
    return turn === this.#turn;
  }

  /** The statement is at Pgpool. */
  arrive(): void {
    const { events } = this.#parts;
    if (!this.#work.hasPgpoolPart) this.forward();
    else this.#front.station.serve(this.#work.pgpoolMs(), events.forwards, this.#number, this.#turn);
  }

  /** Pgpool sends the statement to its node, or to the next one. */
  forward(): void {
    const front = this.#front;
    const connection = this.#connection;
    if (connection === null || connection.isDoomed) return;
    front.view.lookFrom(connection);
    if (front.view.isSwitching) {
      this.#owner.connectionLost(cutError);
      return;
    }
    const { destination } = this.#place;
    if (destination === Destination.none) this.#hopDone();
    else {
      const toPrimary = this.#place.goesToPrimary(connection, front.view);
      const reach = toPrimary ? connection.primaryReach : connection.balancedReach;
      const node = toPrimary ? connection.primary : connection.loadBalanceNode;
      if (reach === 'open' && node !== null) this.#serve(front.sight.server(node), toPrimary, destination);
      else if (reach === 'silent' && node !== null) this.#waitFor(node);
      else this.#owner.connectionLost(lostBackend(node ?? connection.loadBalanceNode));
    }
  }

  /** The server has done its work. */
  worked(): void {
    const server = this.#server as SimServer;
    if (server.incarnation !== this.#incarnation) return;
    if (server.hung) {
      server.freeze(this.#parts.events.works, this.#number, this.#turn);
      return;
    }
    if (this.#connection?.isDoomed) return;
    if (this.#refused) this.#after(this.#network(), this.#parts.events.refuses);
    else this.#hopDone();
  }

  /** The commit is as safe as the settings ask. */
  committed(): void {
    if (this.#connection?.isDoomed === false) this.#hopDone();
  }

  /** The last answer is at the client. */
  answer(outcome: ExecutionOutcome = executed): void {
    const call = this.#call;
    const server = this.#server;
    if (call === null || server === null) return;
    this.#call = null;
    this.#connection = null;
    this.#owner.scriptEnded(outcome, call, server);
  }

  /** The commit is done here, and waits for standbys. */
  awaitStandbys(): void {
    this.#awaitsStandbys = true;
  }

  /** Asks the server to stop: at once where the script itself sleeps, else by a connection of its own. */
  cancel(): void {
    this.#after(this.#place.isAsleep ? 0 : this.#network() + this.#network(), this.#parts.events.stops);
  }

  /** The request is at Pgpool, where a free child takes it to the server. */
  stop(): void {
    const front = this.#front;
    if (this.#place.isAsleep) {
      this.#stopNow();
      return;
    }
    const turn = this.#turn;
    front.children.admit((child) => {
      front.children.release(child, child.cached);
      if (turn === this.#turn) this.#stopNow();
    });
  }

  /** A server that answers stops the statement; a commit that waits for standbys is answered as done, one that runs ends by itself. */
  #stopNow(): void {
    const { isAsleep, isLastCommit } = this.#place;
    if (this.#call === null || this.#connection === null || this.#connection.isDoomed) return;
    if (!isAsleep && (this.isStuck || this.#server?.hung)) return;
    if (isLastCommit && !isAsleep) {
      if (!this.#awaitsStandbys) return;
      this.#turn += 1;
      this.#hopDone();
      return;
    }
    this.#turn += 1;
    this.#after(isAsleep ? 0 : this.#network(), this.#parts.events.stopped);
  }

  /** The client hears that the server stopped it; parts that were committed before stay. */
  stopped(): void {
    this.answer(this.#place.hasCommitted ? stoppedLate : stoppedAlone);
  }

  /** A standby refused to write: the connection stays as it is. */
  refuse(): void {
    this.answer({ ok: false, error: readOnlyError, definite: true, lost: false });
  }

  #serve(server: SimServer, toPrimary: boolean, destination: number): void {
    const { replication, events } = this.#parts;
    const call = this.#call as ScriptCall;
    this.#server = server;
    this.#incarnation = server.incarnation;
    this.#refused = false;
    const isPrimary = server.state === 'primary';
    if (call.kind === 'read') this.#workAt(server, this.#work.readMs(server));
    else if (!toPrimary && destination !== Destination.balanced)
      this.#workAt(server, this.#work.bracketMs(server));
    else if (!isPrimary && this.#place.isWrite) {
      this.#refused = true;
      this.#workAt(server, this.#work.refusedMs(server));
    } else if (isPrimary && this.#place.isLastCommit)
      server.station.serve(
        this.#work.commitMs(server),
        events.commits,
        this.#commit(server, call, replication),
        0,
      );
    else this.#workAt(server, this.#work.writeMs(server));
  }

  /** A commit goes on whatever becomes of the session. */
  #commit(server: SimServer, { classIndex, number }: ScriptCall, replication: Replication): number {
    const commit: Commit = this.#parts.events.newCommit();
    commit.server = server;
    commit.incarnation = server.incarnation;
    commit.classIndex = classIndex;
    commit.operation = number;
    commit.script = this.#number;
    commit.turn = this.#turn;
    commit.replication = replication;
    return commit.position;
  }

  #workAt(server: SimServer, workMs: number): void {
    server.station.serve(workMs, this.#parts.events.works, this.#number, this.#turn);
  }

  #hopDone(): void {
    const { events } = this.#parts;
    const connection = this.#connection;
    if (connection === null) return;
    if (this.#server) this.#work.worked(this.#server);
    const place = this.#place;
    if (place.toSecondNode(connection)) {
      this.#after(this.#network(), events.forwards);
      return;
    }
    place.next();
    if (place.isOver) this.#after(this.#network() + place.pauseMs(), events.answers);
    else if (place.isTogether) this.#after(0, events.arrives);
    else this.#after(this.#network() + this.#network() + place.pauseMs(), events.arrives);
  }

  /** The child waits until the node answers again. */
  #waitFor(node: number): void {
    const turn = this.#turn;
    this.isStuck = true;
    this.#front.sight.whenHeard(node, () => {
      if (turn !== this.#turn) return;
      this.isStuck = false;
      this.forward();
    });
  }

  #after(delayMs: number, kind: number): void {
    this.#parts.kernel.schedule(delayMs, kind, this.#number, this.#turn);
  }
}
