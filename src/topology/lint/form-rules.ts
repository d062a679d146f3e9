import type { Problem } from '../../kernel/errors.ts';
import { efmCatalogue, efmProperty } from '../config/efm-catalogue.ts';
import { type ConfigFile, isWitness, type LintFiles, value, written } from './files.ts';
import type { Hit, Rule, Severity } from './rule.ts';

/** Names that decide who may fail over, who is asked, and who takes which sessions. */
const decisive =
  /fail_?over|failback|follow_|health_check|search_primary|backend_|load_balance|sr_check|watchdog|wd_|heartbeat|hostname|delegate|pcp|^script\.|standby|primary|isolated|timeout|period|promot|vip|virtual|pgpool/i;

/** Problems of one kind that the check of names and forms has found, as hits. */
function problemsOf(
  kind: 'efm' | 'pgpool',
  rule: string,
  severity?: (problem: Problem, file: ConfigFile) => Severity,
): (files: LintFiles) => Hit[] {
  return (files) =>
    files[kind].flatMap((file) =>
      file.problems
        .filter((problem) => problem.rule === rule)
        .map((problem) => ({
          place: problem.place ?? { file: file.document.file, line: 1, column: 1 },
          message: problem.message,
          ...(problem.hint ? { fix: problem.hint } : {}),
          ...(severity ? { severity: severity(problem, file) } : {}),
        })),
    );
}

/** An ignored name is an error when what it asks for differs from what now counts, and that decides a failover. */
function ifDecisive({ place, hint }: Problem, file: ConfigFile): Severity {
  const entry = file.document.entries.find(
    ({ line, file: ownFile }) => line === place?.line && ownFile === place.file,
  );
  const meant = /^(?:write|did you mean|its name in \S+ is) ([\w.]+)/.exec(hint ?? '')?.[1];
  if (meant && entry && (written(file, meant) || isInForce(file, meant, entry.value))) return 'warning';
  return decisive.test(entry?.name ?? '') || decisive.test(meant ?? '') ? 'error' : 'warning';
}

/** Whether what an ignored name asks for counts all the same; the modes of 4.1 and before became words of one setting. */
function isInForce(file: ConfigFile, name: string, asked: string): boolean {
  const counts = value(file, name);
  return counts === asked || (counts === 'streaming_replication' && /^(on|stream)$/.test(asked));
}

/** What a virtual IP needs beside its address. */
const ofVip = ['virtual.ip.interface', 'virtual.ip.prefix'];

function checkRequired({ efm }: LintFiles): Hit[] {
  return efm.flatMap((file) => {
    const needed = efmCatalogue
      .filter(({ name }) => efmProperty(name, file.version)?.name === name)
      .filter(({ required }) => required === 'all' || (required === 'database' && !isWitness(file)))
      .map(({ name }) => name)
      .filter((name) => !written(file, name));
    if (!isWitness(file) && value(file, 'virtual.ip') !== '')
      needed.push(...ofVip.filter((name) => value(file, name) === ''));
    if (needed.length === 0) return [];
    const names = [...new Set(needed)].join(', ');
    return [{ place: { file: file.document.file, line: 1, column: 1 }, message: `not set: ${names}` }];
  });
}

const efmPages = 'EDB docs, EFM cluster properties and release notes of 3.9 to 5.4';
const pgpoolSources = 'pool_config_variables.c and release notes of Pgpool-II 4.0 to 4.7';

/** Names and values as the version at hand reads them. */
export const formRules: readonly Rule[] = [
  {
    id: 'efm-unknown-property',
    severity: 'warning',
    title: 'a property that EFM does not know',
    consequence:
      'What was meant is not set: the default counts, and shows itself in a failover at the earliest.',
    fix: 'the name as in the installed efm.properties.in',
    source: efmPages,
    check: problemsOf('efm', 'efm-property-name', ifDecisive),
  },
  {
    id: 'efm-renamed-property',
    severity: 'error',
    title: 'a property under the name of another version',
    consequence:
      'What was meant is not set: a safety that the file promises, such as stopping a cut off primary, may be off.',
    fix: 'efm upgrade-conf, or the name of this version',
    source: efmPages,
    check: problemsOf('efm', 'efm-property-renamed', ifDecisive),
  },
  {
    id: 'efm-property-of-other-version',
    severity: 'warning',
    title: 'a property that this version does not have',
    consequence: 'It has no effect: what it is for does not happen in a failover.',
    fix: 'leave it out, or use a version that has it',
    source: efmPages,
    check: problemsOf('efm', 'efm-property-version'),
  },
  {
    id: 'efm-invalid-value',
    severity: 'error',
    title: 'a value that EFM cannot use',
    consequence:
      'The agent does not start, or takes something else for it: the server is not watched as the file says.',
    fix: 'a value of the right form; values stand without quotes, times are whole seconds',
    source: efmPages,
    check: problemsOf('efm', 'efm-property-value'),
  },
  {
    id: 'efm-property-twice',
    severity: 'warning',
    title: 'a property stands twice',
    consequence: 'The last one counts: who edits the other changes nothing, and finds out in a failover.',
    fix: 'one line for each property',
    source: efmPages,
    check: problemsOf('efm', 'efm-property-twice'),
  },
  {
    id: 'efm-required-missing',
    severity: 'error',
    title: 'a required property is missing',
    consequence: 'The agent does not start: its server is neither watched nor promoted.',
    fix: 'set it',
    source: efmPages,
    check: checkRequired,
  },
  {
    id: 'pgpool-unknown-setting',
    severity: 'warning',
    title: 'a setting that Pgpool does not know',
    consequence: 'Pgpool ignores it without a word: the default counts, whatever the file says.',
    fix: 'the name as in the installed pgpool.conf.sample',
    source: `${pgpoolSources}; ignored in silence on 4.3.5`,
    check: problemsOf('pgpool', 'pgpool-setting-name', ifDecisive),
  },
  {
    id: 'pgpool-renamed-setting',
    severity: 'warning',
    title: 'a setting under the name of another version',
    consequence: 'Pgpool ignores it: the default counts, which for failover on a connection error is on.',
    fix: 'the name of this version',
    source: pgpoolSources,
    check: problemsOf('pgpool', 'pgpool-setting-renamed', ifDecisive),
  },
  {
    id: 'pgpool-setting-of-other-version',
    severity: 'warning',
    title: 'a setting that this version does not have',
    consequence: 'Pgpool ignores it without a word: the protection or limit that it stands for is not there.',
    fix: 'leave it out, or use a version that has it',
    source: pgpoolSources,
    check: problemsOf('pgpool', 'pgpool-setting-version', ifDecisive),
  },
  {
    id: 'pgpool-missing-index',
    severity: 'error',
    title: 'a setting without its number',
    consequence: 'Pgpool does not start: after the next restart no application reaches a database.',
    fix: 'the number of the backend or watchdog node behind the name',
    source: 'observed on Pgpool-II 4.3.5: wd_port without a number is fatal',
    check: problemsOf('pgpool', 'pgpool-setting-index'),
  },
  {
    id: 'pgpool-invalid-value',
    severity: 'error',
    title: 'a value that Pgpool refuses or misreads',
    consequence: 'Pgpool does not start or reload, or runs with another value than the file says.',
    fix: 'a value of the right form',
    source: pgpoolSources,
    check: problemsOf('pgpool', 'pgpool-setting-value'),
  },
  {
    id: 'pgpool-setting-twice',
    severity: 'warning',
    title: 'a setting stands twice',
    consequence: 'The last one counts: who edits the other changes nothing, and finds out in a failover.',
    fix: 'one line for each setting',
    source: pgpoolSources,
    check: problemsOf('pgpool', 'pgpool-setting-twice'),
  },
];
