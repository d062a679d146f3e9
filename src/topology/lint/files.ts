import type { Place, Problem } from '../../kernel/errors.ts';
import { type ConfigDocument, entryOf, placeOf } from '../config/document.ts';
import { efmNameIn } from '../config/efm-catalogue.ts';
import { pgpoolTimeMs, pgpoolTruth, readPgpoolNumber } from '../config/pgpool-values.ts';
import { compareVersions } from '../config/versions.ts';

/** A configuration file with its defaults filled in, as the rules read it. */
export interface ConfigFile {
  document: ConfigDocument;
  /** EFM's or Pgpool's version: as the user gave it, else guessed from the names in the file. */
  version: string;
  /** Value of a name that the file does not set; undefined for one that the version does not have. */
  defaultOf: (name: string) => string | undefined;
  /** What the check of names and forms says. */
  problems: readonly Problem[];
  /** Permission bits of the file; null when it is not on this machine. */
  mode: number | null;
}

/** A file of the scripts' folder. */
export interface ScriptFile {
  /** As named to the user. */
  path: string;
  /** Name without its folder. */
  name: string;
  text: string;
  mode: number;
}

/** What is known of a path that a setting names; only of paths whose folder is on this machine. */
export interface PathFacts {
  /** Where it was looked for: with a scripts' folder given, there. */
  path: string;
  exists: boolean;
  mode: number;
}

/** Everything that one lint run looks at. A value: reading files is the caller's. */
export interface LintFiles {
  /** efm.properties of as many nodes as were given. */
  efm: readonly ConfigFile[];
  pgpool: readonly ConfigFile[];
  /** postgresql.conf, when given. */
  postgres: ConfigFile | null;
  scripts: readonly ScriptFile[];
  /** By the path as the setting writes it. */
  paths: ReadonlyMap<string, PathFacts>;
  /** Address of the server that is the primary, when it is known. */
  primary: string | null;
  /** max_connections of the servers, when it is known. */
  maxConnections: number | null;
  /** Sessions that the application opens at once, when known. */
  sessions: number | null;
}

/** Place of a setting's value; of one that is not written, the start of the file. */
export function at(file: ConfigFile, name: string): Place {
  const entry = entryOf(file.document, name);
  return entry ? placeOf(entry) : { file: file.document.file, line: 1, column: 1 };
}

/** Whether the file itself sets the name. */
export function written(file: ConfigFile, name: string): boolean {
  return entryOf(file.document, name) !== undefined;
}

/** Value in force, trimmed; empty for a name that has neither value nor default. */
export function value(file: ConfigFile, name: string): string {
  return (entryOf(file.document, name)?.value ?? file.defaultOf(name) ?? '').trim();
}

/** `name = value` with the remark that it is the default, for messages. */
export function told(file: ConfigFile, name: string): string {
  const sign = file.document.kind === 'efm' ? '=' : ' = ';
  const text = value(file, name);
  const shown = file.document.kind === 'pgpool' && !/^[\w.-]+$/.test(text) ? `'${text}'` : text;
  return `${name}${sign}${shown}${written(file, name) ? '' : ` (default of ${file.version})`}`;
}

/** Whether a switch is on, as EFM (`true`) and Pgpool (on, true, yes, 1 and their beginnings) read it. */
export function isOn(file: ConfigFile, name: string): boolean {
  const text = value(file, name);
  return file.document.kind === 'efm' ? text === 'true' : (pgpoolTruth(text) ?? false);
}

/** Whether a switch is off. A word that is neither, which the check of values tells, is not. */
export function isOff(file: ConfigFile, name: string): boolean {
  const text = value(file, name);
  return file.document.kind === 'efm' ? text === 'false' : pgpoolTruth(text) === false;
}

/** A span in seconds of a setting whose bare number is seconds; NaN for what is none. */
export function seconds(file: ConfigFile, name: string): number {
  return (pgpoolTimeMs(value(file, name), 'seconds') ?? Number.NaN) / 1000;
}

/** A number, with a unit of bytes if it has one; NaN for what is none. */
export function number(file: ConfigFile, name: string): number {
  return readPgpoolNumber(value(file, name), 'bytes')?.value ?? Number.NaN;
}

/** Whether a version is at least another. */
export function atLeast(version: string, other: string): boolean {
  return compareVersions(version, other) >= 0;
}

/** The name of an EFM property in the file's dialect: before 4.0 `primary` is `master`. */
export function efmName(file: ConfigFile, name: string): string {
  return efmNameIn(name, file.version) ?? name;
}

/** Pgpool's name of the command that brings standbys back: until 4.1 follow_master_command. */
export function followName({ version }: Pick<ConfigFile, 'version'>): string {
  return atLeast(version, '4.2') ? 'follow_primary_command' : 'follow_master_command';
}

/** Whether the agent has a database to watch. */
export function isWitness(file: ConfigFile): boolean {
  return isOn(file, 'is.witness');
}

/** Whether EFM speaks to Pgpool itself (pgpool.enable, EFM 4.1 and later). */
export function isNative(file: ConfigFile): boolean {
  return atLeast(file.version, '4.1') && isOn(file, 'pgpool.enable');
}

/** Address part of bind.address; empty when it is not set. */
export function bindAddress(file: ConfigFile): string {
  return value(file, 'bind.address').replace(/:\d+$/, '');
}

/** Addresses under which others know the agent's server: external.address where NAT stands between, bind.address. */
export function addressesOf(file: ConfigFile): string[] {
  return [bindAddress(file), value(file, 'external.address')].filter((address) => address !== '');
}

/** Whether anything says that the cluster has a Pgpool or another load balancer: its file, a hook for it, EFM's own integration. */
export function hasPgpool({ efm, pgpool }: LintFiles): boolean {
  const hooks = ['script.load.balancer.attach', 'script.load.balancer.detach'];
  return (
    pgpool.length > 0 || efm.some((file) => isNative(file) || hooks.some((name) => value(file, name) !== ''))
  );
}

/** Whether an address is one, IPv4 or IPv6, and not a name. */
export function isNumeric(address: string): boolean {
  return /^[\d.]+$/.test(address) || address.includes(':');
}

/** One backend of a pgpool.conf. */
export interface BackendLines {
  id: number;
  host: string;
  port: string;
  weight: number;
  flag: string;
}

/** The backends that a pgpool.conf names, by id. */
export function backendsOf(file: ConfigFile): BackendLines[] {
  return indexesOf(file, /^backend_hostname(\d+)$/)
    .map((id) => ({
      id,
      host: value(file, `backend_hostname${id}`),
      port: written(file, `backend_port${id}`) ? value(file, `backend_port${id}`) : '5432',
      weight: Number(value(file, `backend_weight${id}`) || '0'),
      flag: value(file, `backend_flag${id}`),
    }))
    .filter(({ host }) => host !== '');
}

/** Indexes of an indexed setting that the file writes, ascending. */
export function indexesOf(file: ConfigFile, pattern: RegExp): number[] {
  const ids = file.document.entries.flatMap(({ name }) => {
    const id = pattern.exec(name)?.[1];
    return id === undefined ? [] : [Number(id)];
  });
  return [...new Set(ids)].sort((a, b) => a - b);
}

/** Servers with a database: the backends, or the agents that are no witness when more of those are known. */
export function databaseCount(files: LintFiles): number {
  const backends = Math.max(0, ...files.pgpool.map((file) => backendsOf(file).length));
  const agents = files.efm.length > 1 ? files.efm.filter((file) => !isWitness(file)).length : 0;
  return Math.max(backends, agents);
}

/** Whether an address means this machine alone, whichever machine it is. */
export function isLoopbackName(address: string): boolean {
  return /^(localhost|127\.0\.0\.1|::1)$/i.test(address);
}

/** Every pair of an EFM file and a pgpool.conf. */
export function pairs(files: LintFiles): { efm: ConfigFile; pgpool: ConfigFile }[] {
  return files.efm.flatMap((efm) => files.pgpool.map((pgpool) => ({ efm, pgpool })));
}
