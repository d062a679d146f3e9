import type { PgpoolSettings } from '../../src/roles/pgpool.ts';
import type { NodeSettings } from '../../src/roles/pgpool-settings.ts';
import { childCount } from './pgpool-differential-clients.ts';
import { type CommandMode, commandConf } from './pgpool-differential-commands.ts';
import { nodeIds } from './pgpool-differential-servers.ts';

/** Settings that the real Pgpool and the model run with. */
export interface Profile {
  name: string;
  /** What it is for. */
  about: string;
  /** pgpool.conf; `{folder}` stands for the folder of the cluster. */
  conf: Readonly<Record<string, string>>;
  model: PgpoolSettings;
  /** What failover_command and failback_command are; left out: neither is set, and what the main process did is not compared. */
  commands?: CommandMode;
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
  flag: 'ALLOW_TO_FAILOVER' as NodeSettings['flag'],
  healthCheck: {
    periodMs: 1000,
    timeoutMs: 10_000,
    maxRetries: 1,
    retryDelayMs: 1000,
    connectTimeoutMs: 10_000,
  },
}));

const hasCommands = { hasFailoverCommand: true, hasFailbackCommand: true };

/** Node 0 has the flag; no health check runs. */
function flagged(flag: NodeSettings['flag']): NodeSettings[] {
  return nodes.map(({ healthCheck: check }, id) => ({
    flag: id === 0 ? flag : 'ALLOW_TO_FAILOVER',
    healthCheck: { ...check, periodMs: 0 },
  }));
}

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
  {
    name: 'commands',
    about: 'failover_command and failback_command that do nothing but take their time; follow command set',
    conf: { ...base, ...follow, ...commandConf('notes') },
    model: { ...model, ...hasCommands },
    commands: 'notes',
    healthCheckRounds: 0,
  },
  {
    name: 'promoting',
    about: "a failover_command that promotes as Pgpool's sample does; failover_on_backend_error on",
    conf: { ...base, ...follow, ...commandConf('promotes'), failover_on_backend_error: 'on' },
    model: { ...model, ...hasCommands, failoverOnBackendError: true },
    commands: 'promotes',
    healthCheckRounds: 0,
  },
  {
    name: 'promoting-alone',
    about: 'the same without a follow command',
    conf: { ...base, ...commandConf('promotes'), failover_on_backend_error: 'on' },
    model: { ...model, ...hasCommands, hasFollowCommand: false, failoverOnBackendError: true },
    commands: 'promotes',
    healthCheckRounds: 0,
  },
  {
    name: 'disallow',
    about: 'node 0 may not fail over (DISALLOW_TO_FAILOVER); failover_on_backend_error on',
    conf: { ...base, ...follow, failover_on_backend_error: 'on', backend_flag0: 'DISALLOW_TO_FAILOVER' },
    model: { ...model, nodes: flagged('DISALLOW_TO_FAILOVER'), failoverOnBackendError: true },
    healthCheckRounds: 0,
  },
  {
    name: 'always-primary',
    about: 'node 0 is the primary by decree (ALWAYS_PRIMARY)',
    conf: { ...base, ...follow, backend_flag0: 'ALWAYS_PRIMARY' },
    model: { ...model, nodes: flagged('ALWAYS_PRIMARY') },
    healthCheckRounds: 0,
  },
  {
    name: 'false-primary',
    about: 'detach_false_primary, looked for each second; nobody follows',
    conf: { ...base, ...healthCheck, sr_check_period: '1', detach_false_primary: 'on' },
    model: { ...model, nodes, hasFollowCommand: false, srCheckPeriodMs: 1000, detachFalsePrimary: true },
    healthCheckRounds: 4,
  },
];

/** Whose turn it is: the settings that users have most often, and those whose sequences take long seldom. */
export const rota: readonly string[] = [
  ...['guide', 'backend-error', 'backend-shutdown', 'commands', 'promoting', 'health-check'],
  ...['guide', 'no-follow', 'backend-shutdown', 'backend-error', 'no-follow', 'guide', 'backend-shutdown'],
  ...['guide', 'auto-failback', 'backend-error', 'guide', 'health-check', 'backend-shutdown', 'no-follow'],
  ...['guide', 'promoting-alone', 'disallow', 'always-primary', 'promoting', 'false-primary'],
];
