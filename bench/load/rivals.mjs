// The programs under comparison, each giving the same figures: transactions a second, processor time a transaction
// inside the measured window and over the whole process, and in an open loop how late sends were.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { watched } from './machine.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
export const warmupSeconds = 0.5;

/** Our generator on a transport, `ring` or `stream`: its wire path alone, or with `scenario` a whole load worker. */
export function ours(transport, { scenario = false } = {}) {
  const program = scenario ? 'client-scenario.mjs' : 'client.mjs';
  return async ({
    server,
    target = server.target,
    protocol,
    sessions,
    seconds,
    perSecond = 0,
    fifo = false,
  }) => {
    const plan = {
      target,
      transport,
      protocol,
      sessions,
      seconds,
      warmupSeconds,
      scale: server.scale,
      perSecond,
    };
    const { output, cpuMicros } = await watched(process.execPath, [here(program), JSON.stringify(plan)], {
      fifo,
    });
    const result = JSON.parse(output);
    if (result.errors + result.lost > 0)
      throw new Error(`${transport}: ${result.errors} errors, ${result.lost} lost`);
    return { ...result, wholeCpuMicros: cpuMicros / result.ended };
  };
}

/** A loop on one of our transports that does nothing but send and receive (prepared only). */
export function bare(transport) {
  return async ({ server, sessions, seconds }) => {
    const plan = { target: server.target, transport, sessions, seconds, warmupSeconds };
    const { output } = await watched(process.execPath, [here('client-bare.mjs'), JSON.stringify(plan)]);
    return JSON.parse(output);
  };
}

/** pgbench; its start is taken out of the window by the time of a run of one transaction a client. */
export async function pgbench({
  server,
  target = server.target,
  protocol,
  sessions,
  seconds,
  perSecond = 0,
}) {
  const env = { ...server.env, PGHOST: target.host, PGPORT: String(target.port) };
  const folder = mkdtempSync(join(tmpdir(), 'pgdrill-bench-log-'));
  const length = ['-T', String(Math.max(1, Math.round(seconds + warmupSeconds)))];
  const common = ['-n', '-S', '-M', protocol, '-c', String(sessions)];
  const log = perSecond > 0 ? ['-R', String(perSecond), '-l', `--log-prefix=${join(folder, 'log')}`] : [];
  try {
    const start = await watched(server.pgbench, [...common, '-t', '1'], { env });
    const { output, cpuMicros } = await watched(server.pgbench, [...common, ...length, ...log], { env });
    const transactions = Number(/actually processed: (\d+)/.exec(output)[1]);
    return {
      perSecond: Number(/tps = ([\d.]+)/.exec(output)[1]),
      cpuMicros: (cpuMicros - start.cpuMicros) / transactions,
      wholeCpuMicros: cpuMicros / transactions,
      lateMs: perSecond > 0 ? lags(folder) : null,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Send minus schedule of every transaction after the warm-up, from pgbench's own log. */
function lags(folder) {
  const lines = readdirSync(folder).flatMap((name) =>
    readFileSync(join(folder, name), 'utf8').trim().split('\n'),
  );
  const rows = lines.map((line) => line.split(' ').map(Number));
  const firstMs = Math.min(...rows.map((row) => row[4] * 1000 + row[5] / 1000));
  const late = rows
    .filter((row) => row[4] * 1000 + row[5] / 1000 > firstMs + warmupSeconds * 1000)
    .map((row) => row[6] / 1000)
    .sort((a, b) => a - b);
  const at = (share) => late[Math.min(late.length - 1, Math.floor(late.length * share))];
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999) };
}

/** The `pg` package in a closed loop of its own. */
export async function pgPackage({ server, protocol, sessions, seconds }) {
  const plan = { target: server.target, protocol, sessions, seconds, warmupSeconds, scale: server.scale };
  const { output } = await watched(process.execPath, [here('client-pg.mjs'), JSON.stringify(plan)]);
  return JSON.parse(output);
}

/** sysbench's point selects, on a table of its own; null where it is not installed. */
export async function sysbench({ server, sessions, seconds }) {
  try {
    execFileSync('sysbench', ['--version'], { stdio: 'ignore' });
  } catch {
    return null;
  }
  const { host, port, user, database } = server.target;
  const login = [
    `--pgsql-host=${host}`,
    `--pgsql-port=${port}`,
    `--pgsql-user=${user}`,
    `--pgsql-db=${database}`,
  ];
  const table = ['--db-driver=pgsql', ...login, '--tables=1', '--table-size=100000'];
  const run = ['oltp_point_select', ...table, `--threads=${sessions}`, `--time=${Math.ceil(seconds)}`];
  execFileSync('sysbench', [...run, 'prepare'], { stdio: 'ignore' });
  try {
    const { output, cpuMicros } = await watched('sysbench', [...run, 'run']);
    const transactions = Number(/transactions:\s+(\d+)/.exec(output)[1]);
    const perSecond = Number(/transactions:\s+\d+\s+\(([\d.]+)/.exec(output)[1]);
    return { perSecond, cpuMicros: cpuMicros / transactions, wholeCpuMicros: cpuMicros / transactions };
  } finally {
    execFileSync('sysbench', [...run, 'cleanup'], { stdio: 'ignore' });
  }
}
