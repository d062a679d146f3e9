import { at, backendsOf, type ConfigFile, type LintFiles, number, seconds, told, written } from './files.ts';
import type { Hit, Rule } from './rule.ts';

const guide = "EDB's architecture guide 1.1 (2020), section 3.2";

/** Worst time in s until a health check sets an unreachable backend down; of backend `id`, whose own settings win. */
function healthCheckSeconds(file: ConfigFile, id: number): number {
  const own = (name: string): string => (written(file, `${name}${id}`) ? `${name}${id}` : name);
  const period = seconds(file, own('health_check_period'));
  const retries = number(file, own('health_check_max_retries'));
  const delay = seconds(file, own('health_check_retry_delay'));
  const timeout = seconds(file, own('health_check_timeout'));
  return period === 0 ? 0 : period + (retries + 1) * timeout + retries * delay;
}

/** Backends with a health check of their own or the common one: id and the setting that turns it on. */
export function healthChecks(file: ConfigFile): { id: number; name: string }[] {
  const ids = backendsOf(file).map(({ id }) => id);
  return (ids.length === 0 ? [0] : ids)
    .map((id) => {
      const own = `health_check_period${id}`;
      return { id, name: written(file, own) ? own : 'health_check_period' };
    })
    .filter(({ name }) => seconds(file, name) > 0);
}

/** Longest time in s that EFM takes to find a dead database or a lost node, by its own timers. */
export function efmDetectionSeconds(files: LintFiles): number {
  const times = files.efm.flatMap((file) => [
    seconds(file, 'local.timeout') + seconds(file, 'local.timeout.final'),
    seconds(file, 'node.timeout') + seconds(file, 'remote.timeout'),
  ]);
  return Math.max(0, ...times.filter((time) => !Number.isNaN(time)));
}

function checkHealthCheck(files: LintFiles, wanted: 'early' | 'late'): Hit[] {
  if (files.efm.length === 0) return [];
  const detection = efmDetectionSeconds(files);
  return files.pgpool.flatMap((file) =>
    healthChecks(file).flatMap(({ id, name }) => {
      const worst = healthCheckSeconds(file, id);
      const late = detection > 0 && worst >= detection;
      if (late !== (wanted === 'late')) return [];
      const message = late
        ? `${told(file, name)}: up to ${Math.round(worst)} s with its retries, EFM takes at most ${Math.round(detection)} s`
        : told(file, name);
      return [{ place: at(file, name), message }];
    }),
  );
}

/** Pgpool's own look at the servers. */
export const pgpoolHealthCheckRules: readonly Rule[] = [
  {
    id: 'pgpool-health-check-beside-efm',
    severity: 'warning',
    title: 'Pgpool checks health beside EFM and decides first',
    consequence:
      'Two parties judge the same server. A pause that EFM tolerates makes Pgpool set the server down; of the primary, writes then fail although EFM sees no failure.',
    fix: 'health_check_period = 0, and tighten local.timeout and node.timeout of EFM instead',
    source: guide,
    check: (files) => checkHealthCheck(files, 'early'),
  },
  {
    id: 'pgpool-health-check-too-late',
    severity: 'warning',
    title: "Pgpool's health check is slower than EFM",
    consequence:
      'It cannot spare anybody a dead server, since EFM detaches first; but it may still act on a server that EFM has meanwhile restarted, and set that down again.',
    fix: 'health_check_period = 0',
    source: 'health check formula of Pgpool-II: period + tries × timeout + retries × delay (health_check.c)',
    check: (files) => checkHealthCheck(files, 'late'),
  },
];
