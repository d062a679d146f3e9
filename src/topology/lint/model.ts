import type { Place, Problem } from '../../kernel/errors.ts';
import type { Model } from '../../scenario/model-shape.ts';
import type { Source } from '../../scenario/source.ts';
import { checkServers } from '../check.ts';
import { checkAgreement } from '../check-agreement.ts';
import { checkWatchdog } from '../check-watchdog.ts';
import type { ConfigDocument, ConfigEntry } from '../config/document.ts';
import { branchOf, compareVersions } from '../config/versions.ts';
import { isMachineBound } from '../efm-properties.ts';
import { checkVersions, readModelFiles } from '../model-files.ts';
import { followName, type LintFiles } from './files.ts';
import { efmFile, pgpoolFile } from './read.ts';

type Path = (string | number)[];
type Values = Readonly<Record<string, string | number | boolean>>;

/** What the lab writes for an agent whose model names no file, so that its absence from the model is no finding. */
const labAgent: Values = {
  'user.email': 'postgres@localhost',
  'db.user': 'pgdrill',
  'db.database': 'pgdrill',
  'script.load.balancer.attach': '/lab/load_balancer_attach.sh %h %t',
  'script.load.balancer.detach': '/lab/load_balancer_detach.sh %h %t',
  'script.post.promotion': '/lab/post_promotion.sh %p %f',
};
const labDatabase: Values = {
  'db.service.owner': 'postgres',
  'db.bin': '/lab/bin',
  'db.data.dir': '/lab/data',
};
const labPgpool: Values = {
  backend_clustering_mode: 'streaming_replication',
  listen_addresses: '*',
  pcp_listen_addresses: '*',
  logdir: '/lab/pgpool',
};

/**
 * A cluster model as the rules read it: the files that it names, with what the model itself says of each server laid over them,
 * each setting at its line, in the file or in the model. Where no file is named, the lab's own settings fill the rest.
 *
 * @returns the files, and the problems: of files that cannot be read or contradict the model, of a model that contradicts itself
 */
export function lintFilesOfModel(source: Source<Model>): { files: LintFiles; problems: Problem[] } {
  const read = readModelFiles(source);
  const documents = [read.efm, read.pgpool, ...read.ofServer.values()].filter(
    (document) => document !== null,
  );
  const unread = documents.flatMap(({ problems }) => problems);
  const { servers } = source.value;
  const primary = servers.find(({ postgres }) => postgres?.role === 'primary');
  const files: LintFiles = {
    efm: servers.flatMap((server, index) => {
      if (!server.efm) return [];
      const own = read.ofServer.get(server.name);
      return [efmFile(agentDocument(source, { index, own, shared: read.efm }), read.efmVersion, null)];
    }),
    pgpool: [pgpoolFile(pgpoolDocument(source, read.pgpool, read.pgpoolVersion), read.pgpoolVersion, null)],
    postgres: null,
    scripts: [],
    paths: new Map(),
    primary: primary?.address ?? null,
    maxConnections: null,
    sessions: null,
  };
  const problems = [
    ...checkServers(source),
    ...checkVersions(source),
    ...read.problems,
    ...unread,
    ...checkAgreement(source, read),
    ...checkWatchdog(source, read),
  ];
  return { files, problems };
}

/** One agent's properties: its own file as it is, or the shared one with this machine's in place of another's. */
function agentDocument(
  { file, value: model, placeOf }: Source<Model>,
  { index, own, shared }: { index: number; own: ConfigDocument | undefined; shared: ConfigDocument | null },
): ConfigDocument {
  const server = model.servers[index];
  const { postgres, efm } = server ?? {};
  const base = own ?? shared;
  const machine = placeOf(['servers', index, 'efm']);
  const ports = [postgres, ...model.servers.map((other) => other.postgres)].map((other) => other?.port);
  const port = ports.find((known) => known !== undefined) ?? (base ? undefined : 5432);
  const ofServer: Values = {
    'bind.address': `${server?.address}:${efm?.port ?? 7800}`,
    'is.witness': efm?.witness ?? false,
    ...(postgres ? { 'application.name': server?.name ?? '' } : {}),
    ...(port === undefined ? {} : { 'db.port': port }),
  };
  const lab: Values = { ...labAgent, ...(postgres ? labDatabase : {}) };
  const kept = (base?.entries ?? []).filter(
    ({ name }) => own || !isMachineBound(name) || !(name in ofServer),
  );
  return {
    ...(base ?? { file, kind: 'efm', lines: [], problems: [] }),
    entries: overlaid([
      ...(base ? [] : entriesAt(lab, () => machine)),
      ...kept,
      ...(own ? [] : entriesAt(ofServer, () => machine)),
      ...entriesAt(model.efm.properties, (name) => placeOf(['efm', 'properties', name])),
      ...entriesAt(efm?.properties ?? {}, (name) => placeOf(['servers', index, 'efm', 'properties', name])),
    ]),
  };
}

/** The pgpool.conf of the model: its file, or what the lab writes, with the model's backends and settings. */
function pgpoolDocument(source: Source<Model>, base: ConfigDocument | null, version: string): ConfigDocument {
  const { file, value: model, placeOf } = source;
  const databases = model.servers
    .map((server, index) => ({ server, path: ['servers', index, 'postgres'] satisfies Path }))
    .filter(({ server }) => server.postgres);
  const backends = databases.flatMap(({ server, path }, id) => {
    const { port, weight } = server.postgres ?? {};
    const values: Values = {
      [`backend_hostname${id}`]: server.address,
      ...(base && port === undefined ? {} : { [`backend_port${id}`]: port ?? 5432 }),
      ...(base && weight === undefined ? {} : { [`backend_weight${id}`]: weight ?? 1 }),
    };
    return entriesAt(values, () => placeOf([...path, 'weight']));
  });
  const lab: Values = { ...labPgpool, [followName({ version })]: '/lab/follow_primary.sh %d %P %h %p' };
  return {
    ...(base ?? { file, kind: 'pgpool', lines: [], problems: [] }),
    entries: overlaid([
      ...(base ? base.entries : entriesAt(lab, () => placeOf(['pgpool']))),
      ...backends,
      ...(base ? [] : memberEntries(source, version)),
      ...entriesAt(model.pgpool.settings, (name) => placeOf(['pgpool', 'settings', name])),
    ]),
  };
}

/** The members of the watchdog, as the pgpool.conf of the first of them lists them. */
function memberEntries({ value: model, placeOf }: Source<Model>, version: string): ConfigEntry[] {
  const members = model.servers.flatMap(({ address, pgpool }, index) => (pgpool ? [{ address, index }] : []));
  if (members.length < 2) return [];
  const listsAll = compareVersions(branchOf(version), '4.2') >= 0;
  return members.slice(listsAll ? 0 : 1).flatMap(({ address, index }, id) => {
    const name = listsAll ? `hostname${id}` : `other_pgpool_hostname${id}`;
    return entriesAt({ [name]: address }, () => placeOf(['servers', index, 'pgpool']));
  });
}

function entriesAt(values: Values, placeFor: (name: string) => Place): ConfigEntry[] {
  return Object.entries(values).map(([name, value]) => {
    const { file, line, column } = placeFor(name);
    return { name, value: String(value), raw: String(value), file, line, column, valueColumn: column };
  });
}

/** Entries of several layers, the later winning: of one name written in several, the last alone. */
function overlaid(entries: readonly ConfigEntry[]): ConfigEntry[] {
  return entries.filter(
    (entry, index) =>
      !entries.slice(index + 1).some((later) => later.name === entry.name && later.file !== entry.file),
  );
}
