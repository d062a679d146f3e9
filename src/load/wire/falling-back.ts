import type { WireError } from '../../workload/transport.ts';
import { RingFailure } from './ring.ts';
import type { RingIo } from './ring-io.ts';
import { StreamIo } from './stream-io.ts';
import type { OpenOptions, OpenOutcome, WireAgenda, WireIo } from './wire-io.ts';

/**
 * A ring that may fail: then its sessions are lost, once each, and the same thread goes on with Node's sockets, on which
 * whoever lost a session opens the next.
 */
export class FallingBackIo implements WireIo {
  #io: WireIo;
  readonly #ring: RingIo;

  constructor(ring: RingIo) {
    this.#io = ring;
    this.#ring = ring;
  }

  get name(): 'ring' | 'stream' {
    return this.#io.name;
  }

  get reason(): string {
    return this.#io.reason;
  }

  get size(): number {
    return this.#io.size;
  }

  open(options: OpenOptions): Promise<OpenOutcome> {
    return this.#io.open(options);
  }

  accompany<T>(work: Promise<T>): Promise<T> {
    return this.#io.accompany(work);
  }

  stir(): void {
    this.#io.stir();
  }

  async drive(agenda: WireAgenda): Promise<void> {
    try {
      await this.#io.drive(agenda);
    } catch (error) {
      if (!(error instanceof RingFailure) || this.#io !== this.#ring) throw error;
      const reason: WireError = { code: 'closed', message: error.message };
      this.#io = new StreamIo(`the ring was given up: ${error.message}`);
      this.#ring.abandon(reason);
      await this.#io.drive(agenda);
    }
  }

  close(): Promise<void> {
    return this.#io.close();
  }
}
