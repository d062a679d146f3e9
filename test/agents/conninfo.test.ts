// Goal: a re-pointed standby keeps every other keyword of its connection string, whatever characters it holds.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  formatConninfo,
  parseConninfo,
  quoteConfigValue,
  unquoteConfigValue,
} from '../../src/agents/conninfo.ts';

test('what pg_basebackup writes is read', () => {
  const keywords = parseConninfo(
    unquoteConfigValue("'user=rep passfile=''/a dir/pgpass'' host=127.0.0.1 port=5432'"),
  );
  expect([...keywords]).toEqual([
    ['user', 'rep'],
    ['passfile', '/a dir/pgpass'],
    ['host', '127.0.0.1'],
    ['port', '5432'],
  ]);
});

test('any values survive the way into the file and back', () => {
  const value = fc.string({ maxLength: 20 }).filter((text) => !/[\n\r]/.test(text));
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-z_]{1,10}$/), value), (given) => {
      const keywords = new Map(Object.entries(given));
      const line = quoteConfigValue(formatConninfo(keywords));
      expect(parseConninfo(unquoteConfigValue(line))).toEqual(keywords);
    }),
  );
});

test('escapes are those of postgresql.conf, where a backslash counts too', () => {
  expect(unquoteConfigValue("'passfile=''/home/o\\\\''brien/p'' user=rep' # by pg_basebackup")).toBe(
    "passfile='/home/o\\'brien/p' user=rep",
  );
  expect(quoteConfigValue("o\\'b")).toBe("'o\\\\''b'");
  expect(unquoteConfigValue("'a\\tb\\101'")).toBe('a\tbA');
});
