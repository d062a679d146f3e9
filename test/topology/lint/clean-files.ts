// A cluster without a finding, in the newest EFM's and Pgpool-II 4.3.5's names: three databases, a witness, one Pgpool. A
// fixture is this with a few lines changed.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseEfmDocument } from '../../../src/topology/config/efm-document.ts';
import { parsePgpoolDocument } from '../../../src/topology/config/pgpool-document.ts';
import type { LintFiles, PathFacts, ScriptFile } from '../../../src/topology/lint/files.ts';
import { efmFile, pgpoolFile, postgresFile } from '../../../src/topology/lint/read.ts';

/** Lines to set; null takes a line out. */
type Lines = Readonly<Record<string, string | null>>;

/** What differs from the clean cluster. */
export interface Change {
  /** On every node. */
  efm?: Lines;
  /** On one node, by its number: 0 the primary, 3 the witness. */
  node?: Readonly<Record<number, Lines>>;
  /** How many of the four nodes' files are given. */
  nodes?: number;
  pgpool?: Lines;
  /** No pgpool.conf is given. */
  withoutPgpool?: boolean;
  /** A second pgpool.conf: the first with these lines. */
  otherPgpool?: Lines;
  /** Lines that stand behind the others, as they are. */
  efmTail?: string;
  pgpoolTail?: string;
  versions?: readonly [efm: string, pgpool: string];
  /** Instead of the shipped scripts. */
  scripts?: Readonly<Record<string, string>>;
  modes?: { efm?: number; pgpool?: number; scripts?: number };
  paths?: Readonly<Record<string, Omit<PathFacts, 'path'>>>;
  postgres?: Readonly<Record<string, string>>;
  primary?: string;
  maxConnections?: number;
  sessions?: number;
}

export const hooks = '/etc/pgpool-integration';

const agent: Lines = {
  'admin.port': '7809',
  'user.email': 'dba@example.com',
  'ping.server.ip': '192.0.2.1',
  'db.user': 'efm',
  'db.port': '5444',
  'db.database': 'edb',
  'local.period': '2',
  'local.timeout': '10',
  'auto.failover': 'true',
  'script.load.balancer.attach': `${hooks}/load_balancer_attach.sh %h %t`,
  'script.load.balancer.detach': `${hooks}/load_balancer_detach.sh %h %t`,
  'script.post.promotion': `${hooks}/post_promotion.sh %p %f`,
};

const database: Lines = {
  'db.service.owner': 'enterprisedb',
  'db.bin': '/usr/edb/as16/bin',
  'db.data.dir': '/var/lib/edb/as16/data',
};

const pgpool: Lines = {
  backend_clustering_mode: 'streaming_replication',
  listen_addresses: '*',
  port: '9999',
  pcp_listen_addresses: '*',
  pcp_port: '9898',
  logdir: '/var/log/pgpool',
  ...Object.fromEntries(
    [0, 1, 2].flatMap((id) => [
      [`backend_hostname${id}`, `192.0.2.1${id + 1}`],
      [`backend_port${id}`, '5444'],
      [`backend_weight${id}`, id === 0 ? '0' : '1'],
      [`backend_flag${id}`, 'ALLOW_TO_FAILOVER'],
      [`backend_application_name${id}`, `server${id + 1}`],
    ]),
  ),
  num_init_children: '32',
  max_pool: '1',
  load_balance_mode: 'on',
  sr_check_period: '10s',
  delay_threshold: '10MB',
  failover_on_backend_error: 'off',
  failover_on_backend_shutdown: 'off',
  health_check_period: '0',
  failover_command: '',
  failback_command: '',
  follow_primary_command: `${hooks}/follow_primary.sh %d %P %h %p`,
  search_primary_node_timeout: '3',
};

/** Scripts as they are shipped, with their modes. */
export function shippedScripts(): ScriptFile[] {
  const folder = join(import.meta.dirname, '../../../scripts/efm');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sh'))
    .map((name) => {
      const path = join(folder, name);
      return { path, name, text: readFileSync(path, 'utf8'), mode: statSync(path).mode };
    });
}

function efmText(lines: Lines, tail = ''): string {
  const written = Object.entries(lines).filter(([, value]) => value !== null);
  return `${written.map(([name, value]) => `${name}=${value}`).join('\n')}\n${tail}`;
}

function pgpoolText(lines: Lines, tail = ''): string {
  const written = Object.entries(lines).filter(([, value]) => value !== null);
  return `${written.map(([name, value]) => `${name} = '${value}'`).join('\n')}\n${tail}`;
}

function efmLines(change: Change, index: number): Lines {
  const isWitness = index === 3;
  return {
    'bind.address': `192.0.2.1${index + 1}:7800`,
    'is.witness': String(isWitness),
    ...agent,
    ...(isWitness ? {} : { ...database, 'application.name': `server${index + 1}` }),
    ...change.efm,
    ...change.node?.[index],
  };
}

/** The files of a change, and their texts by name, to see what stands where. */
export function filesOf(change: Change): { files: LintFiles; texts: ReadonlyMap<string, string> } {
  const [efmVersion, pgpoolVersion] = change.versions ?? ['5.4', '4.3.5'];
  const texts = new Map<string, string>();
  const keep = (file: string, text: string): string => {
    texts.set(file, text);
    return text;
  };
  const efm = [0, 1, 2, 3].slice(0, change.nodes ?? 4).map((index) => {
    const file = `node${index}/efm.properties`;
    const text = keep(file, efmText(efmLines(change, index), index === 0 ? change.efmTail : ''));
    return efmFile(parseEfmDocument(text, file), efmVersion, change.modes?.efm ?? 0o100600);
  });
  const confs = change.withoutPgpool ? [] : [{ ...pgpool, ...change.pgpool }];
  if (change.otherPgpool) confs.push({ ...pgpool, ...change.pgpool, ...change.otherPgpool });
  const pgpools = confs.map((lines, index) => {
    const file = `pgpool${index}/pgpool.conf`;
    const text = keep(file, pgpoolText(lines, index === 0 ? change.pgpoolTail : ''));
    return pgpoolFile(parsePgpoolDocument(text, file), pgpoolVersion, change.modes?.pgpool ?? 0o100600);
  });
  const scripts = change.scripts
    ? Object.entries(change.scripts).map(([name, text]) => ({
        path: `scripts/${name}`,
        name,
        text: keep(`scripts/${name}`, text),
        mode: change.modes?.scripts ?? 0o100755,
      }))
    : shippedScripts();
  const conf = change.postgres ? pgpoolText(change.postgres) : null;
  const paths = Object.entries(change.paths ?? {}).map(
    ([path, facts]) => [path, { path, ...facts }] as const,
  );
  const files: LintFiles = {
    efm,
    pgpool: pgpools,
    postgres: conf === null ? null : postgresFile(parsePgpoolDocument(conf, 'postgresql.conf'), 0o100600),
    scripts,
    paths: new Map(paths),
    primary: change.primary ?? null,
    maxConnections: change.maxConnections ?? null,
    sessions: change.sessions ?? null,
  };
  return { files, texts };
}
