import type { EventKernel } from '../kernel/event-kernel.ts';
import type { Replication } from './replication.ts';
import type { SimServer } from './server.ts';

/** The steps of a script that is being executed, one for each kind of event on its path. */
export interface ScriptSteps {
  /** Whether an event of this turn still concerns it. */
  isPresent(turn: number): boolean;
  arrive(): void;
  forward(): void;
  worked(): void;
  committed(): void;
  answer(): void;
  refuse(): void;
  stop(): void;
  stopped(): void;
  awaitStandbys(): void;
}

/** A COMMIT on its way on a server; used again when it is over. */
export interface Commit {
  /** Its number among all. */
  readonly position: number;
  server: SimServer | null;
  incarnation: number;
  classIndex: number;
  operation: number;
  /** The script that waits for it, and in which turn. */
  script: number;
  turn: number;
  replication: Replication | null;
}

/** The kinds of events on the path of a statement: `a` is the number of a running script and `b` its turn, or `a` that of a commit. */
export class SessionEvents {
  /** A statement is at Pgpool; Pgpool sends it on; the server has done it; a COMMIT is done; it is safe. */
  readonly arrives: number;
  readonly forwards: number;
  readonly works: number;
  readonly commits: number;
  readonly isSafe: number;
  /** The answer, or a refusal, is at the client. */
  readonly answers: number;
  readonly refuses: number;
  /** A request to stop is at the server; the client hears that it did. */
  readonly stops: number;
  readonly stopped: number;
  readonly #scripts: ScriptSteps[] = [];
  readonly #commits: Commit[] = [];
  readonly #free: number[] = [];

  constructor(kernel: EventKernel) {
    const scripts = this.#scripts;
    this.arrives = kernel.kind((number, turn) => {
      const script = scripts[number] as ScriptSteps;
      if (script.isPresent(turn)) script.arrive();
    });
    this.forwards = kernel.kind((number, turn) => {
      const script = scripts[number] as ScriptSteps;
      if (script.isPresent(turn)) script.forward();
    });
    this.works = kernel.kind((number, turn) => {
      const script = scripts[number] as ScriptSteps;
      if (script.isPresent(turn)) script.worked();
    });
    this.answers = kernel.kind((number, turn) => {
      const script = scripts[number] as ScriptSteps;
      if (script.isPresent(turn)) script.answer();
    });
    this.refuses = kernel.kind((number, turn) => {
      const script = scripts[number] as ScriptSteps;
      if (script.isPresent(turn)) script.refuse();
    });
    this.stops = kernel.kind((number, turn) => {
      const script = scripts[number] as ScriptSteps;
      if (script.isPresent(turn)) script.stop();
    });
    this.stopped = kernel.kind((number, turn) => {
      const script = scripts[number] as ScriptSteps;
      if (script.isPresent(turn)) script.stopped();
    });
    this.commits = kernel.kind((number) => this.#committed(this.#commits[number] as Commit));
    this.isSafe = kernel.kind((number) => this.#answered(this.#commits[number] as Commit));
  }

  /** @returns the script's number */
  add(script: ScriptSteps): number {
    return this.#scripts.push(script) - 1;
  }

  newCommit(): Commit {
    const free = this.#free.pop();
    if (free !== undefined) return this.#commits[free] as Commit;
    const counts = { incarnation: 0, classIndex: 0, operation: 0, script: 0, turn: 0 };
    const commit: Commit = { position: this.#commits.length, server: null, replication: null, ...counts };
    this.#commits.push(commit);
    return commit;
  }

  /** The primary has done its part: the row is there, for others to see and to be sent. */
  #committed(commit: Commit): void {
    const { server, replication, incarnation, classIndex, operation, position } = commit;
    if (!server || !replication || server.incarnation !== incarnation) this.#free.push(position);
    else if (server.hung) server.freeze(this.commits, position, 0);
    else {
      const length = replication.commit(server, classIndex, operation);
      if (replication.waits.isSafe(server, length)) this.#answered(commit);
      else {
        const script = this.#scripts[commit.script] as ScriptSteps;
        if (script.isPresent(commit.turn)) script.awaitStandbys();
        replication.waits.add(server, { position: length, kind: this.isSafe, a: position, b: 0 });
      }
    }
  }

  #answered({ script: number, turn, position }: Commit): void {
    this.#free.push(position);
    const script = this.#scripts[number] as ScriptSteps;
    if (script.isPresent(turn)) script.committed();
  }
}
