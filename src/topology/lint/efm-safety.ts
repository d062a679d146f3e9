import { pgpoolTimeMs } from '../config/pgpool-values.ts';
import { eachAgent } from './each.ts';
import {
  at,
  atLeast,
  bindAddress,
  type ConfigFile,
  efmName,
  isLoopbackName,
  isOff,
  isOn,
  isWitness,
  type LintFiles,
  seconds,
  told,
  value,
} from './files.ts';
import type { Hit, Rule } from './rule.ts';

const properties = 'EDB docs, EFM cluster properties';

function hasVip(file: ConfigFile): boolean {
  return value(file, 'virtual.ip') !== '';
}

/** Properties of the ping host: hits of one kind each. */
function checkPing(wrong: (file: ConfigFile, host: string, files: LintFiles) => boolean): Rule['check'] {
  return (files) =>
    files.efm
      .filter((file) => wrong(file, value(file, 'ping.server.ip'), files))
      .map((file) => ({ place: at(file, 'ping.server.ip'), message: told(file, 'ping.server.ip') }));
}

function checkSynchronous({ efm, postgres }: LintFiles): Hit[] {
  if (!postgres || value(postgres, 'synchronous_standby_names') === '') return [];
  return efm
    .filter((file) => !isWitness(file))
    .filter((file) => isOff(file, efmName(file, 'reconfigure.sync.primary')))
    .filter((file) => isOff(file, 'reconfigure.num.sync'))
    .map((file) => {
      const name = efmName(file, 'reconfigure.sync.primary');
      const names = told(postgres, 'synchronous_standby_names');
      return { place: at(file, name), message: `${told(file, name)} with ${names}` };
    });
}

function checkWalSender({ efm, postgres }: LintFiles): Hit[] {
  if (!postgres) return [];
  // PostgreSQL reads a bare number as milliseconds.
  const sender = (pgpoolTimeMs(value(postgres, 'wal_sender_timeout'), 'milliseconds') ?? Number.NaN) / 1000;
  return efm
    .filter((file) => !isWitness(file) && !atLeast(file.version, '5.0'))
    .filter((file) =>
      ['reconfigure.num.sync', efmName(file, 'reconfigure.sync.primary')].some((name) => isOn(file, name)),
    )
    .filter((file) => sender > seconds(file, 'node.timeout') - 10)
    .map((file) => ({
      place: at(file, 'node.timeout'),
      message: `${told(file, 'node.timeout')} with ${told(postgres, 'wal_sender_timeout')} is less than 10 s apart`,
    }));
}

/** What keeps two servers from taking writes at once, and commits from waiting for nobody. */
export const efmSafetyRules: readonly Rule[] = [
  {
    id: 'efm-ping-loopback',
    severity: 'error',
    title: 'the host that proves the network is this one',
    consequence:
      'An agent that has lost its network finds itself connected and may promote: two servers take writes, and those of one are lost.',
    fix: 'ping.server.ip of a host outside the cluster that is always there, such as the gateway',
    source: 'EDB docs, EFM notifications: Loopback address set for ping.server.ip',
    check: checkPing((_, host) => isLoopbackName(host)),
  },
  {
    id: 'efm-ping-vip',
    severity: 'error',
    title: 'the host that proves the network is the virtual IP',
    consequence:
      'A promotion needs the virtual IP silent and the ping host alive: with one address for both there is never a failover. From 4.8 the agent does not start.',
    fix: 'ping.server.ip of a host outside the cluster, such as the gateway',
    source: `${properties}, ping.server.ip`,
    check: checkPing((file, host) => host !== '' && host === value(file, 'virtual.ip')),
  },
  {
    id: 'efm-ping-member',
    severity: 'error',
    title: 'the host that proves the network is a server of the cluster',
    consequence:
      'When that very server dies, every standby takes itself for cut off and none promotes: no failover in the case that it is for.',
    fix: 'ping.server.ip of a host outside the cluster, such as the gateway',
    source:
      'EDB docs, EFM: a standby that cannot reach ping.server.ip appears to be orphaned and does not promote',
    check: checkPing((_, host, { efm }) =>
      efm.some((file) => !isWitness(file) && bindAddress(file) === host),
    ),
  },
  {
    id: 'efm-isolated-primary-goes-on',
    severity: 'error',
    title: 'a primary that is cut off goes on taking writes',
    consequence:
      'The rest of the cluster promotes a standby, and no virtual IP keeps clients from the old primary: two servers take writes, and those of one are lost.',
    fix: 'stop.isolated.primary=true (stop.isolated.master before 4.0)',
    source: `${properties}; EDB docs, EFM supported scenarios`,
    check: eachAgent('stop.isolated.primary', (file, name) => isOff(file, name) && !hasVip(file)),
  },
  {
    id: 'efm-failed-primary-goes-on',
    severity: 'error',
    title: 'a primary that does not answer is not stopped',
    consequence:
      'It may only have hung: sessions that it holds write on while the promoted standby takes writes too, and those rows are lost.',
    fix: 'stop.failed.primary=true (stop.failed.master before 4.0)',
    source: properties,
    check: eachAgent('stop.failed.primary', isOff),
  },
  {
    id: 'efm-vip-unchecked',
    severity: 'error',
    title: 'the virtual IP is taken without a look whether another server has it',
    consequence:
      'Two servers may hold it at once: clients write to one or the other, and the rows of one are lost.',
    fix: 'check.vip.before.promotion=true; false only where the VIP dies with its server (eager failover)',
    source: `${properties}, check.vip.before.promotion`,
    check: eachAgent('check.vip.before.promotion', (file, name) => isOff(file, name) && hasVip(file)),
  },
  {
    id: 'efm-sync-commits-hang',
    severity: 'warning',
    title: 'nobody relaxes synchronous replication',
    consequence:
      'When the synchronous standbys are gone, after a failover for one, every commit waits for one to come back: an outage of writes on a healthy primary.',
    fix: 'reconfigure.num.sync=true, or reconfigure.sync.primary=true (reconfigure.sync.master before 4.0); leave it where no commit may be lost, and plan for the wait',
    source: properties,
    check: checkSynchronous,
  },
  {
    id: 'efm-wal-sender-timeout',
    severity: 'warning',
    title: 'the primary notices a lost standby later than EFM',
    consequence:
      'EFM counts the synchronous standbys when the cluster changes; the lost one still counts then, so that it is not taken out and commits wait for it.',
    fix: 'wal_sender_timeout at least 10 s below node.timeout, or EFM 5.0 and later',
    source: 'EDB docs, EFM before 5.0: reconfigure.num.sync needs wal_sender_timeout below node.timeout',
    check: checkWalSender,
  },
];
