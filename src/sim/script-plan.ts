import { invariant } from '../kernel/errors.ts';
import { pgpoolSetting } from '../topology/pgpool-conf.ts';
import {
  builtinCatalog,
  defaultRoutingRules,
  newRoutedSession,
  type RoutingRules,
  routeSql,
} from '../topology/statement-routing.ts';
import { ScriptCompiler } from '../workload/pgbench/compile.ts';
import type { Script } from '../workload/script.ts';

/** Where Pgpool sends a statement: to the primary, the session's own node, both in this order, or nowhere. */
export const Destination = {
  balanced: 0,
  primary: 1,
  primaryThenBalanced: 2,
  balancedThenPrimary: 3,
  none: 4,
} as const;

/** What one execution of a script does, statement by statement, as the simulated session carries it out. */
export interface ScriptPlan {
  /** A value of `Destination` for each statement. */
  destinations: Uint8Array;
  /** 1 where a statement may leave a commit behind: COMMIT, or a write outside a transaction. */
  commits: Uint8Array;
  /** 1 where a statement writes: a standby refuses it. */
  writes: Uint8Array;
  /** Position of the last statement that commits; -1 without one. */
  lastCommit: number;
}

/** Any two nodes: only where a statement goes in relation to them matters. */
const primary = 0;
const balanced = 1;

/**
 * Reads the statements of a script and routes each as Pgpool does (topology/statement-routing.ts). Of a script with branches
 * every statement counts once.
 */
export function planScript({ text, file }: Script, rules: RoutingRules): ScriptPlan {
  const compiled = new ScriptCompiler().compile(text, file);
  invariant('script' in compiled, `the script ${file} was checked before`);
  const { statements } = compiled.script;
  const destinations = new Uint8Array(statements.length);
  const commits = new Uint8Array(statements.length);
  const writes = new Uint8Array(statements.length);
  let session = newRoutedSession(balanced);
  for (const [at, { sql, effect }] of statements.entries()) {
    const state = { rules, catalog: builtinCatalog, session, primary, valid: [primary, balanced] };
    const route = routeSql(sql, state);
    destinations[at] = destinationOf(route.nodes);
    const inTransaction = session.transaction !== 'none';
    commits[at] = effect === 'commit' || (effect === 'write' && !inTransaction) ? 1 : 0;
    writes[at] = effect === 'write' ? 1 : 0;
    session = route.session;
  }
  return { destinations, commits, writes, lastCommit: commits.lastIndexOf(1) };
}

function destinationOf(nodes: readonly number[]): number {
  const [first, second] = nodes;
  if (first === undefined) return Destination.none;
  if (second === undefined) return first === primary ? Destination.primary : Destination.balanced;
  return first === primary ? Destination.primaryThenBalanced : Destination.balancedThenPrimary;
}

/** What Pgpool's settings add to its routing. */
export function routingRulesOf(settings: Readonly<Record<string, string>>): RoutingRules {
  const list = (name: string): string[] =>
    (pgpoolSetting(settings, name) ?? '')
      .split(/(?<!\\),/)
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '');
  const onWrite = pgpoolSetting(settings, 'disable_load_balance_on_write');
  return {
    ...defaultRoutingRules,
    disableLoadBalanceOnWrite: onWrite === 'off' ? 'off' : 'transaction',
    allowSqlComments: pgpoolSetting(settings, 'allow_sql_comments') === 'on',
    writeFunctions: list('write_function_list'),
    readOnlyFunctions: list('read_only_function_list'),
    primaryPatterns: (pgpoolSetting(settings, 'primary_routing_query_pattern_list') ?? '')
      .split(';')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
  };
}
