import { existsSync, readdirSync, readFileSync, readlinkSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Problem } from '../kernel/errors.ts';
import { type Cluster, hasWatchdog } from '../topology/cluster.ts';
import { findBinaries } from './binaries.ts';
import { checkCaps } from './caps.ts';
import { agentsBuilt } from './efm-agents.ts';
import { labMark } from './layout.ts';
import { packageDir } from './package-dir.ts';
import { findRunUser } from './run-user.ts';

/**
 * Room for one server, bytes. Fixed: an empty cluster (40 MB) and the write-ahead log of some minutes; long heavy writing
 * can fill a gigabyte more before PostgreSQL recycles it. Per unit of pgbench's scale: 100 000 accounts with their index.
 */
const bytesPerServer = 400e6;
const bytesPerScale = 16e6;

interface Listener {
  server: string;
  what: string;
  address: string;
  port: number;
}

/**
 * What this machine lacks for a lab of the cluster: programs, an unprivileged user, local addresses, free ports, disk
 * space, the integration scripts, the agents' program. Nothing is started or changed.
 *
 * @param options.scale pgbench scale that the lab will be filled with; default 1
 */
export async function checkLab(
  cluster: Cluster,
  options: { agents?: boolean; programs?: string; scripts?: string; scale?: number } = {},
): Promise<Problem[]> {
  if (process.platform !== 'linux') {
    const message = `a lab needs Linux (loopback addresses, /proc); this is ${process.platform}`;
    return [{ rule: 'lab/platform', message, hint: 'pgdrill simulate needs no servers' }];
  }
  const problems = findBinaries().problems;
  if (!findRunUser()) {
    problems.push({
      rule: 'lab/privileges',
      message:
        'running as root, and PostgreSQL refuses root: none of $PGDRILL_USER, $SUDO_USER, postgres, nobody is a user here',
      hint: 'name an unprivileged user in $PGDRILL_USER, or run as one',
    });
  }
  const address = cluster.agents.map(({ properties }) => properties['virtual.ip']).find(Boolean);
  if (options.agents !== false && address) {
    problems.push({
      rule: 'lab/virtual-ip',
      message: `virtual.ip=${address}: EFM moves the address with a helper of its own (efm_address), and the lab's agents move none`,
      hint: 'leave virtual.ip empty for a lab; pgdrill simulate and timeline show what it does',
    });
  }
  const scripts = options.scripts ?? join(packageDir, 'scripts', 'efm');
  if (!existsSync(join(scripts, 'follow_primary.sh'))) {
    problems.push({ rule: 'lab/scripts', message: `the integration scripts are not in ${scripts}` });
  }
  const programs = options.programs ?? join(packageDir, 'dist');
  if (options.agents !== false && cluster.agents.length > 0 && !agentsBuilt(programs)) {
    problems.push({
      rule: 'lab/programs',
      message: `the agents' program is not in ${programs}`,
      hint: 'build it: npm run build',
    });
  }
  if (cluster.pgpools.length === 0) {
    problems.push({
      rule: 'lab/pgpool',
      message: 'no server of the cluster model has Pgpool',
      hint: 'give one server `pgpool: {}`',
    });
  }
  if (hasWatchdog(cluster)) {
    problems.push({
      rule: 'lab/watchdog',
      message: `the model has ${cluster.pgpools.length} Pgpools with a watchdog: a lab starts one Pgpool`,
      hint: 'give one server alone a pgpool: {} entry for a lab; pgdrill simulate, sweep, plan and timeline follow the watchdog',
    });
  }
  for (const name of ['synchronous_commit', 'synchronous_standby_names']) {
    if (cluster.postgresSettings[name] === undefined) continue;
    problems.push({
      rule: 'lab/synchronous',
      message: `${name} of postgres.settings: a lab of this release replicates asynchronously`,
      hint: 'leave it out for a lab; pgdrill simulate follows it',
    });
  }
  return [
    ...problems,
    ...checkCaps(cluster),
    ...checkSpace(cluster, options.scale ?? 1),
    ...checkAddresses(cluster),
    ...(await checkPorts(listenersOf(cluster, options.agents !== false))),
  ];
}

function listenersOf(cluster: Cluster, agents: boolean): Listener[] {
  return [
    ...cluster.backends.map(({ server, address, port }) => ({ server, what: 'PostgreSQL', address, port })),
    ...cluster.pgpools.flatMap(({ server, address, port, pcpPort }) => [
      { server, what: 'Pgpool-II', address, port },
      { server, what: "Pgpool-II's PCP", address, port: pcpPort },
    ]),
    ...(agents ? cluster.agents : []).flatMap(({ server, address, port, adminPort }) => [
      { server, what: 'the EFM agent', address, port },
      { server, what: "the EFM agent's admin port", address, port: adminPort },
    ]),
  ];
}

function checkAddresses(cluster: Cluster): Problem[] {
  return cluster.servers
    .filter(({ address }) => !address.startsWith('127.'))
    .map(({ name, address }) => ({
      rule: 'lab/address',
      message: `${name} has the address ${address}; a lab's servers live on this machine, on 127.0.0.0/8`,
      hint: 'give each server an address of its own such as 127.0.77.11',
    }));
}

function checkSpace(cluster: Cluster, scale: number): Problem[] {
  const { bavail, bsize } = statfsSync(tmpdir());
  const freeBytes = bavail * bsize;
  const neededBytes = cluster.backends.length * (bytesPerServer + scale * bytesPerScale);
  if (freeBytes >= neededBytes) return [];
  return [
    {
      rule: 'lab/disk-space',
      message: `${tmpdir()} has ${Math.floor(freeBytes / 1e6)} MB free; ${cluster.backends.length} servers at scale ${scale} need ${Math.ceil(neededBytes / 1e6)} MB`,
      hint: 'make room there, name another folder in $TMPDIR, or lower load.scale',
    },
  ];
}

async function checkPorts(listeners: readonly Listener[]): Promise<Problem[]> {
  const problems: Problem[] = [];
  const seen = new Map<string, Listener>();
  for (const listener of listeners.filter(({ address }) => address.startsWith('127.'))) {
    const place = `${listener.address}:${listener.port}`;
    const other = seen.get(place);
    seen.set(place, listener);
    const who = `${listener.what} of ${listener.server}`;
    if (other) {
      problems.push({
        rule: 'lab/port',
        message: `${who} and ${other.what} of ${other.server} would both listen on ${place}`,
      });
      continue;
    }
    const failure = await tryListen(listener);
    if (failure === null) continue;
    const holder = failure === 'EADDRINUSE' ? holderOf(listener.address, listener.port) : null;
    problems.push({
      rule: 'lab/port',
      message: `${who} cannot listen on ${place}: ${failure === 'EADDRINUSE' ? `taken${holder ? ` by ${holder.text}` : ''}` : failure}`,
      hint: holder?.lab
        ? 'stop that lab (pgdrill lab down), or give this cluster model other addresses'
        : 'stop what listens there, or give the server another address or port in the cluster model',
    });
  }
  return problems;
}

function tryListen({ address, port }: Listener): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

/** Which process listens on an address and port, as far as we may look: from /proc/net/tcp to the socket's owner. */
function holderOf(address: string, port: number): { text: string; lab: string | null } | null {
  const inode = listeningInode(address, port);
  if (inode === null) return null;
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const holds = readdirSync(`/proc/${pid}/fd`).some(
        (fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`,
      );
      if (!holds) continue;
      const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
      const mark = readFileSync(`/proc/${pid}/environ`, 'utf8')
        .split('\0')
        .find((entry) => entry.startsWith(`${labMark}=`));
      const lab = mark?.slice(labMark.length + 1) ?? null;
      return { text: `${name} (pid ${pid})${lab ? ` of the lab in ${lab}` : ''}`, lab };
    } catch {}
  }
  return null;
}

/** Lines of /proc/net/tcp: local address as little-endian hex, port, …, state 0A is listening, …, inode. */
function listeningInode(address: string, port: number): string | null {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const hex = (text: string): string =>
    text
      .split('.')
      .reverse()
      .map((part) => Number(part).toString(16).toUpperCase().padStart(2, '0'))
      .join('');
  const wanted = new Set([`${hex(address)}:${hexPort}`, `${hex('0.0.0.0')}:${hexPort}`]);
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (fields[3] === '0A' && wanted.has(fields[1] ?? '')) return fields[9] ?? null;
  }
  return null;
}
