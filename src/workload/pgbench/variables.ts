import { EvaluationError } from './int64.ts';
import { textOf, type Value, valueOfText } from './value.ts';

/** Names of variables by slot: one table for all scripts of a run, so that they share variables as in pgbench. */
export class VariableNames {
  readonly #slots = new Map<string, number>();
  readonly #names: string[] = [];

  /** Slot of a name; a new name gets the next one. */
  slot(name: string): number {
    const known = this.#slots.get(name);
    if (known !== undefined) return known;
    this.#slots.set(name, this.#names.length);
    this.#names.push(name);
    return this.#names.length - 1;
  }

  name(slot: number): string {
    return this.#names[slot] ?? '';
  }
}

/** Letters, digits and underscore, no digit first; every character beyond ASCII is a letter. */
export function isVariableName(name: string): boolean {
  return /^[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*$/.test(name);
}

/** A copy of all variables. */
export interface SavedVariables {
  readonly values: readonly (Value | undefined)[];
  readonly texts: readonly (string | undefined)[];
}

/** One client's variables. A value has a text and a text a value, each made when it is first asked for. */
export class VariableStore {
  readonly names: VariableNames;
  #values: (Value | undefined)[] = [];
  #texts: (string | undefined)[] = [];

  constructor(names: VariableNames) {
    this.names = names;
  }

  isSet(slot: number): boolean {
    return this.#values[slot] !== undefined || this.#texts[slot] !== undefined;
  }

  /** @throws EvaluationError when the variable is not set, or its text stands for no value */
  value(slot: number): Value {
    const value = this.#values[slot];
    return value === undefined ? this.#typed(slot) : value;
  }

  /** Null when the variable is not set. */
  text(slot: number): string | null {
    const known = this.#texts[slot];
    if (known !== undefined) return known;
    const value = this.#values[slot];
    if (value === undefined) return null;
    const text = textOf(value);
    this.#texts[slot] = text;
    return text;
  }

  /** What is sent for a variable: a number whose text is its digits, else the text; null when it is not set. */
  sendable(slot: number): number | string | null {
    const known = this.#texts[slot];
    if (known !== undefined) return known;
    const value = this.#values[slot];
    return typeof value === 'number' ? value : this.text(slot);
  }

  /** All variables as they stand, to be put back by `restore`. */
  saved(): SavedVariables {
    return { values: [...this.#values], texts: [...this.#texts] };
  }

  restore({ values, texts }: SavedVariables): void {
    this.#values = [...values];
    this.#texts = [...texts];
  }

  setValue(slot: number, value: Value): void {
    this.#values[slot] = value;
    this.#texts[slot] = undefined;
  }

  /** Sets a text whose type is found out when it is needed, as `-D` and \gset do. */
  setText(slot: number, text: string): void {
    this.#values[slot] = undefined;
    this.#texts[slot] = text;
  }

  /** Forgets every variable. */
  clear(): void {
    this.#values.fill(undefined);
    this.#texts.fill(undefined);
  }

  #typed(slot: number): Value {
    const text = this.#texts[slot];
    if (text === undefined) throw new EvaluationError(`undefined variable "${this.names.name(slot)}"`);
    const value = valueOfText(this.names.name(slot), text);
    this.#values[slot] = value;
    return value;
  }
}
