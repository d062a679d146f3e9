import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { planCommand } from '../../src/cli/plan.ts';
import { InputError } from '../../src/kernel/errors.ts';

// Goal: the command prints the answer alone on stdout and says by its exit code whether there is one.

let printed = '';
let noted = '';

beforeEach(() => {
  printed = '';
  noted = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    noted += String(text);
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
});

const asked = [
  '--model',
  'models/capacity.yaml',
  '--reads',
  '500/s',
  '--slo',
  'read.p99 < 20ms',
  '--runs',
  '0',
];

function pgdrillPlan(...words: string[]) {
  return planCommand()
    .exitOverride()
    .parseAsync([...asked, ...words], { from: 'user' });
}

test('one JSON value on stdout, progress on stderr', async () => {
  await pgdrillPlan('--json');
  expect(JSON.parse(printed).answer).toMatchObject({ result: 'met', standbys: 1 });
  expect(noted).toBe('1 standby: by formula\n');
  expect(process.exitCode).toBe(0);
});

test('--quiet silences progress, the text is for people', async () => {
  await pgdrillPlan('--quiet', '--survive', 'none');
  expect(printed).toMatch(/^ANSWER: 1 standby\n {2}backend_weight: server1 0, server2 1\n/);
  expect(noted).toBe('');
});

test('what no number of standbys can do ends with 99', async () => {
  await pgdrillPlan('--quiet', '--slo', 'read.p99 < 100us');
  expect(printed).toMatch(/^IMPOSSIBLE\n/);
  expect(process.exitCode).toBe(99);
});

test('mistakes are thrown with nothing printed', async () => {
  await expect(pgdrillPlan('--slo', 'nonsense', '--survive', 'all')).rejects.toThrow(InputError);
  expect(printed).toBe('');
});

test('help shows an example and the defaults in words', () => {
  const help = planCommand().helpInformation();
  expect(help).toMatch(/default:\s+failover,standby-loss/);
  expect(help).not.toContain('[]');
});
