import { once } from 'node:events';
import type { Client, ClientConfig, Connection, Submittable } from 'pg';
import { monotonicMs } from '../../kernel/clock.ts';
import { DrillError } from '../../kernel/errors.ts';
import { type InitAction, type InitOptions, initSteps } from '../../workload/pgbench/init.ts';
import type { Target } from '../target.ts';
import { sayPlain } from './say.ts';
import { connectForSetup, describe } from './setup.ts';

/** Text that is sent to a COPY at once, characters. */
const chunkLength = 65_536;

/** Rows between two lines of progress; with `quiet` seconds between them. */
const rowsBetweenLines = 100_000;
const quietSeconds = 5;

/**
 * Makes and fills pgbench's tables, step by step as `pgbench -i` does, with its lines on stderr.
 *
 * @throws DrillError when the server cannot be reached (exit code 1) or refuses a step
 */
export async function initialize(
  { target, tls }: { target: Target; tls: ClientConfig['ssl'] | undefined },
  options: InitOptions & { quiet: boolean },
): Promise<void> {
  const steps = initSteps(options);
  const client = await connectForSetup(target, tls);
  const startMs = monotonicMs();
  const times: string[] = [];
  try {
    for (const { announcement, name, actions } of steps) {
      const stepMs = monotonicMs();
      sayPlain(announcement);
      for (const action of actions) await act(client, action, options.quiet);
      times.push(`${name} ${seconds(monotonicMs() - stepMs)} s`);
    }
  } catch (error) {
    if (error instanceof DrillError) throw error;
    throw new DrillError(`query failed: ${describe(error, target)}`, { cause: error, exitCode: 1 });
  } finally {
    await client.end().catch(() => undefined);
  }
  sayPlain(`done in ${seconds(monotonicMs() - startMs)} s (${times.join(', ')}).`);
}

const seconds = (spanMs: number): string => (spanMs / 1000).toFixed(2);

async function act(client: Client, action: InitAction, quiet: boolean): Promise<void> {
  if (action.type === 'statement') await client.query(action.sql);
  else {
    const copy = new CopyIn(action.sql, withProgress(action, quiet));
    client.query(copy);
    await copy.ended;
  }
}

/** The rows of a COPY, telling on the way how far it is. */
function* withProgress(
  { rows, rowCount }: Extract<InitAction, { type: 'copy' }>,
  quiet: boolean,
): Generator<string> {
  const startMs = monotonicMs();
  let toldSeconds = 0;
  let done = 0;
  for (const row of rows()) {
    yield row;
    done += 1;
    const passed = done % rowsBetweenLines === 0;
    if (!passed && !(quiet && done % 100 === 0)) continue;
    const elapsed = (monotonicMs() - startMs) / 1000;
    if (quiet && done < rowCount && elapsed < toldSeconds + quietSeconds) continue;
    toldSeconds = elapsed;
    const share = Math.floor((done * 100) / rowCount);
    const remaining = ((rowCount - done) * elapsed) / done;
    const times = `elapsed ${elapsed.toFixed(2)} s, remaining ${remaining.toFixed(2)} s`;
    sayPlain(`${done} of ${rowCount} tuples (${share}%) done (${times})`);
  }
}

/** The calls of `pg`'s connection that a COPY needs; its types leave them out. */
interface CopyConnection {
  query(sql: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  readonly stream: NodeJS.WritableStream & { writableNeedDrain: boolean };
}

/** A COPY FROM STDIN in the queue of a `pg` client. */
class CopyIn implements Submittable {
  readonly ended: Promise<void>;
  readonly #sql: string;
  readonly #rows: Iterable<string>;
  #error: Error | null = null;
  #resolve: () => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;

  constructor(sql: string, rows: Iterable<string>) {
    this.#sql = sql;
    this.#rows = rows;
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  submit(connection: Connection): void {
    (connection as unknown as CopyConnection).query(this.#sql);
  }

  handleCopyInResponse(connection: unknown): void {
    void this.#send(connection as CopyConnection).catch((error: unknown) => this.#reject(error as Error));
  }

  handleCommandComplete(): void {
    return;
  }

  handleError(error: Error): void {
    this.#error = error;
    this.#reject(error);
  }

  handleReadyForQuery(): void {
    if (this.#error === null) this.#resolve();
  }

  async #send(connection: CopyConnection): Promise<void> {
    let chunk = '';
    for (const row of this.#rows) {
      chunk += row;
      if (chunk.length < chunkLength) continue;
      connection.sendCopyFromChunk(Buffer.from(chunk));
      chunk = '';
      if (this.#error !== null) return;
      if (connection.stream.writableNeedDrain) await once(connection.stream, 'drain');
    }
    if (chunk !== '') connection.sendCopyFromChunk(Buffer.from(chunk));
    connection.endCopyFrom();
  }
}
