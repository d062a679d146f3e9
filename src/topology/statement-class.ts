import { type SqlToken, splitStatements, sqlTokens } from './sql-tokens.ts';

/**
 * What Pgpool's router sees in the text of a statement. It parses with PostgreSQL's grammar; this reads as much of the text as its
 * rules depend on.
 *
 * Source: Pgpool-II 4.3.5, src/context/pool_query_context.c: send_to_where, and is_select_query of pool_process_query.c.
 */

/** What a statement does to the transaction of its session. */
export type TransactionEffect = 'begins' | 'ends' | 'none';

export interface StatementClass {
  /** Nodes by kind alone: `either` may be balanced if nothing else speaks against it. */
  destination: 'primary' | 'both' | 'either';
  /** Counts as a read where Pgpool asks "was this a SELECT". */
  isSelect: boolean;
  transaction: TransactionEffect;
  /** Sent to the primary after the other: COMMIT, ROLLBACK, ROLLBACK TO. */
  primaryLast: boolean;
  /** Asks for, or sets, the isolation level serializable. */
  serializable: boolean;
  /** SET TRANSACTION READ ONLY and the like: no write, though no read either. */
  readOnly: boolean;
  /** Inherits where the PREPARE of its name went. */
  inherits: boolean;
  /** Functions that are called, without schema, in lower case. */
  functions: readonly string[];
  /** Relations that are named, with schema where given. */
  relations: readonly string[];
}

const nothing: StatementClass = {
  destination: 'primary',
  isSelect: false,
  transaction: 'none',
  primaryLast: false,
  serializable: false,
  readOnly: false,
  inherits: false,
  functions: [],
  relations: [],
};

/** First characters with which Pgpool takes a SELECT for one while `allow_sql_comments` is off. */
const selectStarts = /^[swt(;]|^$/i;

/**
 * Classifies what a client sends as one message.
 *
 * @param sql the text as sent; several statements go to the primary as a whole
 */
export function classifyStatement(sql: string, { allowSqlComments = false } = {}): StatementClass {
  const statements = splitStatements(sqlTokens(sql));
  const [statement] = statements;
  if (!statement) return { ...nothing, destination: 'either', isSelect: true };
  const relations = relationsOf(statement);
  if (statements.length > 1) return { ...nothing, relations };
  const known = { ...nothing, functions: functionsOf(statement), relations };
  const looksLikeSelect = allowSqlComments || selectStarts.test(sql.trimStart());
  return { ...known, ...classOf(statement, looksLikeSelect) };
}

const is = (token: SqlToken | undefined, ...words: readonly string[]): boolean =>
  token?.kind === 'word' && words.includes(token.text);

const hasPair = (statement: readonly SqlToken[], first: string, ...seconds: readonly string[]): boolean =>
  statement.some((token, at) => is(token, first) && is(statement[at + 1], ...seconds));

type ClassPart = Partial<StatementClass>;

function classOf(statement: readonly SqlToken[], looksLikeSelect: boolean): ClassPart {
  const [first, second] = statement;
  if (first?.text === '(' || is(first, 'select', 'table', 'values', 'with')) {
    return selectClass(statement, looksLikeSelect);
  }
  switch (first?.kind === 'word' ? first.text : '') {
    case 'show':
      return { destination: 'either', isSelect: true };
    case 'copy':
      return copyClass(statement);
    case 'explain':
      return explainClass(statement);
    case 'begin':
    case 'start':
      return {
        destination: 'both',
        transaction: 'begins',
        serializable: mentions(statement, 'serializable'),
      };
    case 'commit':
    case 'rollback':
    case 'end':
    case 'abort':
      if (is(second, 'prepared')) return {};
      if (statement.some((token) => is(token, 'to')))
        return { destination: 'both', primaryLast: is(first, 'rollback') };
      return { destination: 'both', transaction: 'ends', primaryLast: true };
    case 'savepoint':
    case 'release':
    case 'discard':
    case 'reset':
      return { destination: 'both' };
    case 'set':
      return setClass(statement);
    case 'deallocate':
      return statement.some((token) => is(token, 'all')) ? { destination: 'both' } : { inherits: true };
    case 'execute':
      return { inherits: true };
    case 'lock':
      return lockClass(statement);
    default:
      return {};
  }
}

const mentions = (statement: readonly SqlToken[], word: string): boolean =>
  statement.some(
    (token) => is(token, word) || (token.kind === 'literal' && token.text.toLowerCase() === `'${word}'`),
  );

const locking = ['update', 'share', 'no', 'key'];

function selectClass(statement: readonly SqlToken[], looksLikeSelect: boolean): ClassPart {
  const writesInWith =
    is(statement[0], 'with') &&
    statement.some(
      (token) => is(token, 'insert', 'update', 'delete', 'merge') && !isLockingWord(statement, token),
    );
  const writes =
    writesInWith || hasPair(statement, 'for', ...locking) || statement.some((token) => is(token, 'into'));
  if (writes) return {};
  return { destination: 'either', isSelect: looksLikeSelect };
}

/** The UPDATE of FOR UPDATE and of FOR NO KEY UPDATE. */
function isLockingWord(statement: readonly SqlToken[], token: SqlToken): boolean {
  const before = statement[statement.indexOf(token) - 1];
  return is(before, 'for', 'key');
}

function copyClass(statement: readonly SqlToken[]): ClassPart {
  let depth = 0;
  for (const [at, token] of statement.entries()) {
    if (token.text === '(') depth += 1;
    else if (token.text === ')') depth -= 1;
    else if (depth === 0 && is(token, 'from')) return {};
    else if (depth === 0 && is(token, 'to')) {
      const query = statement[1]?.text === '(' ? statement[2] : undefined;
      if (query && !is(query, 'select', 'with', 'values', 'table')) return {};
      return { destination: 'either', isSelect: is(statement[at + 1], 'stdout') };
    }
  }
  return {};
}

/** Goes to the primary, but counts as a read unless it carries out what is none. */
function explainClass(statement: readonly SqlToken[]): ClassPart {
  const body = statement.findIndex((token) =>
    is(token, 'select', 'with', 'table', 'values', 'insert', 'update', 'delete'),
  );
  const runs = statement
    .slice(0, body < 0 ? undefined : body)
    .some((token) => is(token, 'analyze', 'analyse'));
  return { isSelect: !runs || is(statement[body], 'select', 'with', 'table', 'values') };
}

function setClass(statement: readonly SqlToken[]): ClassPart {
  const words = statement.slice(1).filter((token) => !is(token, 'local') && !is(token, 'session'));
  const [name] = words;
  if (is(name, 'constraints')) return {};
  const ofTransaction = is(name, 'transaction', 'characteristics');
  const serializable = mentions(statement, 'serializable');
  if (ofTransaction || is(name, 'transaction_isolation', 'default_transaction_isolation')) {
    if (serializable) return { serializable };
    if (ofTransaction && hasPair(statement, 'read', 'write')) return {};
    return { destination: 'both', readOnly: hasPair(statement, 'read', 'only') };
  }
  if (is(name, 'transaction_read_only')) {
    const value = words.at(-1)?.text.replaceAll("'", '').toLowerCase() ?? '';
    const off = ['off', 'f', 'false', '0'].includes(value);
    return { destination: off ? 'primary' : 'both', readOnly: !off };
  }
  return { destination: 'both' };
}

/** Pgpool sends the two weakest modes to both; a LOCK without a mode takes the strongest. */
function lockClass(statement: readonly SqlToken[]): ClassPart {
  const at = statement.findIndex((token) => is(token, 'in'));
  const mode = statement
    .slice(at + 1)
    .map(({ text }) => text)
    .join(' ');
  const weak = at > 0 && /^(access share|row share) mode/.test(mode);
  return { destination: weak ? 'both' : 'primary' };
}

/** Words that a parenthesis may follow without their being functions. */
const notFunctions: ReadonlySet<string> = new Set(
  'all and any array as between by case cast char character check coalesce cube distinct else except exists filter from greatest group grouping having in intersect into is join lateral least like limit not nullif numeric offset on or order over partition returning rollup row select set sets some table then treat union unique using values varchar when where with within'.split(
    ' ',
  ),
);

function functionsOf(statement: readonly SqlToken[]): string[] {
  return statement.flatMap((token, at) => {
    if (statement[at + 1]?.text !== '(') return [];
    if (token.kind === 'word' ? notFunctions.has(token.text) : token.kind !== 'name') return [];
    const before = statement[at - 1];
    return before?.text === '::' || is(before, 'into', 'table', 'as') ? [] : [token.text];
  });
}

const isName = (token: SqlToken | undefined): token is SqlToken =>
  token !== undefined && (token.kind === 'word' || token.kind === 'name');

/** Names after FROM, JOIN, INTO, UPDATE, TABLE, COPY, and after the commas of a FROM. */
function relationsOf(statement: readonly SqlToken[]): string[] {
  const relations: string[] = [];
  const inFrom: boolean[] = [false];
  for (const [at, token] of statement.entries()) {
    if (token.text === '(') inFrom.push(false);
    else if (token.text === ')' && inFrom.length > 1) inFrom.pop();
    else if (is(token, 'where', 'group', 'order', 'having', 'limit', 'union', 'set', 'select', 'on')) {
      inFrom[inFrom.length - 1] = false;
    }
    const opens = is(token, 'from', 'join', 'into', 'update', 'table', 'copy');
    if (is(token, 'from')) inFrom[inFrom.length - 1] = true;
    const continues = token.text === ',' && inFrom.at(-1) === true;
    if (!opens && !continues) continue;
    const relation = relationAt(statement, at + 1);
    if (relation) relations.push(relation);
  }
  return relations;
}

function relationAt(statement: readonly SqlToken[], at: number): string | null {
  const first = statement[at];
  if (is(first, 'only', 'if', 'lateral')) return relationAt(statement, at + 1);
  if (!isName(first) || is(first, 'select', 'stdout', 'stdin')) return null;
  const last = statement[at + 2];
  const qualified = statement[at + 1]?.text === '.' && isName(last);
  const end = qualified ? at + 3 : at + 1;
  if (statement[end]?.text === '(' && !is(statement[at - 1], 'into', 'copy')) return null;
  return qualified ? `${first.text}.${last.text}` : first.text;
}
