// Goal: sessions that cannot all be open are counted before the load, and the message names the setting that is too small.
import { describe, expect, test } from 'vitest';
import { fileFault, pgpoolFault, serverFault } from '../../src/load/room.ts';

describe('room at Pgpool', () => {
  test('as many sessions as children fit, one more does not', () => {
    const room = { children: 40, reserved: 0 };
    expect(pgpoolFault({ sessions: 40, connect: 'pooled' }, room)).toBeNull();
    expect(pgpoolFault({ sessions: 41, connect: 'pooled' }, room)).toEqual({
      message:
        'the load keeps 41 sessions open, and Pgpool serves 40 at once (num_init_children 40): the others would wait unanswered',
      hint: 'lower load.sessions, set num_init_children to 41, or write load.connect: perTransaction, with which they take turns',
    });
  });

  test('reserved connections are refusals, and count against the children', () => {
    const fault = pgpoolFault({ sessions: 40, connect: 'pooled' }, { children: 40, reserved: 2 });
    expect(fault?.message).toMatch(/serves 38 at once \(num_init_children 40, less reserved_connections 2\)/);
    expect(fault?.message).toMatch(/would be refused$/);
    expect(fault?.hint).toMatch(/num_init_children to 42/);
  });

  test('sessions that connect for each transaction take turns', () => {
    const room = { children: 4, reserved: 0 };
    expect(pgpoolFault({ sessions: 400, connect: 'perTransaction' }, room)).toBeNull();
  });
});

test('room on a server is what others leave of it', () => {
  const room = { connections: 97, inUse: 7 };
  expect(serverFault('server1', { needed: 90, room })).toBeNull();
  expect(serverFault('server1', { needed: 91, room })).toEqual({
    message:
      'the load takes 91 connections on server1, which has room for 90 more (97 by max_connections and superuser_reserved_connections, 7 in use)',
    hint: 'raise max_connections of server1 to 108, or lower load.sessions',
  });
});

test('open files of this process', () => {
  expect(fileFault(1000, 1256)).toBeNull();
  expect(fileFault(1001, 1256)?.message).toBe(
    '1001 sessions need as many open files, and this process may open 1256',
  );
  expect(fileFault(100_000, null)).toBeNull();
});
