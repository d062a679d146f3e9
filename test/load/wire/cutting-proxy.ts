import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Target } from '../../../src/load/target.ts';

/** One connection through the proxy. */
interface Pair {
  client: Socket;
  upstream: Socket;
}

/** What a proxy does to bytes that the server sends. */
export interface Mischief {
  /** Sends each byte by itself, the next when the last is out. */
  single: boolean;
  /** Holds bytes back until it is taken back. */
  stall: boolean;
  /** Changes a chunk. */
  corrupt: (chunk: Buffer) => Buffer;
}

/** A TCP proxy between a test and its server that cuts, stalls, fragments or damages what the server sends. */
export class CuttingProxy {
  readonly mischief: Mischief = { single: false, stall: false, corrupt: (chunk) => chunk };
  readonly #upstream: Target;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #held: (() => void)[] = [];

  constructor(upstream: Target) {
    this.#upstream = upstream;
    this.#server = createServer({ noDelay: true }, (client) => this.#serve(client));
  }

  async listen(): Promise<Target> {
    this.#server.listen(0, this.#upstream.host);
    await once(this.#server, 'listening');
    const address = this.#server.address();
    return { ...this.#upstream, port: typeof address === 'object' && address ? address.port : 0 };
  }

  /** Clients that are connected. */
  get size(): number {
    return this.#pairs.size;
  }

  /** Ends every connection: with a FIN, or hard. */
  cut(how: 'close' | 'reset'): void {
    for (const { client, upstream } of this.#pairs) {
      upstream.destroy();
      if (how === 'reset') client.resetAndDestroy();
      else client.destroy();
    }
  }

  /** Lets held bytes go, in order. */
  release(): void {
    this.mischief.stall = false;
    const held = this.#held;
    this.#held = [];
    for (const go of held) go();
  }

  async close(): Promise<void> {
    this.cut('close');
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(client: Socket): void {
    const upstream = connect({ host: this.#upstream.host, port: this.#upstream.port, noDelay: true });
    const pair = { client, upstream };
    this.#pairs.add(pair);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#pairs.delete(pair);
        to.end();
      });
    }
    client.on('data', (chunk) => upstream.write(chunk));
    let queue = Promise.resolve();
    upstream.on('data', (chunk) => {
      queue = queue.then(() => this.#pass(client, this.mischief.corrupt(Buffer.from(chunk))));
    });
  }

  async #pass(client: Socket, chunk: Buffer): Promise<void> {
    if (this.mischief.stall) await new Promise<void>((resolve) => this.#held.push(resolve));
    if (!this.mischief.single) {
      client.write(chunk);
      return;
    }
    for (const byte of chunk) {
      client.write(Buffer.from([byte]));
      await stat('/'); // Any input or output will do: a ring in this thread visits the event loop for it.
    }
  }
}
