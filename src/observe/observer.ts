import type { Clock } from '../kernel/clock.ts';
import type { RecordedEvent } from '../recording/events.ts';

/** Something that watches until it is told to stop; it emits nothing after `stop`. */
export interface Observer {
  stop(): void;
}

export interface ObserverOptions {
  clock: Clock;
  emit: (event: RecordedEvent) => void;
  /** Hears the failure that ended an observer, such as an `emit` that threw; default: a probe event, if one can still be emitted. */
  onFailure?: (cause: Error) => void;
}

/**
 * Runs `look` every `periodMs` counted from its start, one at a time: a look that takes longer than the period is
 * followed by the next one at once. One that rejects is the last; `onFailure` hears of it.
 */
export function repeat(
  clock: Clock,
  periodMs: number,
  options: { look: () => Promise<void>; onFailure: (cause: Error) => void },
): Observer {
  let stopped = false;
  let timer: unknown;
  const fail = (cause: unknown): void => {
    if (stopped) return;
    stopped = true;
    options.onFailure(cause instanceof Error ? cause : new Error(String(cause)));
  };
  const turn = async (): Promise<void> => {
    const startMs = clock.nowMs();
    await options.look();
    if (!stopped) timer = clock.setTimeout(run, startMs + periodMs - clock.nowMs());
  };
  const run = (): void => void turn().catch(fail);
  run();
  return {
    stop: () => {
      stopped = true;
      clock.clearTimeout(timer);
    },
  };
}

/** Where the failure of one observer about one target ends: with its owner, else as a probe event if one can still be emitted. */
export function failureOf(
  options: ObserverOptions,
  names: { observer: string; target: string },
): (cause: Error) => void {
  return (cause) => {
    if (options.onFailure) return options.onFailure(cause);
    const detail = `stopped: ${cause.message}`;
    try {
      options.emit({ type: 'probe', atMs: options.clock.nowMs(), ...names, ok: false, detail });
    } catch {}
  };
}

/**
 * Turns answers and failures of one observer about one target into probe events: one when it first fails, one when it
 * answers again, none in between.
 */
export function probe(
  options: ObserverOptions,
  names: { observer: string; target: string },
): (failure: string | null) => void {
  let ok = true;
  return (failure) => {
    if ((failure === null) === ok) return;
    ok = failure === null;
    options.emit({ type: 'probe', atMs: options.clock.nowMs(), ...names, ok, detail: failure });
  };
}
