import type { Clock } from '../../src/kernel/clock.ts';

/** A clock in the shape that xstate asks for. */
export function xstateClock(clock: Clock): {
  setTimeout(fire: () => void, delayMs: number): number;
  clearTimeout(id: number): void;
} {
  return {
    setTimeout: (fire, delayMs) => clock.setTimeout(fire, delayMs) as number,
    clearTimeout: (id) => clock.clearTimeout(id),
  };
}
