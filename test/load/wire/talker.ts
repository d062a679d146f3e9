import { monotonicMs } from '../../../src/kernel/clock.ts';
import type { Target } from '../../../src/load/target.ts';
import type { WireConnection, WireHandler } from '../../../src/load/wire/connection.ts';
import { loadKernelCalls } from '../../../src/load/wire/kernel-calls.ts';
import { openWire } from '../../../src/load/wire/open-wire.ts';
import type { Answer } from '../../../src/load/wire/scanner.ts';
import { compileQuery } from '../../../src/load/wire/templates.ts';
import type { OpenOptions, OpenOutcome, WireIo } from '../../../src/load/wire/wire-io.ts';
import type { WireError } from '../../../src/workload/transport.ts';

/** An answer as it was when it came. */
export type Heard = Pick<
  Answer,
  'rows' | 'completed' | 'parsed' | 'notices' | 'kept' | 'error' | 'lastNotice'
> & {
  status: string;
  atMs: number;
};

/** One session of a test: remembers what it heard. */
export class Talker implements WireHandler {
  readonly heard: Heard[] = [];
  readonly lost: WireError[] = [];
  /** Called after each answer. */
  onHeard: (connection: WireConnection) => void = () => undefined;
  connection: WireConnection | null = null;
  servedBy: string | null = null;

  onAnswer(connection: WireConnection, answer: Answer, atMs: number): void {
    const { rows, completed, parsed, notices, kept, error, lastNotice, status } = answer;
    this.heard.push({
      ...{ rows, completed, parsed, notices, error, lastNotice },
      kept: [...kept],
      status: String.fromCharCode(status),
      atMs,
    });
    this.onHeard(connection);
  }

  onLost(_: WireConnection, error: WireError): void {
    this.lost.push(error);
  }

  get wire(): WireConnection {
    if (this.connection === null) throw new Error('the session is not open');
    return this.connection;
  }

  get last(): Heard {
    const last = this.heard.at(-1);
    if (!last) throw new Error('nothing was heard');
    return last;
  }
}

/** A transport and its sessions, closed together. */
export class Stage {
  readonly io: WireIo;
  readonly talkers: Talker[] = [];

  constructor(io: WireIo) {
    this.io = io;
  }

  /** Tries to open a session. */
  attempt(target: Target, options: Partial<OpenOptions> = {}): Promise<OpenOutcome> {
    const handler = options.handler ?? new Talker();
    return this.io.open({ target, applicationName: 'wire-test', index: 0, handler, ...options });
  }

  async talker(target: Target, options: Partial<OpenOptions> = {}): Promise<Talker> {
    const talker = new Talker();
    const outcome = await this.attempt(target, { index: this.talkers.length, ...options, handler: talker });
    if (!outcome.ok) throw new Error(`${outcome.error.message} (${outcome.error.code})`);
    talker.connection = outcome.connection;
    talker.servedBy = outcome.session.servedBy;
    this.talkers.push(talker);
    return talker;
  }

  /** Drives until `done`, at most `limitMs`. */
  async until(done: () => boolean, limitMs = 15_000): Promise<void> {
    const stopMs = monotonicMs() + limitMs;
    await this.io.drive({
      nextDueMs: () => stopMs,
      due: () => undefined,
      finished: () => done() || monotonicMs() >= stopMs,
    });
    if (!done()) throw new Error(`not done in ${limitMs} ms`);
  }

  /** Asks one simple query and waits for its answer, rows kept. */
  async ask(talker: Talker, sql: string): Promise<Heard> {
    const before = talker.heard.length;
    talker.wire.sendQuery(compileQuery([sql], []), [], true);
    await this.until(() => talker.heard.length > before || talker.lost.length > 0);
    return talker.last;
  }
}

export async function openStage(prefer: 'ring' | 'stream'): Promise<Stage> {
  return new Stage(await openWire({ prefer, expectedConnections: 16 }));
}

/** The transports that this machine has; says why where one is missing. */
export async function transportsHere(): Promise<('ring' | 'stream')[]> {
  try {
    const io = await openWire({ prefer: 'ring', expectedConnections: 1 });
    await io.close();
    await loadKernelCalls();
    return ['ring', 'stream'];
  } catch (error) {
    process.stderr.write(`the ring is not tested here: ${error instanceof Error ? error.message : error}\n`);
    return ['stream'];
  }
}
