import { createServer, type Server, type Socket } from 'node:net';
import type { Target } from '../../src/load/target.ts';

/** How far a played server goes with everyone who connects. */
export interface Manners {
  /** Lets clients in; otherwise they are never answered. */
  letsIn: boolean;
  /** Answers queries, each with no rows; otherwise it takes them in silence. */
  answers: boolean;
  /** Closes the connection when the client says goodbye. */
  parts: boolean;
}

/** A server that speaks just enough of PostgreSQL's protocol 3.0 to be silent at a chosen moment. */
export class PlayedServer {
  readonly manners: Manners;
  /** Statements received, in order, over all connections. */
  readonly queries: string[] = [];
  /** Connections that are gone. */
  closed = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(manners: Manners) {
    this.manners = manners;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
  }

  async listen(): Promise<Target> {
    const host = '127.0.82.31';
    await new Promise<void>((resolve) => {
      this.#server.listen(0, host, resolve);
    });
    const address = this.#server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    return { host, port, user: 'someone', database: 'something' };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.closed += 1;
    });
    socket.on('end', () => {
      if (this.manners.parts) socket.end();
    });
    let received = Buffer.alloc(0);
    let started = false;
    socket.on('data', (data) => {
      received = Buffer.concat([received, data]);
      for (;;) {
        const header = started ? 1 : 0;
        if (received.length < header + 4) return;
        const length = header + received.readInt32BE(header);
        if (received.length < length) return;
        const body = received.subarray(header + 4, length);
        if (!started && this.manners.letsIn) socket.write(Buffer.concat([letIn, ready]));
        if (started && received[0] === 'Q'.charCodeAt(0)) this.#query(socket, body);
        started = true;
        received = received.subarray(length);
      }
    });
  }

  #query(socket: Socket, body: Buffer): void {
    this.queries.push(body.toString('utf8').replace(/\0$/, ''));
    if (this.manners.answers) socket.write(Buffer.concat([done, ready]));
  }
}

/** A message: its type, its length, its content. */
function message(type: string, content: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeInt32BE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

const letIn = message('R', Buffer.alloc(4));
const ready = message('Z', Buffer.from('I'));
const done = message('C', Buffer.from('SELECT 0\0'));
