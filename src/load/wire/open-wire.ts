import { FallingBackIo } from './falling-back.ts';
import { loadKernelCalls, NoRing } from './kernel-calls.ts';
import { RingIo } from './ring-io.ts';
import { StreamIo } from './stream-io.ts';
import type { WireIo } from './wire-io.ts';

export interface WireChoice {
  /** `auto` takes the ring where it can. */
  prefer: 'auto' | 'ring' | 'stream';
  /** Sessions of this thread, roughly; more are possible. */
  expectedConnections: number;
  /** TLS cannot be carried by the ring. */
  tls?: boolean;
}

/**
 * The transport for this thread's sessions, chosen by what this machine allows.
 *
 * @throws NoRing when a ring was asked for by name and cannot be had
 */
export async function openWire({ prefer, expectedConnections, tls = false }: WireChoice): Promise<WireIo> {
  if (prefer === 'stream') return new StreamIo('asked for');
  try {
    if (tls) throw new NoRing('TLS needs sockets of Node');
    return new FallingBackIo(new RingIo(await loadKernelCalls(), expectedConnections));
  } catch (error) {
    if (!(error instanceof NoRing) || prefer === 'ring') throw error;
    return new StreamIo(`no ring: ${error.message}`);
  }
}

/**
 * What `openWire` would choose on this machine, as reports print it: `ring`, or `stream` with the reason.
 *
 * @throws NoRing when a ring was asked for by name and cannot be had
 */
export async function tryWire(choice: Omit<WireChoice, 'expectedConnections'>): Promise<string> {
  const io = await openWire({ ...choice, expectedConnections: 1 });
  await io.close();
  return wireLabel(io);
}

/** A transport as reports print it. */
export function wireLabel({ name, reason }: Pick<WireIo, 'name' | 'reason'>): string {
  return name === 'ring' ? name : `${name} (${reason})`;
}
