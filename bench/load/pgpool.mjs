// A Pgpool-II of the bench's own before the bench's server.
import { spawn } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { built } from './built.mjs';
import { pause } from './machine.mjs';

const { findBinaries } = await built('lab/binaries');

const port = 6433;

/** Starts Pgpool-II; null where it is not installed. */
export async function startPgpool({ target, identity }, children) {
  const program = findBinaries().binaries?.pgpool;
  if (!program) return null;
  const folder = mkdtempSync(join(tmpdir(), 'pgdrill-bench-pgpool-'));
  const conf = {
    listen_addresses: target.host,
    port,
    pcp_listen_addresses: target.host,
    pcp_port: port + 1,
    socket_dir: folder,
    pcp_socket_dir: folder,
    wd_ipc_socket_dir: folder,
    pid_file_name: join(folder, 'pgpool.pid'),
    logdir: folder,
    backend_hostname0: target.host,
    backend_port0: target.port,
    backend_weight0: 1,
    backend_clustering_mode: 'streaming_replication',
    num_init_children: children,
    max_pool: 1,
    load_balance_mode: 'on',
    sr_check_period: 0,
    sr_check_user: target.user,
    failover_on_backend_shutdown: 'off',
    failover_on_backend_error: 'off',
    enable_pool_hba: 'off',
    memory_cache_enabled: 'off',
  };
  const lines = Object.entries(conf).map(([name, value]) => `${name} = '${value}'`);
  writeFileSync(join(folder, 'pgpool.conf'), `${lines.join('\n')}\n`);
  for (const name of ['pcp.conf', 'pool_hba.conf']) writeFileSync(join(folder, name), '');
  for (const name of ['.', 'pgpool.conf', 'pcp.conf', 'pool_hba.conf'])
    if (identity.uid !== undefined) chownSync(join(folder, name), identity.uid, identity.gid);
  const files = ['-f', 'pgpool.conf', '-F', 'pcp.conf', '-a', 'pool_hba.conf'];
  const child = spawn(program, ['-n', ...files], { ...identity, cwd: folder, stdio: 'ignore' });
  const stop = async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null) {
      child.kill('SIGINT');
      await gone;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  for (let attempt = 0; !(await answers(target.host)); attempt += 1) {
    if (attempt === 100 || child.exitCode !== null) {
      await stop();
      throw new Error('Pgpool-II did not start');
    }
    await pause(100);
  }
  return { target: { ...target, port }, stop };
}

function answers(host) {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.on('connect', () => socket.end());
    socket.on('error', () => resolve(false));
    socket.on('close', (failed) => resolve(!failed));
    socket.resume();
  });
}
