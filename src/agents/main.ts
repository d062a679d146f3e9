#!/usr/bin/env node
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { sleep } from '../kernel/clock.ts';
import { DrillError, ExitCode } from '../kernel/errors.ts';
import { EfmAgent } from '../roles/efm-agent.ts';
import type { RecordedEventWithoutTime } from '../roles/host.ts';
import { AdminServer } from './admin.ts';
import { defaultConfigDir, readAgentConfig } from './config.ts';
import { releaseLock, takeLock } from './lock.ts';
import { Mesh } from './mesh.ts';
import { ServerHost } from './server-host.ts';

/** For messages that are on their way when an agent ends. */
const lastWordsMs = 50;

const usage = `usage: node agents/main.js [--config-dir DIR] [--cluster NAME] [--user OSUSER] [--efm-version VERSION]
Runs one emulated EFM agent: DIR holds NAME.properties and NAME.nodes. Prints "ready" when its role is known.
--user: drop to this user once everything is loaded (needs root).
--efm-version: behave as this EFM, such as 3.9 or 5.4 (default: the newest that knows the names in the file).`;

/** Gives up root for good: supplementary groups, group, user. Everything this program needs has been loaded by now. */
function becomeUser(user: string): void {
  if (process.getuid?.() !== 0 || !process.setuid || !process.setgid || !process.setgroups) return;
  const group = Number(execFileSync('id', ['-g', user], { encoding: 'utf8' }));
  process.setgroups([group]);
  process.setgid(group);
  process.setuid(user);
  process.env.USER = user;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      'config-dir': { type: 'string', default: process.env.EFM_CONFIG_DIR ?? defaultConfigDir },
      cluster: { type: 'string', default: 'efm' },
      user: { type: 'string' },
      'efm-version': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  if (values.user) becomeUser(values.user);
  const config = readAgentConfig(values['config-dir'], values.cluster, values['efm-version']);
  const mesh = new Mesh({
    address: config.address,
    ports: config.memberPorts,
    receive: (from, message) => agent.receive(from, message),
  });
  let announced = false;
  const announce = (event: RecordedEventWithoutTime): void => {
    if (announced || event.type !== 'agentState' || event.role === 'starting' || event.role === null) return;
    announced = true;
    process.stdout.write('ready\n');
  };
  /** Leaves the last words to the others time to go out. */
  const end = async (exitCode: number): Promise<void> => {
    await sleep(lastWordsMs);
    admin.close();
    mesh.close();
    releaseLock(config);
    process.exit(exitCode);
  };
  const host = new ServerHost(config, mesh, { event: announce, exit: (exitCode) => void end(exitCode) });
  const { clusterName, address, members, settings } = config;
  const agent = new EfmAgent(host, { node: address, members, clusterName }, settings);
  const admin = new AdminServer(config, (args, done) => agent.command(args, done));
  takeLock(config);
  try {
    await mesh.listen();
    await admin.listen();
  } catch (cause) {
    releaseLock(config);
    throw cause;
  }
  agent.start();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      agent.leave();
      void end(ExitCode.ok);
    });
  }
}

main().catch((error: Error) => {
  process.stderr.write(`efm agent: ${error.message}\n`);
  if (error instanceof DrillError && error.hint) process.stderr.write(`hint: ${error.hint}\n`);
  process.exitCode = error instanceof DrillError ? error.exitCode : ExitCode.failed;
});
