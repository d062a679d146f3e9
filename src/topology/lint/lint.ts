import { betweenFilesRules } from './between-files.ts';
import { efmDecisionRules } from './efm-decisions.ts';
import { efmHookRules } from './efm-hooks.ts';
import { efmSafetyRules } from './efm-safety.ts';
import type { LintFiles } from './files.ts';
import { formRules } from './form-rules.ts';
import { pcpRules } from './pcp-rules.ts';
import { pgpoolBalanceRules } from './pgpool-balance.ts';
import { pgpoolFailoverRules } from './pgpool-failover.ts';
import { pgpoolHealthCheckRules } from './pgpool-health-check.ts';
import { pgpoolWatchdogRules } from './pgpool-watchdog.ts';
import { applyRules, type Finding, type Rule } from './rule.ts';
import { scriptRules } from './script-rules.ts';
import { secretRules } from './secret-rules.ts';
import { watchdogQueryRules } from './watchdog-query.ts';

/** The rules in groups, as docs/lint.md lists them. */
export const ruleGroups: readonly { title: string; rules: readonly Rule[] }[] = [
  { title: 'Who fails over', rules: [...pgpoolFailoverRules, ...pgpoolHealthCheckRules] },
  { title: 'What EFM decides', rules: [...efmDecisionRules, ...efmSafetyRules] },
  { title: "EFM's hooks", rules: efmHookRules },
  { title: 'The integration scripts', rules: scriptRules },
  { title: 'Reads and sessions', rules: pgpoolBalanceRules },
  { title: "Pgpool's watchdog", rules: [...pgpoolWatchdogRules, ...watchdogQueryRules] },
  { title: 'Between the files', rules: [...betweenFilesRules, ...pcpRules] },
  { title: 'Secrets', rules: secretRules },
  { title: 'Names and values', rules: formRules },
];

/** Every rule. */
export const allRules: readonly Rule[] = ruleGroups.flatMap(({ rules }) => rules);

/** What is wrong with the configuration of an EFM and Pgpool cluster, by file and line. Pure. */
export function lint(files: LintFiles): Finding[] {
  return applyRules(allRules, files);
}
