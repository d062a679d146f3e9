import { existsSync } from 'node:fs';
import { chmod, chown, copyFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { epochMs, sleep } from '../kernel/clock.ts';
import { DrillError } from '../kernel/errors.ts';
import type { AgentPlace } from '../topology/cluster.ts';
import { newestEfmVersion } from '../topology/config/efm-catalogue.ts';
import { labEnv, logTail, startDetached } from './command.ts';
import type { LabSettings } from './lab-settings.ts';
import { agentEventsFile, serverLayout } from './layout.ts';
import { makeFolder, writePrivate } from './postgres.ts';

/** Copies the integration scripts to where the servers' user can read them, and writes their settings beside them. */
export async function installScripts(lab: LabSettings): Promise<void> {
  const { layout, accounts, context, binaries } = lab;
  await makeFolder(lab, layout.scripts);
  for (const name of await readdir(lab.scriptsFrom)) {
    if (!name.endsWith('.sh')) continue;
    const copy = join(layout.scripts, name);
    await copyFile(join(lab.scriptsFrom, name), copy);
    await chmod(copy, 0o700);
    if (context.user.switched) await chown(copy, context.user.uid, context.user.gid);
  }
  const pgpool = lab.cluster.pgpools[0];
  const settings: Record<string, string> = {
    PCP_HOST: pgpool?.address ?? '',
    PCP_PORT: String(pgpool?.pcpPort ?? ''),
    PCP_USER: accounts.pcpUser,
    PCPPASSFILE: layout.pcpPassFile,
    PCP_BIN: binaries.pcpBin,
    PSQL: join(binaries.postgresBin, 'psql'),
    DB_USER: accounts.user,
    DB_NAME: accounts.database,
    PGPASSFILE: layout.passFile,
    LOG_FILE: layout.scriptLog,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}='${value}'`);
  await writePrivate(lab, join(layout.scripts, 'pgpool.env'), `${lines.join('\n')}\n`);
}

/** Writes one agent's `<cluster>.properties` and `<cluster>.nodes`. */
export async function writeAgentFiles(lab: LabSettings, agent: AgentPlace): Promise<void> {
  const { efmDir, efmLogDir, efmLockDir } = serverLayout(lab.context.labDir, agent.server);
  for (const dir of [efmDir, efmLogDir, efmLockDir]) await makeFolder(lab, dir);
  const header = [
    `# EFM agent of ${agent.server} (cluster model "${lab.cluster.name}"). EFM ${agent.version}; times are seconds.`,
    "# The model's own properties stand last and win.",
  ];
  const lines = Object.entries(agentProperties(lab, agent)).map(([name, value]) => `${name}=${value}`);
  const members = lab.cluster.agents.map(({ address, port }) => `${address}:${port}`);
  await writePrivate(
    lab,
    join(efmDir, `${lab.cluster.efmCluster}.properties`),
    `${[...header, ...lines].join('\n')}\n`,
  );
  await writePrivate(lab, join(efmDir, `${lab.cluster.efmCluster}.nodes`), `${members.join('\n')}\n`);
}

/**
 * Starts the agents one after the other: the order in which they join decides who coordinates, and who does after him.
 * Each is ready when it has taken its role.
 *
 * @throws DrillError with the end of the agent's output when one is not within 20 s
 */
export async function startAgents(lab: LabSettings): Promise<void> {
  for (const agent of lab.cluster.agents) await startAgent(lab, agent);
}

/** The `efm` command as one server's operator would call it: program, arguments before the sub-command, environment. */
export interface EfmCommand {
  file: string;
  args: string[];
  env: Record<string, string>;
}

export function efmCommandOf(lab: LabSettings, server: string): EfmCommand {
  const { efmDir } = serverLayout(lab.context.labDir, server);
  const env = { ...labEnv(lab.context), EFM_CONFIG_DIR: efmDir };
  return { file: process.execPath, args: [join(lab.programs, 'agents', 'efm.js')], env };
}

/**
 * Starts one agent and waits until it has taken its role.
 *
 * @throws DrillError with the end of the agent's output when it has not within 20 s
 */
export async function startAgent(lab: LabSettings, agent: AgentPlace): Promise<void> {
  const { context, cluster } = lab;
  const { efmDir, agentOutput } = serverLayout(context.labDir, agent.server);
  const program = join(lab.programs, 'agents', 'main.js');
  const args = [program, '--config-dir', efmDir, '--cluster', cluster.efmCluster];
  if (agent.version !== newestEfmVersion) args.push('--efm-version', agent.version);
  if (context.user.switched) args.push('--user', context.user.name);
  const eventsFile = agentEventsFile(context.labDir, agent.server, cluster.efmCluster);
  const linesBefore = (await linesOf(eventsFile)).length;
  const child = startDetached(context, {
    file: process.execPath,
    args,
    cwd: context.labDir,
    logFile: agentOutput,
    asRoot: true,
  });
  const untilMs = epochMs() + 20_000;
  while (!(await hasRole(eventsFile, linesBefore))) {
    context.signal?.throwIfAborted();
    child.mustHaveStarted();
    if (child.ended() || epochMs() > untilMs) {
      throw new DrillError(
        `the EFM agent of ${agent.server} (${agent.address}:${agent.port}) did not take a role`,
        { hint: await logTail(agentOutput) },
      );
    }
    await sleep(30);
  }
}

/** Whether the agent has entered a role other than starting, by what it has written after the lines of earlier ones. */
async function hasRole(eventsFile: string, linesBefore: number): Promise<boolean> {
  const lines = (await linesOf(eventsFile)).slice(linesBefore);
  return lines.some(
    (line) => /"type":"agentState"/.test(line) && /"role":"(primary|standby|witness|idle)"/.test(line),
  );
}

/** The whole lines of a file; none when it is not there. */
async function linesOf(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').slice(0, -1);
}

function agentProperties(lab: LabSettings, agent: AgentPlace): Record<string, string> {
  const { layout, accounts, binaries, context, cluster } = lab;
  const { data, efmLogDir, efmLockDir } = serverLayout(layout.dir, agent.server);
  const backend = cluster.backends.find(({ server }) => server === agent.server);
  const script = (name: string): string => join(layout.scripts, name);
  const database = backend && {
    'db.bin': binaries.postgresBin,
    'db.data.dir': data,
    'db.service.owner': context.user.name,
    'application.name': agent.server,
  };
  return {
    'bind.address': `${agent.address}:${agent.port}`,
    'admin.port': String(agent.adminPort),
    'is.witness': String(agent.witness),
    'db.user': accounts.user,
    'db.database': accounts.database,
    'db.port': String((backend ?? cluster.backends[0])?.port ?? 5432),
    ...database,
    'user.email': `${context.user.name}@localhost`,
    'script.load.balancer.attach': `${script('load_balancer_attach.sh')} %h %t`,
    'script.load.balancer.detach': `${script('load_balancer_detach.sh')} %h %t`,
    'script.post.promotion': `${script('post_promotion.sh')} %p %f`,
    'log.dir': efmLogDir,
    'lock.dir': efmLockDir,
    ...agent.properties,
  };
}

/** Whether the agents' program has been built. */
export function agentsBuilt(programs: string): boolean {
  return existsSync(join(programs, 'agents', 'main.js'));
}
