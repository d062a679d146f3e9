import { at, type ConfigFile, isOn, type LintFiles, number, seconds, told, value } from './files.ts';
import { efmDetectionSeconds, healthChecks } from './pgpool-health-check.ts';
import type { Hit, Rule } from './rule.ts';

function byQuery({ pgpool }: LintFiles): ConfigFile[] {
  return pgpool.filter(
    (file) => isOn(file, 'use_watchdog') && value(file, 'wd_lifecheck_method') === 'query',
  );
}

/** Longest time in s that EFM may take before the first Pgpool has used up its life points. */
function livesFor(file: ConfigFile): number {
  return (number(file, 'wd_life_point') - 1) * seconds(file, 'wd_interval');
}

/** Pgpool refuses every session while a dead primary is attached, and its own query is one. */
function checkOutlasted(files: LintFiles): Hit[] {
  const detection = files.efm.length === 0 ? Number.POSITIVE_INFINITY : efmDetectionSeconds(files);
  return byQuery(files).flatMap((file) => {
    const setsDown = isOn(file, 'failover_on_backend_error') || healthChecks(file).length > 0;
    const lives = livesFor(file);
    if (setsDown || detection <= lives) return [];
    const takes = Number.isFinite(detection)
      ? `EFM takes up to ${Math.round(detection)} s`
      : 'whatever EFM takes';
    const message = `${told(file, 'wd_life_point')} with ${told(file, 'wd_interval')}: the points are used up ${Math.round(lives)} s after the loss at the earliest, ${takes}`;
    return [{ place: at(file, 'wd_lifecheck_method'), message }];
  });
}

/** The life check that asks every Pgpool, its own too, for a session. */
export const watchdogQueryRules: readonly Rule[] = [
  {
    id: 'watchdog-query-outlasted',
    severity: 'error',
    title: 'a dead primary takes every Pgpool along',
    consequence:
      'Each Pgpool asks itself too. Until EFM detaches a dead primary every session is refused, so each takes itself for dead and ends: after the failover no Pgpool is left, until somebody starts them.',
    fix: "wd_lifecheck_method = 'heartbeat'; or wd_life_point and wd_interval above EFM's detection",
    source:
      'seen on Pgpool-II 4.3.5 (docs/pgpool-observed.md, W26); wd_lifecheck.c, check_pgpool_status_by_query',
    check: checkOutlasted,
  },
  {
    id: 'watchdog-query-mixed-hosts',
    severity: 'warning',
    title: 'the queries of the life check share one buffer',
    consequence:
      'A query may go to another Pgpool than the one it is counted for: a dead one stays in the cluster, or one that is well, its own too, is taken for dead and ends.',
    fix: "wd_lifecheck_method = 'heartbeat'",
    source:
      'read in wd_lifecheck.c (create_conn: a static buffer, one thread for each Pgpool); seen on 4.3.5',
    check: (files) =>
      byQuery(files).map((file) => ({
        place: at(file, 'wd_lifecheck_method'),
        message: told(file, 'wd_lifecheck_method'),
      })),
  },
];
