import { connect, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { AgentMessage } from '../roles/host.ts';

interface Envelope {
  from: string;
  message: AgentMessage;
}

/**
 * TCP between agents: one outgoing connection to each other member, messages as lines of JSON, in order.
 *
 * A message to a member that cannot be reached is dropped; the next one tries again. Connections leave from the
 * agent's own address, so that a cut between two servers' addresses cuts their agents too.
 */
export class Mesh {
  readonly #address: string;
  readonly #ports: ReadonlyMap<string, number>;
  readonly #receive: (from: string, message: AgentMessage) => void;
  readonly #out = new Map<string, Socket>();
  readonly #in = new Set<Socket>();
  #server: Server | undefined;

  constructor(options: {
    address: string;
    ports: ReadonlyMap<string, number>;
    receive: (from: string, message: AgentMessage) => void;
  }) {
    this.#address = options.address;
    this.#ports = options.ports;
    this.#receive = options.receive;
  }

  /** Listens on the agent's own address. Rejects when the port is taken. */
  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server = createServer((socket) => this.#accept(socket));
      this.#server.once('error', reject);
      this.#server.listen(this.#ports.get(this.#address), this.#address, () => resolve());
    });
  }

  send(to: string, message: AgentMessage): void {
    const envelope: Envelope = { from: this.#address, message };
    this.#connectionTo(to)?.write(`${JSON.stringify(envelope)}\n`);
  }

  close(): void {
    this.#server?.close();
    for (const socket of [...this.#out.values(), ...this.#in]) socket.destroy();
  }

  #connectionTo(address: string): Socket | undefined {
    const open = this.#out.get(address);
    if (open) return open;
    const port = this.#ports.get(address);
    if (port === undefined) return undefined;
    const socket = connect({ host: address, port, localAddress: this.#address, noDelay: true });
    this.#out.set(address, socket);
    const forget = (): void => {
      if (this.#out.get(address) === socket) this.#out.delete(address);
      socket.destroy();
    };
    socket.on('error', forget);
    socket.on('close', forget);
    return socket;
  }

  #accept(socket: Socket): void {
    this.#in.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#in.delete(socket));
    const lines = createInterface({ input: socket });
    lines.on('error', () => socket.destroy());
    lines.on('line', (line) => {
      const envelope = readEnvelope(line);
      if (envelope && this.#ports.has(envelope.from)) this.#receive(envelope.from, envelope.message);
      else socket.destroy();
    });
  }
}

/** A line of another agent; undefined for anything that is none (a port scanner, another program). */
function readEnvelope(line: string): Envelope | undefined {
  try {
    const value = JSON.parse(line) as Partial<Envelope>;
    const whole = typeof value?.from === 'string' && typeof value.message?.type === 'string';
    return whole ? (value as Envelope) : undefined;
  } catch {
    return undefined;
  }
}
