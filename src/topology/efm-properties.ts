import type { Problem } from '../kernel/errors.ts';

/** What the statecharts read of efm.properties: times in ms, the rest as EFM means it. */
export interface EfmSettings {
  witness: boolean;
  localPeriodMs: number;
  localTimeoutMs: number;
  localTimeoutFinalMs: number;
  remoteTimeoutMs: number;
  nodeTimeoutMs: number;
  recoveryCheckPeriodMs: number;
  restartConnectionTimeoutMs: number;
  standbyRestartDelayMs: number;
  autoFailover: boolean;
  autoReconfigure: boolean;
  promotable: boolean;
  minimumStandbys: number;
  useReplayTiebreaker: boolean;
  stopFailedPrimary: boolean;
  /** Hooks that have a command line. */
  hooks: ReadonlySet<string>;
}
