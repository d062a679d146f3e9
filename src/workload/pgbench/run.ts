import { invariant } from '../../kernel/errors.ts';
import type { CompiledScript, Step } from './compile.ts';
import type { Scope } from './expression.ts';
import { EvaluationError } from './int64.ts';
import type { RandomSource } from './random.ts';
import type { Protocol, Statement } from './statement.ts';
import { isTrue } from './value.ts';
import { isVariableName, type VariableStore } from './variables.ts';

/**
 * What a client does next: `send` its statement and wait for the answer, `queue` it in the pipeline and go on, `sync` the
 * pipeline and wait for all its answers, `sleep`, or stop because the script is `done` or has `failed`.
 */
export type NextStep = 'send' | 'queue' | 'sync' | 'sleep' | 'done' | 'failed';

/** One result of a statement: column names and rows as text; null columns for a command that gives no rows. */
export interface StatementResult {
  columns: readonly string[] | null;
  rows: readonly (readonly (string | null)[])[];
}

export interface ScriptRunOptions {
  /** Number of the client, from 0, for messages. */
  client: number;
  variables: VariableStore;
  random: RandomSource;
  protocol: Protocol;
  /** Takes a line of `debug()` as pgbench prints it. */
  debug?: (line: string) => void;
  /** Told of each meta command that has been carried out and took no time, by its number. */
  onMetaCommand?: (command: number) => void;
}

/**
 * One client's way through its scripts, a step at a time: it holds no connection and no clock, so that engines on sockets
 * and on the virtual clock can carry the same steps out. Nothing is allocated for a step that sends.
 */
export class ScriptRun implements Scope {
  readonly variables: VariableStore;
  readonly random: RandomSource;
  readonly #client: number;
  readonly #protocol: Protocol;
  readonly #debug: ((line: string) => void) | undefined;
  readonly #onMetaCommand: ((command: number) => void) | undefined;
  #steps: readonly Step[] = [];
  #script = 0;
  /** The present step. */
  #command = -1;
  /** The step to take next. */
  #at = 0;
  #inPipeline = false;
  #statement: Statement | null = null;
  #sleepMicroseconds = 0;
  #messages: readonly string[] = [];

  constructor({ client, variables, random, protocol, debug, onMetaCommand }: ScriptRunOptions) {
    this.#client = client;
    this.variables = variables;
    this.random = random;
    this.#protocol = protocol;
    this.#debug = debug;
    this.#onMetaCommand = onMetaCommand;
  }

  /** Begins a script from its first step. @param number of the script, from 0, for messages */
  start({ steps }: CompiledScript, number = 0): void {
    this.#steps = steps;
    this.#script = number;
    this.#at = 0;
    this.#command = -1;
    this.#inPipeline = false;
    this.#messages = [];
  }

  /** Number of the present step, from 0: pgbench's number of the command. */
  get command(): number {
    return this.#command;
  }

  /** Nothing that takes time is left of the script. */
  get isAtEnd(): boolean {
    const rest = this.#steps.slice(this.#at);
    return !rest.some(({ type }) => type === 'sql' || type === 'sleep' || type === 'endpipeline');
  }

  /** After `send` and `queue`. */
  get statement(): Statement {
    invariant(this.#statement, 'a statement was reached');
    return this.#statement;
  }

  /** After `sleep`. */
  get sleepMicroseconds(): number {
    return this.#sleepMicroseconds;
  }

  /** After `failed`: what pgbench logs. */
  get messages(): readonly string[] {
    return this.#messages;
  }

  /** Evaluates meta commands up to the next step that takes time. */
  next(): NextStep {
    for (;;) {
      const step = this.#steps[this.#at];
      if (!step) return this.#end();
      this.#command = this.#at;
      this.#at += 1;
      const found = this.#take(step);
      if (found !== null) return found;
      this.#onMetaCommand?.(this.#command);
    }
  }

  /** Gives back what a statement with a capture returned, before the next step. @returns false when the script fails */
  accept(results: readonly StatementResult[]): boolean {
    const { capture } = this.statement;
    if (!capture) return true;
    const where = `client ${this.#client} script ${this.#script} command ${this.#command} query`;
    for (const [query, { columns, rows }] of results.entries()) {
      const isLast = query === results.length - 1;
      if (capture.command === 'gset' ? !isLast : rows.length === 0) continue;
      if (capture.command === 'gset' && (columns === null || rows.length !== 1)) {
        this.#messages = [`${where} ${query}: expected one row, got ${rows.length}`];
        return false;
      }
      const fault = this.#store(columns ?? [], rows.at(-1) ?? []);
      if (fault !== null) {
        const invalid = `${capture.command}: invalid variable name: "${fault}"`;
        this.#messages = [invalid, `${where} ${query}: error storing into variable ${fault}`];
        return false;
      }
    }
    return true;
  }

  debug(text: string): void {
    this.#debug?.(`debug(script=${this.#script},command=${this.#command + 1}): ${text}`);
  }

  /** Stores a row under its columns' names; the first name that no variable can have, or null. */
  #store(columns: readonly string[], row: readonly (string | null)[]): string | null {
    const prefix = this.statement.capture?.prefix ?? '';
    for (const [index, column] of columns.entries()) {
      const name = prefix + column;
      if (!isVariableName(name)) return name;
      this.variables.setText(this.variables.names.slot(name), row[index] ?? '');
    }
    return null;
  }

  #take(step: Step): NextStep | null {
    switch (step.type) {
      case 'sql':
        return this.#send(step.statement);
      case 'set':
        return this.#set(step);
      case 'if':
        return this.#if(step);
      case 'elif':
      case 'else':
        this.#at = step.end + 1;
        return null;
      case 'endif':
        return null;
      case 'sleep':
        return this.#sleep(step);
      case 'startpipeline':
        if (this.#protocol === 'simple')
          return this.#fail('startpipeline', 'cannot use pipeline mode with the simple query protocol');
        if (this.#inPipeline) return this.#fail('startpipeline', 'already in pipeline mode');
        this.#inPipeline = true;
        return null;
      case 'endpipeline':
        if (!this.#inPipeline) return this.#fail('endpipeline', 'not in pipeline mode');
        this.#inPipeline = false;
        return 'sync';
    }
  }

  /** Goes to the first branch from here on that is to be taken. */
  #branch(from: number): void {
    for (let at = from; ; ) {
      const step = this.#steps[at];
      this.#command = at;
      if (step?.type !== 'elif' || isTrue(step.evaluate(this))) {
        this.#at = at + 1;
        return;
      }
      at = step.target;
    }
  }

  #send(statement: Statement): NextStep {
    this.#statement = statement;
    if (!this.#inPipeline) return 'send';
    const command = statement.capture?.command;
    return command ? this.#fail(command, `\\${command} is not allowed in pipeline mode`) : 'queue';
  }

  #sleep({ amount, microsecondsPerUnit }: Extract<Step, { type: 'sleep' }>): NextStep {
    let units = amount;
    if (typeof units !== 'number') {
      const { slot, name } = units;
      const text = this.variables.text(slot);
      const failure = 'execution of meta-command failed';
      if (text === null) return this.#fail('sleep', failure, `sleep: undefined variable "${name}"`);
      units = Number(/^\s*[-+]?\d+/.exec(text)?.[0] ?? Number.NaN);
      if (Number.isNaN(units) || (units === 0 && !/^\d/.test(text)))
        return this.#fail('sleep', failure, `sleep: invalid sleep time "${text}" for variable "${name}"`);
    }
    this.#sleepMicroseconds = Math.max(0, units * microsecondsPerUnit);
    return 'sleep';
  }

  #set({ slot, evaluate }: Extract<Step, { type: 'set' }>): NextStep | null {
    try {
      this.variables.setValue(slot, evaluate(this));
      return null;
    } catch (error) {
      return this.#failEvaluation(error);
    }
  }

  #if({ evaluate, target }: Extract<Step, { type: 'if' }>): NextStep | null {
    try {
      if (!isTrue(evaluate(this))) this.#branch(target);
      return null;
    } catch (error) {
      return this.#failEvaluation(error);
    }
  }

  #failEvaluation(error: unknown): NextStep {
    if (!(error instanceof EvaluationError)) throw error;
    const command = this.#steps[this.#command]?.type ?? 'set';
    return this.#fail(command, 'evaluation of meta-command failed', error.message);
  }

  #end(): NextStep {
    if (!this.#inPipeline) return 'done';
    this.#messages = [`client ${this.#client} aborted: end of script reached with pipeline open`];
    return 'failed';
  }

  #fail(command: string, message: string, before?: string): NextStep {
    const place = `client ${this.#client} aborted in command ${this.#command} (${command})`;
    const last = `${place} of script ${this.#script}; ${message}`;
    this.#messages = before === undefined ? [last] : [before, last];
    return 'failed';
  }
}
