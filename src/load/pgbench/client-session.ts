import type { WireError } from '../../workload/transport.ts';
import type { WireConnection } from '../wire/connection.ts';
import type { ClientHost, HostedClient } from './client-host.ts';

/** A client that gets no session for so long is given up in a run by transactions, which has no other end, ms. */
const longestWithoutSessionMs = 60_000;

/** What an attempt to open a session came to: it is open, another is to be made after a pause, or there is no hope. */
export type Attempt =
  | { type: 'open' }
  | { type: 'pause'; pauseMs: number }
  | { type: 'hopeless'; message: string };

/** One client's session, opened again as often as needed, with growing pauses between attempts. */
export class ClientSession {
  connection: WireConnection | null = null;
  /** Position in the books of the server that answers its reads; -1 unknown. */
  server = -1;
  readonly #host: ClientHost;
  #attempts = 0;
  #withoutSinceMs: number | null = null;

  constructor(host: ClientHost) {
    this.#host = host;
  }

  opened(connection: WireConnection, server: number): void {
    this.connection = connection;
    this.server = server;
    this.#attempts = 0;
    this.#withoutSinceMs = null;
  }

  /** Makes one attempt. */
  async open(client: HostedClient): Promise<Attempt> {
    const { plan, books } = this.#host;
    const begunMs = this.#host.nowMs();
    this.#withoutSinceMs ??= begunMs;
    const error = await this.#host.open(client);
    const nowMs = this.#host.nowMs();
    if (error !== null) return this.#refused(error, nowMs);
    if (plan.connectPerTransaction) books.connectUs += (nowMs - begunMs) * 1000;
    else books.sessions.reopened += 1;
    return { type: 'open' };
  }

  /** Closes the session. */
  drop(): void {
    this.connection?.close();
    this.gone();
  }

  /** The session is no more. */
  gone(): void {
    if (this.connection === null) return;
    this.connection = null;
    this.#host.books.countSession(this.server, -1);
  }

  #refused({ code, message }: WireError, nowMs: number): Attempt {
    const { plan, books } = this.#host;
    books.refused(code, nowMs);
    this.#attempts += 1;
    const waitedMs = nowMs - (this.#withoutSinceMs ?? nowMs);
    const isHopeless = plan.transactions !== null && waitedMs > longestWithoutSessionMs;
    if (plan.abortOnLoss || isHopeless) return { type: 'hopeless', message };
    return { type: 'pause', pauseMs: this.#host.backOffMs(this.#attempts) };
  }
}
