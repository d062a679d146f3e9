import type { Problem } from '../kernel/errors.ts';
import type { Cluster } from '../topology/cluster.ts';
import { pgpoolDurationMs, pgpoolNumber, pgpoolSetting, pgpoolSwitch } from '../topology/pgpool-conf.ts';
import { parseSynchronousNames, standbyNames } from '../topology/synchronous-names.ts';
import { synchronousCommits } from './synchronous.ts';

/** Settings of pgpool.conf that the model follows at one value only: another one would be silently ignored. */
const onlyAt: Readonly<Record<string, readonly string[]>> = {
  load_balance_mode: ['on'],
  statement_level_load_balance: ['off'],
  disable_load_balance_on_write: ['transaction', 'off'],
  prefer_lower_delay_standby: ['off'],
  client_idle_limit: ['0'],
  connection_life_time: ['0'],
  process_management_mode: ['', 'static'],
};

/** What of a cluster's servers and of the settings behind every simulation cannot be followed; empty when it can. */
export function checkShape({ pgpools, backends, pgpoolSettings }: Cluster): Problem[] {
  const problems: Problem[] = [];
  const complain = complainTo(problems);
  if (pgpools.length === 0) complain('the model has no Pgpool', 'give a server a pgpool: {} entry');
  if (pgpools.length > 1 && !pgpoolSwitch(pgpoolSettings, 'use_watchdog')) {
    const hint = "set use_watchdog: 'on' and delegate_IP, or leave one Pgpool";
    complain(`the model has ${pgpools.length} Pgpools and no watchdog`, hint);
  }
  const primaries = backends.filter(({ roleAtStart }) => roleAtStart === 'primary').length;
  if (primaries !== 1) complain(`the model has ${primaries} primaries`, 'give one server the role primary');
  if (pgpoolDurationMs(pgpoolSettings, 'search_primary_node_timeout') === undefined) {
    complain('search_primary_node_timeout is no time', 'write seconds, such as 3');
  }
  const children = pgpoolNumber(pgpoolSettings, 'num_init_children');
  if (children === undefined || children < 1)
    complain('num_init_children is no count', 'write a whole number above 0');
  return problems;
}

/** What of a cluster the simulated world cannot follow under load; empty when it can. */
export function checkSimulated(cluster: Cluster): Problem[] {
  const problems: Problem[] = [];
  const complain = complainTo(problems);
  const { pgpoolSettings } = cluster;
  for (const [name, values] of Object.entries(onlyAt)) {
    const value = pgpoolSetting(pgpoolSettings, name) ?? '';
    if (values.includes(value)) continue;
    const accepted = values.map((entry) => `'${entry}'`).join(' or ');
    complain(`${name} = '${value}' is not simulated`, `this release simulates ${accepted}; run it live`);
  }
  return [...checkShape(cluster), ...problems, ...checkPostgres(cluster)];
}

/** Settings of postgresql.conf that replication follows; every other one a simulation does without. */
function checkPostgres({ postgresSettings, backends }: Cluster): Problem[] {
  const problems: Problem[] = [];
  const complain = complainTo(problems);
  const { synchronous_commit: commit = 'on', synchronous_standby_names: names = '' } = postgresSettings;
  if (!synchronousCommits.some((value) => value === commit)) {
    complain(`synchronous_commit = '${commit}' is no value of it`, `write ${synchronousCommits.join(', ')}`);
  }
  const rule = parseSynchronousNames(names);
  const standbys = backends.map(({ server }) => server);
  for (const name of rule ? standbyNames(rule) : []) {
    if (name === '*' || standbys.includes(name)) continue;
    const hint = `a standby goes by the name of its server: ${standbys.join(', ')}`;
    complain(`synchronous_standby_names names ${name}, which is no server with PostgreSQL`, hint);
  }
  return problems;
}

function complainTo(problems: Problem[]): (message: string, hint: string) => void {
  return (message, hint) => {
    problems.push({ rule: 'simulated-world', message, hint });
  };
}
