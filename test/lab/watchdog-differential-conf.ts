import { addressOf, backendAddressOf, linkName, virtualIp } from './watchdog-differential-network.ts';
import {
  backendIds,
  idsOf,
  priorities,
  times,
  type WatchdogProfile,
} from './watchdog-differential-profiles.ts';

export const pcpPort = 9898;

/** Notes each step of an escalation in a file, and does it: FILE WORD [ADDRESS]. */
export const vipScript = `#!/bin/sh
echo "$2" >> "$1"
case $2 in
  up) exec ip addr add "$3/24" dev ${linkName} ;;
  down) exec ip addr del "$3/24" dev ${linkName} ;;
esac
`;

const onOff = (value: boolean): string => (value ? 'on' : 'off');

/** Lines of the pgpool.conf of one Pgpool; `folder` is its own, `script` and `notes` what its escalations run and write. */
export function pgpoolConf(
  { members, settings, monitorsLink, checksHealth }: WatchdogProfile,
  node: number,
  { folder, script, notes }: { folder: string; script: string; notes: string },
): string {
  const {
    lifecheck = 'heartbeat',
    failoverWhenQuorumExists = true,
    failoverRequireConsensus = true,
    allowMultipleFailoverRequestsFromNode = false,
    enableConsensusWithHalfVotes = false,
  } = settings;
  const lines: Record<string, string> = {
    backend_clustering_mode: 'streaming_replication',
    listen_addresses: addressOf(node),
    port: '9999',
    pcp_listen_addresses: addressOf(node),
    pcp_port: String(pcpPort),
    unix_socket_directories: folder,
    pcp_socket_dir: folder,
    wd_ipc_socket_dir: folder,
    logdir: folder,
    pid_file_name: `${folder}/pgpool.pid`,
    log_destination: 'stderr',
    num_init_children: '8',
    max_pool: '1',
    connect_timeout: String(1000 * times.connect),
    sr_check_user: 'postgres',
    sr_check_period: '0',
    health_check_user: 'postgres',
    health_check_period: checksHealth ? String(times.health) : '0',
    health_check_timeout: '3',
    search_primary_node_timeout: '1',
    failover_on_backend_error: 'off',
    failover_on_backend_shutdown: 'off',
    use_watchdog: 'on',
    wd_priority: String(priorities[node]),
    wd_lifecheck_method: lifecheck,
    wd_interval: String(times.interval),
    wd_heartbeat_keepalive: String(times.keepalive),
    wd_heartbeat_deadtime: String(times.deadtime),
    wd_life_point: String(times.lifePoint),
    wd_lifecheck_query: 'SELECT 1',
    wd_lifecheck_dbname: 'postgres',
    wd_lifecheck_user: 'postgres',
    wd_monitoring_interfaces_list: monitorsLink ? linkName : '',
    failover_when_quorum_exists: onOff(failoverWhenQuorumExists),
    failover_require_consensus: onOff(failoverRequireConsensus),
    allow_multiple_failover_requests_from_node: onOff(allowMultipleFailoverRequestsFromNode),
    enable_consensus_with_half_votes: onOff(enableConsensusWithHalfVotes),
    delegate_IP: virtualIp,
    if_up_cmd: `${script} ${notes} up $_IP_$`,
    if_down_cmd: `${script} ${notes} down $_IP_$`,
    arping_cmd: `${script} ${notes} arping`,
    wd_escalation_command: `${script} ${notes} escalation`,
    wd_de_escalation_command: `${script} ${notes} de-escalation`,
  };
  for (const id of backendIds) {
    lines[`backend_hostname${id}`] = backendAddressOf(id);
    lines[`backend_port${id}`] = '5432';
  }
  for (const id of idsOf({ members })) {
    lines[`hostname${id}`] = addressOf(id);
    lines[`pgpool_port${id}`] = '9999';
    lines[`wd_port${id}`] = '9000';
    lines[`heartbeat_hostname${id}`] = addressOf(id);
    lines[`heartbeat_port${id}`] = '9694';
  }
  return Object.entries(lines)
    .map(([name, value]) => `${name} = '${value}'\n`)
    .join('');
}
