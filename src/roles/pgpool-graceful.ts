import type { Clock } from '../kernel/clock.ts';

/** Pause between two looks whether all clients have left (recovery.c: wait_connection_closed). */
const lookMs = 3000;

/** A session that is idle is told to go within a second. */
const kickMs = 1000;

/** What a command with `-g` needs of its Pgpool. */
export interface Gathering {
  clock: Clock;
  recoveryTimeoutMs: number;
  clientIdleLimitInRecoveryMs: number;
  clients(): number;
  kick(): void;
}

/**
 * Waits as a PCP command with `-g` does: until no client is left, looking every 3 s, ⌊recovery_timeout / 3 s⌋ + 1 times and a
 * pause after each. New clients are let in meanwhile.
 *
 * @param done called with whether all have left; Pgpool 4.3.5 reports success in both cases
 */
export function awaitNoClients(gathering: Gathering, done: (left: boolean) => void): void {
  const { clock, recoveryTimeoutMs, clientIdleLimitInRecoveryMs, clients, kick } = gathering;
  if (clientIdleLimitInRecoveryMs < 0) clock.setTimeout(kick, kickMs);
  let looksLeft = Math.floor(recoveryTimeoutMs / lookMs) + 1;
  const look = (): void => {
    if (looksLeft > 0 && clients() === 0) done(true);
    else if (looksLeft === 0) done(false);
    else {
      looksLeft -= 1;
      clock.setTimeout(look, lookMs);
    }
  };
  clock.setTimeout(look, 0);
}
