// How long this machine let a process wait that had nothing else to do: an idle timer that came late.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const tickMs = 20;

/** A timer that is late by less is as it should be. */
const leastMs = 30;

/**
 * Watches from now on. The result's `stop` ends it and gives the sum of the stalls, in ms, between two instants of the
 * run that writes into `folder`, whose load start is found by its first events.
 */
export function watchStalls(folder) {
  const events = join(folder, 'events.jsonl');
  const stalls = [];
  let loadStart = null;
  let due = performance.now() + tickMs;
  const tick = () => {
    const now = performance.now();
    if (now - due > leastMs) stalls.push({ at: due, ms: now - due });
    if (loadStart === null && existsSync(events) && readFileSync(events, 'utf8').includes('"name":"start"'))
      loadStart = now;
    due = performance.now() + tickMs;
    timer = setTimeout(tick, tickMs);
  };
  let timer = setTimeout(tick, tickMs);
  return {
    stop() {
      clearTimeout(timer);
      return (fromMs, untilMs) =>
        stalls
          .filter(({ at, ms }) => at - (loadStart ?? 0) + ms >= fromMs && at - (loadStart ?? 0) <= untilMs)
          .reduce((sum, { ms }) => sum + ms, 0);
    },
  };
}

/** Watches from now on: share of the time until it is called in which something waited for a processor; null where the kernel does not tell. */
export function watchWaiting() {
  const before = processorWaitMs();
  const startMs = performance.now();
  return () => (before === null ? null : (processorWaitMs() - before) / (performance.now() - startMs));
}

/** Such time since the machine's start, ms. */
function processorWaitMs() {
  try {
    const total = /^some .* total=(\d+)/m.exec(readFileSync('/proc/pressure/cpu', 'utf8'))?.[1];
    return total === undefined ? null : Number(total) / 1000;
  } catch {
    return null;
  }
}
