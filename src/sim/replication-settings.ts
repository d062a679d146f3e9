import type { Cluster } from '../topology/cluster.ts';
import type { ReplicationOptions } from './replication.ts';
import { synchronousCommits } from './synchronous.ts';

/** What replication reads of postgresql.conf, and the WAL of a write. */
export function replicationSettings({
  postgresSettings,
  serviceTimes,
}: Cluster): Partial<ReplicationOptions> {
  const { synchronous_commit: commit, synchronous_standby_names: names } = postgresSettings;
  const synchronousCommit = synchronousCommits.find((value) => value === commit);
  return {
    ...(synchronousCommit ? { synchronousCommit } : {}),
    ...(names === undefined ? {} : { synchronousNames: names }),
    ...(serviceTimes.writeBytes ? { bytesPerCommit: serviceTimes.writeBytes.bytes } : {}),
  };
}
