import type { Recording } from '../recording/recording.ts';

export interface ClassSecond {
  due: number;
  failed: number;
  unknown: number;
  skipped: number;
  completedOk: number;
}

/** One whole second of the load. `due failed unknown skipped` follow what was due in it, `completedOk` what ended in it. */
export interface Second {
  startMs: number;
  classes: Record<string, ClassSecond>;
  readsByServer: Record<string, number>;
}

/**
 * Adds slices up to the whole seconds of the load; a last incomplete second is left out.
 *
 * @param loadEndMs end of the load, ms since its start
 */
export function secondsOf(recording: Recording, loadEndMs: number): Second[] {
  const names = recording.manifest.scenario.classes.map(({ name }) => name);
  const seconds: Second[] = Array.from({ length: Math.floor(loadEndMs / 1000) }, (_, index) => ({
    startMs: index * 1000,
    classes: Object.fromEntries(names.map((name) => [name, emptySecond()])),
    readsByServer: {},
  }));
  for (const { startMs, lengthMs, classes, readsByServer } of recording.intervals) {
    const second = seconds[Math.floor((startMs + lengthMs / 2) / 1000)];
    if (!second) continue;
    for (const name of names) {
      const [from, to] = [classes[name], second.classes[name]];
      if (!from || !to) continue;
      to.due += from.due;
      to.failed += from.failed;
      to.unknown += from.unknown;
      to.skipped += from.skipped;
      to.completedOk += from.completedOk;
    }
    for (const [server, reads] of Object.entries(readsByServer)) {
      second.readsByServer[server] = (second.readsByServer[server] ?? 0) + reads;
    }
  }
  return seconds;
}

function emptySecond(): ClassSecond {
  return { due: 0, failed: 0, unknown: 0, skipped: 0, completedOk: 0 };
}
