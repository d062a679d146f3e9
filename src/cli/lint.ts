import { Command, InvalidArgumentError, Option } from 'commander';
import { DrillError, ExitCode, InputError, type Problem } from '../kernel/errors.ts';
import { packageVersion } from '../lab/package-dir.ts';
import { loadModel } from '../scenario/load.ts';
import { efmVersions } from '../topology/config/efm-catalogue.ts';
import { pgpoolVersions } from '../topology/config/pgpool-catalogue.ts';
import { branchOf } from '../topology/config/versions.ts';
import type { LintFiles } from '../topology/lint/files.ts';
import { findingsAsJson, findingsAsSarif, findingsAsText } from '../topology/lint/formats.ts';
import { lint } from '../topology/lint/lint.ts';
import { lintFilesOfModel } from '../topology/lint/model.ts';
import { readLintFiles } from '../topology/lint/read.ts';
import type { Finding } from '../topology/lint/rule.ts';
import { type CommonOptions, noteTo, print } from './output.ts';

interface LintOptions extends CommonOptions {
  model?: string;
  efm: string[];
  pgpool: string[];
  postgres?: string;
  scripts?: string;
  versions?: { efm?: string; pgpool?: string };
  primary?: string;
  maxConnections?: number;
  sessions?: number;
  format: 'text' | 'json' | 'sarif';
}

/** `pgdrill lint`: what is wrong with the configuration files of a cluster, before it fails over. */
export function lintCommand(): Command {
  return new Command('lint')
    .description('say what is wrong with efm.properties, pgpool.conf and the scripts that join them')
    .option('--model <file>', 'cluster model, with the files that it names, instead of --efm and --pgpool')
    .addOption(filesOption('--efm <file...>', "efm.properties; of several nodes, each node's"))
    .addOption(filesOption('--pgpool <file...>', "pgpool.conf; of several Pgpools, each one's"))
    .option('--postgres <file>', 'postgresql.conf of the servers')
    .option('--scripts <folder>', 'folder of the integration scripts (*.sh) and their settings (*.env)')
    .option(
      '--versions <efm,pgpool>',
      'such as 4.10,4.3.5 (default: told by the names in the files)',
      parseVersions,
    )
    .option('--primary <address>', 'the server that is the primary, to judge the weights')
    .option('--max-connections <n>', "the servers' max_connections", parseCount)
    .option('--sessions <n>', 'sessions that the application opens at once', parseCount)
    .addOption(
      new Option('--format <format>', 'how to print').choices(['text', 'json', 'sarif']).default('text'),
    )
    .option('--json', 'the same as --format json: an array of findings and nothing else on stdout')
    .option('--quiet', 'no notes on stderr')
    .addHelpText(
      'after',
      `
Exit codes: 0 no error-level finding, 1 a file cannot be read or parsed, 99 an error-level finding.
Every rule, with what happens if it is left: docs/lint.md

Example:
  pgdrill lint --efm models/guide-4.3/efm.properties --pgpool models/guide-4.3/pgpool.conf --scripts scripts/efm`,
    )
    .action((options: LintOptions) => {
      process.exitCode = carryOut(options);
    });
}

function filesOption(flags: string, description: string): Option {
  return new Option(flags, description).default([], 'none');
}

function carryOut(options: LintOptions): ExitCode {
  const { files, problems, notes } =
    options.model === undefined ? filesNamed(options) : filesOfModel(options);
  if (problems.length > 0) throw new InputError(problems);
  for (const note of notes) noteTo(options)(note);
  const findings = lint(files);
  print(rendered(findings, options.json ? 'json' : options.format));
  return findings.some(({ severity }) => severity === 'error') ? ExitCode.crossed : ExitCode.ok;
}

interface ToLint {
  files: LintFiles;
  problems: readonly Problem[];
  notes: readonly string[];
}

function filesNamed(options: LintOptions): ToLint {
  if (options.efm.length + options.pgpool.length === 0) {
    throw new DrillError('nothing to look at: neither --efm nor --pgpool nor --model names a file', {
      exitCode: ExitCode.usage,
      hint: 'pgdrill lint --efm efm.properties --pgpool pgpool.conf',
    });
  }
  return readLintFiles({
    ...options,
    efmVersion: options.versions?.efm,
    pgpoolVersion: options.versions?.pgpool,
  });
}

/** The model says versions, servers and roles itself; numbers may be given beside it. */
function filesOfModel(options: LintOptions & { model?: string }): ToLint {
  const beside = [...options.efm, ...options.pgpool, options.scripts, options.postgres, options.primary];
  if (options.versions !== undefined || beside.some((word) => word !== undefined)) {
    throw new DrillError('--model says files, versions and roles itself', {
      exitCode: ExitCode.usage,
      hint: 'leave out --efm, --pgpool, --scripts, --postgres, --versions and --primary',
    });
  }
  const { model, problems } = loadModel(options.model ?? '');
  if (!model) throw new InputError(problems);
  const { files, problems: unread } = lintFilesOfModel(model);
  const { maxConnections = null, sessions = null } = options;
  return { files: { ...files, maxConnections, sessions }, problems: unread, notes: [] };
}

function rendered(findings: readonly Finding[], format: LintOptions['format']): string {
  if (format === 'json') return findingsAsJson(findings);
  return format === 'sarif' ? findingsAsSarif(findings, packageVersion()) : findingsAsText(findings);
}

/** `4.10,4.3.5`; either may be left out: `4.10` or `,4.3.5`. */
function parseVersions(text: string): { efm?: string; pgpool?: string } {
  const [efm = '', pgpool = '', ...more] = text.split(',').map((part) => part.trim());
  const known = (version: string, versions: readonly string[]): boolean =>
    version === '' || (/^\d+\.\d+(\.\d+)?$/.test(version) && versions.includes(branchOf(version)));
  if (more.length > 0 || !known(efm, efmVersions) || !known(pgpool, pgpoolVersions)) {
    throw new InvalidArgumentError(
      `expected EFM's version (${efmVersions[0]} to ${efmVersions.at(-1)}), a comma and Pgpool's (${pgpoolVersions[0]} to ${pgpoolVersions.at(-1)}), got "${text}"`,
    );
  }
  return { ...(efm ? { efm } : {}), ...(pgpool ? { pgpool } : {}) };
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`a whole number above 0, got "${text}"`);
}
