import { classifyStatement, type StatementClass } from './statement-class.ts';
import { volatileFunctions } from './volatile-functions.ts';

/**
 * Where Pgpool sends each statement of a session, from its text: the class of the statement, the state of the session's
 * transaction, and what the settings add.
 *
 * Source: Pgpool-II 4.3.5, src/context/pool_query_context.c: pool_where_to_send; every row of docs/method.md's table measured.
 */

export interface RoutingRules {
  loadBalance: boolean;
  statementLevelLoadBalance: boolean;
  disableLoadBalanceOnWrite: 'off' | 'transaction' | 'trans_transaction' | 'always' | 'dml_adaptive';
  allowSqlComments: boolean;
  /** Patterns of `write_function_list`; with both lists empty a function's volatility decides. */
  writeFunctions: readonly string[];
  readOnlyFunctions: readonly string[];
  /** Patterns of `primary_routing_query_pattern_list`, on the whole text. */
  primaryPatterns: readonly string[];
  /** 0: delays do not matter. */
  delayThresholdBytes: number;
  preferLowerDelayStandby: boolean;
  /** `dml_adaptive_object_relationship_list`: what else counts as written when a table or function (`f()`) is. */
  dmlAdaptiveRelations: Readonly<Record<string, string>>;
  checkTemporaryTables: boolean;
  checkUnloggedTables: boolean;
}

/** Pgpool 4.3's defaults. */
export const defaultRoutingRules: RoutingRules = {
  loadBalance: true,
  statementLevelLoadBalance: false,
  disableLoadBalanceOnWrite: 'transaction',
  allowSqlComments: false,
  writeFunctions: [],
  readOnlyFunctions: [],
  primaryPatterns: [],
  delayThresholdBytes: 0,
  preferLowerDelayStandby: false,
  dmlAdaptiveRelations: {},
  checkTemporaryTables: true,
  checkUnloggedTables: true,
};

/** What Pgpool looks up in the database's catalog. */
export interface RoutingCatalog {
  isVolatile(functionName: string): boolean;
  relationKind(name: string): 'table' | 'catalog' | 'temporary' | 'unlogged';
}

/** PostgreSQL's own functions and catalog; whatever else is named is an ordinary table or a function that is not volatile. */
export const builtinCatalog: RoutingCatalog = {
  isVolatile: (name) => volatileFunctions.has(name),
  relationKind: (name) => (/^(pg_catalog\.|pg_)/.test(name) ? 'catalog' : 'table'),
};

/** What routing knows of a session between two statements. */
export interface RoutedSession {
  loadBalanceNode: number;
  transaction: 'none' | 'open' | 'failed';
  /** Something that is no read has succeeded, in this transaction or as long as the setting remembers. */
  wrote: boolean;
  serializable: boolean;
  /** Tables written in this transaction, for dml_adaptive. */
  written: readonly string[];
  /** Prepared statements of SQL's PREPARE by name: the nodes they are on. */
  prepared: Readonly<Record<string, readonly number[]>>;
}

export function newRoutedSession(loadBalanceNode: number): RoutedSession {
  return {
    loadBalanceNode,
    transaction: 'none',
    wrote: false,
    serializable: false,
    written: [],
    prepared: {},
  };
}

export interface RoutingState {
  rules: RoutingRules;
  catalog: RoutingCatalog;
  session: RoutedSession;
  /** The node that "primary" means now. */
  primary: number;
  /** Nodes in use, in order of id. */
  valid: readonly number[];
  /** By node id, as Pgpool last saw them. */
  delayBytes?: readonly number[];
  /** Picks the load-balance node anew. */
  repick?: () => number;
}

/** Where one statement goes. */
export interface Route {
  /** In the order in which Pgpool sends and waits; empty: Pgpool answers by itself. */
  nodes: readonly number[];
  /** The session after the statement, if it succeeded; a failed one passes through `afterFailure`. */
  session: RoutedSession;
}

/** Routes one message of a client and tells what the session is after it. */
export function routeSql(sql: string, state: RoutingState): Route {
  const { session, rules } = state;
  const statement = classifyStatement(sql, rules);
  if (session.transaction === 'failed' && statement.transaction !== 'ends') return { nodes: [], session };
  const { nodes, loadBalanceNode } = nodesFor(sql, statement, state);
  const moved = { ...session, loadBalanceNode };
  return { nodes, session: afterSuccess({ sql, statement, nodes }, { ...state, session: moved }) };
}

/** The session after a statement that failed on its server. */
export function afterFailure(session: RoutedSession): RoutedSession {
  return session.transaction === 'open' ? { ...session, transaction: 'failed' } : session;
}

interface Destination {
  nodes: readonly number[];
  loadBalanceNode: number;
}

function nodesFor(sql: string, statement: StatementClass, state: RoutingState): Destination {
  const { rules, session, primary } = state;
  const balanced = session.loadBalanceNode;
  const stay = (nodes: readonly number[]): Destination => ({ nodes, loadBalanceNode: balanced });
  const inherited = statement.inherits ? session.prepared[statementName(sql)] : undefined;
  if (inherited) return stay(inherited);
  if (statement.destination === 'both') return stay(bothNodes(statement, state));
  if (statement.destination === 'primary') return stay([primary]);
  const remembersWrite = session.wrote && rules.disableLoadBalanceOnWrite === 'always';
  if (remembersWrite || !rules.loadBalance || !statement.isSelect) return stay([primary]);
  const held = session.transaction !== 'none' && (session.wrote || session.serializable);
  if (held) return stay([primary]);
  if (isLate(balanced, state)) return rules.preferLowerDelayStandby ? repicked(state) : stay([primary]);
  if (mustReadPrimary(sql, statement, state)) return stay([primary]);
  return rules.statementLevelLoadBalance ? repicked(state) : stay([balanced]);
}

function repicked({ repick, session }: RoutingState): Destination {
  const node = repick?.() ?? session.loadBalanceNode;
  return { nodes: [node], loadBalanceNode: node };
}

/** Primary first, then the others; a COMMIT or ROLLBACK, and ROLLBACK TO, goes to the primary last. */
function bothNodes(
  statement: StatementClass,
  { rules, session, primary, valid }: RoutingState,
): readonly number[] {
  const both = rules.statementLevelLoadBalance ? valid : [session.loadBalanceNode];
  const others = both.filter((node) => node !== primary);
  return statement.primaryLast ? [...others, primary] : [primary, ...others];
}

function isLate(node: number, { rules, delayBytes }: RoutingState): boolean {
  return rules.delayThresholdBytes > 0 && (delayBytes?.[node] ?? 0) > rules.delayThresholdBytes;
}

function mustReadPrimary(sql: string, statement: StatementClass, state: RoutingState): boolean {
  const { rules, catalog, session } = state;
  const kinds = statement.relations.map((name) => catalog.relationKind(name));
  if (kinds.includes('catalog')) return true;
  if (rules.checkTemporaryTables && kinds.includes('temporary')) return true;
  if (rules.checkUnloggedTables && kinds.includes('unlogged')) return true;
  if (rules.primaryPatterns.some((pattern) => matchesWhole(pattern, sql.trim().replace(/;$/, ''))))
    return true;
  if (callsWriter(statement, state)) return true;
  return session.transaction !== 'none' && statement.relations.some((name) => session.written.includes(name));
}

/** A function that Pgpool takes for one that writes: not read-only by its list, or in the other, or volatile. */
function callsWriter({ functions }: StatementClass, { rules, catalog }: RoutingState): boolean {
  const { writeFunctions, readOnlyFunctions } = rules;
  return functions.some((name) => {
    if (readOnlyFunctions.length > 0)
      return !readOnlyFunctions.some((pattern) => matchesWhole(pattern, name));
    if (writeFunctions.length > 0) return writeFunctions.some((pattern) => matchesWhole(pattern, name));
    return catalog.isVolatile(name);
  });
}

function matchesWhole(pattern: string, text: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`, 'i').test(text);
  } catch {
    return false;
  }
}

const statementName = (sql: string): string =>
  /^\s*(?:prepare|execute|deallocate(?:\s+prepare)?)\s+"?(\w+)"?/i.exec(sql)?.[1]?.toLowerCase() ?? '';

function afterSuccess(
  { sql, statement, nodes }: { sql: string; statement: StatementClass; nodes: readonly number[] },
  state: RoutingState,
): RoutedSession {
  const { session, rules } = state;
  const keeps = rules.disableLoadBalanceOnWrite;
  if (statement.transaction !== 'none') {
    const wrote = session.wrote && (keeps === 'always' || keeps === 'trans_transaction');
    const open = statement.transaction === 'begins';
    return {
      ...session,
      transaction: open ? 'open' : 'none',
      wrote,
      serializable: open && statement.serializable,
      written: [],
    };
  }
  const prepares = /^\s*prepare\s+(?!transaction\b)/i.test(sql);
  const prepared = prepares ? { ...session.prepared, [statementName(sql)]: nodes } : session.prepared;
  const reads = statement.isSelect && !callsWriter(statement, state);
  const inTransaction = session.transaction !== 'none';
  const remembers = keeps !== 'off' && keeps !== 'dml_adaptive';
  const counts = !reads && !statement.readOnly && (inTransaction || keeps === 'always');
  return {
    ...session,
    prepared,
    wrote: session.wrote || (remembers && counts),
    serializable: session.serializable || (inTransaction && statement.serializable),
    written: inTransaction && keeps === 'dml_adaptive' ? writtenAfter(statement, state) : session.written,
  };
}

/** Tables that count as written: those a statement that is no SELECT names, what a function is set to write, and what depends on either. */
function writtenAfter(
  { isSelect, relations, functions }: StatementClass,
  { session, rules }: RoutingState,
): readonly string[] {
  const direct = isSelect ? [] : relations;
  const called = functions.map((name) => `${name}()`);
  const dependent = [...direct, ...called].flatMap((name) => rules.dmlAdaptiveRelations[name] ?? []);
  return [...new Set([...session.written, ...direct, ...dependent])];
}
