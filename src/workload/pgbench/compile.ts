import { invariant, type Place, type Problem } from '../../kernel/errors.ts';
import { compileExpression, type Evaluate } from './expression.ts';
import type { Expression } from './expression-parser.ts';
import { FaultError } from './expression-tokens.ts';
import { endOfLine, type MetaCommand, readMetaCommand } from './meta-command.ts';
import { SqlScanner } from './sql-scanner.ts';
import { readStatement, type Statement } from './statement.ts';
import { VariableNames } from './variables.ts';

/**
 * What one step of a script does. `target` is the step to go to when a condition does not hold (the next \elif, \else or
 * \endif), or when a branch that was taken ends (\elif and \else: the \endif).
 */
export type Step = {
  /** Where it begins in the script. */
  readonly offset: number;
} & (
  | { type: 'sql'; statement: Statement }
  | { type: 'set'; slot: number; evaluate: Evaluate }
  | { type: 'sleep'; amount: number | { slot: number; name: string }; microsecondsPerUnit: number }
  | { type: 'if'; evaluate: Evaluate; target: number }
  | { type: 'elif'; evaluate: Evaluate; target: number; end: number }
  | { type: 'else'; end: number }
  | { type: 'endif' }
  | { type: 'startpipeline' }
  | { type: 'endpipeline' }
);

type Unplaced<Any = Step> = Any extends unknown ? Omit<Any, 'offset'> : never;

/** Line and column, from 1, of a character of a script. */
export function placeAt({ text, file }: { text: string; file: string }, offset: number): Place {
  const before = text.slice(0, offset).split('\n');
  return { file, line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

/** A script made into functions. It belongs to the thread that compiled it: workers are given text. */
export interface CompiledScript {
  /** Where it came from, for messages and the report. */
  file: string;
  /** `read`: nothing but SELECTs without FOR UPDATE (or SHARE) and without INTO. */
  kind: 'read' | 'write';
  /** The script writes `:operation` somewhere: its rows can be counted one by one. */
  hasLedger: boolean;
  /** One for each of pgbench's commands, with its numbers; \gset and \aset belong to the statement before. */
  steps: readonly Step[];
  statements: readonly Statement[];
  /** Where each expression stands and what it reads, for checks before a run. */
  expressions: readonly { offset: number; sets: string | null; reads: readonly string[] }[];
}

/** Reads the scripts of one run: they share the names of variables and count their prepared statements together. */
export class ScriptCompiler {
  readonly names = new VariableNames();
  #prepared = 0;

  /**
   * Compiles a script; all its mistakes come at once, in pgbench's words.
   *
   * @param file name for messages
   * @see PostgreSQL 15 documentation, pgbench, "Custom Scripts"
   */
  compile(text: string, file: string): { script: CompiledScript } | { problems: Problem[] } {
    const reader = new ScriptReader(text, file, {
      names: this.names,
      nameNext: () => `P_${this.#prepared++}`,
    });
    return reader.read();
  }
}

interface Naming {
  names: VariableNames;
  nameNext: () => string;
}

class ScriptReader {
  readonly #text: string;
  readonly #file: string;
  readonly #naming: Naming;
  readonly #problems: Problem[] = [];
  readonly #steps: Step[] = [];
  readonly #expressions: CompiledScript['expressions'][number][] = [];

  constructor(text: string, file: string, naming: Naming) {
    this.#text = text;
    this.#file = file;
    this.#naming = naming;
  }

  read(): { script: CompiledScript } | { problems: Problem[] } {
    const scanner = new SqlScanner(this.#text, (offset, message) => this.#complain(offset, message));
    for (let at = 0, stopped = false; !stopped; ) {
      const piece = scanner.next(at);
      at = piece.next;
      if (piece.sql !== '') {
        const { names, nameNext } = this.#naming;
        const statement = readStatement(piece, { names, preparedName: nameNext() });
        this.#add({ type: 'sql', statement }, piece.offset);
      }
      if (piece.stop === 'backslash') at = this.#readCommand(at);
      stopped = piece.stop === 'end';
    }
    this.#joinBranches();
    if (this.#steps.length === 0 && this.#problems.length === 0)
      this.#complain(0, `empty command list for script "${this.#file}"`);
    if (this.#problems.length > 0) return { problems: this.#problems.sort(inOrder) };
    return { script: this.#whole() };
  }

  #whole(): CompiledScript {
    const steps = this.#steps;
    const statements = steps.flatMap((step) => (step.type === 'sql' ? [step.statement] : []));
    const reads = statements.length > 0 && statements.every(({ effect }) => effect === 'read');
    const operation = this.#naming.names.slot('operation');
    return {
      file: this.#file,
      kind: reads ? 'read' : 'write',
      hasLedger: statements.some(({ parameters }) => parameters.includes(operation)),
      steps,
      statements,
      expressions: this.#expressions,
    };
  }

  #readCommand(from: number): number {
    try {
      const command = readMetaCommand(this.#text, from);
      if (command) this.#addCommand(command);
    } catch (error) {
      if (!(error instanceof FaultError)) throw error;
      const { offset, message, hint } = error.fault;
      this.#complain(offset, message, hint);
    }
    return endOfLine(this.#text, from);
  }

  #addCommand(command: MetaCommand): void {
    const { names } = this.#naming;
    switch (command.type) {
      case 'set':
        this.#note(command, command.name);
        this.#add(
          { type: 'set', slot: names.slot(command.name), evaluate: this.#compile(command.expression) },
          command.offset,
        );
        break;
      case 'if':
      case 'elif': {
        this.#note(command, null);
        const evaluate = this.#compile(command.expression);
        this.#add({ type: command.type, evaluate, target: -1, end: -1 }, command.offset);
        break;
      }
      case 'else':
        this.#add({ type: 'else', end: -1 }, command.offset);
        break;
      case 'sleep': {
        const { amount, microsecondsPerUnit } = command;
        const taken =
          typeof amount === 'number' ? amount : { slot: names.slot(amount.variable), name: amount.variable };
        this.#add({ type: 'sleep', amount: taken, microsecondsPerUnit }, command.offset);
        break;
      }
      case 'gset':
      case 'aset':
        this.#capture(command);
        break;
      default:
        this.#add({ type: command.type }, command.offset);
    }
  }

  #compile(expression: Expression): Evaluate {
    return compileExpression(expression, this.#naming.names);
  }

  #note({ offset, expression }: { offset: number; expression: Expression }, sets: string | null): void {
    this.#expressions.push({ offset, sets, reads: [...new Set(variablesOf(expression))] });
  }

  #capture({ type, prefix, offset }: Extract<MetaCommand, { type: 'gset' | 'aset' }>): void {
    const last = this.#steps.at(-1);
    if (last?.type !== 'sql' || last.statement.capture !== null) {
      this.#complain(offset, '\\gset must follow an SQL command');
      return;
    }
    last.statement = { ...last.statement, capture: { command: type, prefix } };
  }

  #add(step: Unplaced, offset: number): void {
    this.#steps.push({ ...step, offset } as Step);
  }

  /** Tells every branch where the next one begins and where all end. */
  #joinBranches(): void {
    const open: { first: number; members: number[]; hasElse: boolean }[] = [];
    for (const [index, step] of this.#steps.entries()) {
      if (step.type === 'if') open.push({ first: index, members: [index], hasElse: false });
      else if (step.type === 'elif' || step.type === 'else' || step.type === 'endif') {
        const chain = open.at(-1);
        if (!chain) this.#wrongBranch(index, `\\${step.type} without matching \\if`);
        else if (chain.hasElse && step.type !== 'endif')
          this.#wrongBranch(index, `\\${step.type} after \\else`);
        else {
          chain.hasElse = step.type === 'else';
          chain.members.push(index);
          if (step.type === 'endif') joinChain(this.#steps, open.pop()?.members ?? []);
        }
      }
    }
    for (const { first } of open) this.#wrongBranch(first, '\\if without matching \\endif');
  }

  #wrongBranch(index: number, message: string): void {
    this.#complain(this.#steps[index]?.offset ?? 0, message);
  }

  #complain(offset: number, message: string, hint?: string): void {
    const place = placeAt({ text: this.#text, file: this.#file }, offset);
    this.#problems.push({ place, rule: 'script', message, ...(hint !== undefined && { hint }) });
  }
}

function joinChain(steps: Step[], members: readonly number[]): void {
  const end = members.at(-1);
  invariant(end !== undefined, 'a chain of branches has an end');
  for (const [position, index] of members.entries()) {
    const step = steps[index];
    const target = members[position + 1];
    if ((step?.type === 'if' || step?.type === 'elif') && target !== undefined) step.target = target;
    if (step?.type === 'elif' || step?.type === 'else') step.end = end;
  }
}

function variablesOf(expression: Expression): string[] {
  if (expression.type === 'variable') return [expression.name];
  return expression.type === 'call' ? expression.arguments.flatMap(variablesOf) : [];
}

/** Orders the problems of one file by where they stand. */
export function inOrder({ place: a }: Problem, { place: b }: Problem): number {
  return (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0);
}
