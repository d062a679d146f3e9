import pg from 'pg';
import { database, nodeIds } from './pgpool-differential-servers.ts';

/** What became of one statement: the node that answered, or the SQLSTATE, `closed` or `timeout`. */
export type Answer = { node: number } | { error: string };

const readSql = 'select inet_server_addr()';
const writeSql = 'insert into probe default values returning inet_server_addr()';

/** No step makes a client wait, but a busy machine may for seconds: what takes longer counts as no answer. */
const answerLimitMs = 15_000;

/** One client session through the real Pgpool. */
export class RealSession {
  readonly #client: pg.Client;
  readonly #nodeOf: (address: string) => number;
  #lost: string | null = null;
  #closing = false;

  private constructor(client: pg.Client, nodeOf: (address: string) => number) {
    this.#client = client;
    this.#nodeOf = nodeOf;
    client.on('error', (error) => this.#note(error));
    client.on('end', () => {
      if (!this.#closing) this.#lost ??= 'closed';
    });
  }

  /** @returns the session, or what it was refused with */
  static async open(place: {
    host: string;
    port: number;
    addresses: readonly string[];
  }): Promise<RealSession | string> {
    const client = new pg.Client({
      host: place.host,
      port: place.port,
      user: 'postgres',
      database,
      connectionTimeoutMillis: answerLimitMs,
      query_timeout: answerLimitMs,
    });
    const session = new RealSession(client, (address) =>
      nodeIds.findIndex((id) => place.addresses[id] === address),
    );
    try {
      await client.connect();
      return session;
    } catch (error) {
      session.#closing = true;
      return codeOf(error);
    }
  }

  /** How it ended by itself; null while it lives. */
  get lost(): string | null {
    return this.#lost;
  }

  read(): Promise<Answer> {
    return this.#ask(readSql);
  }

  write(): Promise<Answer> {
    return this.#ask(writeSql);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#client.end().catch(() => {});
  }

  async #ask(sql: string): Promise<Answer> {
    if (this.#lost !== null) return { error: this.#lost };
    try {
      const { rows } = await this.#client.query({ text: sql, rowMode: 'array' });
      return { node: this.#nodeOf(String(rows[0]?.[0])) };
    } catch (error) {
      const code = codeOf(error);
      if (code !== '25006') this.#note(error);
      return { error: code };
    }
  }

  #note(error: unknown): void {
    this.#lost ??= codeOf(error);
  }
}

/** SQLSTATE of a server's message; else `timeout`, or `closed` for every way in which a connection ends without one. */
function codeOf(error: unknown): string {
  const { code, message = '' } = error as { code?: unknown; message?: string };
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code;
  return /timeout/i.test(message) ? 'timeout' : 'closed';
}
