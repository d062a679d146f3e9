const unitMs: Record<string, number> = { us: 0.001, ms: 1, s: 1000, min: 60_000, m: 60_000, h: 3_600_000 };

/** What `parseDuration` accepts, for messages. */
export const durationRule = 'a duration is a number with a unit: 250us, 100ms, 2.5s, 3min, 1h';

/** Reads `100ms`, `2.5s`, `1min`, `1h`, `250us`, or a sum such as `1min30s`; milliseconds, or undefined if it is none. */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  if (!/^(\d+(\.\d+)?\s*(us|ms|s|min|m|h)\s*)+$/.test(trimmed)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)\s*(us|ms|s|min|m|h)/g)) {
    totalMs += Number(amount) * (unitMs[unit as string] as number);
  }
  return totalMs;
}

/** Prints a span for people: `840 µs`, `3.2 ms`, `412 ms`, `3.25 s`, `2 min 05 s`. Input in ms. */
export function formatDuration(spanMs: number): string {
  const size = Math.abs(spanMs);
  if (size < 1) return `${Math.round(spanMs * 1000)} µs`;
  if (size < 10) return `${spanMs.toFixed(1)} ms`;
  if (size < 1000) return `${Math.round(spanMs)} ms`;
  if (size < 10_000) return `${(spanMs / 1000).toFixed(2)} s`;
  if (size < 59_950) return `${(spanMs / 1000).toFixed(1)} s`;
  const seconds = Math.round(spanMs / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

/** Whole microseconds of a time in ms: finer than any timer, and free of the digits that binary fractions drag along. */
export function roundMs(valueMs: number): number {
  return Math.round(valueMs * 1000) / 1000;
}
