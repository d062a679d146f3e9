import { setup } from 'xstate';
import type { HealthCheckConf } from '../topology/pgpool-conf.ts';
import type { BackendGreeting } from './pgpool-sessions.ts';

/** What a check of a node is for now; `failback` is the connection test of auto_failback. */
export type CheckPurpose = 'check' | 'failback' | 'none';

/** What the health check of one node asks of its Pgpool. */
interface HealthCheckInput {
  conf: HealthCheckConf;
  purpose: () => CheckPurpose;
  greeting: () => BackendGreeting;
}

interface HealthCheckContext extends HealthCheckInput {
  checking: CheckPurpose;
  triesLeft: number;
  timedOut: boolean;
}

/** How long one try of a check lasts, ms, and whether the health check's own timer ended it; Infinity: until the node answers. */
export function tryOf(
  greeting: BackendGreeting,
  { timeoutMs, connectTimeoutMs }: HealthCheckConf,
): { lastsMs: number; timedOut: boolean } {
  const limitMs = timeoutMs > 0 ? timeoutMs : Number.POSITIVE_INFINITY;
  switch (greeting) {
    case 'drops': {
      const connectMs = connectTimeoutMs > 0 ? connectTimeoutMs : Number.POSITIVE_INFINITY;
      return { lastsMs: Math.min(limitMs, connectMs), timedOut: limitMs <= connectMs };
    }
    case 'hangs':
      return { lastsMs: limitMs, timedOut: true };
    default:
      return { lastsMs: 0, timedOut: false };
  }
}

/**
 * The latest end of a health check that takes a lost node down, ms after the loss.
 *
 * period + (retries + 1) tries + retries delays; a try lasts nothing against a node that refuses, else the shorter of
 * `health_check_timeout` and `connect_timeout`, or the former alone where the node takes the connection and is silent.
 */
export function worstDetectionMs(conf: HealthCheckConf, greeting: BackendGreeting): number {
  const { lastsMs } = tryOf(greeting, conf);
  return conf.periodMs + (conf.maxRetries + 1) * lastsMs + conf.maxRetries * conf.retryDelayMs;
}

const base = setup({
  types: {
    input: {} as HealthCheckInput,
    context: {} as HealthCheckContext,
    emitted: {} as
      | { type: 'passed'; purpose: CheckPurpose }
      | { type: 'failed'; purpose: CheckPurpose; timedOut: boolean },
  },
  delays: {
    period: ({ context }) => context.conf.periodMs,
    retryDelay: ({ context }) => context.conf.retryDelayMs,
    tryLimit: ({ context }) => tryOf(context.greeting(), context.conf).lastsMs,
  },
  guards: {
    off: ({ context }) => context.conf.periodMs <= 0,
    needless: ({ context }) => context.purpose() === 'none',
    passes: ({ context }) => context.greeting() === 'accepts',
    silent: ({ context }) => tryOf(context.greeting(), context.conf).lastsMs > 0,
    silentForEver: ({ context }) =>
      tryOf(context.greeting(), context.conf).lastsMs === Number.POSITIVE_INFINITY,
    triesLeft: ({ context }) => context.triesLeft > 0,
  },
});

const begin = base.assign(({ context }) => ({
  ...context,
  checking: context.purpose(),
  triesLeft: context.conf.maxRetries,
}));

/**
 * Pgpool's health check of one node: a try, `health_check_max_retries` more after pauses, then the verdict; the next check comes
 * `health_check_period` after the end of this one. A node that is down is left alone, but for auto_failback and quarantine.
 *
 * Source: Pgpool-II 4.3.5, src/main/health_check.c.
 */
export const healthCheckMachine = base.createMachine({
  id: 'healthCheck',
  context: ({ input }) => ({ ...input, checking: 'none', triesLeft: 0, timedOut: false }),
  initial: 'due',
  states: {
    off: {},
    due: {
      always: [
        { guard: 'off', target: 'off' },
        { guard: 'needless', target: 'sleeping' },
        { target: 'trying', actions: begin },
      ],
    },
    trying: {
      entry: base.assign({
        timedOut: ({ context }) => tryOf(context.greeting(), context.conf).timedOut,
      }),
      always: [
        { guard: 'passes', target: 'passed' },
        { guard: 'silentForEver', target: 'hanging' },
        { guard: 'silent', target: 'waiting' },
        { target: 'missed' },
      ],
    },
    waiting: { after: { tryLimit: [{ guard: 'passes', target: 'passed' }, { target: 'missed' }] } },
    /** With `health_check_timeout = 0` a silent node holds its check up until it answers. */
    hanging: { after: { retryDelay: { target: 'trying' } } },
    missed: {
      always: [{ guard: 'triesLeft', target: 'pausing' }, { target: 'failed' }],
    },
    pausing: {
      entry: base.assign({ triesLeft: ({ context }) => context.triesLeft - 1 }),
      after: { retryDelay: 'trying' },
    },
    passed: {
      entry: base.emit(({ context }) => ({ type: 'passed' as const, purpose: context.checking })),
      always: 'sleeping',
    },
    failed: {
      entry: base.emit(({ context }) => ({
        type: 'failed' as const,
        purpose: context.checking,
        timedOut: context.timedOut,
      })),
      always: 'sleeping',
    },
    sleeping: { after: { period: 'due' } },
  },
});
