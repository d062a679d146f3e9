// Goal: what efm.properties names is what runs: the ping command, the notification script; and files are seen where they lie.
// Method: the real host of an agent with programs of the test's own in the place of ping and script.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Mesh } from '../../src/agents/mesh.ts';
import { ServerHost } from '../../src/agents/server-host.ts';
import type { AgentCommand, CommandOutcome } from '../../src/roles/host.ts';
import { parseEfmSettings } from '../../src/topology/efm-properties.ts';
import { agentConfig } from './agent-config.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgdrill-host-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A program that notes its words and ends with a code. */
function program(name: string, exitCode = 0): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' "$@" >'${folder}/words'\nexit ${exitCode}\n`);
  chmodSync(path, 0o755);
  return path;
}

const words = (): string[] => readFileSync(join(folder, 'words'), 'utf8').trimEnd().split('\n');

function perform(properties: Record<string, string>, command: AgentCommand): Promise<CommandOutcome> {
  const config = { ...agentConfig(folder), settings: parseEfmSettings(properties) };
  const mesh = new Mesh({ address: config.address, ports: config.memberPorts, receive: () => {} });
  const host = new ServerHost(config, mesh, { event: () => {}, exit: () => {} });
  return new Promise((done) => host.perform(command, done));
}

test('ping.server.command runs with the address behind it, and its exit code counts', async () => {
  const properties = {
    'ping.server.command': `${program('reach')} -q  -c 1`,
    'ping.server.ip': '192.0.2.1',
    'virtual.ip': '192.0.2.9',
  };
  expect(await perform(properties, { type: 'ping', target: 'wellKnown' })).toMatchObject({ ok: true });
  expect(words()).toEqual(['-q', '-c', '1', '192.0.2.1']);
  expect(await perform(properties, { type: 'ping', target: 'vip' })).toMatchObject({ ok: true });
  expect(words().at(-1)).toBe('192.0.2.9');
  const unreached = { ...properties, 'ping.server.command': program('miss', 1) };
  expect(await perform(unreached, { type: 'ping', target: 'vip' })).toMatchObject({ ok: false });
});

test('a hook gets its words behind its own arguments, each as one', async () => {
  const properties = { 'script.notification': `${program('notify')} now` };
  const command = {
    type: 'runScript',
    hook: 'script.notification',
    placeholders: {},
    words: ['[INFO] EFM a subject', 'a text'],
  } as const;
  expect(await perform(properties, command)).toMatchObject({ ok: true });
  expect(words()).toEqual(['now', '[INFO] EFM a subject', 'a text']);
});

test('the lock file and recovery files of the data folder are seen', async () => {
  const look = async () => (await perform({}, { type: 'lookForFiles' })).files;
  expect(await look()).toEqual({ locked: false, recoveryFile: null });
  writeFileSync(join(folder, 'efm.lock'), '');
  writeFileSync(join(folder, 'standby.signal'), '');
  expect(await look()).toEqual({ locked: true, recoveryFile: 'standby.signal' });
});
