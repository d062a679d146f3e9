// Goal: an agent reads what EFM's files say, and refuses a wrong file with everything that is wrong in it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readAgentConfig } from '../../src/agents/config.ts';
import { DrillError } from '../../src/kernel/errors.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgdrill-config-'));
  writeFileSync(join(folder, 'efm.nodes'), '10.0.0.1:7800 10.0.0.2:7900\n10.0.0.3\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

const good = {
  'bind.address': '10.0.0.2:7900',
  'db.user': 'efm',
  'db.database': 'postgres',
  'db.port': '5444',
  'db.bin': '/opt/bin',
  'db.data.dir': '/data',
  'log.dir': '/log',
  'lock.dir': '/lock',
};

function read(properties: Record<string, string | null>) {
  const lines = Object.entries({ ...good, ...properties }).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${value}`],
  );
  writeFileSync(join(folder, 'efm.properties'), `# a remark\n${lines.join('\n')}\n`);
  return readAgentConfig(folder, 'efm');
}

function failure(act: () => unknown): DrillError {
  try {
    act();
  } catch (cause) {
    expect(cause).toBeInstanceOf(DrillError);
    return cause as DrillError;
  }
  throw new Error('it did not fail');
}

test('address, ports, members in the order of the list, and settings in ms', () => {
  const config = read({ 'local.timeout': '4', 'admin.port': '7810' });
  expect(config).toMatchObject({
    address: '10.0.0.2',
    port: 7900,
    adminPort: 7810,
    members: ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
  });
  expect([...config.memberPorts.values()]).toEqual([7800, 7900, 7800]);
  expect(config.settings.localTimeoutMs).toBe(4000);
});

test('an agent that the list lacks is a member all the same', () => {
  expect(read({ 'bind.address': '10.0.0.9:7801' }).members).toContain('10.0.0.9');
});

test('a witness needs no database folder', () => {
  expect(read({ 'is.witness': 'true', 'db.bin': null, 'db.data.dir': null }).settings.witness).toBe(true);
});

test('all mistakes of a file are told at once', () => {
  const { message, exitCode, hint } = failure(() =>
    read({ 'local.timeout': '4s', 'auto.failover': 'yes', 'local.timeot': '4' }),
  );
  for (const part of ['"4s"', '"yes"', '"local.timeot"']) expect(message).toContain(part);
  expect(exitCode).toBe(1);
  expect(hint).toContain('efm.properties');
});

test('a line that is no property is told with its place', () => {
  writeFileSync(join(folder, 'efm.properties'), '# a remark\nlocal.timeout 4\n');
  expect(failure(() => readAgentConfig(folder, 'efm')).message).toContain('efm.properties:2:1');
});

test.each(['bind.address', 'db.user', 'db.port', 'db.data.dir', 'log.dir'])('%s is required', (name) => {
  expect(failure(() => read({ [name]: null })).message).toContain(`${name} is required`);
});

test.each([
  [
    { 'virtual.ip': '10.0.0.99', 'virtual.ip.interface': 'eth0', 'virtual.ip.prefix': '24' },
    /virtual.ip=10.0.0.99: EFM moves/,
  ],
  [{ 'pgpool.enable': 'true' }, /pgpool.enable=true: EFM tells Pgpool with a helper of its own/],
])(
  'what EFM does with helpers of its own is refused at the start, not in a failover: %o',
  (properties, told) => {
    const { message, hint, exitCode } = failure(() => read(properties));
    expect(message).toMatch(told);
    expect(hint).toBeTruthy();
    expect(exitCode).toBe(1);
  },
);

test('pgpool.enable beside load balancer scripts: the scripts do it', () => {
  const scripts = { 'script.load.balancer.attach': '/a %h %t', 'script.load.balancer.detach': '/d %h %t' };
  expect(read({ 'pgpool.enable': 'true', ...scripts }).settings.nativePgpool).toBe(true);
});

test('a missing file names the way to another folder', () => {
  rmSync(join(folder, 'efm.nodes'));
  const { message, hint } = failure(() => read({}));
  expect(message).toContain('efm.nodes');
  expect(hint).toContain('EFM_CONFIG_DIR');
});
