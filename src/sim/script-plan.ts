import { pgpoolSetting } from '../topology/pgpool-conf.ts';
import {
  builtinCatalog,
  defaultRoutingRules,
  newRoutedSession,
  type RoutingRules,
  routeSql,
} from '../topology/statement-routing.ts';
import type { Step } from '../workload/pgbench/compile.ts';
import type { Statement } from '../workload/pgbench/statement.ts';
import { compileChecked, type Script } from '../workload/script.ts';

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
  /** 1 where a statement leaves with the one before it, whose answer it does not wait for: in a pipeline. */
  together: Uint8Array;
  /** 1 where a statement that commits is sent, in the same pipeline or alone. */
  sendsCommit: Uint8Array;
  /** How long the script sleeps before each statement, and after the last; ms. */
  pausesMs: Float64Array;
}

/** Of a script that has not begun. */
export const noPlan: ScriptPlan = {
  ...{
    destinations: new Uint8Array(0),
    commits: new Uint8Array(0),
    writes: new Uint8Array(0),
    lastCommit: -1,
  },
  ...{ together: new Uint8Array(0), sendsCommit: new Uint8Array(0), pausesMs: new Float64Array(1) },
};

/** Any two nodes: only where a statement goes in relation to them matters. */
const primary = 0;
const balanced = 1;

/** The statements of one way through a script, in order, with its pauses: what it sends, and when. */
export class ScriptWay {
  readonly statements: Statement[] = [];
  readonly together: number[] = [];
  readonly pausesMs: number[] = [0];
  /** Position of the first statement of the pipeline that is open; -1 for none. */
  #first = -1;

  /** @param queued it is sent with the whole of its pipeline */
  add(statement: Statement, queued: boolean): void {
    const joins = queued && this.#first >= 0;
    if (queued && !joins) this.#first = this.statements.length;
    this.statements.push(statement);
    this.together.push(joins ? 1 : 0);
    this.pausesMs.push(0);
  }

  /** The pipeline is sent, all of it. */
  sync(): void {
    this.#first = -1;
  }

  /** A pause before what is sent next; nothing of an open pipeline was sent yet. */
  sleep(lengthMs: number): void {
    const at = this.#first >= 0 ? this.#first : this.statements.length;
    this.pausesMs[at] = (this.pausesMs[at] as number) + lengthMs;
  }
}

/**
 * Reads the statements of a script and routes each as Pgpool does (topology/statement-routing.ts). Of a script with branches
 * every statement counts once.
 */
export function planScript(script: Script, rules: RoutingRules): ScriptPlan {
  return planWay(wholeWay(compileChecked(script).steps), rules);
}

/** Through every branch of a script; a pause whose length a variable holds is none. */
export function wholeWay(steps: readonly Step[]): ScriptWay {
  const way = new ScriptWay();
  let inPipeline = false;
  for (const step of steps) {
    if (step.type === 'sql') way.add(step.statement, inPipeline);
    else if (step.type === 'startpipeline') inPipeline = true;
    else if (step.type === 'endpipeline') {
      way.sync();
      inPipeline = false;
    } else if (step.type === 'sleep' && typeof step.amount === 'number')
      way.sleep(Math.max(0, step.amount * step.microsecondsPerUnit) / 1000);
  }
  return way;
}

/** Routes the statements of one way. */
export function planWay({ statements, together, pausesMs }: ScriptWay, rules: RoutingRules): ScriptPlan {
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
  const sendsCommit = Uint8Array.from(commits);
  for (let at = statements.length - 1; at > 0; at -= 1)
    if (together[at] === 1 && sendsCommit[at] === 1) sendsCommit[at - 1] = 1;
  return {
    ...{ destinations, commits, writes, lastCommit: commits.lastIndexOf(1), sendsCommit },
    ...{ together: Uint8Array.from(together), pausesMs: Float64Array.from(pausesMs) },
  };
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
