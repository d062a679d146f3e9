// Goal: synchronous_standby_names is read and changed as PostgreSQL means it.
import { describe, expect, test } from 'vitest';
import { parseSynchronousNames, standbyNames, withNumSync } from '../../src/topology/synchronous-names.ts';

describe('num_sync', () => {
  test.each([
    ['', null],
    ['  ', null],
    ['*', 1],
    ['a, b', 1],
    ['2 (a, b, c)', 2],
    ['FIRST 2 (a, b)', 2],
    ['any 3 ("x (y)", b, c)', 3],
  ])('of %j is %j', (value, numSync) => {
    expect(parseSynchronousNames(value)?.numSync ?? null).toBe(numSync);
  });

  test.each([
    ['a, b', ['a', 'b']],
    ['2 (server1, "Server 2", B)', ['server1', 'Server 2', 'b']],
    ['*', ['*']],
    ['ANY 1 ("x ""y"" (z)", c)', ['x "y" (z)', 'c']],
  ])('the names of %j are %j', (value, names) => {
    const parsed = parseSynchronousNames(value);
    expect(parsed && standbyNames(parsed)).toEqual(names);
  });

  test('is changed, names and method stay; null clears', () => {
    expect(withNumSync('ANY 2 (a, "b c")', 1)).toBe('ANY 1 (a, "b c")');
    expect(withNumSync('a, b', 2)).toBe('FIRST 2 (a, b)');
    expect(withNumSync('FIRST 1 (a)', null)).toBe('');
    expect(withNumSync('', 1)).toBe('');
  });
});
