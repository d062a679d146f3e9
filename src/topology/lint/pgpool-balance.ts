import { eachPgpool } from './each.ts';
import {
  at,
  atLeast,
  type BackendLines,
  backendsOf,
  type ConfigFile,
  isOn,
  type LintFiles,
  number,
  seconds,
  told,
  value,
  written,
} from './files.ts';
import { delegateIp } from './pgpool-watchdog.ts';
import type { Hit, Rule } from './rule.ts';

const guide = "EDB's architecture guide 1.1 (2020), section 3.2";

/** Whether the file spreads reads over servers at all. */
function balances(file: ConfigFile): boolean {
  return isOn(file, 'load_balance_mode');
}

/** Place of a backend's weight, or of its host where the weight is not written. */
function weightPlace(file: ConfigFile, id: number): Hit['place'] {
  return at(file, written(file, `backend_weight${id}`) ? `backend_weight${id}` : `backend_hostname${id}`);
}

function checkWeightsZero({ pgpool }: LintFiles): Hit[] {
  return pgpool.flatMap((file) => {
    const backends = backendsOf(file);
    const first = backends[0];
    if (!first || !balances(file) || backends.some(({ weight }) => weight > 0)) return [];
    return [{ place: weightPlace(file, first.id), message: 'the weights of all backends are 0' }];
  });
}

function checkPrimaryWeight({ pgpool, primary }: LintFiles): Hit[] {
  return pgpool.flatMap((file) => {
    const backends = backendsOf(file);
    if (!balances(file) || backends.length < 2) return [];
    if (primary !== null) {
      const backend = backends.find(({ host, weight }) => host === primary && weight > 0);
      if (!backend) return [];
      const message = `the primary ${primary} has backend_weight${backend.id} = ${backend.weight}`;
      return [{ place: weightPlace(file, backend.id), message }];
    }
    const first = backends[0] as BackendLines;
    if (backends.some(({ weight }) => weight === 0)) return [];
    const message = 'no backend has weight 0: the primary, whichever it is, takes its share of the reads';
    return [{ place: weightPlace(file, first.id), message }];
  });
}

/** Where two backends are one server. */
function checkDuplicates({ pgpool }: LintFiles): Hit[] {
  return pgpool.flatMap((file) => {
    const seen = new Map<string, number>();
    return backendsOf(file).flatMap(({ id, host, port }) => {
      const first = seen.get(`${host}:${port}`);
      seen.set(`${host}:${port}`, first ?? id);
      if (first === undefined) return [];
      const message = `backend ${id} is ${host}:${port}, as is backend ${first}`;
      return [{ place: at(file, `backend_hostname${id}`), message }];
    });
  });
}

/** Sessions that one server must be able to take of all Pgpools together; NaN when a number cannot be read. */
function checkConnections({ pgpool, postgres, maxConnections }: LintFiles): Hit[] {
  const most = maxConnections ?? (postgres ? number(postgres, 'max_connections') : Number.NaN);
  const kept = postgres ? number(postgres, 'superuser_reserved_connections') || 3 : 3;
  if (Number.isNaN(most)) return [];
  const needed = pgpool.map((file) => number(file, 'num_init_children') * number(file, 'max_pool'));
  // Behind a virtual IP one Pgpool at a time is asked.
  const oneServes = pgpool.every((file) => isOn(file, 'use_watchdog') && delegateIp(file).address !== '');
  const total = oneServes ? Math.max(...needed) : needed.reduce((sum, count) => sum + count, 0);
  const first = pgpool[0];
  if (!first || !(total + kept > most)) return [];
  const children = `${told(first, 'num_init_children')} × ${told(first, 'max_pool')}`;
  const all = pgpool.length > 1 && !oneServes ? ` of ${pgpool.length} Pgpools` : '';
  const message = `${children}${all}: up to ${total} connections to each server, which takes ${most} and keeps ${kept} for superusers`;
  return [{ place: at(first, 'num_init_children'), message }];
}

function checkSessions({ pgpool, sessions }: LintFiles): Hit[] {
  if (sessions === null) return [];
  return pgpool.flatMap((file) => {
    const children = number(file, 'num_init_children') - number(file, 'reserved_connections');
    if (!(sessions > children)) return [];
    const message = `${told(file, 'num_init_children')} serves ${children} sessions, the application opens ${sessions}`;
    return [{ place: at(file, 'num_init_children'), message }];
  });
}

/** A limit on the delay of standbys that is in force. */
function delayLimit(file: ConfigFile): string | null {
  if (number(file, 'delay_threshold') > 0) return 'delay_threshold';
  if (atLeast(file.version, '4.4') && Number.parseInt(value(file, 'delay_threshold_by_time'), 10) > 0)
    return 'delay_threshold_by_time';
  return null;
}

/** Who gets the reads, how old they may be, and how many sessions fit. */
export const pgpoolBalanceRules: readonly Rule[] = [
  {
    id: 'pgpool-load-balance-off',
    severity: 'warning',
    title: 'reads are not balanced',
    consequence:
      'Every read goes to the primary: the standbys bring no capacity, and the primary has it all.',
    fix: 'load_balance_mode = on (the default is off before 4.1)',
    source: guide,
    check: eachPgpool('load_balance_mode', (file) => !balances(file)),
  },
  {
    id: 'pgpool-weights-all-zero',
    severity: 'error',
    title: 'all weights are 0',
    consequence:
      'The shares become a division of 0 by 0, and every read goes to the first node: the primary, as a rule. Offload is 0.',
    fix: 'a weight above 0 for every standby',
    source: 'pool_config_variables.c of 4.3.5; observed: all 60 reads of 60 on node 0',
    check: checkWeightsZero,
  },
  {
    id: 'pgpool-primary-takes-reads',
    severity: 'warning',
    title: 'the primary takes reads although standbys are there for them',
    consequence:
      "Reads take the primary's share of processor and disk from the writes, and at peak both become slow together.",
    fix: 'backend_weightN = 0 for the primary. Weights stay with node ids: after a failover set them for the new roles',
    source: "EDB's architecture guide 1.1, section 1.2: backend_weight keeps reads from the primary",
    check: checkPrimaryWeight,
  },
  {
    id: 'pgpool-duplicate-backend',
    severity: 'error',
    title: 'two backends are one server',
    consequence:
      'Hooks find the server by its address and reach only the first node id: the second stays attached to a dead server, and sessions are sent there.',
    fix: 'one backend for each server and port',
    source: 'docs/integration-scripts.md: the address must be unique among the backends',
    check: checkDuplicates,
  },
  {
    id: 'pgpool-more-connections-than-servers-take',
    severity: 'error',
    title: 'Pgpool may open more connections than a server takes',
    consequence:
      'At peak the server refuses connections of Pgpool; sessions fail at random, those of EFM and of people too, and a refused check looks like a failure.',
    fix: 'lower num_init_children or max_pool, or raise max_connections on every server',
    source:
      'Pgpool-II manual, num_init_children: children × max_pool must fit max_connections less superuser_reserved_connections',
    check: checkConnections,
  },
  {
    id: 'pgpool-fewer-children-than-sessions',
    severity: 'error',
    title: 'the application opens more sessions than Pgpool serves',
    consequence:
      'The sessions beyond that are connected but get no answer until another one ends; with reserved_connections they are refused with 53300.',
    fix: 'num_init_children of at least the sessions, or smaller pools in the application',
    source: 'Pgpool-II manual, num_init_children; waiting in the backlog observed on 4.3.5',
    check: checkSessions,
  },
  {
    id: 'pgpool-reserves-every-child',
    severity: 'error',
    title: 'every child of Pgpool is reserved',
    consequence: 'Pgpool refuses every session with 53300, "Sorry, too many clients already".',
    fix: 'reserved_connections far below num_init_children',
    source: 'Pgpool-II manual, reserved_connections',
    check: eachPgpool(
      'reserved_connections',
      (file) =>
        number(file, 'reserved_connections') > 0 &&
        number(file, 'reserved_connections') >= number(file, 'num_init_children'),
    ),
  },
  {
    id: 'pgpool-stale-reads-undecided',
    severity: 'info',
    title: 'nobody has decided how old a read may be',
    consequence:
      'A standby that has fallen behind keeps its share of the reads, however old its data: after a failover, while standbys catch up, applications read minutes into the past.',
    fix: 'delay_threshold in bytes (or delay_threshold_by_time), or delay_threshold = 0 to say that any age will do',
    source: 'Pgpool-II manual, delay_threshold: 0 disables the check',
    check: eachPgpool(
      'delay_threshold',
      (file) => balances(file) && delayLimit(file) === null && !written(file, 'delay_threshold'),
    ),
  },
  {
    id: 'pgpool-delay-never-measured',
    severity: 'error',
    title: 'there is a limit on delay, but delay is never measured',
    consequence:
      'Reads go to standbys of any age although the file promises a limit: stale reads nobody expects.',
    fix: 'sr_check_period = 10 (0, off, is the default before 4.1)',
    source: 'Pgpool-II manual, delay_threshold: needs the streaming replication check',
    check: ({ pgpool }) =>
      pgpool.flatMap((file) => {
        const name = delayLimit(file);
        if (name === null || seconds(file, 'sr_check_period') > 0) return [];
        return [
          { place: at(file, name), message: `${told(file, name)} with ${told(file, 'sr_check_period')}` },
        ];
      }),
  },
  {
    id: 'pgpool-reads-miss-own-writes',
    severity: 'warning',
    title: 'a transaction does not see what it has written',
    consequence:
      'A read after a write of the same transaction goes to a standby that does not have the row: applications compute with data from before their own write.',
    fix: 'disable_load_balance_on_write = transaction (the default)',
    source: 'Pgpool-II manual, disable_load_balance_on_write; all five values observed on 4.3.5',
    check: eachPgpool(
      'disable_load_balance_on_write',
      (file) =>
        balances(file) &&
        atLeast(file.version, '4.0') &&
        value(file, 'disable_load_balance_on_write') === 'off',
    ),
  },
  {
    id: 'pgpool-private-query-cache',
    severity: 'warning',
    title: 'each Pgpool has a query cache of its own',
    consequence:
      'A write through one Pgpool does not empty the cache of the other: after a takeover of the virtual IP clients read rows that were changed long ago.',
    fix: "memory_cache_enabled = off, or memqcache_method = 'memcached' with one memcached for all",
    source: 'Pgpool-II manual, In Memory Query Cache: entries are removed by the Pgpool that sees the write',
    check: (files) =>
      files.pgpool
        .filter(
          (file) =>
            isOn(file, 'memory_cache_enabled') &&
            value(file, 'memqcache_method') !== 'memcached' &&
            (isOn(file, 'use_watchdog') || files.pgpool.length > 1),
        )
        .map((file) => ({
          place: at(file, 'memory_cache_enabled'),
          message: `${told(file, 'memory_cache_enabled')} with ${told(file, 'memqcache_method')}`,
        })),
  },
];
