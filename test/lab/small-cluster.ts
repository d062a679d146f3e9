import { type SpawnOptions, type StdioOptions, spawn } from 'node:child_process';
import { chown, cp, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { childrenOf, processesIn, until } from './cluster-processes.ts';

const scriptsFolder = join(dirname(fileURLToPath(import.meta.url)), '../../scripts/efm');
const followWaitSeconds = 4;
const pgpoolProgram = 'pgpool';

/** How a program ended; `ms` is its wall time. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
  ms: number;
}

/** Three PostgreSQL servers and one Pgpool-II with the guide's settings, for tests of the integration scripts. */
export interface SmallCluster {
  folder: string;
  /** Address of the server with that node id. */
  host(node: number): string;
  /** What Pgpool says of each node, as "up:primary"; waiting, which is in use too, reads as up. */
  nodes(): Promise<string[]>;
  /** Runs an integration script, as the servers' user. */
  script(name: string, ...words: string[]): Promise<Ended>;
  query(node: number, sql: string): Promise<string>;
  /** SIGKILL to every process of a server. */
  kill(node: number): Promise<void>;
  stop(node: number): Promise<void>;
  /** Starts a server, as a standby of `primary` if one is given, else as what its data folder says. */
  start(node: number, primary?: number): Promise<void>;
  promote(node: number): Promise<void>;
  /** Points a running standby to another primary. */
  repoint(node: number, primary: number): Promise<void>;
  /** What the scripts logged. */
  log(): Promise<string>;
  stopPgpool(): Promise<void>;
  /** Stops and removes everything; the processes that were still there and had to be killed. */
  remove(): Promise<string[]>;
}

interface Place {
  folder: string;
  network: string;
  postgresBin: string;
  identity: { uid?: number; gid?: number };
}

/**
 * Builds and starts the cluster in a folder of its own.
 *
 * @param network the first three bytes of loopback addresses nobody else uses, as "127.0.81"
 */
export async function startSmallCluster(network: string): Promise<SmallCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'pgdrill-scripts-'));
  const place: Place = { folder, network, postgresBin: await findPostgres(), identity: await findIdentity() };
  const cluster = makeCluster(place);
  try {
    await own(place, folder);
    await makeServers(place);
    await Promise.all([0, 1, 2].map((node) => cluster.start(node, node === 0 ? undefined : 0)));
    await installScripts(place);
    await startPgpool(place);
    await until(async () => (await cluster.nodes()).join(' ') === 'up:primary up:standby up:standby', 10_000);
    return cluster;
  } catch (error) {
    const pgpoolLog = await readFile(join(folder, 'pgpool.log'), 'utf8').catch(
      () => 'Pgpool was not started',
    );
    await cluster.remove();
    throw new Error(`no cluster: ${pgpoolLog.slice(-2000)}`, { cause: error });
  }
}

function makeCluster(place: Place): SmallCluster {
  const host = (node: number) => address(place, node);
  const data = (node: number) => join(place.folder, `data${node}`);
  const pgCtl = (node: number, ...words: string[]) =>
    must(run(place, join(place.postgresBin, 'pg_ctl'), ['-D', data(node), '-w', ...words]));
  const query = async (node: number, sql: string) => {
    const words = ['-h', host(node), '-U', 'postgres', '-d', 'postgres', '-XAtqc', sql];
    return (await must(run(place, join(place.postgresBin, 'psql'), words))).stdout.trim();
  };
  return {
    folder: place.folder,
    host,
    query,
    nodes: () => listNodes(place),
    script: (name, ...words) => run(place, join(place.folder, 'scripts', name), words),
    kill: async (node) => {
      const lock = (await readFile(join(data(node), 'postmaster.pid'), 'utf8')).split('\n');
      const postmaster = Number(lock[0]);
      for (const pid of [postmaster, ...(await childrenOf(postmaster))]) process.kill(pid, 'SIGKILL');
      // Whoever adopted the postmaster may leave it unburied for a while: its lock would still look alive.
      await rm(join(data(node), 'postmaster.pid'));
      // The seventh line names the System V segment, which outlives it.
      const segment = lock[6]?.trim().split(/\s+/)[1];
      if (segment) await must(run(place, 'ipcrm', ['-m', segment]));
    },
    stop: async (node) => void (await pgCtl(node, 'stop', '-m', 'fast')),
    start: async (node, primary) => {
      if (primary !== undefined) {
        await writeFile(join(data(node), 'conninfo.conf'), conninfo(place, primary));
        await writeFile(join(data(node), 'standby.signal'), '');
        await own(place, join(data(node), 'conninfo.conf'), join(data(node), 'standby.signal'));
      }
      const serverLog = join(place.folder, `postgres${node}.log`);
      await pgCtl(node, 'start', '-l', serverLog).catch(async (error: unknown) => {
        throw new Error(await readFile(serverLog, 'utf8'), { cause: error });
      });
    },
    promote: async (node) => void (await pgCtl(node, 'promote')),
    repoint: async (node, primary) => {
      await writeFile(join(data(node), 'conninfo.conf'), conninfo(place, primary));
      await pgCtl(node, 'reload');
    },
    log: () => readFile(join(place.folder, 'scripts.log'), 'utf8').catch(() => ''),
    stopPgpool: () => stopPgpool(place),
    remove: () => removeCluster(place),
  };
}

async function makeServers(place: Place): Promise<void> {
  const first = join(place.folder, 'data0');
  const initdb = join(place.postgresBin, 'initdb');
  await must(run(place, initdb, ['-D', first, '-U', 'postgres', '-A', 'trust', '-N', '--no-locale']));
  await writeFile(join(first, 'conninfo.conf'), '');
  for (const node of [1, 2]) {
    const copy = join(place.folder, `data${node}`);
    await must(run(place, 'cp', ['-a', first, copy]));
  }
  for (const node of [0, 1, 2]) {
    const settings = [
      `listen_addresses = '${address(place, node)}'`,
      "unix_socket_directories = ''",
      'fsync = off',
      'shared_buffers = 16MB',
      'dynamic_shared_memory_type = mmap',
      'wal_keep_size = 64MB',
      "include = 'conninfo.conf'",
    ];
    const configuration = join(place.folder, `data${node}`, 'postgresql.conf');
    await writeFile(configuration, `${settings.join('\n')}\n`);
    await own(place, configuration, join(place.folder, `data${node}`, 'conninfo.conf'));
  }
}

async function installScripts(place: Place): Promise<void> {
  const target = join(place.folder, 'scripts');
  await cp(scriptsFolder, target, { recursive: true });
  const passwords = join(place.folder, 'pcppass');
  await writeFile(passwords, `${address(place, 3)}:9898:pcpadm:secret\n`, { mode: 0o600 });
  const settings = {
    PCP_HOST: address(place, 3),
    PCP_PORT: '9898',
    PCP_USER: 'pcpadm',
    PCPPASSFILE: passwords,
    LOG_FILE: join(place.folder, 'scripts.log'),
    FOLLOW_WAIT: String(followWaitSeconds),
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(join(target, 'pgpool.env'), lines.join(''));
  await own(place, passwords, target, join(target, 'pgpool.env'));
}

async function startPgpool(place: Place): Promise<void> {
  const pgpoolAddress = address(place, 3);
  const settings = [
    "backend_clustering_mode = 'streaming_replication'",
    `listen_addresses = '${pgpoolAddress}'`,
    'port = 9999',
    `pcp_listen_addresses = '${pgpoolAddress}'`,
    'pcp_port = 9898',
    `unix_socket_directories = '${place.folder}'`,
    `pcp_socket_dir = '${place.folder}'`,
    `logdir = '${place.folder}'`,
    `pid_file_name = '${place.folder}/pgpool.pid'`,
    'num_init_children = 4',
    'max_pool = 1',
    'enable_shared_relcache = off',
    "sr_check_user = 'postgres'",
    'sr_check_period = 10',
    'load_balance_mode = on',
    'failover_on_backend_error = off',
    'failover_on_backend_shutdown = off',
    'health_check_period = 0',
    'search_primary_node_timeout = 3',
    `follow_primary_command = '${place.folder}/scripts/follow_primary.sh %d %P %h %p'`,
    ...[0, 1, 2].flatMap((node) => [
      `backend_hostname${node} = '${address(place, node)}'`,
      `backend_port${node} = 5432`,
      `backend_weight${node} = ${node === 0 ? 0 : 1}`,
      `backend_flag${node} = 'ALLOW_TO_FAILOVER'`,
    ]),
  ];
  const configuration = join(place.folder, 'pgpool.conf');
  const pcpUsers = join(place.folder, 'pcp.conf');
  await writeFile(configuration, `${settings.join('\n')}\n`);
  await writeFile(pcpUsers, 'pcpadm:5ebe2294ecd0e0f08eab7690d2a6ee69\n');
  await own(place, configuration, pcpUsers);
  const output = await open(join(place.folder, 'pgpool.log'), 'w');
  const words = ['-n', '-D', '-f', configuration, '-F', pcpUsers];
  const stdio: StdioOptions = ['ignore', output.fd, output.fd];
  spawn(pgpoolProgram, words, { ...options(place), stdio, detached: true }).unref();
  await output.close();
}

async function listNodes(place: Place): Promise<string[]> {
  const words = ['-h', address(place, 3), '-p', '9898', '-U', 'pcpadm', '-w'];
  const { stdout } = await run(place, 'pcp_node_info', words);
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .map((columns) => `${columns[4] === 'waiting' ? 'up' : columns[4]}:${columns[6]}`);
}

/** Stops the cluster, then kills, by pid, what still runs inside its folder. */
async function removeCluster(place: Place): Promise<string[]> {
  await stopPgpool(place);
  for (const node of [0, 1, 2]) {
    const data = join(place.folder, `data${node}`);
    await run(place, join(place.postgresBin, 'pg_ctl'), ['-D', data, '-m', 'immediate', 'stop']);
  }
  await until(async () => (await processesIn(place.folder)).length === 0, 8000).catch(() => undefined);
  const left = await processesIn(place.folder);
  for (const { pid } of left) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
  await rm(place.folder, { recursive: true, force: true });
  return left.map(({ command }) => command);
}

/** While it searches for a primary among dead servers Pgpool does not listen to signals: it is asked first. */
async function stopPgpool(place: Place): Promise<void> {
  const pgpool = Number.parseInt(
    await readFile(join(place.folder, 'pgpool.pid'), 'utf8').catch(() => '0'),
    10,
  );
  const runs = async () => (await processesIn(place.folder)).some(({ pid }) => pid === pgpool);
  if (pgpool === 0 || !(await runs())) return;
  process.kill(pgpool, 'SIGINT');
  await until(async () => !(await runs()), 8000).catch(() => undefined);
}

function run(place: Place, program: string, words: string[]): Promise<Ended> {
  const startMs = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { ...options(place), stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (piece) => {
      stdout += piece;
    });
    child.stderr.on('data', (piece) => {
      stderr += piece;
    });
    child.on('error', reject);
    // A server started by pg_ctl may keep the pipes: the exit counts, not their end.
    child.on('exit', (code) => {
      const ms = performance.now() - startMs;
      setImmediate(() => {
        child.stdout.destroy();
        child.stderr.destroy();
        resolve({ code: code ?? -1, stdout, stderr, ms });
      });
    });
  });
}

function options({ identity, folder }: Place): SpawnOptions {
  const PATH = `${process.env.PATH ?? ''}:/usr/sbin`;
  return { ...identity, cwd: folder, env: { PATH, PCPPASSFILE: join(folder, 'pcppass'), LC_ALL: 'C' } };
}

async function must(ended: Promise<Ended>): Promise<Ended> {
  const result = await ended;
  if (result.code !== 0) throw new Error(`exit ${result.code}: ${result.stdout}${result.stderr}`);
  return result;
}

/** Servers refuse to run as root: then they run as the system's postgres user. */
async function findIdentity(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const entry = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .find((line) => line.startsWith('postgres:'));
  const [, , uid, gid] = entry?.split(':') ?? [];
  if (uid === undefined || gid === undefined) throw new Error('no postgres user to run the servers as');
  return { uid: Number(uid), gid: Number(gid) };
}

async function findPostgres(): Promise<string> {
  const versions = await readdir('/usr/lib/postgresql');
  const newest = versions.map(Number).sort((a, b) => b - a)[0];
  return `/usr/lib/postgresql/${newest}/bin`;
}

async function own({ identity }: Place, ...paths: string[]): Promise<void> {
  if (identity.uid === undefined || identity.gid === undefined) return;
  for (const path of paths) await chown(path, identity.uid, identity.gid);
}

function address(place: Place, node: number): string {
  return `${place.network}.${11 + node}`;
}

function conninfo(place: Place, primary: number): string {
  return `primary_conninfo = 'host=${address(place, primary)} user=postgres application_name=standby'\n`;
}
