import type { DrillEvent } from '../recording/events.ts';
import type { Recording } from '../recording/recording.ts';

/** From `startMs` up to and without `endMs`, ms since load start. */
export interface Stretch {
  startMs: number;
  endMs: number;
}

/** One drill that began: its own stretch reaches until the next one begins or the load ends. */
export interface DrillWindow {
  id: string;
  kind: string;
  target: string | null;
  begunMs: number;
  /** When it had acted on the servers; what it did is counted from here. */
  injectedMs: number;
  /** When its action had ended; null when that was not seen. */
  actionEndMs: number | null;
  /** Null while its end was not seen. */
  ok: boolean | null;
  detail: string | null;
  untilMs: number;
}

/** The stretches of a run that every analysis refers to. */
export interface Frame {
  /** Nothing is due from here on. */
  loadEndMs: number;
  /** Warm-up left out: what counts, rates, percentiles and shares cover. */
  measured: Stretch;
  /** From the end of the warm-up to the first drill; null when that holds no whole second. */
  baseline: Stretch | null;
  drills: DrillWindow[];
  interrupted: boolean;
  /** The recording holds no end of the load: the program that wrote it ended before. */
  cutShort: boolean;
}

/**
 * Finds the stretches of a run.
 *
 * The load ends at warm-up plus measurement, earlier when the run was interrupted or the recording stops. There is one
 * baseline for all drills, the steady stretch before the first, so that a later drill is not held against the wounds
 * of an earlier one.
 */
export function frameOf(recording: Recording): Frame {
  const { warmupMs, measureMs } = recording.manifest.scenario;
  let loadEndMs = warmupMs + measureMs;
  let interrupted = false;
  let cutShort = true;
  for (const event of recording.events) {
    if (event.type !== 'phase' || (event.name !== 'stop' && event.name !== 'interrupted')) continue;
    loadEndMs = Math.min(loadEndMs, event.atMs);
    interrupted ||= event.name === 'interrupted';
    cutShort = false;
  }
  const last = recording.intervals.at(-1);
  loadEndMs = Math.max(0, Math.min(loadEndMs, last ? last.startMs + last.lengthMs : 0));
  const drills = drillWindows(recording, loadEndMs);
  const baselineEndMs = Math.min(drills[0]?.begunMs ?? loadEndMs, loadEndMs);
  const wholeSeconds = Math.floor(baselineEndMs / 1000) - Math.ceil(warmupMs / 1000);
  return {
    loadEndMs,
    measured: { startMs: Math.min(warmupMs, loadEndMs), endMs: loadEndMs },
    baseline: wholeSeconds >= 1 ? { startMs: warmupMs, endMs: baselineEndMs } : null,
    drills,
    interrupted,
    cutShort,
  };
}

function drillWindows(recording: Recording, loadEndMs: number): DrillWindow[] {
  const windows: DrillWindow[] = [];
  const events = recording.events.filter((event): event is DrillEvent => event.type === 'drill');
  for (const { id, kind, target, moment, atMs } of events) {
    if (moment !== 'begun' || windows.some((window) => window.id === id)) continue;
    const injected = events.find((event) => event.id === id && event.moment === 'injected');
    const ended = events.find((event) => event.id === id && event.moment === 'ended');
    const failed = [injected, ended].find((event) => event?.ok === false);
    windows.push({
      id,
      kind,
      target: target ?? injected?.target ?? ended?.target ?? null,
      begunMs: atMs,
      injectedMs: injected?.atMs ?? atMs,
      actionEndMs: ended?.atMs ?? null,
      ok: failed ? false : (ended?.ok ?? null),
      detail: failed?.detail ?? ended?.detail ?? null,
      untilMs: loadEndMs,
    });
  }
  windows.sort((first, second) => first.begunMs - second.begunMs);
  for (const [index, window] of windows.entries()) {
    const next = windows[index + 1];
    if (next) window.untilMs = Math.min(window.untilMs, next.begunMs);
  }
  return windows;
}

/** Length of the part that two stretches share, ms; 0 when they do not meet. */
export function overlapMs(first: Stretch, second: Stretch): number {
  return Math.max(0, Math.min(first.endMs, second.endMs) - Math.max(first.startMs, second.startMs));
}

/** Whether an instant lies in a stretch, its end left out. */
export function within(atMs: number, { startMs, endMs }: Stretch): boolean {
  return atMs >= startMs && atMs < endMs;
}
