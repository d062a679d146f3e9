import type { Clock, TimerId } from '../kernel/clock.ts';

/** The detail of an answer that did not come within its time limit. */
export const silence = 'no answer in time';

/** What one agent answered; silence until the time limit or its loss is `ok: false`. */
export interface Answer {
  node: string;
  ok: boolean;
  detail: string | null;
  /** False when nothing came: its time was over, or its agent is gone. */
  answered: boolean;
}

interface Pending {
  waiting: Set<string>;
  answers: Answer[];
  timer: TimerId;
  done: (answers: Answer[]) => void;
}

/** Requests that an agent can make in a millisecond before its numbers meet those of a next life. */
const numbersPerMs = 1024;

/**
 * Questions of one agent to others: numbers them, gathers the answers, and ends each exactly once.
 *
 * Numbers begin with the instant of the start, so that an answer to an agent's former life is not taken for one to it.
 */
export class Requests {
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  #nextId: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#nextId = Math.floor(clock.nowMs()) * numbersPerMs + 1;
  }

  /**
   * Asks every one of `nodes` through `send` and hands all answers to `done`, later, in order of arrival.
   * @param timeoutMs null: as long as it takes, for EFM gives scripts and promotions no limit
   */
  ask(options: {
    nodes: readonly string[];
    timeoutMs: number | null;
    send: (node: string, id: number) => void;
    done: (answers: Answer[]) => void;
  }): void {
    const id = this.#nextId++;
    const pending: Pending = {
      waiting: new Set(options.nodes),
      answers: [],
      timer: null,
      done: options.done,
    };
    this.#pending.set(id, pending);
    if (options.nodes.length === 0) pending.timer = this.#clock.setTimeout(() => this.#end(id), 0);
    else if (options.timeoutMs !== null)
      pending.timer = this.#clock.setTimeout(() => this.#giveUp(id), options.timeoutMs);
    for (const node of options.nodes) options.send(node, id);
  }

  take(id: number, answer: Omit<Answer, 'answered'>): void {
    this.#take(id, { ...answer, answered: true });
  }

  #take(id: number, answer: Answer): void {
    const pending = this.#pending.get(id);
    if (!pending?.waiting.delete(answer.node)) return;
    pending.answers.push(answer);
    if (pending.waiting.size === 0) this.#end(id);
  }

  /** An agent is gone: it answers nothing any more. */
  lose(node: string): void {
    for (const id of [...this.#pending.keys()])
      this.#take(id, { node, ok: false, detail: 'the agent is gone', answered: false });
  }

  #giveUp(id: number): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    for (const node of pending.waiting)
      pending.answers.push({ node, ok: false, detail: silence, answered: false });
    this.#end(id);
  }

  #end(id: number): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    this.#clock.clearTimeout(pending.timer);
    pending.done(pending.answers);
  }
}
