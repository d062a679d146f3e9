/** A piece of SQL text: a bare word in lower case, a quoted name as written, a literal, or one symbol. */
export interface SqlToken {
  kind: 'word' | 'name' | 'literal' | 'symbol';
  text: string;
}

const pieces =
  /(?<space>\s+|--[^\n]*)|(?<dollar>\$(?<tag>[a-z_]\w*)?\$[\s\S]*?\$\k<tag>\$)|(?<string>(?:[ebxn]|u&)?'(?:[^']|'')*')|(?<name>"(?:[^"]|"")*")|(?<parameter>\$\d+|:\w+)|(?<number>\d[\w.]*)|(?<word>[a-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(?<cast>::)|(?<symbol>[\s\S])/iy;

/** Cuts SQL text into tokens; comments, block comments nested in each other too, and white space are left out. */
export function sqlTokens(sql: string): SqlToken[] {
  const tokens: SqlToken[] = [];
  let at = 0;
  while (at < sql.length) {
    if (sql.startsWith('/*', at)) {
      at = endOfBlockComment(sql, at);
      continue;
    }
    pieces.lastIndex = at;
    const match = pieces.exec(sql);
    if (!match?.groups) break;
    at = pieces.lastIndex;
    const token = tokenOf(match.groups, match[0]);
    if (token) tokens.push(token);
  }
  return tokens;
}

function tokenOf(groups: Record<string, string | undefined>, text: string): SqlToken | null {
  if (groups.space !== undefined) return null;
  if (groups.word !== undefined) return { kind: 'word', text: text.toLowerCase() };
  if (groups.name !== undefined) return { kind: 'name', text: text.slice(1, -1).replaceAll('""', '"') };
  if (groups.cast !== undefined || groups.symbol !== undefined) return { kind: 'symbol', text };
  return { kind: 'literal', text };
}

function endOfBlockComment(sql: string, start: number): number {
  let depth = 0;
  for (let at = start; at < sql.length; at += 1) {
    if (sql.startsWith('/*', at)) {
      depth += 1;
      at += 1;
    } else if (sql.startsWith('*/', at)) {
      depth -= 1;
      at += 1;
      if (depth === 0) return at + 1;
    }
  }
  return sql.length;
}

/** Cuts tokens at the semicolons; empty statements are left out. */
export function splitStatements(tokens: readonly SqlToken[]): SqlToken[][] {
  const statements: SqlToken[][] = [[]];
  for (const token of tokens) {
    if (token.kind === 'symbol' && token.text === ';') statements.push([]);
    else statements.at(-1)?.push(token);
  }
  return statements.filter((statement) => statement.length > 0);
}
