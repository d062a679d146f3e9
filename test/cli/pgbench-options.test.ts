import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { parsePgbenchArguments } from '../../src/cli/pgbench/getopt.ts';
import { PgbenchUsageError } from '../../src/cli/pgbench/options.ts';

const pgbench = '/usr/lib/postgresql/15/bin/pgbench';

/** Command lines that pgbench refuses before it connects; `|` separates arguments. */
const refused = [
  ...[
    '--foo',
    '-Z',
    '-c|0',
    '-c|x',
    '-c|1.5',
    '-j|0',
    '-T|0',
    '-t|0',
    '-T|5|-t|5',
    '-s|0',
    '-s',
    '-S5',
    '-v5',
  ],
  ...[
    '-F|5',
    '-F|101',
    '-M|foo',
    '-M|ext',
    '-R|0',
    '-R|x',
    '-L|-1',
    '-P|0',
    '-D|a',
    '-D|=3',
    '-D|a=',
    '-D|a-b=3',
  ],
  ...['-f|x@', '-b|tpcb@x', '-b|tpcb@-1', '-b|tpcb@0', '-i|-c|5', '-c|2|-S|-i', '-l|-i', '-i|-I|xyz', '-I|'],
  ...[
    '--random-seed=foo',
    '--random-seed=1x',
    '--sampling-rate=0',
    '--sampling-rate=2',
    '--sampling-rate=0.5',
  ],
  ...['--aggregate-interval=0', '--aggregate-interval=3', '--aggregate-interval=3|-l|-T|5'],
  ...['--aggregate-interval=3|-l|-T|2', '--aggregate-interval=3|-l|--sampling-rate=0.1', '--log-prefix=x'],
  ...[
    '--max-tries=-1',
    '--max-tries=0',
    'a|b|c',
    'a|--|-c|5',
    '--max',
    '--max=',

    '--progress-t=3',
    '-t',
  ],
  ...[
    '--rate',
    '--progress-timestamp',
    '--fillfactor=50',
    '--foreign-keys',
    '-q',
    '--client=0',
    '--no=3',
    '-nSc',
  ],
  ...['-i|-nqI|dtx', '-c5|-j|0', '--scale=1x', '-T|2147483648', '-T| 0 '],
];

function refusal(args: readonly string[]): string[] {
  try {
    parsePgbenchArguments(args);
  } catch (error) {
    if (error instanceof PgbenchUsageError) return [...error.lines];
    throw error;
  }
  return [];
}

describe('the command line is refused as pgbench refuses it', () => {
  test.each(refused)('%s', (line) => {
    const args = line.split('|');
    const real = spawnSync(pgbench, args, {
      encoding: 'utf8',
      env: { LC_ALL: 'C', PGHOST: '127.0.0.1', PGPORT: '1' },
    });
    expect(real.status).toBe(1);
    const lines = real.stderr
      .trimEnd()
      .split('\n')
      .map((text) => text.replace(/^\S*pgbench: /, ''));
    expect(refusal(args)).toEqual(lines);
  });
});

test('a command line is taken as getopt takes it', () => {
  const options = parsePgbenchArguments(
    '-nSc4 --job=2 bench -T 5 --rate=1e2 -D a=1 -D b=x=y -b tpcb@3 -f a@b.sql@2 --random-seed 18446744073709551615'.split(
      ' ',
    ),
  );
  expect(options).toMatchObject({
    noVacuum: true,
    clients: 4,
    jobs: 2,
    database: 'bench',
    durationSeconds: 5,
    ratePerSecond: 100,
    defines: { a: '1', b: 'x=y' },
    randomSeed: 18446744073709551615n,
    scripts: [
      { kind: 'builtin', name: 'select-only', weight: 1 },
      { kind: 'builtin', name: 'tpcb', weight: 3 },
      { kind: 'file', name: 'a@b.sql', weight: 2 },
    ],
  });
});

test('an ambiguous beginning is refused with what it could be', () => {
  expect(refusal(['--p'])[0]).toMatch(/^option '--p' is ambiguous; possibilities: .*'--port'/);
});

test('what pgdrill does not initialize is refused by name', () => {
  expect(refusal(['-i', '--partitions=3'])[0]).toBe('error: --partitions is not supported by pgdrill');
});
