// Goal: a drill that resumes the failed server finds it until its agent monitors it again, however late, and not after.
import { expect, test } from 'vitest';
import { FailedServer } from '../../src/roles/failed-server.ts';

const state = (node: string, path: string, atMs: number) =>
  ({ node, machine: 'agent', role: null, state: path, atMs }) as const;

test('neither the agent’s doubts nor its idleness nor another agent give it back', () => {
  const failed = new FailedServer();
  failed.killed('a', 100);
  for (const path of ['primary.finalCheck', 'primary.failing.stopping', 'idle.waiting', 'idle.attaching'])
    failed.take(state('a', path, 200));
  failed.take(state('b', 'primary.monitoring', 300));
  expect(failed.name).toBe('a');
});

test('its agent’s monitoring does, but not a word from before the kill', () => {
  const failed = new FailedServer();
  failed.killed('a', 100);
  failed.take(state('a', 'primary.monitoring', 99));
  expect(failed.name).toBe('a');
  failed.take(state('a', 'standby.monitoring', 5000));
  expect(failed.name).toBeNull();
});

test('the server killed last counts', () => {
  const failed = new FailedServer();
  failed.killed('a', 100);
  failed.killed('b', 200);
  expect(failed.name).toBe('b');
});
