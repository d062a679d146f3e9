import pg from 'pg';
import { epochMs, sleep } from '../kernel/clock.ts';
import { DrillError } from '../kernel/errors.ts';
import type { Backend } from '../topology/cluster.ts';
import type { LabSettings } from './lab-settings.ts';

/** Standbys must have caught up after so long. */
const withinMs = 15_000;

/** Creates the application's database on the running primary. */
export async function createDatabase(lab: LabSettings, primary: Backend): Promise<void> {
  const { database } = lab.accounts;
  if (database === 'postgres') return;
  await onServer(lab, primary, (session) =>
    session.query(`create database ${pg.escapeIdentifier(database)}`),
  );
}

/** Waits until every standby, or each of those given, streams. @throws DrillError naming those that do not within 15 s */
export async function awaitStreaming(
  lab: LabSettings,
  primary: Backend,
  options: { standbys?: readonly Backend[]; withinMs?: number } = {},
): Promise<void> {
  const text = "select application_name as name from pg_stat_replication where state = 'streaming'";
  await onServer(lab, primary, (session) =>
    untilListed(lab, {
      primary,
      ...options,
      list: async () => (await session.query<{ name: string }>(text)).rows,
      complaint: `does not stream from ${primary.server}`,
    }),
  );
}

/** Waits until every standby has replayed what the primary has written by now. */
export async function awaitReplay(lab: LabSettings, primary: Backend): Promise<void> {
  const text = 'select application_name as name from pg_stat_replication where replay_lsn >= $1::pg_lsn';
  await onServer(lab, primary, async (session) => {
    const { rows } = await session.query<{ position: string }>(
      'select pg_current_wal_lsn()::text as position',
    );
    await untilListed(lab, {
      primary,
      list: async () => (await session.query<{ name: string }>(text, [rows[0]?.position])).rows,
      complaint: `has not replayed what ${primary.server} wrote`,
    });
  });
}

async function untilListed(
  lab: LabSettings,
  wait: {
    primary: Backend;
    standbys?: readonly Backend[];
    withinMs?: number;
    list: () => Promise<{ name: string }[]>;
    complaint: string;
  },
): Promise<void> {
  const untilMs = epochMs() + (wait.withinMs ?? withinMs);
  const standbys = wait.standbys ?? lab.cluster.backends.filter((backend) => backend !== wait.primary);
  for (;;) {
    lab.context.signal?.throwIfAborted();
    const present = await wait.list();
    const missing = standbys.filter(({ server }) => !present.some(({ name }) => name === server));
    if (missing.length === 0) return;
    if (epochMs() > untilMs) {
      throw new DrillError(`${missing.map(({ server }) => server).join(', ')} ${wait.complaint}`);
    }
    await sleep(30);
  }
}

async function onServer<T>(
  lab: LabSettings,
  backend: Backend,
  work: (session: pg.Client) => Promise<T>,
): Promise<T> {
  const { user, password } = lab.accounts;
  const { address: host, port } = backend;
  const session = new pg.Client({
    host,
    port,
    user,
    password,
    database: 'postgres',
    connectionTimeoutMillis: 5000,
  });
  session.on('error', () => {});
  try {
    await session.connect();
    return await work(session);
  } finally {
    await session.end().catch(() => {});
  }
}
