// Goal: an observer's failure ends in one place; a slow answer is no dead server, a closed door is.
// Method: servers on loopback that refuse, stay silent, or speak nonsense; a recorder that throws.
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { RealClock, sleep } from '../../src/kernel/clock.ts';
import { failureOf, type Observer, repeat } from '../../src/observe/observer.ts';
import { pcpNodes } from '../../src/observe/pcp.ts';
import { watchServer } from '../../src/observe/server-sampler.ts';
import type { RecordedEvent } from '../../src/recording/events.ts';

const host = '127.0.85.5';
const servers: Server[] = [];
const observers: Observer[] = [];
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const observer of observers.splice(0)) observer.stop();
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

function serve(port: number, greet: (socket: Socket) => void): Promise<void> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      greet(socket);
    });
    servers.push(server);
    server.listen(port, host, resolve);
  });
}

function watch(port: number): RecordedEvent[] {
  const events: RecordedEvent[] = [];
  const access = { server: 'a', host, port, user: 'u', password: 'p', database: 'd' };
  observers.push(watchServer(access, { clock: new RealClock(), emit: (event) => events.push(event) }));
  return events;
}

const kinds = (events: RecordedEvent[]): string[] =>
  events.map((event) => (event.type === 'serverRole' ? event.role : `${event.type}`));

test('a server that refuses is down at once', async () => {
  const events = watch(15432);
  await sleep(400);
  expect(kinds(events)).toEqual(['down']);
});

test('one look without an answer is a probe event; only the second in a row means down', async () => {
  await serve(15433, () => undefined);
  const events = watch(15433);
  await sleep(1600);
  expect(kinds(events)).toEqual(['probe']);
  await sleep(1000);
  expect(kinds(events)).toContain('down');
});

test('a PCP message of impossible length is a failed question, not a crash', async () => {
  await serve(15434, (socket) => socket.write(Buffer.from([0x69, 0x7f, 0xff, 0xff, 0xff])));
  const asked = pcpNodes(
    { address: host, port: 15434, user: 'u', password: 'p' },
    { clock: new RealClock(), timeoutMs: 2000 },
  );
  await expect(asked).rejects.toThrow(/impossible length/);
});

test('a look that rejects is the last one, and its owner hears why, once', async () => {
  const heard: string[] = [];
  let looks = 0;
  const look = async (): Promise<void> => {
    looks += 1;
    if (looks === 3) throw new Error('no room on the disk');
  };
  observers.push(repeat(new RealClock(), 5, { look, onFailure: ({ message }) => heard.push(message) }));
  await sleep(100);
  expect(looks).toBe(3);
  expect(heard).toEqual(['no room on the disk']);
});

test('without an owner it is a probe event; where that cannot be emitted either, silence', () => {
  const events: RecordedEvent[] = [];
  const clock = new RealClock();
  const names = { observer: 'pcp', target: 'w' };
  failureOf({ clock, emit: (event) => events.push(event) }, names)(new Error('lost'));
  expect(events).toMatchObject([{ type: 'probe', ok: false, detail: 'stopped: lost', ...names }]);
  const emit = (): void => {
    throw new Error('closed');
  };
  expect(() => failureOf({ clock, emit }, names)(new Error('lost'))).not.toThrow();
});
