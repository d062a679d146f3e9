import {
  at,
  atLeast,
  type ConfigFile,
  indexesOf,
  isOn,
  type LintFiles,
  seconds,
  told,
  value,
  written,
} from './files.ts';
import type { Hit, Rule } from './rule.ts';

/** One hit at a setting of each pgpool.conf that uses the watchdog and where `wrong` says so. */
function eachWatchdog(name: string, wrong: (file: ConfigFile) => boolean): Rule['check'] {
  return ({ pgpool }) =>
    pgpool
      .filter((file) => isOn(file, 'use_watchdog') && wrong(file))
      .map((file) => ({ place: at(file, name), message: told(file, name) }));
}

/** Pgpools of the watchdog cluster that the file names, this one included. */
export function watchdogNodes(file: ConfigFile): number {
  if (atLeast(file.version, '4.2')) return indexesOf(file, /^hostname(\d+)$/).length;
  return indexesOf(file, /^other_pgpool_hostname(\d+)$/).length + 1;
}

/** The address that follows the active Pgpool; its name has small letters from 4.4, and the old one still counts. */
export function delegateIp(file: ConfigFile): { name: string; address: string } {
  const isNew = atLeast(file.version, '4.4') && !written(file, 'delegate_IP');
  const name = isNew ? 'delegate_ip' : 'delegate_IP';
  return { name, address: value(file, name) };
}

function checkAlone({ pgpool }: LintFiles): Hit[] {
  return pgpool
    .filter((file) => isOn(file, 'use_watchdog') && watchdogNodes(file) < 2)
    .map((file) => ({
      place: at(file, 'use_watchdog'),
      message: `${told(file, 'use_watchdog')}, and ${atLeast(file.version, '4.2') ? 'hostname0, hostname1 …' : 'other_pgpool_hostname0 …'} name no other Pgpool`,
    }));
}

function checkEven({ pgpool }: LintFiles, halfVotes: boolean): Hit[] {
  const name = 'enable_consensus_with_half_votes';
  return pgpool.flatMap((file) => {
    const count = watchdogNodes(file);
    if (!isOn(file, 'use_watchdog') || count < 2 || count % 2 === 1) return [];
    const half = atLeast(file.version, '4.1') ? isOn(file, name) : true;
    if (half !== halfVotes) return [];
    const place = halfVotes && written(file, name) ? at(file, name) : at(file, 'use_watchdog');
    const votes = half ? 'half the votes are a majority' : 'half the votes are no majority';
    return [{ place, message: `${count} Pgpools in the watchdog, and ${votes}` }];
  });
}

function usesHeartbeat(file: ConfigFile): boolean {
  return (value(file, 'wd_lifecheck_method') || 'heartbeat') === 'heartbeat';
}

/** Whether Pgpool may set servers down by itself. */
function failsOverItself(file: ConfigFile): boolean {
  return isOn(file, 'failover_on_backend_error') || seconds(file, 'health_check_period') > 0;
}

function checkQuorum({ pgpool }: LintFiles): Hit[] {
  return pgpool.flatMap((file) => {
    if (!isOn(file, 'use_watchdog') || !failsOverItself(file)) return [];
    return ['failover_when_quorum_exists', 'failover_require_consensus']
      .filter((name) => !isOn(file, name))
      .slice(0, 1)
      .map((name) => ({ place: at(file, name), message: told(file, name) }));
  });
}

/** Pgpool's own high availability. */
export const pgpoolWatchdogRules: readonly Rule[] = [
  {
    id: 'watchdog-alone',
    severity: 'error',
    title: 'the watchdog knows no other Pgpool',
    consequence: 'When this Pgpool dies nobody takes over: no application reaches any database.',
    fix: 'name every Pgpool: hostnameN, pgpool_portN, wd_portN (4.2 and later); other_pgpool_hostnameN and the rest before',
    source: "EDB's architecture guide 1.1, section 4.2; names changed in Pgpool-II 4.2",
    check: checkAlone,
  },
  {
    id: 'watchdog-even-nodes',
    severity: 'warning',
    title: 'an even number of Pgpools, and half is no majority',
    consequence:
      'With two, the loss of either takes the quorum away and the survivor gives up the virtual IP: two Pgpools are out as soon as one is. Four bear no more than three.',
    fix: 'an odd number of Pgpools, three at least',
    source: 'Pgpool-II manual, enable_consensus_with_half_votes; quorum n/2 + 1 in watchdog.c',
    check: (files) => checkEven(files, false),
  },
  {
    id: 'watchdog-half-votes',
    severity: 'error',
    title: 'both halves of a split hold a majority',
    consequence:
      'When the network between the halves is cut, both hold the virtual IP: clients reach one Pgpool or the other, each with its own idea of which server takes the writes.',
    fix: 'an odd number of Pgpools and enable_consensus_with_half_votes = off',
    source: 'Pgpool-II manual, enable_consensus_with_half_votes (before 4.1 Pgpool behaves as if it were on)',
    check: (files) => checkEven(files, true),
  },
  {
    id: 'watchdog-deadtime-too-short',
    severity: 'error',
    title: 'one lost heartbeat is a dead Pgpool',
    consequence:
      'A single lost packet makes the others take over from a Pgpool that is well: the virtual IP moves and every session is cut.',
    fix: 'wd_heartbeat_deadtime of at least three times wd_heartbeat_keepalive',
    source: 'Pgpool-II manual, wd_heartbeat_deadtime; detection formula read in wd_lifecheck.c',
    check: eachWatchdog(
      'wd_heartbeat_deadtime',
      (file) =>
        usesHeartbeat(file) &&
        seconds(file, 'wd_heartbeat_deadtime') <= 2 * seconds(file, 'wd_heartbeat_keepalive'),
    ),
  },
  {
    id: 'watchdog-life-point-unused',
    severity: 'warning',
    title: 'wd_life_point does nothing in heartbeat mode',
    consequence:
      'The file promises a takeover after wd_life_point × wd_interval; what counts is wd_heartbeat_deadtime, by default 30 s: for so long no application reaches a database.',
    fix: 'set wd_heartbeat_deadtime and wd_heartbeat_keepalive; leave wd_life_point out',
    source: 'Pgpool-II manual, wd_life_point: query mode only; the guide sets it in section 4.2',
    // The sample file sets both, and who has set the deadtime knows what counts.
    check: eachWatchdog(
      'wd_life_point',
      (file) =>
        written(file, 'wd_life_point') && !written(file, 'wd_heartbeat_deadtime') && usesHeartbeat(file),
    ),
  },
  {
    id: 'watchdog-without-vip',
    severity: 'warning',
    title: 'a watchdog without a virtual IP',
    consequence:
      'Another Pgpool takes the lead and no client learns of it: applications that connect to the address of the dead one stay out.',
    fix: "delegate_IP (delegate_ip from 4.4), or a network load balancer in front, said with delegate_IP = ''",
    source: "EDB's architecture guide 1.1, section 4.2",
    check: ({ pgpool }) =>
      pgpool.flatMap((file) => {
        const { name, address } = delegateIp(file);
        if (!isOn(file, 'use_watchdog') || address !== '' || written(file, name)) return [];
        return [{ place: at(file, 'use_watchdog'), message: `${told(file, 'use_watchdog')} and no ${name}` }];
      }),
  },
  {
    id: 'watchdog-vip-on-loopback-listener',
    severity: 'error',
    title: 'Pgpool does not listen on its virtual IP',
    consequence: 'Clients that connect to the virtual IP are refused: all applications are out.',
    fix: "listen_addresses = '*'",
    source: "Pgpool-II manual, listen_addresses: the default is 'localhost'",
    check: ({ pgpool }) =>
      pgpool.flatMap((file) => {
        const { address } = delegateIp(file);
        const listens = value(file, 'listen_addresses').split(/\s*,\s*/);
        if (!isOn(file, 'use_watchdog') || address === '') return [];
        if (listens.some((entry) => entry === '*' || entry === '0.0.0.0' || entry === address)) return [];
        const message = `${told(file, 'listen_addresses')} does not cover the virtual IP ${address}`;
        return [{ place: at(file, 'listen_addresses'), message }];
      }),
  },
  {
    id: 'watchdog-failover-without-quorum',
    severity: 'warning',
    title: 'one Pgpool alone may set a server down',
    consequence:
      'A Pgpool that has lost its own network sets healthy servers down, and the others take its word for it.',
    fix: 'failover_when_quorum_exists = on and failover_require_consensus = on, or leave failover to EFM altogether',
    source: 'Pgpool-II manual, Controlling the Failover behavior',
    check: checkQuorum,
  },
];
