import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { RealClock } from '../kernel/clock.ts';
import { DrillError, ExitCode } from '../kernel/errors.ts';
import type { EfmAnswer } from '../roles/efm-answer.ts';
import { type AgentConfig, authorizationFile } from './config.ts';

/** Longest that `efm` waits for its agent. */
const adminTimeoutMs = 30_000;

interface AdminRequest {
  token: string;
  args: string[];
}

/** The agent's door for the local `efm` command: one request a connection, let in by a token that only its user can read. */
export class AdminServer {
  readonly #config: AgentConfig;
  readonly #command: (args: readonly string[], done: (answer: EfmAnswer) => void) => void;
  readonly #token = randomBytes(16).toString('hex');
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(
    config: AgentConfig,
    command: (args: readonly string[], done: (answer: EfmAnswer) => void) => void,
  ) {
    this.#config = config;
    this.#command = command;
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server = createServer((socket) => this.#serve(socket));
      this.#server.once('error', reject);
      this.#server.listen(this.#config.adminPort, this.#config.address, () => {
        writeFileSync(authorizationFile(this.#config), this.#token, { mode: 0o600 });
        resolve();
      });
    });
  }

  close(): void {
    rmSync(authorizationFile(this.#config), { force: true });
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const lines = createInterface({ input: socket });
    lines.on('error', () => socket.destroy());
    lines.once('line', (line) => {
      const request = readRequest(line);
      if (request?.token !== this.#token) socket.destroy();
      else this.#command(request.args, (answer) => socket.end(`${JSON.stringify(answer)}\n`));
    });
  }
}

function readRequest(line: string): AdminRequest | undefined {
  try {
    const value = JSON.parse(line) as Partial<AdminRequest>;
    return typeof value?.token === 'string' && Array.isArray(value.args)
      ? (value as AdminRequest)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Gives a command to the agent of this server and returns what it prints. */
export function askAgent(config: AgentConfig, args: readonly string[]): Promise<EfmAnswer> {
  const token = readToken(config);
  const request: AdminRequest = { token, args: [...args] };
  return new Promise((resolve, reject) => {
    const clock = new RealClock();
    const socket = connect(config.adminPort, config.address, () =>
      socket.write(`${JSON.stringify(request)}\n`),
    );
    const fail = (why: string): void => {
      socket.destroy();
      reject(
        new DrillError(`the agent on ${config.address}:${config.adminPort} ${why}`, {
          exitCode: ExitCode.usage,
        }),
      );
    };
    const timer = clock.setTimeout(
      () => fail(`did not answer within ${adminTimeoutMs / 1000} s`),
      adminTimeoutMs,
    );
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', (error) => fail(`cannot be reached: ${error.message}`));
    socket.on('close', () => {
      clock.clearTimeout(timer);
      if (text.endsWith('\n')) resolve(JSON.parse(text) as EfmAnswer);
      else fail('closed the connection without an answer');
    });
  });
}

function readToken(config: AgentConfig): string {
  try {
    return readFileSync(authorizationFile(config), 'utf8');
  } catch (cause) {
    const denied = (cause as NodeJS.ErrnoException).code === 'EACCES';
    throw new DrillError(
      denied
        ? 'Not authorized to run this command: the authorization file belongs to another user.'
        : 'Authorization file not found. Is the local agent running?',
      { exitCode: ExitCode.usage, cause },
    );
  }
}
