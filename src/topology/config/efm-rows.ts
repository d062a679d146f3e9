/**
 * Form of a value: `endpoint` is address:port; `path` an absolute path; `script` a command line that starts with one; `words` a
 * list of names with blanks between; a list holds the words that are taken.
 */
export type EfmForm =
  | 'seconds'
  | 'boolean'
  | 'integer'
  | 'port'
  | 'text'
  | 'address'
  | 'endpoint'
  | 'path'
  | 'script'
  | 'words'
  | readonly string[];

/** One line of the catalogue: name, form, default (by version, oldest first), the rest. */
export type EfmRow = readonly [
  name: string,
  form: EfmForm,
  standard: string | Readonly<Record<string, string>>,
  extra?: {
    since?: string;
    until?: string;
    same?: boolean;
    witness?: boolean;
    required?: 'all' | 'database';
    placeholders?: string;
    min?: number;
  },
];

const logLevels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'trace', 'debug', 'info', 'warn', 'error'];
const facilities = ['LOCAL0', 'LOCAL1', 'LOCAL2', 'LOCAL3', 'LOCAL4', 'LOCAL5', 'LOCAL6', 'LOCAL7'];

/**
 * Properties of efm.properties, 3.9 to 5.4, in the order of the installed file.
 *
 * Source: the tables and comments of EDB's cluster properties pages of 3.9, 3.10, 4 and 5 and the release notes of 4.0 to
 * 5.4. Times are seconds. Required ones of 3.9 and 3.10 are taken from the page of 4, the first to mark them.
 */
export const efmRows: readonly EfmRow[] = [
  ['db.user', 'text', '', { required: 'all' }],
  ['db.password.encrypted', 'text', '', { witness: true }],
  ['db.port', 'port', '', { required: 'all', same: true }],
  ['db.database', 'text', '', { required: 'all' }],
  ['script.db.password', 'script', '', { since: '5.4', witness: true }],
  ['script.db.password.retry', 'seconds', '10', { since: '5.4', witness: true }],
  ['script.db.password.encrypted', 'boolean', 'false', { since: '5.4', witness: true }],
  ['db.service.owner', 'text', '', { required: 'database' }],
  ['db.service.name', 'text', ''],
  ['db.bin', 'path', '', { required: 'database' }],
  ['db.data.dir', 'path', '', { required: 'database' }],
  ['db.config.dir', 'path', ''],
  ['jdbc.sslmode', ['disable', 'verify-ca', 'verify-full', 'require'], 'disable', { witness: true }],
  ['jdbc.properties', 'text', '', { since: '4.0', witness: true }],
  ['user.email', 'text', '', { same: true, witness: true }],
  ['from.email', 'text', 'efm@localhost', { witness: true }],
  ['notification.level', ['INFO', 'WARNING', 'SEVERE'], 'INFO', { witness: true }],
  ['notification.text.prefix', 'text', '', { since: '4.0', witness: true }],
  ['script.notification', 'script', '', { witness: true }],
  ['bind.address', 'endpoint', '', { required: 'all' }],
  ['external.address', 'address', '', { since: '3.10', witness: true }],
  ['admin.port', 'port', '7809', { witness: true }],
  ['primary.health.check.port', 'port', '', { since: '5.4' }],
  ['is.witness', 'boolean', '', { required: 'all' }],
  ['local.period', 'seconds', '10', { min: 1 }],
  ['local.timeout', 'seconds', '60', { min: 1 }],
  ['local.timeout.final', 'seconds', '10', { min: 1 }],
  ['remote.timeout', 'seconds', '10', { min: 1, witness: true }],
  ['node.timeout', 'seconds', '50', { min: 1, same: true, witness: true }],
  ['encrypt.agent.messages', 'boolean', 'false', { since: '4.0', same: true, witness: true }],
  ['enable.stop.cluster', 'boolean', 'true', { since: '4.2', same: true, witness: true }],
  ['stop.isolated.master', 'boolean', 'true', { until: '3.10' }],
  ['stop.isolated.primary', 'boolean', 'true', { since: '4.0' }],
  ['stop.failed.master', 'boolean', 'true', { until: '3.10' }],
  ['stop.failed.primary', 'boolean', 'true', { since: '4.0' }],
  ['master.shutdown.as.failure', 'boolean', 'false', { until: '3.10', same: true, witness: true }],
  ['primary.shutdown.as.failure', 'boolean', 'false', { since: '4.0', same: true, witness: true }],
  ['update.physical.slots.period', 'seconds', '0', { since: '3.10' }],
  ['ping.server.ip', 'address', '8.8.8.8', { witness: true }],
  ['ping.server.command', 'text', '/bin/ping -q -c3 -w5', { witness: true }],
  ['auto.allow.hosts', 'boolean', 'false', { witness: true }],
  ['stable.nodes.file', 'boolean', 'false', { witness: true }],
  ['db.reuse.connection.count', 'integer', '0'],
  ['auto.failover', 'boolean', 'true', { same: true, witness: true }],
  ['auto.reconfigure', 'boolean', 'true'],
  ['auto.rewind', 'boolean', 'false', { since: '5.1' }],
  ['auto.basebackup', 'boolean', 'false', { since: '5.1' }],
  ['promotable', 'boolean', 'true'],
  ['use.replay.tiebreaker', 'boolean', 'true', { same: true, witness: true }],
  ['standby.restart.delay', 'seconds', '0', { since: '4.0' }],
  ['application.name', 'text', ''],
  ['restore.command', 'text', ''],
  ['backup.wal', 'boolean', 'false', { since: '5.0' }],
  ['reconfigure.num.sync', 'boolean', 'false'],
  ['reconfigure.num.sync.max', 'integer', '', { since: '4.1' }],
  ['reconfigure.sync.master', 'boolean', 'false', { until: '3.10' }],
  ['reconfigure.sync.primary', 'boolean', 'false', { since: '4.0' }],
  ['check.num.sync.period', 'seconds', '30', { since: '5.0', min: 1 }],
  ['minimum.standbys', 'integer', '0', { same: true, witness: true }],
  ['priority.standbys', 'words', '', { since: '4.2' }],
  ['recovery.check.period', 'seconds', { '3.9': '2', '3.10': '1' }, { min: 1 }],
  ['restart.connection.timeout', 'seconds', '60', { min: 1 }],
  ['auto.resume.period', 'seconds', '0', { until: '4.10' }],
  ['auto.resume.startup.period', 'seconds', '0', { since: '5.0' }],
  ['auto.resume.failure.period', 'seconds', '0', { since: '5.0' }],
  ['virtual.ip', 'address', ''],
  ['virtual.ip.interface', 'text', ''],
  ['virtual.ip.prefix', 'integer', ''],
  ['virtual.ip.single', 'boolean', 'true', { same: true, witness: true }],
  ['check.vip.before.promotion', 'boolean', 'true', { same: true, witness: true }],
  ['check.vip.timeout', 'seconds', '60', { since: '5.1', min: 1, witness: true }],
  ['release.vip.background', 'boolean', 'true', { since: '5.1' }],
  ['release.vip.pre.wait', 'seconds', '0', { since: '5.1' }],
  ['release.vip.post.wait', 'seconds', '0', { since: '5.1' }],
  ['pgpool.enable', 'boolean', 'false', { since: '4.1', witness: true }],
  ['pcp.user', 'text', '', { since: '4.1', witness: true }],
  ['pcp.host', 'address', '', { since: '4.1', same: true, witness: true }],
  ['pcp.port', 'port', '', { since: '4.1', same: true, witness: true }],
  ['pcp.pass.file', 'path', '', { since: '4.1', witness: true }],
  ['pgpool.bin', 'path', '', { since: '4.1', witness: true }],
  ['script.load.balancer.attach', 'script', '', { placeholders: '%h %t', witness: true }],
  ['script.load.balancer.detach', 'script', '', { placeholders: '%h %t', witness: true }],
  [
    'detach.on.agent.failure',
    'boolean',
    { '4.2': 'true', '5.0': 'false' },
    { since: '4.2', same: true, witness: true },
  ],
  ['script.fence', 'script', '', { placeholders: '%p %f' }],
  ['script.post.promotion', 'script', '', { placeholders: '%p %f' }],
  ['script.resumed', 'script', ''],
  ['script.db.failure', 'script', ''],
  ['script.master.isolated', 'script', '', { until: '3.10' }],
  ['script.primary.isolated', 'script', '', { since: '4.0' }],
  ['script.remote.pre.promotion', 'script', '', { placeholders: '%p', witness: true }],
  ['script.remote.post.promotion', 'script', '', { placeholders: '%p', witness: true }],
  ['script.custom.monitor', 'script', ''],
  ['custom.monitor.interval', 'seconds', '', { min: 1 }],
  ['custom.monitor.timeout', 'seconds', '', { min: 1 }],
  ['custom.monitor.safe.mode', 'boolean', ''],
  ['sudo.command', 'text', 'sudo', { witness: true }],
  ['sudo.user.command', 'text', 'sudo -u %u', { witness: true }],
  ['lock.dir', 'path', '', { witness: true }],
  ['pid.dir', 'path', '', { since: '5.0', witness: true }],
  ['log.dir', 'path', '', { witness: true }],
  ['syslog.host', 'address', 'localhost', { witness: true }],
  ['syslog.port', 'port', '514', { witness: true }],
  ['syslog.protocol', ['UDP', 'TCP'], 'UDP', { witness: true }],
  ['syslog.facility', facilities, 'LOCAL1', { witness: true }],
  ['file.log.enabled', 'boolean', 'true', { witness: true }],
  ['syslog.enabled', 'boolean', 'false', { witness: true }],
  ['jgroups.loglevel', logLevels, 'INFO', { witness: true }],
  ['efm.loglevel', logLevels, 'INFO', { witness: true }],
  ['jdbc.loglevel', logLevels, 'INFO', { since: '5.1', witness: true }],
  ['jvm.options', 'text', '-Xmx128m', { witness: true }],
];
