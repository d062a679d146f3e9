import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import type { Clock } from '../kernel/clock.ts';
import { DrillError } from '../kernel/errors.ts';
import type { BackendStatus } from '../recording/events.ts';

/** Where Pgpool's control port (PCP) listens, and who asks. */
export interface PcpEndpoint {
  address: string;
  port: number;
  user: string;
  password: string;
}

/** One backend as Pgpool sees it. `role` is Pgpool's opinion, not the server's. */
export interface PcpNode {
  id: number;
  address: string;
  port: number;
  status: BackendStatus;
  /** Share of balanced sessions, 0..1; null when Pgpool's own sum of weights is 0. */
  share: number | null;
  role: 'primary' | 'standby';
  /** `streaming`, or empty when unknown. */
  replicationState: string;
  /** Seconds since 1970 of the last change of status. */
  changedEpochSeconds: number;
}

/** A message of the PCP protocol: one type byte, then NUL-terminated strings. */
export interface PcpFrame {
  type: string;
  payload: Buffer;
}

/**
 * Asks a Pgpool-II 4.3 or later for all its nodes over a connection of its own.
 *
 * The connection is closed as soon as the answer is there or `timeoutMs` has passed: up to 4.4 a PCP connection held
 * open across an attach, detach or promote stops all of Pgpool until it is closed.
 *
 * @throws DrillError when there is no answer in time, the user is refused, or Pgpool reports an error
 */
export function pcpNodes(
  endpoint: PcpEndpoint,
  options: { clock: Clock; timeoutMs: number },
): Promise<PcpNode[]> {
  const where = `${endpoint.address}:${endpoint.port}`;
  return new Promise((resolve, reject) => {
    const socket = connect({ host: endpoint.address, port: endpoint.port, noDelay: true });
    const nodes: PcpNode[] = [];
    let pending: Buffer = Buffer.alloc(0);
    const timer = options.clock.setTimeout(
      () =>
        finish(new DrillError(`Pgpool's PCP port ${where} did not answer within ${options.timeoutMs} ms`)),
      options.timeoutMs,
    );
    const finish = (failure: Error | null): void => {
      options.clock.clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => {});
      if (failure) socket.destroy();
      else socket.end(pcpFrame('X', ''));
      socket.resume();
      if (failure) reject(failure);
      else resolve(nodes);
    };
    const take = (frame: PcpFrame): void => {
      const fields = pcpStrings(frame.payload);
      if (frame.type === 'm') socket.write(pcpFrame('R', authentication(endpoint, frame.payload)));
      else if (frame.type === 'r') socket.write(pcpFrame('I', '-1\0'));
      else if (frame.type === 'E')
        finish(new DrillError(`Pgpool at ${where} refused a PCP request: ${pcpErrorText(fields)}`));
      else if (frame.type === 'i' && fields[0] === 'NodeInfo')
        nodes.push(pcpNode(fields.slice(1), nodes.length));
      else if (frame.type === 'i' && fields[0] === 'CommandComplete') finish(null);
    };
    socket.once('connect', () => socket.write(pcpFrame('M', '')));
    socket.once('error', (cause) =>
      finish(new DrillError(`Pgpool's PCP port ${where}: ${cause.message}`, { cause })),
    );
    socket.once('close', () => finish(new DrillError(`Pgpool closed the PCP connection to ${where}`)));
    socket.on('data', (chunk) => {
      try {
        const parsed = pcpFrames(Buffer.concat([pending, chunk]));
        pending = parsed.rest;
        for (const frame of parsed.frames) take(frame);
      } catch (cause) {
        finish(cause instanceof Error ? cause : new Error(String(cause)));
      }
    });
  });
}

/** Encodes one request. */
export function pcpFrame(type: string, payload: string): Buffer {
  const body = Buffer.from(payload, 'latin1');
  const frame = Buffer.alloc(5 + body.length);
  frame.write(type, 0, 'latin1');
  frame.writeInt32BE(4 + body.length, 1);
  body.copy(frame, 5);
  return frame;
}

/** Splits received bytes into whole messages; `rest` is the beginning of the next one. */
export function pcpFrames(bytes: Buffer): { frames: PcpFrame[]; rest: Buffer } {
  const frames: PcpFrame[] = [];
  let at = 0;
  while (bytes.length - at >= 5) {
    const length = bytes.readInt32BE(at + 1);
    if (length < 4 || length > 1_000_000)
      throw new DrillError(`a PCP message of impossible length ${length}`);
    if (bytes.length - at < 1 + length) break;
    frames.push({
      type: bytes.toString('latin1', at, at + 1),
      payload: bytes.subarray(at + 5, at + 1 + length),
    });
    at += 1 + length;
  }
  return { frames, rest: bytes.subarray(at) };
}

/** The digest that PCP asks for: md5 over the md5 of the stored password with the user, and the salt. Source: pcp.c of 4.3.5. */
export function pcpDigest(endpoint: Pick<PcpEndpoint, 'user' | 'password'>, salt: Buffer): string {
  const stored = md5(Buffer.from(endpoint.password, 'utf8'));
  const withUser = md5(Buffer.from(stored + endpoint.user, 'utf8'));
  return md5(Buffer.concat([Buffer.from(withUser, 'latin1'), salt]));
}

/**
 * Reads the fields of a NodeInfo message. 4.3 has 12; 4.4 and later have 13, with a flag before the delay.
 *
 * @throws DrillError for the shapes of other versions
 */
export function pcpNode(fields: readonly string[], id: number): PcpNode {
  if (fields.length !== 12 && fields.length !== 13) {
    throw new DrillError(
      `Pgpool's node info has ${fields.length} fields; 12 (4.3) or 13 (4.4 and later) are known`,
      {
        hint: 'this PCP client reads Pgpool-II 4.3 and later',
      },
    );
  }
  const [address = '', port, status, quarantine, , weight, role] = fields;
  const [replicationState = '', , changed] = fields.slice(-3);
  const share = Number(weight) / 2147483647;
  return {
    id,
    address,
    port: Number(port),
    status: quarantine === '1' ? 'quarantine' : (statuses[Number(status)] ?? 'unused'),
    share: Number.isFinite(share) ? share : null,
    role: role === '0' || role === '2' ? 'primary' : 'standby',
    replicationState,
    changedEpochSeconds: Number(changed),
  };
}

const statuses: readonly BackendStatus[] = ['unused', 'waiting', 'up', 'down'];

function authentication(endpoint: PcpEndpoint, salt: Buffer): string {
  return `${endpoint.user}\0${pcpDigest(endpoint, salt)}\0`;
}

function pcpStrings(payload: Buffer): string[] {
  const parts = payload.toString('utf8').split('\0');
  if (parts.at(-1) === '') parts.pop();
  return parts;
}

function pcpErrorText(fields: readonly string[]): string {
  const of = (code: string): string | undefined => fields.find((field) => field.startsWith(code))?.slice(1);
  return [of('M') ?? 'no message', of('D')].filter((text) => text !== undefined).join(': ');
}

function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex');
}
