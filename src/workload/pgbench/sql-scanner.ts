import { matchAt } from './expression-tokens.ts';

/** Text up to the end of a statement, or up to a backslash that begins a meta command. */
export interface SqlPiece {
  /** As it is sent, its semicolon included; empty when there was nothing but blanks and comments. */
  sql: string;
  /** Where its first character stands. */
  offset: number;
  /** `sql` without quoted parts and comments; a semicolon that was forced by \; is a \u0001. */
  bare: string;
  stop: 'semicolon' | 'backslash' | 'end';
  /** Where the scan goes on: behind what stopped it. */
  next: number;
}

/** Between the statements of one message in `SqlPiece.bare`. */
export const forcedSemicolon = '\u0001';

/** Quoted parts of SQL without escapes, by how they begin and end; a doubled quote reads as two strings side by side. */
const quoted: readonly { opens: RegExp; whole: RegExp; name: string }[] = [
  { opens: /'/y, whole: /'[^']*'/y, name: 'string' },
  { opens: /"/y, whole: /"[^"]*"/y, name: 'quoted name' },
  {
    opens: /\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y,
    whole: /(\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)[\s\S]*?\1/y,
    name: 'dollar-quoted string',
  },
];
const escapedString = /[eE]'/y;
/** Goes over what does not end a string with escapes: the pieces of one that stand on lines of their own are one string. */
const insideEscaped = /[^'\\]+|\\[\s\S]|''|'[ \t\f]*(?:--[^\n\r]*)?[\n\r](?:[ \t\n\r\f]|--[^\n\r]*[\n\r])*'/y;
const wordPattern = '[A-Za-z_\\u0080-\\uffff][\\w$\\u0080-\\uffff]*';
const identifier = new RegExp(wordPattern, 'y');
const lineComment = /--[^\n\r]*/y;
const blanks = /[ \t\n\r\f]+/y;
/** A cast, two dots, or a variable's name, which holds no dollar sign and is no word of the statement. */
const undivided = /::|\.\.|:[\w\u0080-\uffff]+/y;
/** A number or $1 with the word that hangs on it by mistake: what follows is neither quoted by its e nor by its dollars. */
const number = new RegExp(
  `(?:\\$\\d+|\\d+(?=\\.\\.))(?:${wordPattern})?|(?:\\d*\\.\\d+|\\d+\\.?\\d*)(?:[eE][-+]?\\d+(?:${wordPattern})?|[eE][-+]|${wordPattern})?`,
  'y',
);
/** psql's question whether a variable is set; pgbench has no variables yet when it reads, so none is. */
const existence = /:\{\?[\w\u0080-\uffff]+\}/y;

type Complain = (offset: number, message: string) => void;

/**
 * Finds the ends of statements as psql's scanner does: semicolons outside quotes, comments, parentheses, and the BEGIN … END
 * of a function's body. Its counts of parentheses and blocks go on over meta commands, as pgbench's do.
 *
 * @see PostgreSQL 15, src/fe_utils/psqlscan.l
 */
export class SqlScanner {
  readonly #text: string;
  readonly #complain: Complain;
  #at = 0;
  #sql = '';
  #bare = '';
  #offset = 0;
  #parentheses = 0;
  #blocks = 0;
  /** Words of the present statement that tell a function's definition, by their first letters. */
  #head = '';
  #words = 0;

  /** @param complain told of a quoted part or comment without an end, at its beginning */
  constructor(text: string, complain: Complain) {
    this.#text = text;
    this.#complain = complain;
  }

  /** The piece that begins at `from`. */
  next(from: number): SqlPiece {
    this.#at = from;
    this.#sql = '';
    this.#bare = '';
    this.#offset = from;
    const stop = this.#scan();
    return { sql: this.#sql, offset: this.#offset, bare: this.#bare, stop, next: this.#at };
  }

  #scan(): SqlPiece['stop'] {
    const text = this.#text;
    while (this.#at < text.length) {
      const character = text[this.#at] as string;
      const skipped = matchAt(blanks, text, this.#at) ?? matchAt(lineComment, text, this.#at);
      if (skipped !== null) this.#skip(skipped);
      else if (text.startsWith('/*', this.#at)) this.#take(this.#commentLength(), ' ');
      else if (character === '\\') {
        const forced = text[this.#at + 1];
        this.#at += 1;
        if (forced !== ';' && forced !== ':') return 'backslash';
        this.#force(forced);
      } else if (character === ';') {
        const ends = this.#parentheses === 0 && this.#blocks === 0;
        this.#take(1, ends ? '' : ';');
        if (!ends) continue;
        this.#words = 0;
        return 'semicolon';
      } else this.#takeToken(character);
    }
    return 'end';
  }

  /** Blanks and comments to the end of the line count only behind the beginning of a statement. */
  #skip(text: string): void {
    if (this.#sql === '') this.#at += text.length;
    else this.#take(text.length, ' ');
  }

  #take(length: number, bare: string): void {
    this.#put(this.#text.slice(this.#at, this.#at + length), { bare, length });
  }

  #force(character: string): void {
    this.#put(character, { bare: character === ';' ? forcedSemicolon : character, length: 1 });
    if (character === ';') this.#words = 0;
  }

  /** Adds to the piece what stands for the next `length` characters. */
  #put(sql: string, { bare, length }: { bare: string; length: number }): void {
    if (this.#sql === '') this.#offset = this.#at;
    this.#sql += sql;
    this.#bare += bare;
    this.#at += length;
  }

  #takeToken(character: string): void {
    const text = this.#text;
    const question = matchAt(existence, text, this.#at);
    if (question !== null) {
      this.#put('FALSE', { bare: 'FALSE', length: question.length });
      return;
    }
    const span = this.#spanLength();
    if (span > 0) {
      this.#take(span, ' \u0000 ');
      return;
    }
    const whole = matchAt(undivided, text, this.#at) ?? matchAt(number, text, this.#at);
    if (whole !== null) {
      this.#take(whole.length, whole);
      return;
    }
    const word = matchAt(identifier, text, this.#at);
    if (word !== null) this.#count(word.toLowerCase());
    if (character === '(') this.#parentheses += 1;
    if (character === ')') this.#parentheses = Math.max(0, this.#parentheses - 1);
    const token = word ?? character;
    this.#take(token.length, token);
  }

  /** Follows CREATE [OR REPLACE] FUNCTION or PROCEDURE into the blocks of its body, which hold semicolons. */
  #count(word: string): void {
    if (this.#words === 0) this.#head = '';
    const tells = /^(create|function|procedure|or|replace)$/.test(word);
    if (this.#words < 4) this.#head += tells ? word[0] : ' ';
    this.#words += 1;
    if (!/^c([fp]|or[fp])/.test(this.#head) || this.#parentheses > 0) return;
    if (word === 'begin' || (word === 'case' && this.#blocks > 0)) this.#blocks += 1;
    else if (word === 'end') this.#blocks = Math.max(0, this.#blocks - 1);
  }

  /** Length of the quoted part that begins here; 0 when none does. One without an end takes the rest. */
  #spanLength(): number {
    if (matchAt(escapedString, this.#text, this.#at) !== null) return this.#escapedLength();
    for (const { opens, whole, name } of quoted) {
      if (matchAt(opens, this.#text, this.#at) === null) continue;
      const found = matchAt(whole, this.#text, this.#at);
      return found === null ? this.#endless(name) : found.length;
    }
    return 0;
  }

  #escapedLength(): number {
    let at = this.#at + 2;
    for (let part = matchAt(insideEscaped, this.#text, at); part !== null; ) {
      at += part.length;
      part = matchAt(insideEscaped, this.#text, at);
    }
    return this.#text[at] === "'" ? at + 1 - this.#at : this.#endless('string');
  }

  #commentLength(): number {
    let depth = 0;
    const ends = /\/\*|\*\//g;
    ends.lastIndex = this.#at;
    for (let match = ends.exec(this.#text); match; match = ends.exec(this.#text)) {
      depth += match[0] === '/*' ? 1 : -1;
      if (depth === 0) return ends.lastIndex - this.#at;
    }
    return this.#endless('comment');
  }

  #endless(name: string): number {
    this.#complain(this.#at, `the ${name} that begins here has no end`);
    return this.#text.length - this.#at;
  }
}
