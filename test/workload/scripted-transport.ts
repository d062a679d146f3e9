import type { VirtualClock } from '../../src/kernel/clock.ts';
import type {
  ConnectOutcome,
  ExecutionOutcome,
  ScriptCall,
  SessionTransport,
  TransportHandler,
} from '../../src/workload/transport.ts';

/** What the scripted server does: a delay in ms (Infinity: silence) and the answer. */
export interface Behaviour {
  connect(atMs: number): { afterMs: number; outcome: ConnectOutcome };
  execute(call: ScriptCall, atMs: number): { afterMs: number; outcome: ExecutionOutcome };
  /** What becomes of the running call when the server is asked to stop it; without one it cannot be asked. */
  cancel?(): { afterMs: number; outcome: ExecutionOutcome };
}

/** A transport on the virtual clock that answers as told, and checks that the session logic keeps the port's rules. */
export class ScriptedTransport implements SessionTransport {
  readonly #clock: VirtualClock;
  readonly #behaviour: Behaviour;
  #state: 'closed' | 'connecting' | 'idle' | 'busy' = 'closed';
  #serial = 0;
  readonly connectsAtMs: number[] = [];
  readonly executed: { atMs: number; call: ScriptCall }[] = [];
  cancels = 0;
  opened = 0;
  handler: TransportHandler | null = null;

  constructor(clock: VirtualClock, behaviour: Behaviour) {
    this.#clock = clock;
    this.#behaviour = behaviour;
  }

  connect(done: (outcome: ConnectOutcome) => void): void {
    if (this.#state !== 'closed') throw new Error(`connect while ${this.#state}`);
    this.#state = 'connecting';
    this.connectsAtMs.push(this.#clock.nowMs());
    const { afterMs, outcome } = this.#behaviour.connect(this.#clock.nowMs());
    this.#later(afterMs, () => {
      this.#state = outcome.ok ? 'idle' : 'closed';
      if (outcome.ok) this.opened += 1;
      done(outcome);
    });
  }

  execute(call: ScriptCall): void {
    if (this.#state !== 'idle') throw new Error(`execute while ${this.#state}`);
    this.#state = 'busy';
    this.executed.push({ atMs: this.#clock.nowMs(), call: { ...call } });
    const { afterMs, outcome } = this.#behaviour.execute(call, this.#clock.nowMs());
    this.#later(afterMs, () => {
      this.#state = !outcome.ok && outcome.lost ? 'closed' : 'idle';
      this.handler?.onAnswer(outcome);
    });
  }

  cancel(): boolean {
    if (this.#state !== 'busy') throw new Error(`cancel while ${this.#state}`);
    const stopped = this.#behaviour.cancel?.();
    if (stopped === undefined) return false;
    this.cancels += 1;
    this.#serial += 1;
    this.#later(stopped.afterMs, () => {
      this.#state = 'idle';
      this.handler?.onAnswer(stopped.outcome);
    });
    return true;
  }

  close(): void {
    this.#state = 'closed';
    this.#serial += 1;
  }

  /** The server hangs up on an idle connection. */
  lose(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'closed';
    this.handler?.onLost({ code: 'closed', message: 'lost' });
  }

  #later(afterMs: number, act: () => void): void {
    if (afterMs === Number.POSITIVE_INFINITY) return;
    const serial = this.#serial;
    this.#clock.setTimeout(() => {
      if (serial === this.#serial) act();
    }, afterMs);
  }
}

/** A server that is always there: connects in 1 ms, answers in 2 ms. */
export const steady: Behaviour = {
  connect: () => ({ afterMs: 1, outcome: { ok: true, server: 'server1' } }),
  execute: () => ({ afterMs: 2, outcome: { ok: true } }),
};
