import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DrillError, ExitCode, InputError, type Problem } from '../../kernel/errors.ts';
import { packageDir } from '../../lab/package-dir.ts';
import { loadModel } from '../../scenario/load.ts';
import type { Model } from '../../scenario/model-shape.ts';
import { byPlace, type Source } from '../../scenario/source.ts';
import { checkShape } from '../../sim/check.ts';
import { commandRemarks } from '../../sim/command-remarks.ts';
import { checkModel } from '../../topology/check.ts';
import { type Cluster, clusterOf, hasWatchdog } from '../../topology/cluster.ts';
import { type ConfigDocument, valuesOf, whyUnreadable } from '../../topology/config/document.ts';
import { efmVersions } from '../../topology/config/efm-catalogue.ts';
import { pgpoolVersions } from '../../topology/config/pgpool-catalogue.ts';
import { branchOf } from '../../topology/config/versions.ts';
import { type ModelFiles, readModelFiles } from '../../topology/model-files.ts';
import type { PgpoolConf } from '../../topology/pgpool-conf.ts';
import { pgpoolConfOf } from '../../topology/pgpool-conf-of.ts';
import { serversFor } from './file-servers.ts';

/** What a timeline is asked of; files as the user named them. */
export interface TimelineFiles {
  efm: string | null;
  pgpool: string | null;
  model: string | null;
  /** EFM's and Pgpool's version, `5.4,4.3.5`; null guesses them from the files. */
  versions: string | null;
}

export interface TimelineInput {
  cluster: Cluster;
  versions: { efm: string; pgpool: string };
  /** Pgpool has a follow_primary_command. */
  hasFollowCommand: boolean;
  /** What in the files a simulation takes differently, in words. */
  remarks: string[];
}

/** The guide's four servers and the service times of a lab; its settings are replaced by EFM's defaults and the guide's. */
const guideModel = join(packageDir, 'models', 'reference-architecture.yaml');

/** EFM 4.x where nobody names a version or gives a file: the newest of that line. */
const usualEfmVersion = '4.10';

/** Hooks that tell Pgpool. */
const balancerHooks = [
  'script.load.balancer.detach',
  'script.load.balancer.attach',
  'script.post.promotion',
] as const;

/** Rules that hold files against the addresses of a model: void where the files are of another cluster than the model. */
const placeRules: ReadonlySet<string> = new Set([
  'backend-has-server',
  'server-is-backend',
  'file-agrees',
  'known-node',
  'watchdog-member',
]);

/**
 * Reads the configuration of a timeline and builds its cluster.
 *
 * @throws InputError with every problem of all files at once
 */
export function readTimelineInput(files: TimelineFiles): TimelineInput {
  for (const file of [files.efm, files.pgpool]) if (file !== null) readText(file);
  const { model, problems: unread } = loadModel(files.model ?? guideModel);
  if (!model) throw new InputError(unread);
  const source = replaceSettings(model, files);
  const read = readModelFiles(source);
  const borrowed = files.model === null;
  const problems = checkModel(source, read).filter(({ rule }) => !borrowed || !placeRules.has(rule));
  const cluster = clusterOf(source.value, read);
  // What is wrong in a file would be said again here, without its line.
  if (problems.length === 0) problems.push(...checkShape(cluster));
  if (problems.length > 0) throw new InputError(asNamed(problems.toSorted(byPlace), files));
  const remarks: string[] = [];
  const hooked = withHooks(cluster, read, remarks);
  const versions = { efm: read.efmVersion, pgpool: read.pgpoolVersion };
  if (!read.pgpool) {
    remarks.push(...commandRemarks(hooked));
    return { cluster: hooked, versions, hasFollowCommand: true, remarks };
  }
  const values = valuesOf(read.pgpool);
  const conf = pgpoolConfOf(values, read.pgpoolVersion);
  const placed = withBackends(hooked, values);
  return {
    cluster: placed,
    versions,
    hasFollowCommand: conf.hasFollowCommand,
    remarks: [...remarks, ...commandRemarks(placed), ...pgpoolRemarks(conf, placed)],
  };
}

/** Problems at the files as the user named them. */
function asNamed(problems: readonly Problem[], { efm, pgpool }: TimelineFiles): Problem[] {
  return problems.map((problem) => {
    const named = [efm, pgpool].find((file) => file !== null && resolve(file) === problem.place?.file);
    return named && problem.place ? { ...problem, place: { ...problem.place, file: named } } : problem;
  });
}

function parseVersions(text: string): { efm: string; pgpool: string } {
  const [efm = '', pgpool = '', ...more] = text.split(',').map((part) => part.trim());
  const known = (version: string, versions: readonly string[]): boolean =>
    /^\d+\.\d+(\.\d+)?$/.test(version) && versions.includes(branchOf(version));
  if (more.length === 0 && known(efm, efmVersions) && known(pgpool, pgpoolVersions)) return { efm, pgpool };
  throw new DrillError(`--versions takes EFM's and Pgpool's version, got "${text}"`, {
    hint: `such as 5.4,4.3.5; EFM ${efmVersions[0]} to ${efmVersions.at(-1)}, Pgpool ${pgpoolVersions[0]} to ${pgpoolVersions.at(-1)}`,
    exitCode: ExitCode.usage,
  });
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const message = `cannot read ${file}: ${whyUnreadable(cause)}`;
    throw new DrillError(message, { exitCode: ExitCode.usage, cause });
  }
}

/** The model with the settings of the files that were named, and with defaults where neither a model nor a file was. */
function replaceSettings(source: Source<Model>, files: TimelineFiles): Source<Model> {
  const { value } = source;
  const versions = files.versions === null ? null : parseVersions(files.versions);
  const own = files.model !== null;
  const efm = { ...value.efm };
  const pgpool = { ...value.pgpool };
  let { servers } = value;
  if (files.efm !== null || !own) {
    delete efm.version;
    efm.properties = {};
    if (files.efm === null) efm.version = usualEfmVersion;
    else efm.file = resolve(files.efm);
    servers = servers.map(({ efm: agent, ...server }) =>
      agent ? { ...server, efm: { witness: agent.witness, properties: {} } } : server,
    );
  }
  if (files.pgpool !== null) {
    delete pgpool.version;
    pgpool.settings = {};
    pgpool.file = resolve(files.pgpool);
    if (!own)
      servers = serversFor(
        { file: files.pgpool, text: readText(files.pgpool), version: versions?.pgpool },
        servers,
      );
  }
  if (versions) {
    efm.version = versions.efm;
    pgpool.version = versions.pgpool;
  }
  return { ...source, value: { ...value, servers, efm, pgpool } };
}

/** EFM runs the hooks that its own file names: one that is not there tells Pgpool nothing. */
function withHooks(cluster: Cluster, { efm, ofServer }: ModelFiles, remarks: string[]): Cluster {
  const documents = [efm, ...ofServer.values()].flatMap((document) => document ?? []);
  if (documents.length === 0) return cluster;
  const agents = cluster.agents.map((agent) => {
    const document = ofServer.get(agent.server) ?? efm;
    return document ? { ...agent, properties: { ...agent.properties, ...hooksOf(document) } } : agent;
  });
  const [first] = documents;
  if (first) remarks.push(...hookRemarks(first));
  return { ...cluster, agents };
}

/** Pgpool is told by the hooks, or by EFM itself (pgpool.enable), which is taken to do as the shipped attach and detach do. */
function hooksOf(document: ConfigDocument): Record<string, string> {
  const values = valuesOf(document);
  const native = values['pgpool.enable'] === 'true';
  const hooks = Object.fromEntries(Object.entries(values).filter(([name]) => name.startsWith('script.')));
  const told = balancerHooks.map((name) => {
    const nativeLine = native && name !== 'script.post.promotion' ? 'pgpool.enable %h %t' : '';
    return [name, hooks[name] || nativeLine];
  });
  return { ...hooks, ...Object.fromEntries(told) };
}

function hookRemarks(document: ConfigDocument): string[] {
  const hooks = hooksOf(document);
  const missing = balancerHooks.filter((name) => !hooks[name]);
  const others = Object.keys(hooks).filter(
    (name) => hooks[name] && /^script\.(?!load|post|notification)/.test(name),
  );
  return [
    ...(missing.length > 0
      ? [`${missing.join(', ')} not set: Pgpool is not told, and the timeline shows what comes of that`]
      : []),
    ...(others.length > 0
      ? [`${others.join(', ')} taken as a moment's work: EFM limits no hook, so add what yours take`]
      : []),
  ];
}

/** Backend flags are Pgpool's own affair, but one that forbids a detach changes everything; folders are told to its commands, also one that is not named. */
function withBackends(cluster: Cluster, values: Readonly<Record<string, string>>): Cluster {
  const flags = Object.entries(values).filter(([name]) => /^backend_flag\d+$/.test(name));
  const folders = cluster.backends
    .filter(({ id }) => values[`backend_hostname${id}`] !== undefined)
    .map(({ id }) => [`backend_data_directory${id}`, values[`backend_data_directory${id}`] ?? '']);
  const told = { ...Object.fromEntries(flags), ...Object.fromEntries(folders) };
  return { ...cluster, pgpoolSettings: { ...cluster.pgpoolSettings, ...told } };
}

/** What a Pgpool of this configuration does and a timeline does not. */
function pgpoolRemarks({ watchdog }: PgpoolConf, cluster: Cluster): string[] {
  return watchdog && !hasWatchdog(cluster) ? [loneRemark(watchdog.nodes.length)] : [];
}

function loneRemark(listed: number): string {
  const why = listed < 2 ? 'the file names no other Pgpool' : 'the model has one Pgpool';
  return `use_watchdog is on, but ${why}: nobody takes over for it`;
}
