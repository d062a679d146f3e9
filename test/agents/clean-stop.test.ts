// Goal: the agent's program ends in good order when its service is stopped: the others are told, and nothing is left behind.
// Method: the compiled program of a witness as a process of its own; the test is the other member and listens on its port.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Mesh } from '../../src/agents/mesh.ts';
import { sleep } from '../../src/kernel/clock.ts';

const programs = process.env.PGDRILL_TEST_PROGRAMS ?? join(import.meta.dirname, '../../dist');
const [own, other] = ['127.0.85.21', '127.0.85.22'];
const port = 17820;

let folder: string;
let agent: ChildProcess;
let mesh: Mesh;
let heard: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pgdrill-stop-'));
  const properties = {
    'bind.address': `${own}:${port}`,
    'admin.port': String(port + 1),
    'is.witness': 'true',
    'db.user': 'efm',
    'db.database': 'postgres',
    'db.port': '5444',
    'log.dir': folder,
    'lock.dir': folder,
    'ping.server.ip': other,
  };
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(join(folder, 'efm.properties'), lines.join(''));
  writeFileSync(join(folder, 'efm.nodes'), `${own}:${port} ${other}:${port}\n`);
  heard = [];
  const ports = new Map([own, other].map((address) => [address, port]));
  mesh = new Mesh({ address: other, ports, receive: (_, { type }) => void heard.push(type) });
  await mesh.listen();
  agent = spawn(process.execPath, [join(programs, 'agents/main.js'), '--config-dir', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (agent.stdout) await once(agent.stdout, 'data');
  await until(() => heard.includes('heartbeat'));
});

afterEach(() => {
  agent.kill('SIGKILL');
  mesh.close();
  rmSync(folder, { recursive: true });
});

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500 && !holds(); tries += 1) await sleep(20);
  expect(holds()).toBe(true);
}

/** Sends the signal and waits for the end. @returns the exit code, null for one that was killed */
async function ended(signal: NodeJS.Signals): Promise<number | null> {
  const exit = once(agent, 'exit');
  agent.kill(signal);
  const [exitCode] = (await exit) as [number | null];
  return exitCode;
}

const notices = (): string[] =>
  readFileSync(join(folder, 'efm.events.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; severity: string; subject: string })
    .flatMap(({ type, severity, subject }) => (type === 'notice' ? [`${severity} ${subject}`] : []));

const exited = `WARNING Witness agent exited on ${own} for cluster efm`;

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s: the member hears that it leaves, last of all; exit 0, the notice told, the door for efm closed',
  async (signal) => {
    expect(existsSync(join(folder, 'efm.auth'))).toBe(true);
    expect(await ended(signal)).toBe(0);
    await until(() => heard.includes('leave'));
    expect(heard.at(-1)).toBe('leave');
    expect(notices()).toContain(exited);
    expect(existsSync(join(folder, 'efm.auth'))).toBe(false);
  },
);

test('SIGKILL: nobody hears a word', async () => {
  expect(await ended('SIGKILL')).toBeNull();
  await sleep(300);
  expect(heard).not.toContain('leave');
  expect(notices()).not.toContain(exited);
});
