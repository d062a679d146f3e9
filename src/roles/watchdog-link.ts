import type {
  BackendSync,
  WatchdogHost,
  WatchdogInfo,
  WatchdogMessage,
  WatchdogQuestion,
  WatchdogState,
} from './watchdog-host.ts';
import { announcedBy } from './watchdog-info.ts';

/** States in which the first question over a new connection is asked. */
const notJoined: ReadonlySet<WatchdogState> = new Set(['DEAD', 'SHUTDOWN', 'LOADING']);

/** Questions and answers of one node, each with what it tells of itself. */
export class WatchdogLink {
  readonly #host: WatchdogHost;
  readonly #info: () => WatchdogInfo;
  #nextId = 1;
  /** The question whose answers its statechart waits for. */
  #current = 0;

  constructor(host: WatchdogHost, info: () => WatchdogInfo) {
    this.#host = host;
    this.#info = info;
  }

  /** Asks what the statechart waits for; answers to what it asked before mean nothing any more. */
  ask(question: WatchdogQuestion, to: readonly number[]): void {
    const starts = question === 'info' && notJoined.has(this.#info().state);
    this.#current = this.#send(question, to, starts);
  }

  /** Makes a new connection to a peer that was lost, and asks over it. */
  reconnect(node: number): void {
    this.#send('info', [node], true);
  }

  /** Asks without waiting: that an answer comes is all that counts. */
  beacon(to: readonly number[]): void {
    this.#send('beacon', to);
  }

  /** Asks a peer that is reachable again who it is now; both know each other then. */
  inquire(node: number): void {
    this.#send('info', [node]);
  }

  isCurrent(id: number): boolean {
    return id === this.#current;
  }

  answer(
    to: number,
    id: number,
    answer: { answer: 'accept' | 'reject' | 'error'; backends?: BackendSync },
  ): void {
    this.#host.send(to, { type: 'answer', id, info: this.#info(), ...answer });
  }

  #send(question: WatchdogQuestion, to: readonly number[], anew = false): number {
    const id = this.#nextId++;
    const own = this.#info();
    const info = { ...own, state: announcedBy[question] ?? own.state };
    const message: WatchdogMessage = { type: 'ask', id, question, info };
    for (const node of to) this.#host.send(node, anew ? { ...message, anew } : message);
    return id;
  }
}
