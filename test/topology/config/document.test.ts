// Goal: a configuration file keeps every byte that was not changed, and a changed value is read back.
// Method: arbitrary texts and names through reading, changing, writing and reading again; the forms of real files by hand.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ConfigDocument,
  entryOf,
  renderDocument,
  valuesOf,
} from '../../../src/topology/config/document.ts';
import { setValue } from '../../../src/topology/config/edit.ts';
import { parseEfmDocument } from '../../../src/topology/config/efm-document.ts';
import { parsePgpoolDocument } from '../../../src/topology/config/pgpool-document.ts';

const parsers = { efm: parseEfmDocument, pgpool: parsePgpoolDocument } as const;

const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,12}$/).filter((text) => text !== 'include');
const value = fc.stringMatching(/^[A-Za-z0-9/%.:=#-]([A-Za-z0-9/%.:=# -]{0,20}[A-Za-z0-9/%.:=#-])?$/);
const noise = fc.oneof(
  fc.constantFrom(
    '',
    '   ',
    '# a comment',
    '#port = 1',
    '! another',
    "\t# it's",
    'no setting at all',
    "x = 'open",
  ),
  fc.string().map((text) => text.replaceAll(/[\n\r]/g, ' ')),
);

/** Lines of both kinds of file, with settings among other things. */
const textOf = (kind: 'efm' | 'pgpool') =>
  fc
    .tuple(
      fc.array(
        fc.oneof(
          noise,
          fc
            .tuple(name, value, fc.constantFrom('', ' # why', '   '))
            .map(([key, text, tail]) => (kind === 'efm' ? `${key}=${text}` : `${key} = '${text}'${tail}`)),
        ),
        { maxLength: 12 },
      ),
      fc.constantFrom('\n', '\r\n'),
      fc.boolean(),
    )
    .map(([lines, ending, last]) => lines.join(ending) + (last ? ending : ''));

/** Values that the file format can hold. */
const wantedOf = (kind: 'efm' | 'pgpool') =>
  kind === 'efm'
    ? fc
        .oneof(value, fc.string({ unit: fc.constantFrom('a', ' ', '\\', '\n', '=', '#', "'", 'u', '0') }))
        .map((text) => text.trim())
    : value;

describe.each(['efm', 'pgpool'] as const)('%s', (kind) => {
  const parse = (text: string): ConfigDocument => parsers[kind](text, 'file');

  test('any text is written as it was read', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), textOf(kind)), (text) => {
        expect(renderDocument(parse(text))).toBe(text);
      }),
    );
  });

  test('a value that was set is read, and no other line changed', () => {
    fc.assert(
      fc.property(textOf(kind), name, wantedOf(kind), (text, key, wanted) => {
        const before = parse(text);
        const after = setValue(before, { name: key, value: wanted });
        expect(entryOf(after, key)?.value).toBe(wanted);
        const { [key]: _, ...others } = valuesOf(before);
        expect(valuesOf(after)).toEqual({ ...others, [key]: wanted });
        const kept = after.lines.filter((line) => before.lines.some((old) => old.trim() === line.trim()));
        expect(kept.length).toBeGreaterThanOrEqual(before.lines.length - 1);
        expect(after.lines.length - before.lines.length).toBeLessThanOrEqual(3);
      }),
    );
  });

  test('every value that counts can be set to itself, and the file means what it meant', () => {
    fc.assert(
      fc.property(textOf(kind), (text) => {
        const document = parse(text);
        fc.pre(document.problems.length === 0);
        for (const [key, wanted] of Object.entries(valuesOf(document))) {
          if (/['\\]/.test(wanted)) continue;
          expect(valuesOf(setValue(document, { name: key, value: wanted }))).toEqual(valuesOf(document));
        }
      }),
    );
  });
});

test('a changed value keeps its comment, its blanks and its line', () => {
  const text = "port = 9999   # where clients connect\r\n  listen_addresses = 'a'#x\r\n";
  const once = setValue(parsePgpoolDocument(text, 'f'), { name: 'port', value: '5433' });
  const twice = setValue(once, { name: 'listen_addresses', value: '*' });
  expect(renderDocument(twice)).toBe(
    "port = '5433'   # where clients connect\r\n  listen_addresses = '*'#x\r\n",
  );
});

test('a new setting stands below its sample line, else at the end', () => {
  const text = '# ports\n#port = 9999\npcp_port = 9898\n';
  const sample = setValue(parsePgpoolDocument(text, 'f'), { name: 'port', value: '9999' });
  expect(sample.lines).toEqual(['# ports', '#port = 9999', "port = '9999'", 'pcp_port = 9898', '']);
  const end = setValue(parseEfmDocument('a=1', 'f'), { name: 'b', value: '2' });
  expect(renderDocument(end)).toBe('a=1\nb=2\n');
});

test('a line that goes on at the end of the file does not swallow a new setting', () => {
  const added = (text: string) =>
    renderDocument(setValue(parseEfmDocument(text, 'f'), { name: 'b', value: '2' }));
  expect(added('a=1\\')).toBe('a=1\\\n\nb=2\n');
  expect(added('a=1\\\r\n')).toBe('a=1\\\r\n\r\nb=2\r\n');
  expect(added('a=1\\\\\n')).toBe('a=1\\\\\nb=2\n');
});

test('a refused value ends before its comment, whatever ends the line', () => {
  for (const ending of ['\n', '\r\n']) {
    const { problems } = parsePgpoolDocument(`port = 3 s   # why${ending}`, 'f');
    expect(problems[0]?.hint).toBe("put it in quotes: '3 s'");
  }
});

test('of a name set twice the last is changed, for the last counts', () => {
  const document = setValue(parseEfmDocument('a=1\na=2\n', 'f'), { name: 'a', value: '3' });
  expect(renderDocument(document)).toBe('a=1\na=3\n');
});

test.each([
  ['pgpool', "it's"],
  ['pgpool', 'ends in \\'],
  ['pgpool', 'two\nlines'],
  ['efm', ' blank'],
] as const)('%s cannot hold %j and says so', (kind, text) => {
  expect(() => setValue(parsers[kind]('', 'f'), { name: 'a', value: text })).toThrow(/f cannot hold a = /);
});

test.each(['efm', 'pgpool'] as const)('%s: a byte order mark is told, kept, and hides nothing', (kind) => {
  const text = '\ufeffport=1\nmax=2\n';
  const document = parsers[kind](text, 'f');
  expect(document.problems).toMatchObject([
    { rule: 'byte-order-mark', place: { file: 'f', line: 1, column: 1 } },
  ]);
  expect(valuesOf(document)).toEqual({ port: '1', max: '2' });
  expect(renderDocument(document)).toBe(text);
});

test.each(['efm', 'pgpool'] as const)('%s: a value of ten million characters is read', (kind) => {
  const long = 'x'.repeat(10_000_000);
  expect(entryOf(parsers[kind](`a=${long}`, 'f'), 'a')?.value.length).toBe(long.length);
});

describe('pgpool.conf as Pgpool reads it', () => {
  test('quotes, bare values, two on a line, no equals sign, comments, the last wins', () => {
    const text = [
      '# port = 1',
      'port = 9999              # where clients connect',
      "listen_addresses = '*'",
      "follow_primary_command = '/x/follow.sh %d # no comment'   # a comment",
      'num_init_children 7',
      'max_pool = 3 reserved_connections = 1',
      "log_line_prefix = 'a \\' b' # it's",
      'port=9998',
    ].join('\n');
    const document = parsePgpoolDocument(text, 'f');
    expect(document.problems).toEqual([]);
    expect(valuesOf(document)).toEqual({
      port: '9998',
      listen_addresses: '*',
      follow_primary_command: '/x/follow.sh %d # no comment',
      num_init_children: '7',
      max_pool: '3',
      reserved_connections: '1',
      log_line_prefix: "a \\' b",
    });
  });

  test('every place is that of the characters', () => {
    const text = "  port =  9999\nmax_pool = 3 reserved_connections = ''\n";
    const { entries } = parsePgpoolDocument(text, 'f');
    const lines = text.split('\n');
    expect(entries.map(({ line, column, valueColumn, raw }) => [line, column, valueColumn, raw])).toEqual([
      [1, 3, 11, '9999'],
      [2, 1, 12, '3'],
      [2, 14, 37, "''"],
    ]);
    for (const { line, valueColumn, raw } of entries)
      expect(lines[line - 1]?.slice(valueColumn - 1, valueColumn - 1 + raw.length)).toBe(raw);
  });

  test('included files count where they are named, relative to the file that names them', () => {
    const texts: Record<string, string> = {
      'conf/more.conf': "include 'deeper/last.conf'\nmax_pool = 9",
      'conf/deeper/last.conf': 'port = 1\nmax_pool = 5',
    };
    const document = parsePgpoolDocument("port = 2\ninclude = 'more.conf'\n", 'conf/pgpool.conf', {
      readInclude: (file) => texts[file],
    });
    expect(document.problems).toEqual([]);
    expect(document.entries.map(({ name: key, value: text, file }) => `${file} ${key} ${text}`)).toEqual([
      'conf/pgpool.conf port 2',
      'conf/deeper/last.conf port 1',
      'conf/deeper/last.conf max_pool 5',
      'conf/more.conf max_pool 9',
    ]);
    const changed = setValue(document, { name: 'port', value: '3' }, { readInclude: (file) => texts[file] });
    expect(entryOf(changed, 'port')).toMatchObject({ value: '3', file: 'conf/pgpool.conf', line: 3 });
  });

  test('an include that cannot be read, or that includes itself, is told', () => {
    const lost = parsePgpoolDocument("  include 'none.conf'", 'f');
    expect(lost.problems).toMatchObject([
      { rule: 'pgpool-syntax', place: { file: 'f', line: 1, column: 11 } },
    ]);
    const circle = parsePgpoolDocument("include 'f'", 'f', { readInclude: () => "include 'f'" });
    expect(circle.problems).toHaveLength(1);
    expect(circle.problems[0]?.message).toMatch(/nested/);
  });

  test('every mistake of a file is told at once, with line and column', () => {
    const text =
      "9port = 1\nport =\nwd_priority = <any integer>\nx = 'open\nhost = 10.0.0.1\ny = 'it''s'\nmax_pool = 4";
    const { problems, entries } = parsePgpoolDocument(text, 'f');
    expect(problems.map(({ place }) => [place?.line, place?.column])).toEqual([
      [1, 1],
      [2, 7],
      [3, 15],
      [4, 5],
      [5, 8],
      [6, 5],
    ]);
    expect(entries.at(-1)).toMatchObject({ name: 'max_pool', value: '4' });
  });
});

describe('efm.properties', () => {
  test('names, values and places', () => {
    const text = '# a=1\n! b=2\n\n db.user = efm \nscript.fence=/x/fence.sh a=b %p\nempty=\n';
    const { entries, problems } = parseEfmDocument(text, 'f');
    expect(problems).toEqual([]);
    expect(
      entries.map(({ name: key, value: text, line, column, valueColumn }) => [
        key,
        text,
        line,
        column,
        valueColumn,
      ]),
    ).toEqual([
      ['db.user', 'efm', 4, 2, 12],
      ['script.fence', '/x/fence.sh a=b %p', 5, 1, 14],
      ['empty', '', 6, 1, 7],
    ]);
  });

  test('a backslash joins lines and shields characters, as in EDB’s example of a notice’s prefix', () => {
    const text =
      'notification.text.prefix=Development\\n\\\r\n   Used by QA \\\n\t See \\"x\\" \\u0041\\\\\nlocal.period=5\n';
    const document = parseEfmDocument(text, 'f');
    expect(document.problems).toEqual([]);
    expect(valuesOf(document)).toEqual({
      'notification.text.prefix': 'Development\nUsed by QA See "x" A\\',
      'local.period': '5',
    });
    expect(entryOf(document, 'local.period')).toMatchObject({ line: 4, column: 1 });
    const changed = setValue(document, { name: 'notification.text.prefix', value: 'a\\b\nc' });
    expect(renderDocument(changed)).toBe('notification.text.prefix=a\\\\b\\nc\nlocal.period=5\n');
    expect(entryOf(changed, 'notification.text.prefix')?.value).toBe('a\\b\nc');
  });

  test('what is no property is told at its place, all of it at once', () => {
    const { problems, entries } = parseEfmDocument('nothing\n  =5\na: 1\nb=2', 'f');
    expect(problems.map(({ rule, place }) => [rule, place?.line, place?.column])).toEqual([
      ['property-line', 1, 1],
      ['property-line', 2, 3],
      ['property-line', 3, 1],
    ]);
    expect(entries.map((entry) => entry.name)).toEqual(['b']);
  });
});
