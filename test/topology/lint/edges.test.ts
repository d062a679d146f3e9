// Goal: rules count what they should, and stay silent where they have nothing to judge by.
// Method: the clean cluster with a few lines changed; how many findings of one rule, to the number.
import { expect, test } from 'vitest';
import { lint } from '../../../src/topology/lint/lint.ts';
import { type Change, filesOf, hooks } from './clean-files.ts';

const noBackends = Object.fromEntries(
  [0, 1, 2].flatMap((id) =>
    ['hostname', 'port', 'weight', 'flag', 'application_name'].map((part) => [`backend_${part}${id}`, null]),
  ),
);
const oneBackend = { ...noBackends, backend_hostname0: '192.0.2.11', backend_port0: '5444' };
const watchdog = {
  use_watchdog: 'on',
  hostname0: '192.0.2.14',
  hostname1: '192.0.2.15',
  hostname2: '192.0.2.16',
};
const byQuery = { ...watchdog, wd_lifecheck_method: 'query', wd_life_point: '3' };
const slots = { primary_slot_name: 'standby' };
const synchronous = { synchronous_standby_names: 'server2' };
const noHooks = {
  'script.load.balancer.attach': null,
  'script.load.balancer.detach': null,
  'script.post.promotion': null,
};
const monitor = { 'script.custom.monitor': '/opt/monitor.sh' };

test.each<[rule: string, change: Change, hits: number]>([
  // Every node, or those with a database.
  ['efm-auto-failover-off', { efm: { 'auto.failover': 'false' } }, 3],
  ['efm-detach-hook-missing', { efm: { 'script.load.balancer.detach': null } }, 4],
  ['efm-post-promotion-missing', { efm: { 'script.post.promotion': null } }, 3],
  ['efm-detach-on-agent-failure', { versions: ['4.2', '4.3.5'] }, 4],
  ['efm-detach-on-agent-failure', { versions: ['4.1', '4.3.5'] }, 0],
  ['efm-slots-without-support', { postgres: slots, versions: ['3.9', '4.1'] }, 3],
  [
    'efm-slots-without-support',
    { postgres: slots, versions: ['3.9', '4.1'], efm: { 'auto.reconfigure': 'false' } },
    0,
  ],
  ['efm-sync-commits-hang', { postgres: synchronous }, 3],
  ['efm-sync-commits-hang', { postgres: synchronous, efm: { 'reconfigure.sync.primary': 'true' } }, 0],
  ['efm-sync-commits-hang', { postgres: { synchronous_standby_names: '' } }, 0],
  ['efm-custom-monitor-unsafe', { efm: monitor }, 3],
  ['efm-custom-monitor-incomplete', { efm: monitor }, 3],
  ['efm-values-differ', { node: { 3: { 'auto.failover': 'false' } } }, 1],
  ['efm-vip-differs', { efm: { 'virtual.ip': '192.0.2.50' }, node: { 2: { 'virtual.ip': null } } }, 1],
  ['efm-ping-loopback', { efm: { 'ping.server.ip': 'localhost' } }, 4],
  ['efm-ping-vip', { efm: { 'ping.server.ip': '', 'virtual.ip': '' } }, 0],
  [
    'efm-wal-sender-timeout',
    { postgres: {}, efm: { 'reconfigure.num.sync': 'true' }, versions: ['4.10', '4.3.5'] },
    3,
  ],
  [
    'efm-wal-sender-timeout',
    { postgres: {}, efm: { 'reconfigure.num.sync': 'true' }, versions: ['5.0', '4.3.5'] },
    0,
  ],
  // A cluster that nothing says has a Pgpool needs no hooks for one.
  ['efm-detach-hook-missing', { withoutPgpool: true, efm: noHooks }, 0],
  ['efm-post-promotion-missing', { withoutPgpool: true, efm: noHooks }, 0],
  ['efm-post-promotion-missing', { withoutPgpool: true, efm: { 'script.post.promotion': null } }, 3],
  ['efm-detach-on-agent-failure', { withoutPgpool: true, efm: noHooks, versions: ['4.2', '4.3.5'] }, 0],
  // Words that are neither on nor off are told once, as values.
  ['efm-auto-failover-off', { efm: { 'auto.failover': 'True' } }, 0],
  ['efm-required-missing', { efm: { 'virtual.ip': '192.0.2.50' } }, 3],
  // Limits on delay, by bytes or, from 4.4 on, by time.
  [
    'pgpool-delay-never-measured',
    {
      pgpool: { delay_threshold: null, delay_threshold_by_time: '1s', sr_check_period: '0' },
      versions: ['5.4', '4.5.2'],
    },
    1,
  ],
  [
    'pgpool-stale-reads-undecided',
    { pgpool: { delay_threshold: null, delay_threshold_by_time: '1s' }, versions: ['5.4', '4.5.2'] },
    0,
  ],
  [
    'pgpool-stale-reads-undecided',
    { pgpool: { delay_threshold: null, delay_threshold_by_time: '0' }, versions: ['5.4', '4.5.2'] },
    1,
  ],
  ['pgpool-stale-reads-undecided', { pgpool: { delay_threshold: null, load_balance_mode: 'off' } }, 0],
  // Two Pgpools behind one virtual IP: one of them is asked at a time.
  [
    'pgpool-more-connections-than-servers-take',
    {
      maxConnections: 66,
      pgpool: { ...watchdog, delegate_IP: '192.0.2.100' },
      otherPgpool: { port: '9998' },
    },
    0,
  ],
  ['pgpool-reserves-every-child', { pgpool: { num_init_children: '0' } }, 0],
  // Addresses behind NAT, and names that the scripts may look up.
  [
    'agent-is-no-backend',
    {
      node: { 1: { 'bind.address': '10.0.0.2:7800', 'external.address': '192.0.2.12' } },
    },
    0,
  ],
  ['backend-without-agent', { pgpool: { backend_hostname2: 'server3' } }, 0],
  // Too little to judge by.
  ['efm-two-agents', { nodes: 1 }, 0],
  ['efm-minimum-standbys', { nodes: 1, pgpool: oneBackend, efm: { 'minimum.standbys': '1' } }, 0],
  ['efm-minimum-standbys', { nodes: 1, efm: { 'minimum.standbys': '2' } }, 1],
  ['efm-nothing-promotable', { nodes: 1, efm: { promotable: 'false' } }, 0],
  ['agent-is-no-backend', { pgpool: noBackends }, 0],
  ['agent-is-no-backend', { nodes: 1, efm: { 'bind.address': null } }, 0],
  ['backend-without-agent', { nodes: 3 }, 0],
  ['pgpool-weights-all-zero', { pgpool: noBackends }, 0],
  [
    'pgpool-weights-all-zero',
    { pgpool: { load_balance_mode: 'off', backend_weight1: '0', backend_weight2: '0' } },
    0,
  ],
  ['pgpool-primary-takes-reads', { pgpool: { ...oneBackend, backend_weight0: '1' } }, 0],
  ['pgpool-primary-takes-reads', { primary: '192.0.2.12' }, 1],
  ['pgpool-more-connections-than-servers-take', { pgpool: { max_pool: '9' } }, 0],
  ['pgpool-more-connections-than-servers-take', { maxConnections: 66, otherPgpool: { port: '9998' } }, 1],
  ['pgpool-more-connections-than-servers-take', { maxConnections: 67, otherPgpool: { port: '9998' } }, 0],
  [
    'pgpool-more-connections-than-servers-take',
    { postgres: { max_connections: '40', superuser_reserved_connections: '9' } },
    1,
  ],
  ['pgpool-follow-command-missing', { nodes: 1, pgpool: { ...oneBackend, follow_primary_command: '' } }, 0],
  // Health checks of single backends, the common one, and EFM's own times.
  ['pgpool-health-check-beside-efm', { pgpool: { health_check_period1: '1', health_check_timeout: '1' } }, 1],
  [
    'pgpool-health-check-beside-efm',
    { pgpool: { health_check_period: '1', health_check_period0: '0', health_check_timeout: '1' } },
    1,
  ],
  ['pgpool-health-check-beside-efm', { nodes: 0, pgpool: { health_check_period: '1' } }, 0],
  ['pgpool-health-check-too-late', { nodes: 0, pgpool: { health_check_period: '90' } }, 0],
  ['pgpool-failover-command', { nodes: 0, pgpool: { failover_command: '/opt/own.sh' } }, 0],
  // Two EFM times: 10 + 10 s of a dead database, 50 + 10 s of a lost node; the longer counts; one finding for the common setting.
  ['pgpool-health-check-too-late', { pgpool: { health_check_period: '40', health_check_timeout: '20' } }, 1],
  [
    'pgpool-health-check-beside-efm',
    { pgpool: { health_check_period: '39', health_check_timeout: '20' } },
    1,
  ],
  ['pgpool-status-file-in-tmp', { pgpool: { logdir: null }, versions: ['5.4', '4.7'] }, 1],
  ['pgpool-status-file-in-tmp', { versions: ['5.4', '4.7'] }, 0],
  [
    'pgpool-status-file-in-tmp',
    { pgpool: { logdir: null, work_dir: '/var/lib/pgpool' }, versions: ['5.4', '4.7'] },
    0,
  ],
  // The watchdog's.
  ['watchdog-alone', { pgpool: { use_watchdog: 'on', hostname0: '192.0.2.14', hostname1: '192.0.2.15' } }, 0],
  ['watchdog-even-nodes', { pgpool: { hostname0: '192.0.2.14', hostname1: '192.0.2.15' } }, 0],
  [
    'watchdog-vip-on-loopback-listener',
    { pgpool: { delegate_IP: '192.0.2.100', listen_addresses: 'localhost' } },
    0,
  ],
  ['watchdog-vip-on-loopback-listener', { pgpool: { ...watchdog, listen_addresses: 'localhost' } }, 0],
  [
    'watchdog-vip-on-loopback-listener',
    { pgpool: { ...watchdog, delegate_IP: '192.0.2.100', listen_addresses: '0.0.0.0' } },
    0,
  ],
  // EFM's 60 s against one interval less than there are points, unless Pgpool itself sets the server down, or there is no EFM.
  ['watchdog-query-outlasted', { pgpool: { ...byQuery, wd_interval: '29' } }, 1],
  ['watchdog-query-outlasted', { pgpool: { ...byQuery, wd_interval: '30' } }, 0],
  ['watchdog-query-outlasted', { pgpool: { ...byQuery, failover_on_backend_error: 'on' } }, 0],
  ['watchdog-query-outlasted', { pgpool: { ...byQuery, health_check_period1: '5' } }, 0],
  ['watchdog-query-outlasted', { nodes: 0, pgpool: { ...byQuery, wd_interval: '900' } }, 1],
  ['watchdog-query-mixed-hosts', { pgpool: watchdog }, 0],
  ['watchdog-deadtime-too-short', { pgpool: { wd_heartbeat_deadtime: '1' } }, 0],
  ['watchdog-deadtime-too-short', { pgpool: { ...watchdog, wd_heartbeat_deadtime: '5' } }, 0],
  [
    'watchdog-half-votes',
    { pgpool: { use_watchdog: 'on', other_pgpool_hostname0: '192.0.2.15' }, versions: ['3.9', '4.0'] },
    1,
  ],
  [
    'watchdog-even-nodes',
    { pgpool: { use_watchdog: 'on', other_pgpool_hostname0: '192.0.2.15' }, versions: ['3.9', '4.1'] },
    1,
  ],
  ['watchdog-without-vip', { pgpool: { delegate_IP: null } }, 0],
  [
    'watchdog-failover-without-quorum',
    { pgpool: { ...watchdog, health_check_period: '5', failover_require_consensus: 'off' } },
    1,
  ],
  [
    'watchdog-failover-without-quorum',
    { pgpool: { failover_on_backend_error: 'on', failover_require_consensus: 'off' } },
    0,
  ],
  ['vip-is-a-server', { pgpool: { ...watchdog, delegate_IP: '192.0.2.12' } }, 1],
  // PCP.
  ['pcp-listens-locally', { pgpool: { pcp_listen_addresses: 'localhost' }, otherPgpool: {} }, 2],
  [
    'pcp-listens-locally',
    { nodes: 2, pgpool: { pcp_listen_addresses: 'localhost' }, otherPgpool: { port: '9998' } },
    0,
  ],
  ['pcp-listens-locally', { nodes: 0, pgpool: { pcp_listen_addresses: 'localhost' } }, 0],
  [
    'pcp-host-not-served',
    { pgpool: { pcp_listen_addresses: '192.0.2.14' }, scripts: { 'pgpool.env': 'PCP_HOST=192.0.2.15\n' } },
    1,
  ],
  [
    'pcp-host-not-served',
    { pgpool: { pcp_listen_addresses: 'pgpool1' }, scripts: { 'pgpool.env': 'PCP_HOST=192.0.2.15\n' } },
    0,
  ],
  [
    'pcp-host-not-served',
    { pgpool: { pcp_listen_addresses: '0.0.0.0' }, scripts: { 'pgpool.env': 'PCP_HOST=192.0.2.15\n' } },
    0,
  ],
  ['pcp-port-differs', { scripts: { 'pgpool.env': "PCP_PORT='9899'\n" } }, 1],
  ['pcp-port-differs', { scripts: { 'pcp.sh': 'PCP_PORT= # to be filled in\n  PCP_PORT=9899\n' } }, 0],
  // Scripts.
  ['hook-missing', { scripts: {} }, 0],
  [
    'follow-attaches-dead-primary',
    {
      pgpool: { follow_primary_command: '/bin/bash /opt/own.sh %d %P' },
      scripts: { 'own.sh': 'pcp_attach_node -w "$1"\n' },
    },
    1,
  ],
  ['script-in-tmp', { scripts: { 'a.sh': 'work=$(mktemp /tmp/work.XXXXXX)\n' } }, 0],
  [
    'script-trusts-pcp-status',
    { scripts: { 'a.sh': 'echo "ERROR: no node"\npcp_attach_node -w 1\nexit $?\n' } },
    1,
  ],
  [
    'script-trusts-pcp-status',
    { scripts: { 'a.sh': 'pcp_attach_node -w 1 2>&1 | grep -q "ERROR" && exit 4\n' } },
    0,
  ],
  [
    'follow-attaches-dead-primary',
    {
      pgpool: { follow_primary_command: null, follow_master_command: '/opt/old.sh %d %P' },
      scripts: { 'old.sh': 'pcp_attach_node -w "$1"\n' },
    },
    1,
  ],
  [
    'follow-attaches-dead-primary',
    { scripts: { 'follow_primary.sh': 'if [ "$2" -lt 0 ]; then exit 0; fi\npcp_attach_node -w -n "$1"\n' } },
    0,
  ],
  ['follow-sleeps', { scripts: { 'follow_primary.sh': '(sleep 10; retry) &\n' } }, 0],
  ['script-always-succeeds', { scripts: { 'load_balancer_detach.sh': 'logger detach\nexit 0\n' } }, 0],
  [
    'script-always-succeeds',
    { scripts: { 'load_balancer_detach.sh': '/opt/backend.sh detach "$1"\nexit 0\n\n' } },
    1,
  ],
  [
    'script-pcp-asks-password',
    { scripts: { 'a.sh': 'x=$(/usr/sbin/pcp_node_info -U pcp 0)\n' }, versions: ['5.4', '4.5.2'] },
    0,
  ],
  [
    'script-pcp-asks-password',
    { scripts: { 'a.sh': 'x=$("$BIN/pcp_node_info" -U pcp 0)\nsudo -u pcp pcp_node_count -h a\n' } },
    2,
  ],
  [
    'script-role-column',
    { scripts: { 'a.sh': "/usr/sbin/pcp_node_info 0 | awk '{ if (NF > 11) print $7; else print $6 }'\n" } },
    0,
  ],
  ['script-in-tmp', { scripts: { 'a.sh': 'log=/tmp/log\necho "$dir/tmp/x" /var/tmp/y >/tmp/z\n' } }, 2],
  [
    'script-writable',
    { scripts: {}, paths: { [`${hooks}/post_promotion.sh`]: { exists: true, mode: 0o100757 } } },
    4,
  ],
  ['efm-password-readable', { efm: { 'db.password.encrypted': '' }, modes: { efm: 0o100644 } }, 0],
  [
    'pcp-pass-file-open',
    {
      efm: { 'pcp.pass.file': '/home/efm/.pcppass' },
      paths: { '/home/efm/.pcppass': { exists: true, mode: 0o100604 } },
    },
    4,
  ],
])('%s: %j', (rule, change, hits) => {
  const found = lint(filesOf(change).files).filter((finding) => finding.rule === rule);
  expect(found.map(({ message }) => message)).toHaveLength(hits);
});
