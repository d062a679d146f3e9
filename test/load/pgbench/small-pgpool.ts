import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { sleep } from '../../../src/kernel/clock.ts';
import { findBinaries } from '../../../src/lab/binaries.ts';
import { findRunUser } from '../../../src/lab/run-user.ts';
import type { Target } from '../../../src/load/target.ts';

/** A Pgpool-II of one test in front of one server. */
export interface SmallPgpool {
  target: Target;
  stop(): Promise<void>;
}

/** @param host an address that nothing else uses */
export async function startSmallPgpool(
  server: Target,
  { host, children }: { host: string; children: number },
): Promise<SmallPgpool> {
  const program = findBinaries().binaries?.pgpool;
  const user = findRunUser();
  if (!program || !user) throw new Error('this test needs Pgpool-II, and a user to run it as');
  const folder = await mkdtemp(join(tmpdir(), 'pgdrill-pgpool-'));
  const identity = user.switched ? { uid: user.uid, gid: user.gid } : {};
  const target = { ...server, host, port: 9999 };
  const conf = {
    ...{ listen_addresses: host, port: target.port, pcp_listen_addresses: host, pcp_port: 9898 },
    ...{ socket_dir: folder, pcp_socket_dir: folder, wd_ipc_socket_dir: folder, logdir: folder },
    pid_file_name: join(folder, 'pgpool.pid'),
    ...{ backend_hostname0: server.host, backend_port0: server.port, backend_weight0: 1 },
    backend_clustering_mode: 'streaming_replication',
    ...{ num_init_children: children, max_pool: 1, sr_check_period: 0, sr_check_user: server.user },
    ...{ failover_on_backend_shutdown: 'off', failover_on_backend_error: 'off', enable_pool_hba: 'off' },
  };
  const lines = Object.entries(conf).map(([name, value]) => `${name} = '${value}'\n`);
  await writeFile(join(folder, 'pgpool.conf'), lines.join(''));
  for (const name of ['pcp.conf', 'pool_hba.conf']) await writeFile(join(folder, name), '');
  if (user.switched)
    for (const name of ['', 'pgpool.conf', 'pcp.conf', 'pool_hba.conf'])
      await chown(join(folder, name), user.uid, user.gid);
  const files = ['-f', 'pgpool.conf', '-F', 'pcp.conf', '-a', 'pool_hba.conf'];
  const child = spawn(program, ['-n', '-D', ...files], { ...identity, cwd: folder, stdio: 'ignore' });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null) {
      child.kill('SIGINT');
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  };
  for (let attempt = 0; !(await answers(target)); attempt += 1) {
    if (attempt === 100) {
      await stop();
      throw new Error('Pgpool-II did not start');
    }
    await sleep(100);
  }
  return { target, stop };
}

async function answers(target: Target): Promise<boolean> {
  const client = new Client({ ...target, connectionTimeoutMillis: 2000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
