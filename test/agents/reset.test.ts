// Goal: a peer that cuts its connection hard (RST) costs an agent that connection and nothing more; the `efm` door lets in
// only who knows the token.
// Method: real servers on loopback; resetAndDestroy on the peer's side; an uncaught error would fail the test.
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AdminServer, askAgent } from '../../src/agents/admin.ts';
import { authorizationFile } from '../../src/agents/config.ts';
import { Mesh } from '../../src/agents/mesh.ts';
import { sleep } from '../../src/kernel/clock.ts';
import { agentConfig } from './agent-config.ts';

let folder: string;
let asked: string[][];
let admin: AdminServer;
const config = () => agentConfig(folder, { address: '127.0.85.3', adminPort: 17809 });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pgdrill-admin-'));
  asked = [];
  admin = new AdminServer(config(), (args, done) => {
    asked.push([...args]);
    done({ exitCode: 0, stdout: `did ${args.join(' ')}`, stderr: '' });
  });
  await admin.listen();
});
afterEach(() => {
  admin.close();
  rmSync(folder, { recursive: true });
});

const opened = (port: number, address: string): Promise<Socket> =>
  new Promise((resolve) => {
    const socket = connect(port, address, () => resolve(socket));
    socket.on('error', () => undefined);
  });

test('the mesh goes on after a reset', async () => {
  const heard: string[] = [];
  const address = '127.0.85.4';
  const ports = new Map([[address, 17800]]);
  const mesh = new Mesh({ address, ports, receive: (_, { type }) => heard.push(type) });
  await mesh.listen();
  const socket = await opened(17800, address);
  socket.write('half a line');
  await sleep(50);
  socket.resetAndDestroy();
  await sleep(100);
  const other = await opened(17800, address);
  other.write(`${JSON.stringify({ from: address, message: { type: 'heartbeat' } })}\n`);
  await sleep(100);
  mesh.close();
  expect(heard).toEqual(['heartbeat']);
});

test('the door goes on after a reset', async () => {
  const socket = await opened(17809, '127.0.85.3');
  socket.write('{"token":');
  await sleep(50);
  socket.resetAndDestroy();
  await sleep(100);
  expect(await askAgent(config(), ['cluster-status', 'efm'])).toEqual({
    exitCode: 0,
    stdout: 'did cluster-status efm',
    stderr: '',
  });
});

test('a wrong token, none, or no request at all is sent away without an answer', async () => {
  const token = readFileSync(authorizationFile(config()), 'utf8');
  expect(token).toMatch(/^[0-9a-f]{32}$/);
  for (const line of [
    '{"token":"0","args":[]}',
    '{"args":["resume"]}',
    `{"token":"${token}"}`,
    'GET /',
    'null',
  ]) {
    const socket = await opened(17809, '127.0.85.3');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.write(`${line}\n`);
    await closed;
    expect(answer).toBe('');
  }
  expect(asked).toEqual([]);
});

test('the token is for its user only and goes with the agent', async () => {
  expect(statSync(authorizationFile(config())).mode & 0o777).toBe(0o600);
  admin.close();
  await expect(async () => askAgent(config(), ['resume', 'efm'])).rejects.toThrow(
    /Authorization file not found/,
  );
});
