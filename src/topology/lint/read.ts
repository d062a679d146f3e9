import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { Problem } from '../../kernel/errors.ts';
import { checkEfmDocument } from '../config/check-efm.ts';
import { checkPgpoolDocument } from '../config/check-pgpool.ts';
import { type ConfigDocument, whyUnreadable } from '../config/document.ts';
import { efmDefaultOf } from '../config/efm-catalogue.ts';
import { parseEfmDocument } from '../config/efm-document.ts';
import { guessEfmVersion, guessPgpoolVersion, type VersionGuess } from '../config/guess.ts';
import { pgpoolDefaultOf } from '../config/pgpool-catalogue.ts';
import { parsePgpoolDocument } from '../config/pgpool-document.ts';
import { type ConfigFile, type LintFiles, type PathFacts, type ScriptFile, value } from './files.ts';
import { scriptSetting } from './script-settings.ts';
import { allHooks } from './scripts.ts';

/** What to read, and what is known beside the files. */
export interface LintRequest {
  efm: readonly string[];
  pgpool: readonly string[];
  /** postgresql.conf. */
  postgres?: string | undefined;
  /** Folder of the integration scripts and their settings. */
  scripts?: string | undefined;
  /** Versions; without one it is told by the names in the files. */
  efmVersion?: string | undefined;
  pgpoolVersion?: string | undefined;
  primary?: string | undefined;
  maxConnections?: number | undefined;
  sessions?: number | undefined;
}

/** Compiled defaults of PostgreSQL 10 to 18 that rules ask for. */
const postgresDefaults: Readonly<Record<string, string>> = {
  max_connections: '100',
  superuser_reserved_connections: '3',
  wal_sender_timeout: '60s',
  primary_slot_name: '',
  synchronous_standby_names: '',
};

/**
 * Reads everything that a lint run looks at.
 *
 * @returns the files; every problem of files that cannot be read or parsed, then the findings would say nothing; and how
 * the versions were told
 */
export function readLintFiles(request: LintRequest): {
  files: LintFiles;
  problems: Problem[];
  notes: string[];
} {
  const problems: Problem[] = [];
  const notes: string[] = [];
  const read = (file: string, kind: 'efm' | 'pgpool'): { document: ConfigDocument; mode: number }[] => {
    const found = readText(file);
    if ('problem' in found) {
      problems.push(found.problem);
      return [];
    }
    const document =
      kind === 'efm'
        ? parseEfmDocument(found.text, file)
        : parsePgpoolDocument(found.text, file, { readInclude });
    problems.push(...document.problems);
    return [{ document, mode: found.mode }];
  };
  const told = (program: string, guess: VersionGuess): string => {
    const why = guess.evidence.length > 0 ? ` by ${guess.evidence.slice(0, 3).join(', ')}` : ' by default';
    const but = guess.against.length > 0 ? `; against it ${guess.against.slice(0, 3).join(', ')}` : '';
    notes.push(`${program} ${guess.version} is assumed${why}${but} (--versions says it)`);
    return guess.version;
  };
  const once = (files: readonly string[]): string[] =>
    files.filter((file, index) => {
      const isFirst = files.findIndex((other) => resolve(other) === resolve(file)) === index;
      if (!isFirst) notes.push(`${file} is given twice and read once`);
      return isFirst;
    });
  const efm = once(request.efm).flatMap((file) => read(file, 'efm'));
  const pgpool = once(request.pgpool).flatMap((file) => read(file, 'pgpool'));
  const postgres = (request.postgres === undefined ? [] : read(request.postgres, 'pgpool'))[0];
  const efmVersion = request.efmVersion ?? (efm.length > 0 ? told('EFM', guessEfmVersion(joined(efm))) : '');
  const pgpoolVersion =
    request.pgpoolVersion ?? (pgpool.length > 0 ? told('Pgpool-II', guessPgpoolVersion(joined(pgpool))) : '');
  const scripts = request.scripts === undefined ? [] : readScripts(request.scripts, problems);
  const files: LintFiles = {
    efm: efm.map(({ document, mode }) => efmFile(document, efmVersion, mode)),
    pgpool: pgpool.map(({ document, mode }) => pgpoolFile(document, pgpoolVersion, mode)),
    postgres: postgres ? postgresFile(postgres.document, postgres.mode) : null,
    scripts,
    paths: new Map(),
    primary: request.primary ?? null,
    maxConnections: request.maxConnections ?? null,
    sessions: request.sessions ?? null,
  };
  return { files: { ...files, paths: lookAtPaths(files, request.scripts) }, problems, notes };
}

/** An efm.properties as the rules read it. */
export function efmFile(document: ConfigDocument, version: string, mode: number | null): ConfigFile {
  const problems = checkEfmDocument(document, { version });
  return { document, version, problems, mode, defaultOf: (name) => efmDefaultOf(name, version) };
}

/** A pgpool.conf as the rules read it. */
export function pgpoolFile(document: ConfigDocument, version: string, mode: number | null): ConfigFile {
  const problems = checkPgpoolDocument(document, { version });
  return { document, version, problems, mode, defaultOf: (name) => pgpoolDefaultOf(name, version) };
}

/** A postgresql.conf as the rules read it; its lines have the form of pgpool.conf's. */
export function postgresFile(document: ConfigDocument, mode: number | null): ConfigFile {
  return { document, version: 'PostgreSQL', problems: [], mode, defaultOf: (name) => postgresDefaults[name] };
}

/** Several files of one kind as one, to tell their version by the names of all. */
function joined(files: readonly { document: ConfigDocument }[]): ConfigDocument {
  const [first, ...others] = files.map(({ document }) => document) as [ConfigDocument, ...ConfigDocument[]];
  return { ...first, entries: [first, ...others].flatMap(({ entries }) => entries) };
}

/** Shell scripts and settings (`*.sh`, `*.env`) of a folder. */
function readScripts(folder: string, problems: Problem[]): ScriptFile[] {
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch (error) {
    problems.push(unreadable(folder, error));
    return [];
  }
  return names
    .filter((name) => /\.(sh|env)$/.test(name))
    .flatMap((name) => {
      const path = join(folder, name);
      const found = readText(path);
      if ('text' in found) return [{ path, name, ...found }];
      problems.push(found.problem);
      return [];
    });
}

/**
 * Looks at the paths that settings name: password files; hooks, where at least one of their folder is found, in the scripts' folder
 * or at its own place. The others are left out, since the files may be another machine's.
 */
function lookAtPaths(files: LintFiles, scripts: string | undefined): Map<string, PathFacts> {
  const facts = new Map<string, PathFacts>();
  const look = (named: string, path: string): void => {
    if (named !== '' && isFolder(dirname(path))) facts.set(named, { path, ...statOf(path) });
  };
  const programs = allHooks(files)
    .map(({ program }) => program)
    .filter(isAbsolute);
  for (const folder of new Set(programs.map((program) => dirname(program)))) {
    const named = programs.filter((program) => dirname(program) === folder);
    const here = [scripts, folder]
      .filter((place) => place !== undefined)
      .find((place) => named.some((program) => statOf(join(place, basename(program))).exists));
    if (here !== undefined) for (const program of named) look(program, join(here, basename(program)));
  }
  const passFiles = [
    ...files.efm.map((file) => value(file, 'pcp.pass.file')),
    ...scriptSetting(files, 'PCPPASSFILE').map((setting) => setting.value),
  ];
  for (const file of passFiles) if (isAbsolute(file)) look(file, file);
  for (const file of files.pgpool) {
    const named = value(file, 'pool_passwd');
    look(named, isAbsolute(named) ? named : join(dirname(file.document.file), named));
  }
  return facts;
}

/** A path that this user may not look at does not count as there. */
function statOf(path: string): { exists: boolean; mode: number } {
  try {
    return { exists: true, mode: statSync(path).mode };
  } catch {
    return { exists: false, mode: 0 };
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function readInclude(file: string): string | undefined {
  const found = readText(file);
  return 'text' in found ? found.text : undefined;
}

function readText(file: string): { text: string; mode: number } | { problem: Problem } {
  try {
    const text = readFileSync(file, 'utf8');
    if (text.includes('\0')) return { problem: unreadable(file, new Error('it is no text')) };
    return { text, mode: statSync(file).mode };
  } catch (error) {
    return { problem: unreadable(file, error) };
  }
}

function unreadable(file: string, error: unknown): Problem {
  const place = { file, line: 1, column: 1 };
  return { place, rule: 'readable', message: `cannot read it: ${whyUnreadable(error)}` };
}
