import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import type { Problem } from '../kernel/errors.ts';
import type { Model } from '../scenario/model-shape.ts';
import type { Source } from '../scenario/source.ts';
import { checkEfmDocument } from './config/check-efm.ts';
import { checkPgpoolDocument } from './config/check-pgpool.ts';
import { type ConfigDocument, valuesOf } from './config/document.ts';
import { efmVersions } from './config/efm-catalogue.ts';
import { parseEfmDocument } from './config/efm-document.ts';
import { efmVersionOf, guessPgpoolVersion } from './config/guess.ts';
import { pgpoolVersions, usualPgpoolVersion } from './config/pgpool-catalogue.ts';
import { parsePgpoolDocument } from './config/pgpool-document.ts';
import { branchOf } from './config/versions.ts';

/** The configuration files that a cluster model names, as read, and the versions that they are read for. */
export interface ModelFiles {
  efmVersion: string;
  pgpoolVersion: string;
  efm: ConfigDocument | null;
  pgpool: ConfigDocument | null;
  /** Of servers whose agent has a file of its own, by server name. */
  ofServer: ReadonlyMap<string, ConfigDocument>;
  /** Files that could not be read. */
  problems: readonly Problem[];
}

/** Reads the files that a model names, relative to it. A file that is not there is a problem at the line that names it. */
export function readModelFiles({ file, value: model, placeOf }: Source<Model>): ModelFiles {
  const problems: Problem[] = [];
  const read = (named: string, path: (string | number)[]): { text: string; path: string } | null => {
    const full = isAbsolute(named) ? named : join(dirname(file), named);
    const text = readText(full);
    if (typeof text === 'string') return { text, path: full };
    problems.push({
      place: placeOf(path),
      rule: 'readable',
      message: `cannot read ${full}: ${text.message}`,
    });
    return null;
  };
  const efmText = model.efm.file === undefined ? null : read(model.efm.file, ['efm', 'file']);
  const efm = efmText && parseEfmDocument(efmText.text, efmText.path);
  const pgpoolText = model.pgpool.file === undefined ? null : read(model.pgpool.file, ['pgpool', 'file']);
  const pgpool = pgpoolText && parsePgpoolDocument(pgpoolText.text, pgpoolText.path, { readInclude });
  const ofServer = new Map<string, ConfigDocument>();
  for (const [index, server] of model.servers.entries()) {
    const named = server.efm?.file;
    const found = named === undefined ? null : read(named, ['servers', index, 'efm', 'file']);
    if (found) ofServer.set(server.name, parseEfmDocument(found.text, found.path));
  }
  const names = [
    ...[efm, ...ofServer.values()].flatMap((document) => Object.keys(document ? valuesOf(document) : {})),
    ...Object.keys(model.efm.properties),
    ...model.servers.flatMap((server) => Object.keys(server.efm?.properties ?? {})),
  ];
  return {
    efmVersion: model.efm.version ?? efmVersionOf(names).version,
    pgpoolVersion: model.pgpool.version ?? (pgpool ? guessPgpoolVersion(pgpool).version : usualPgpoolVersion),
    efm,
    pgpool,
    ofServer,
    problems,
  };
}

/**
 * Findings in a file with which the real program runs all the same: a pgpool.conf may hold names that Pgpool skips, and
 * either file a name twice. What was meant has no effect, which the person should know.
 */
const tolerated: ReadonlySet<string> = new Set([
  'pgpool-setting-name',
  'pgpool-setting-renamed',
  'pgpool-setting-version',
  'pgpool-setting-twice',
  'efm-property-twice',
]);

/** Every problem of the files themselves that keeps EFM or Pgpool from running as they say, and versions that are not known. */
export function checkModelFiles(files: ModelFiles, source: Source<Model>): Problem[] {
  return findings(files, source).filter(({ rule }) => !tolerated.has(rule));
}

/** What the files say without effect, to be told and not to be refused. */
export function modelFileWarnings(files: ModelFiles, source: Source<Model>): Problem[] {
  return findings(files, source).filter(({ rule }) => tolerated.has(rule));
}

/** Versions that the model says and the catalogues do not know. */
export function checkVersions({ value, placeOf }: Source<Model>): Problem[] {
  const check = (kind: 'efm' | 'pgpool', versions: readonly string[]): Problem[] => {
    const { version } = value[kind];
    if (version === undefined || versions.includes(branchOf(version))) return [];
    const message = `${kind}.version "${version}" is not known; known are ${versions[0]} to ${versions.at(-1)}`;
    return [{ place: placeOf([kind, 'version']), rule: 'known-version', message }];
  };
  return [...check('efm', efmVersions), ...check('pgpool', pgpoolVersions)];
}

/** Everything that is to be said of the files, each at its line; of a version that is not known only that. */
function findings(files: ModelFiles, source: Source<Model>): Problem[] {
  const { efmVersion, pgpoolVersion } = files;
  const unknown = checkVersions(source);
  const problems = [...files.problems, ...unknown];
  if (unknown.length > 0) return problems;
  for (const document of new Set([files.efm, ...files.ofServer.values()]))
    if (document) problems.push(...checkEfmDocument(document, { version: efmVersion }));
  if (files.pgpool) problems.push(...checkPgpoolDocument(files.pgpool, { version: pgpoolVersion }));
  return problems;
}

function readInclude(file: string): string | undefined {
  const text = readText(file);
  return typeof text === 'string' ? text : undefined;
}

function readText(file: string): string | Error {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return error as Error;
  }
}
