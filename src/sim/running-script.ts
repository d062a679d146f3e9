import type { EventKernel } from '../kernel/event-kernel.ts';
import { type ClientError, cutError, lostBackend, readOnlyError } from '../roles/pgpool-sessions.ts';
import { type ExecutionOutcome, executed, type ScriptCall } from '../workload/transport.ts';
import type { Draw, Draws } from './draws.ts';
import type { PgpoolFront } from './pgpool-front.ts';
import type { Replication } from './replication.ts';
import { Destination, type ScriptPlan } from './script-plan.ts';
import type { SimServer } from './server.ts';
import type { Commit, ScriptSteps, SessionEvents } from './session-events.ts';
import type { Connection } from './session-state.ts';

/** BEGIN and COMMIT on a session's standby: this share of a read's work there (docs/method.md S21). */
export const bracketShare = 0.25;

export interface RunningScriptParts {
  kernel: EventKernel;
  draws: Draws;
  front: PgpoolFront;
  replication: Replication;
  events: SessionEvents;
  /** By position of the class. */
  scripts: readonly ScriptPlan[];
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
 * or servers that it goes to, and back. Nothing on this path allocates.
 */
export class RunningScript implements ScriptSteps {
  readonly #parts: RunningScriptParts;
  readonly #owner: ScriptOwner;
  readonly #number: number;
  readonly #network: Draw;
  readonly #readTime: Draw;
  readonly #standbyReadTime: Draw;
  readonly #writeTime: Draw;
  readonly #commitTime: Draw | null;
  readonly #pgpoolTime: Draw | null;
  /** Grows with every execution and every end: events of an earlier one do nothing. */
  #turn = 0;
  #call: ScriptCall | null = null;
  #connection: Connection | null = null;
  #script: ScriptPlan;
  /** The present statement, and whether it goes to the second of its nodes. */
  #at = 0;
  #isSecondHop = false;
  /** Work of each statement of a write. */
  #shareMs = 0;
  #server: SimServer | null = null;
  #incarnation = 0;
  #refused = false;
  /** A statement that commits was sent: whether it was done is not known when the connection ends now. */
  committing = false;
  /** Pgpool's child waits for a server that does not answer. */
  isStuck = false;

  constructor(parts: RunningScriptParts, owner: ScriptOwner, name: string) {
    const { draws } = parts;
    this.#parts = parts;
    this.#owner = owner;
    this.#script = parts.scripts[0] as ScriptPlan;
    this.#number = parts.events.add(this);
    this.#network = draws.of('network', name);
    this.#readTime = draws.of('read', name);
    this.#standbyReadTime = draws.optional('readOnStandby', name) ?? this.#readTime;
    this.#writeTime = draws.of('write', name);
    this.#commitTime = draws.optional('commit', name);
    this.#pgpoolTime = draws.optional('pgpoolStatement', name);
  }

  get isRunning(): boolean {
    return this.#call !== null;
  }

  begin(call: ScriptCall, connection: Connection): void {
    this.#turn += 1;
    this.#call = call;
    this.#connection = connection;
    this.#script = this.#parts.scripts[call.classIndex] as ScriptPlan;
    this.#server = connection.server;
    this.#at = 0;
    this.#isSecondHop = false;
    this.committing = this.#script.commits[0] === 1;
    if (call.kind === 'write') {
      const { length } = this.#script.destinations;
      const own = this.#commitTime !== null && this.#script.lastCommit >= 0 && length > 1 ? 1 : 0;
      this.#shareMs = this.#writeTime() / (length - own);
    }
    this.#after(this.#network(), this.#parts.events.arrives);
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
    const { front, events } = this.#parts;
    if (this.#pgpoolTime === null) this.forward();
    else front.station.serve(this.#pgpoolTime(), events.forwards, this.#number, this.#turn);
  }

  /** Pgpool sends the statement to its node, or to the next one. */
  forward(): void {
    const { front } = this.#parts;
    const connection = this.#connection;
    if (connection === null || connection.isDoomed) return;
    front.view.lookFrom(connection);
    if (front.view.isSwitching) {
      this.#owner.connectionLost(cutError);
      return;
    }
    const destination = this.#script.destinations[this.#at] as number;
    if (destination === Destination.none) this.#hopDone();
    else {
      const toPrimary = this.#goesToPrimary(destination, connection);
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

  /** A standby refused to write: the connection stays as it is. */
  refuse(): void {
    this.answer({ ok: false, error: readOnlyError, definite: true, lost: false });
  }

  #goesToPrimary(destination: number, connection: Connection): boolean {
    const { loadBalanceNode, primary } = connection;
    if (destination === Destination.primary) return true;
    if (destination === Destination.balanced)
      return loadBalanceNode !== primary && this.#parts.front.view.isLate(loadBalanceNode);
    if (primary === loadBalanceNode) return true;
    return (destination === Destination.primaryThenBalanced) !== this.#isSecondHop;
  }

  #serve(server: SimServer, toPrimary: boolean, destination: number): void {
    const { replication, events } = this.#parts;
    const call = this.#call as ScriptCall;
    this.#server = server;
    this.#incarnation = server.incarnation;
    this.#refused = false;
    const isPrimary = server.state === 'primary';
    if (call.kind === 'read') {
      this.#work(server, isPrimary ? this.#readTime() : this.#standbyReadTime());
    } else if (!toPrimary && destination !== Destination.balanced) {
      this.#work(server, bracketShare * this.#standbyReadTime());
    } else if (!isPrimary && this.#script.writes[this.#at] === 1) {
      this.#refused = true;
      this.#work(server, this.#standbyReadTime());
    } else if (isPrimary && this.#at === this.#script.lastCommit) {
      const workMs = this.#commitMs();
      server.station.serve(workMs, events.commits, this.#commit(server, call, replication), 0);
    } else this.#work(server, this.#shareMs);
  }

  #commitMs(): number {
    if (this.#commitTime === null) return this.#shareMs;
    return this.#commitTime() + (this.#script.destinations.length === 1 ? this.#shareMs : 0);
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

  #work(server: SimServer, workMs: number): void {
    server.station.serve(workMs, this.#parts.events.works, this.#number, this.#turn);
  }

  #hopDone(): void {
    const { events } = this.#parts;
    const connection = this.#connection;
    if (connection === null) return;
    const { destinations, commits } = this.#script;
    const destination = destinations[this.#at];
    const goesToBoth =
      destination === Destination.primaryThenBalanced || destination === Destination.balancedThenPrimary;
    if (goesToBoth && !this.#isSecondHop && connection.primary !== connection.loadBalanceNode) {
      this.#isSecondHop = true;
      this.#after(this.#network(), events.forwards);
      return;
    }
    this.#isSecondHop = false;
    this.#at += 1;
    if (this.#at === destinations.length) {
      this.#after(this.#network(), events.answers);
      return;
    }
    if (commits[this.#at] === 1) this.committing = true;
    this.#after(this.#network() + this.#network(), events.arrives);
  }

  /** The child waits until the node answers again. */
  #waitFor(node: number): void {
    const turn = this.#turn;
    this.isStuck = true;
    this.#parts.front.sight.whenHeard(node, () => {
      if (turn !== this.#turn) return;
      this.isStuck = false;
      this.forward();
    });
  }

  #after(delayMs: number, kind: number): void {
    this.#parts.kernel.schedule(delayMs, kind, this.#number, this.#turn);
  }
}
