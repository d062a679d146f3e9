import { execFileSync } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Problem } from '../kernel/errors.ts';

/** Programs that a lab starts, with the versions they say they are. */
export interface Binaries {
  /** Folder of postgres, initdb, pg_ctl and the rest. */
  postgresBin: string;
  postgresVersion: string;
  /** Path of pgpool; the pcp commands lie in `pcpBin`. */
  pgpool: string;
  pcpBin: string;
  pgpoolVersion: string;
}

const postgresPrograms = ['postgres', 'initdb', 'pg_ctl', 'pg_basebackup', 'pg_rewind', 'psql'];
const pcpPrograms = ['pcp_node_info', 'pcp_attach_node', 'pcp_detach_node', 'pcp_promote_node'];

/**
 * Finds PostgreSQL ($PGDRILL_PG_BIN, the search path, then the newest of the usual folders) and Pgpool-II
 * ($PGDRILL_PGPOOL, the search path, the usual folders).
 */
export function findBinaries(env: NodeJS.ProcessEnv = process.env): {
  binaries?: Binaries;
  problems: Problem[];
} {
  const path = (env.PATH ?? '').split(':').filter((dir) => dir !== '');
  const postgresDirs = env.PGDRILL_PG_BIN ? [env.PGDRILL_PG_BIN] : [...path, ...installedPostgres()];
  const pgpoolDirs = env.PGDRILL_PGPOOL
    ? [dirname(env.PGDRILL_PGPOOL)]
    : [...path, '/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/usr/bin'];
  const postgresBin = firstWith(postgresDirs, postgresPrograms);
  const pgpoolBin = firstWith(pgpoolDirs, ['pgpool']);
  const pcpBin = firstWith(pgpoolBin ? [pgpoolBin, ...pgpoolDirs] : pgpoolDirs, pcpPrograms);
  const problems: Problem[] = [];
  if (!postgresBin) problems.push(missing(postgresPrograms, postgresDirs, 'postgresql'));
  if (!pgpoolBin) problems.push(missing(['pgpool'], pgpoolDirs, 'pgpool2'));
  else if (!pcpBin) problems.push(missing(pcpPrograms, pgpoolDirs, 'pgpool2'));
  if (!postgresBin || !pgpoolBin || !pcpBin) return { problems };
  const pgpool = join(pgpoolBin, 'pgpool');
  return {
    problems,
    binaries: {
      postgresBin,
      postgresVersion: versionOf(join(postgresBin, 'postgres')),
      pgpool,
      pcpBin,
      pgpoolVersion: versionOf(pgpool),
    },
  };
}

function installedPostgres(): string[] {
  const found: { version: number; dir: string }[] = [];
  for (const [base, inside] of [
    ['/usr/lib/postgresql', 'bin'],
    ['/usr/edb', 'bin'],
    ['/usr', 'bin'],
  ] as const) {
    for (const name of listing(base)) {
      const version = /^(?:as|pgsql-)?(\d+)$/.exec(name)?.[1];
      if (version) found.push({ version: Number(version), dir: join(base, name, inside) });
    }
  }
  return found.sort((a, b) => b.version - a.version).map(({ dir }) => dir);
}

function firstWith(dirs: readonly string[], programs: readonly string[]): string | undefined {
  return dirs.find((dir) => programs.every((program) => isExecutable(join(dir, program))));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function missing(programs: readonly string[], dirs: readonly string[], debianPackage: string): Problem {
  const looked = [...new Set(dirs)].join(' ') || 'no folder at all';
  return {
    rule: 'lab/binaries',
    message: `no folder holds ${programs.join(', ')}; looked in ${looked}`,
    hint: `install Debian's package ${debianPackage}, or name the place in $PGDRILL_PG_BIN (a folder) or $PGDRILL_PGPOOL (the program)`,
  };
}

/** Pgpool prints its version on stderr, PostgreSQL on stdout. */
function versionOf(program: string): string {
  try {
    const text = execFileSync('/bin/sh', ['-c', '"$0" --version 2>&1', program], { encoding: 'utf8' });
    return /\d+(\.\d+)+/.exec(text)?.[0] ?? text.trim();
  } catch {
    return 'unknown';
  }
}

function listing(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
