import type { PgpoolSettings } from '../../src/roles/pgpool.ts';
import { childCount } from './pgpool-differential-model.ts';
import { nodeIds } from './pgpool-differential-servers.ts';

/** Settings that the real Pgpool and the model run with. */
export interface Profile {
  name: string;
  /** What it is for. */
  about: string;
  /** pgpool.conf; `{folder}` stands for the folder of the cluster. */
  conf: Readonly<Record<string, string>>;
  model: PgpoolSettings;
  /** Pgpool is at rest only after so many health checks of every node. */
  healthCheckRounds: number;
}

/** Seconds, and iterations, of the search for a primary: short, for a sequence makes many. */
const searchSeconds = 2;

const follow = { follow_primary_command: '{folder}/follow %d %P' };
const base = {
  search_primary_node_timeout: String(searchSeconds),
  sr_check_period: '10',
  health_check_period: '0',
  recovery_timeout: '3',
  failover_on_backend_error: 'off',
  failover_on_backend_shutdown: 'off',
};
const model: PgpoolSettings = {
  searchPrimaryNodeTimeout: searchSeconds,
  hasFollowCommand: true,
  failoverOnBackendError: false,
  failoverOnBackendShutdown: false,
  numInitChildren: childCount,
  recoveryTimeoutMs: 3000,
};

const healthCheck = {
  health_check_period: '1',
  health_check_timeout: '10',
  health_check_max_retries: '1',
  health_check_retry_delay: '1',
};
const nodes = nodeIds.map(() => ({
  flag: 'ALLOW_TO_FAILOVER' as const,
  healthCheck: {
    periodMs: 1000,
    timeoutMs: 10_000,
    maxRetries: 1,
    retryDelayMs: 1000,
    connectTimeoutMs: 10_000,
  },
}));

export const profiles: readonly Profile[] = [
  {
    name: 'guide',
    about: 'the guide: Pgpool never fails over by itself; follow command set',
    conf: { ...base, ...follow },
    model,
    healthCheckRounds: 0,
  },
  {
    name: 'no-follow',
    about: 'as the guide, without a follow command',
    conf: base,
    model: { ...model, hasFollowCommand: false },
    healthCheckRounds: 0,
  },
  {
    name: 'backend-error',
    about: 'failover_on_backend_error on',
    conf: { ...base, ...follow, failover_on_backend_error: 'on' },
    model: { ...model, failoverOnBackendError: true },
    healthCheckRounds: 0,
  },
  {
    name: 'backend-shutdown',
    about: "failover_on_backend_shutdown on, 4.3.5's default",
    conf: { ...base, ...follow, failover_on_backend_shutdown: 'on' },
    model: { ...model, failoverOnBackendShutdown: true },
    healthCheckRounds: 0,
  },
  {
    name: 'health-check',
    about: 'health check of every node each second, one retry; nothing else fails over',
    conf: { ...base, ...follow, ...healthCheck },
    model: { ...model, nodes },
    healthCheckRounds: 2,
  },
  {
    name: 'auto-failback',
    about: 'health check and auto_failback each second',
    conf: {
      ...base,
      ...follow,
      ...healthCheck,
      sr_check_period: '1',
      auto_failback: 'on',
      auto_failback_interval: '1',
    },
    model: { ...model, nodes, srCheckPeriodMs: 1000, autoFailback: true, autoFailbackIntervalMs: 1000 },
    healthCheckRounds: 4,
  },
];

/** Whose turn it is: the settings that users have most often, and those whose sequences take long seldom. */
export const rota: readonly string[] = [
  ...['guide', 'backend-error', 'backend-shutdown', 'no-follow', 'guide', 'health-check'],
  ...['guide', 'backend-shutdown', 'backend-error', 'no-follow', 'guide', 'backend-shutdown'],
  ...[
    'guide',
    'auto-failback',
    'backend-error',
    'guide',
    'health-check',
    'backend-shutdown',
    'no-follow',
    'guide',
  ],
];
