// Goal: a machine without a ring still gets a transport, and the reason why is said.
// Method: the optional package made absent; the kernel's refusals played back under the real ring.
import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { DrillError } from '../../../src/kernel/errors.ts';
import { eventLoopFile } from '../../../src/load/wire/event-loop-watch.ts';
import { loadKernelCalls } from '../../../src/load/wire/kernel-calls.ts';
import { openWire } from '../../../src/load/wire/open-wire.ts';
import { Ring } from '../../../src/load/wire/ring.ts';
import { transportsHere } from './talker.ts';

afterEach(() => vi.doUnmock('koffi'));

test('without koffi the choice is stream and names it; asking for the ring fails with a hint', async () => {
  vi.doMock('koffi', () => {
    throw new Error('Cannot find package');
  });
  const io = await openWire({ prefer: 'auto', expectedConnections: 1 });
  expect(io).toMatchObject({
    name: 'stream',
    reason: expect.stringMatching(/no ring: .*koffi cannot be loaded/),
  });
  await io.close();
  const asked = openWire({ prefer: 'ring', expectedConnections: 1 });
  await expect(asked).rejects.toThrow(DrillError);
  await expect(asked).rejects.toMatchObject({ hint: expect.stringContaining('stream') });
});

const here = await transportsHere();
describe.skipIf(!here.includes('ring'))('on a kernel', () => {
  test.each([
    [1, /EPERM/],
    [38, /ENOSYS/],
    [22, /Linux 6.1/],
    [12, /ulimit -l/],
    [99, /errno 99/],
  ])('that refuses with errno %i, the reason is understood', async (errno, reason) => {
    const calls = await loadKernelCalls();
    expect(() => new Ring({ ...calls, ringSetup: () => -errno }, 4096)).toThrow(reason);
  });

  test('the event loop of this thread is found by a socket in it', async () => {
    const server = createServer().listen(0, '127.0.84.3');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const socket = connect(typeof address === 'object' && address ? address.port : 0, '127.0.84.3');
    await new Promise((resolve) => socket.once('connect', resolve));
    await new Promise((resolve) => setImmediate(resolve));
    const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
    expect(eventLoopFile(fd)).toBeGreaterThan(2);
    expect(eventLoopFile(1_000_000)).toBeNull();
    socket.destroy();
    server.close();
  });
});
