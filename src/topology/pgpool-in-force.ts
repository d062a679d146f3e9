import { pgpoolDefaultOf, pgpoolName, pgpoolRenames, usualPgpoolVersion } from './config/pgpool-catalogue.ts';
import { watchdogRows } from './config/pgpool-rows-watchdog.ts';

/** What the lab sets for this machine and its accounts: the cluster model says such things in other places, or not at all. */
const ownedByLab = new RegExp(
  `^(${[
    'backend_(hostname|port|weight|flag|data_directory|application_name)\\d+',
    'pcp_\\w+|(unix_)?socket_\\w+|wd_ipc_socket_dir|(wd_|pgpool_|heartbeat_)port\\d*|port|listen_addresses',
    '(heartbeat_)?hostname\\d+|heartbeat_device\\d+|pid_file_name|logdir|work_dir|log_directory|log_destination',
    'backend_clustering_mode|master_slave_mode|master_slave_sub_mode|replication_mode|enable_pool_hba|pool_passwd',
    'follow_primary_command|follow_master_command',
    'sr_check_(user|password|database)|health_check_(user|password|database)\\d*',
  ].join('|')})$`,
);

/** Whether the worlds say the setting themselves: addresses, accounts, folders and ports of this machine. */
export function isOwnSetting(name: string): boolean {
  return ownedByLab.test(name);
}

const watchdogNames: ReadonlySet<string> = new Set(watchdogRows.map(([name]) => name));

/** Settings whose compiled defaults changed between versions and with them what a session sees. */
const changedDefaults = [
  'load_balance_mode',
  'sr_check_period',
  'listen_backlog_multiplier',
  'authentication_timeout',
  'failover_on_backend_shutdown',
];

/**
 * The settings of a pgpool.conf of any version as the Pgpool of the worlds, 4.3.5, has to be told them: under its names, without what
 * the version ignores and what 4.3.5 does not know, and with the version's own defaults where they differ.
 *
 * `watchdog: false` leaves out the watchdog's: a cluster with one Pgpool has none, and one alone would not start.
 * Settings of one machine (addresses, accounts, folders) are left out; the worlds say them. Before 4.3 a server that says
 * it shuts down is always failed over.
 */
export function pgpoolSettingsInForce(
  settings: Readonly<Record<string, string>>,
  version: string,
  { watchdog }: { watchdog: boolean },
): Record<string, string> {
  const told: Record<string, string> = {};
  if (version !== usualPgpoolVersion) {
    for (const name of changedDefaults) {
      const own =
        pgpoolDefaultOf(name, version) ?? (name === 'failover_on_backend_shutdown' ? 'on' : undefined);
      if (own !== undefined && own !== pgpoolDefaultOf(name, usualPgpoolVersion)) told[name] = own;
    }
  }
  for (const [written, value] of Object.entries(settings)) {
    const renamed = pgpoolRenames[written];
    if (!watchdog && watchdogNames.has(written)) continue;
    if (isOwnSetting(written) || renamed?.old === 'warns' || !pgpoolName(written, version)) continue;
    const today = pgpoolName(written, usualPgpoolVersion);
    if (today) told[written] = value;
    else if (renamed && pgpoolName(renamed.to, usualPgpoolVersion)) told[renamed.to] = value;
    else if (written === 'delegate_ip') told.delegate_IP = value;
  }
  return told;
}
