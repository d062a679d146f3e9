import { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Client, type ClientConfig, DatabaseError } from 'pg';
import { RealClock } from '../../kernel/clock.ts';
import type { WireError } from '../../workload/transport.ts';
import { connectTimeoutMs, newClient, type Target } from '../target.ts';
import type { CancelKey } from './connection.ts';
import { ResponseScanner } from './scanner.ts';

export interface SessionOptions {
  target: Target;
  applicationName: string;
  /** As `pg` takes it; absent: no TLS. */
  tls?: ClientConfig['ssl'];
  /** Gives the attempt up. */
  signal?: AbortSignal;
  /** Leaves out the question for the server that serves this session's reads. */
  withoutProbe?: boolean;
}

/** A session that is logged in and idle, its socket still in Node's hands. */
export interface StartedSession {
  /** `address:port` of the server that serves the session's balanced reads, as that server knows it; null where it cannot tell (a local socket) or was not asked. */
  servedBy: string | null;
  key: CancelKey;
  socket: Socket | TLSSocket;
  /** Has read every byte of the session so far, so that nothing is lost between two readers. */
  scanner: ResponseScanner;
  tap: Tap;
}

export type StartOutcome = { ok: true; session: StartedSession } | { ok: false; error: WireError };

/**
 * What each session asks once: the functions are STABLE, so Pgpool answers from the node that serves the session's
 * balanced reads.
 */
export const probeSql = 'SELECT inet_server_addr(), inet_server_port()';

/** Where a socket's bytes go; the sockets of one thread share the buffer, for each chunk is used up at once. */
export interface Tap {
  onBytes: (bytes: Uint8Array, length: number) => void;
}

const sharedBuffer = Buffer.allocUnsafeSlow(65_536);

/**
 * Opens a session with the `pg` package (TLS, SCRAM, md5, errors of the server), within `connectTimeoutMs`, the
 * question for its server included. Never rejects.
 */
export function startSession(options: SessionOptions): Promise<StartOutcome> {
  const scanner = new ResponseScanner();
  const tap: Tap = { onBytes: () => undefined };
  const client = clientOn(options, tappedSocket(tap), { tap, scanner });
  const clock = new RealClock();
  return new Promise((resolve) => {
    let over = false;
    const end = (outcome: StartOutcome): void => {
      if (over) return;
      over = true;
      clock.clearTimeout(timer);
      options.signal?.removeEventListener('abort', abandon);
      if (!outcome.ok) client.connection.stream.destroy();
      resolve(outcome);
    };
    const fail = (error: unknown): void => end({ ok: false, error: wireErrorOf(error) });
    const abandon = (): void => fail(new Error('the attempt was given up'));
    const timer = clock.setTimeout(
      () =>
        end({
          ok: false,
          error: { code: 'timeout', message: `no session within ${connectTimeoutMs / 1000} s` },
        }),
      connectTimeoutMs,
    );
    options.signal?.addEventListener('abort', abandon);
    client.on('error', fail);
    client.on('end', () => fail(new Error('the server closed the connection')));
    const started = (servedBy: string | null): void => {
      if (over) return;
      const socket = client.connection.stream as Socket;
      for (const event of ['data', 'error']) socket.removeAllListeners(event);
      socket.on('error', () => undefined);
      const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
      end({
        ok: true,
        session: { servedBy, key: { processId: processID, secretKey }, socket, scanner, tap },
      });
    };
    client.connect((error: Error | null) => {
      if (error) fail(error);
      else if (options.withoutProbe) started(null);
      else probe(client, { started, fail });
    });
    if (options.signal?.aborted) abandon();
  });
}

function probe(
  client: Client,
  { started, fail }: { started: (servedBy: string | null) => void; fail: (error: unknown) => void },
): void {
  client.query<[string | null, number | null]>({ text: probeSql, rowMode: 'array' }, (error, result) => {
    if (error) fail(error);
    else {
      const [address, port] = result.rows[0] ?? [];
      started(address ? `${address.split('/')[0]}:${port}` : null);
    }
  });
}

/** A socket that reads into the shared buffer and shows its bytes to the tap. */
function tappedSocket(tap: Tap): Socket {
  const onread = {
    buffer: sharedBuffer,
    callback: (length: number, buffer: Uint8Array): boolean => {
      tap.onBytes(buffer, length);
      return true;
    },
  };
  return new Socket({ onread } as ConstructorParameters<typeof Socket>[0]);
}

/**
 * A client whose stream is the given socket. Until the session is handed over, each chunk goes to `pg` and to the
 * scanner, which begins with the first byte of the protocol: after the server's yes to TLS, if that was asked for.
 */
function clientOn(
  { target, applicationName, tls }: SessionOptions,
  socket: Socket,
  { tap, scanner }: { tap: Tap; scanner: ResponseScanner },
): Client {
  const client = newClient(target, applicationName, {
    ssl: tls ?? false,
    stream: () => socket,
    connectionTimeoutMillis: 0,
  });
  const scanAll = (bytes: Uint8Array, length: number): void => {
    for (let at = 0; at >= 0 && at < length; ) at = scanner.scan(bytes, at, length);
  };
  tap.onBytes = (bytes, length) => {
    if (!tls) scanAll(bytes, length);
    socket.emit('data', Buffer.from(bytes.subarray(0, length)));
  };
  if (tls)
    client.connection.once('sslconnect', () => {
      (client.connection.stream as TLSSocket).on('data', (chunk: Buffer) => scanAll(chunk, chunk.length));
    });
  return client;
}

/** An error of `pg` or of a socket as the session logic knows it. */
export function wireErrorOf(error: unknown): WireError {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof DatabaseError) return { code: error.code ?? 'closed', message };
  const timedOut = /timeout expired|ETIMEDOUT/.test(message);
  return { code: timedOut ? 'timeout' : 'closed', message };
}
