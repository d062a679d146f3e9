import type { Clock } from '../kernel/clock.ts';
import type { RecordedEvent } from '../recording/events.ts';

/** Something that watches until it is told to stop; it emits nothing after `stop`. */
export interface Observer {
  stop(): void;
}

export interface ObserverOptions {
  clock: Clock;
  emit: (event: RecordedEvent) => void;
}

/**
 * Runs `look` every `periodMs` counted from its start, one at a time: a look that takes longer than the period is
 * followed by the next one at once. `look` must not reject.
 */
export function repeat(clock: Clock, periodMs: number, look: () => Promise<void>): Observer {
  let stopped = false;
  let timer: unknown;
  const turn = async (): Promise<void> => {
    const startMs = clock.nowMs();
    await look();
    if (!stopped) timer = clock.setTimeout(() => void turn(), startMs + periodMs - clock.nowMs());
  };
  void turn();
  return {
    stop: () => {
      stopped = true;
      clock.clearTimeout(timer);
    },
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
