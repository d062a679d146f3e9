import type { CompiledScript } from '../../workload/pgbench/compile.ts';
import type { PgRandom, RandomState } from '../../workload/pgbench/random.ts';
import { ScriptRun } from '../../workload/pgbench/run.ts';
import { type Protocol, type Statement, simpleText } from '../../workload/pgbench/statement.ts';
import type { SavedVariables, VariableStore } from '../../workload/pgbench/variables.ts';
import { isDefinite } from '../../workload/retry.ts';
import type { WireError } from '../../workload/transport.ts';
import type { WireConnection } from '../wire/connection.ts';
import type { Answer } from '../wire/scanner.ts';
import { addToPipeline, sendAlone, type WireScript, type WireStatement } from './statements.ts';

/** A script as a thread runs it. */
export interface LoadedScript {
  script: CompiledScript;
  wire: WireScript;
  description: string;
}

/** What `advance` came to: an answer is awaited, the script sleeps, has ended, or cannot go on. */
export type Progress = 'answer' | 'sleep' | 'done' | 'failed';

/** Who wants to know what each command took. */
export interface CommandTimer {
  nowMs(): number;
  took(script: number, command: number, micros: number): void;
}

export interface ExecutionOptions {
  protocol: Protocol;
  scripts: readonly LoadedScript[];
  /** Number of the client, for messages. */
  client: number;
  random: PgRandom;
  variables: VariableStore;
  /** `beginAgain` will be asked for. */
  mayRetry?: boolean;
  /** Absent: times by command are not taken. */
  timer?: CommandTimer;
  /** Takes a line of a script's debug(). */
  debug?: (line: string) => void;
  /** Takes the text of each statement that is sent. */
  onSend?: (text: string) => void;
}

/**
 * One client's way through one script after another: sends its statements, remembers what is needed to try a
 * transaction again, and to judge what a lost session left.
 */
export class ScriptExecution {
  /** Something in the transaction took time. */
  waited = false;
  readonly #options: ExecutionOptions;
  readonly #run: ScriptRun;
  #script = 0;
  #wire: WireScript = [];
  /** Statements of the transaction in the order they came: the first `#count`. */
  readonly #statements: Statement[] = [];
  #count = 0;
  /** So many of them were sent; the rest stands in a pipeline that was not. */
  #sentCount = 0;
  /** An earlier try of the transaction may have committed something. */
  #leftSomething = false;
  #keeps = false;
  /** When the step under way began; with times by command only. */
  #commandMs = 0;
  #savedRandom: RandomState | null = null;
  #savedVariables: SavedVariables | null = null;

  constructor(options: ExecutionOptions) {
    const { protocol, client, random, variables, debug, timer } = options;
    this.#options = options;
    this.#run = new ScriptRun({
      ...{ client, variables, random, protocol },
      ...(debug && { debug }),
      ...(timer && { onMetaCommand: () => this.#stepEnded(timer) }),
    });
  }

  /** Number of the present command. */
  get command(): number {
    return this.#run.command;
  }

  /** Nothing that takes time is left of the script. */
  get isAtEnd(): boolean {
    return this.#run.isAtEnd;
  }

  /** After `failed`: what pgbench says. */
  get messages(): readonly string[] {
    return this.#run.messages;
  }

  /** After `sleep`. */
  get sleepMs(): number {
    return this.#run.sleepMicroseconds / 1000;
  }

  /** Goes to the start of a script. */
  begin(script: number): void {
    const { mayRetry, random, variables } = this.#options;
    this.#script = script;
    this.waited = false;
    this.#leftSomething = false;
    if (mayRetry) {
      this.#savedRandom = random.state;
      this.#savedVariables = variables.saved();
    }
    this.#start();
  }

  /** After an error that its last statement met: goes back to the start of the script, with the random numbers and variables it began with. */
  beginAgain(): void {
    const { random, variables } = this.#options;
    this.#leftSomething = !this.isDefinite({ code: '40001', message: '' }, true);
    if (this.#savedRandom !== null) random.state = this.#savedRandom;
    if (this.#savedVariables !== null) variables.restore(this.#savedVariables);
    this.#start();
  }

  /** Carries commands out up to the next that takes time. */
  advance(connection: WireConnection): Progress {
    const { timer, variables } = this.#options;
    for (;;) {
      if (timer) this.#commandMs = timer.nowMs();
      switch (this.#run.next()) {
        case 'send':
          this.#send(connection);
          return 'answer';
        case 'queue':
          addToPipeline(connection, this.#note(), variables);
          if (timer) this.#stepEnded(timer);
          break;
        case 'sync':
          this.waited = true;
          this.#keeps = false;
          connection.addSync();
          connection.flush();
          this.#sentCount = this.#count;
          return 'answer';
        case 'sleep':
          this.waited = true;
          return 'sleep';
        case 'done':
          return 'done';
        case 'failed':
          return 'failed';
      }
    }
  }

  /** The present step has ended well: its answer, or its sleep. @returns false when the script cannot go on */
  stepEnded(answer: Answer | null): boolean {
    if (answer !== null && this.#keeps) {
      const results = answer.kept.map(({ columns, rows }) => ({
        columns: columns.length > 0 ? columns : null,
        rows,
      }));
      if (!this.#run.accept(results)) return false;
    }
    const { timer } = this.#options;
    if (timer) this.#stepEnded(timer);
    return true;
  }

  /** The last statement as the server got it. */
  get lastText(): string | undefined {
    const statement = this.#sentCount > 0 ? this.#statements[this.#sentCount - 1] : undefined;
    return statement && this.#textOf(statement);
  }

  /** Whether the transaction is known to have changed nothing. @param inFlight its last statement was not answered */
  isDefinite(error: WireError, inFlight: boolean): boolean {
    const sent = this.#statements.slice(0, this.#sentCount);
    return (
      !this.#leftSomething && isDefinite(sent, inFlight ? Math.max(0, sent.length - 1) : sent.length, error)
    );
  }

  #start(): void {
    const { script, wire } = this.#options.scripts[this.#script] as LoadedScript;
    this.#wire = wire;
    this.#count = 0;
    this.#sentCount = 0;
    this.#run.start(script, this.#script);
  }

  #send(connection: WireConnection): void {
    const wire = this.#note();
    this.waited = true;
    this.#keeps = wire.keep;
    sendAlone(connection, wire, this.#options.variables);
    this.#sentCount = this.#count;
  }

  /** The statement of the present step, noted. */
  #note(): WireStatement {
    const wire = this.#wire[this.#run.command] as WireStatement;
    this.#statements[this.#count] = wire.statement;
    this.#count += 1;
    this.#options.onSend?.(this.#textOf(wire.statement));
    return wire;
  }

  #textOf(statement: Statement): string {
    const { protocol, variables } = this.#options;
    return protocol === 'simple' ? simpleText(statement, variables) : statement.parameterSql;
  }

  #stepEnded(timer: CommandTimer): void {
    const nowMs = timer.nowMs();
    const micros = Math.max(0, nowMs - this.#commandMs) * 1000;
    timer.took(this.#script, this.#run.command, micros);
    this.#commandMs = nowMs;
  }
}
