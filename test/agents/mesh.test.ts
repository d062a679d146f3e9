// Goal: agents hear each other over real TCP, in order, survive each other's absence, and listen to nobody else.
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Mesh } from '../../src/agents/mesh.ts';
import { sleep } from '../../src/kernel/clock.ts';
import type { AgentMessage } from '../../src/roles/host.ts';

const ports = new Map([
  ['127.0.85.1', 17800],
  ['127.0.85.2', 17800],
]);
const open: Mesh[] = [];

function meshAt(address: string, receive: (from: string, message: AgentMessage) => void): Mesh {
  const mesh = new Mesh({ address, ports, receive });
  open.push(mesh);
  return mesh;
}

const answer = (id: number): AgentMessage => ({ type: 'answer', id, ok: true, detail: null });

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !holds(); tries += 1) await sleep(10);
  expect(holds()).toBe(true);
}

afterEach(() => {
  for (const mesh of open.splice(0)) mesh.close();
});

test('messages arrive in order with their sender', async () => {
  const heard: string[] = [];
  const receiver = meshAt('127.0.85.2', (from, message) =>
    heard.push(`${from} ${'id' in message ? message.id : ''}`),
  );
  await receiver.listen();
  const sender = meshAt('127.0.85.1', () => undefined);
  for (let id = 1; id <= 50; id += 1) sender.send('127.0.85.2', answer(id));
  await until(() => heard.length === 50);
  expect(heard).toEqual(Array.from({ length: 50 }, (_, index) => `127.0.85.1 ${index + 1}`));
});

test('a member that comes up later is reached by the next message', async () => {
  const heard: AgentMessage[] = [];
  const sender = meshAt('127.0.85.1', () => undefined);
  sender.send('127.0.85.2', answer(1));
  await sleep(50);
  await meshAt('127.0.85.2', (_, message) => heard.push(message)).listen();
  sender.send('127.0.85.2', answer(2));
  await until(() => heard.length === 1);
  expect(heard).toEqual([answer(2)]);
});

test('lines that are no message of a member end the connection and are not heard', async () => {
  const heard: AgentMessage[] = [];
  await meshAt('127.0.85.2', (_, message) => heard.push(message)).listen();
  for (const line of ['GET / HTTP/1.0', '{"from":"10.0.0.1","message":{"type":"heartbeat"}}', '[]', 'null']) {
    const closed = new Promise<void>((resolve) => {
      const socket = connect(17800, '127.0.85.2', () => socket.write(`${line}\n`));
      socket.on('error', () => resolve());
      socket.on('close', () => resolve());
    });
    await closed;
  }
  expect(heard).toEqual([]);
});
