import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DrillError, ExitCode, formatProblem } from '../kernel/errors.ts';
import { valuesOf } from '../topology/config/document.ts';
import { parseEfmDocument } from '../topology/config/efm-document.ts';
import { checkEfmProperties, type EfmSettings, parseEfmSettings } from '../topology/efm-properties.ts';

/** What an agent needs to run on a real server. */
export interface AgentConfig {
  clusterName: string;
  settings: EfmSettings;
  address: string;
  port: number;
  adminPort: number;
  /** Addresses of every member, in the order of the node list; an agent is called by its address. */
  members: readonly string[];
  /** Port that agents listen on, by address. */
  memberPorts: ReadonlyMap<string, number>;
  database: {
    user: string;
    name: string;
    port: number;
    bin: string;
    dataDir: string;
    applicationName: string;
    /** restore.command, with `%h` for the new primary; '' leaves restore_command as it is. */
    restoreCommand: string;
  };
  logDir: string;
  lockDir: string;
}

/** Directory with `<cluster>.properties` and `<cluster>.nodes` when none is named. */
export const defaultConfigDir = '/etc/pgdrill-efm';

/**
 * Reads `<cluster>.properties` and `<cluster>.nodes` of a directory.
 * @param version EFM's, whose names and defaults hold; without one, the newest that knows the names in the file
 */
export function readAgentConfig(configDir: string, clusterName: string, version?: string): AgentConfig {
  const file = join(configDir, `${clusterName}.properties`);
  const document = parseEfmDocument(readText(file), file);
  const values = valuesOf(document);
  const problems = [...document.problems, ...checkEfmProperties(values, version)];
  if (problems.length > 0) {
    throw new DrillError(problems.map(formatProblem).join('\n'), {
      exitCode: ExitCode.usage,
      hint: `correct ${file}`,
    });
  }
  const need = (name: string): string => {
    const value = values[name];
    if (value) return value;
    throw new DrillError(`${file}: ${name} is required`, { exitCode: ExitCode.usage });
  };
  const settings = parseEfmSettings(values, version);
  const unable = whatAgentsLack(settings);
  if (unable)
    throw new DrillError(`${file}: ${unable.message}`, { exitCode: ExitCode.usage, hint: unable.hint });
  const [address = '', port = '7800'] = need('bind.address').split(':');
  const memberPorts = readNodes(join(configDir, `${clusterName}.nodes`));
  if (!memberPorts.has(address)) memberPorts.set(address, Number(port));
  return {
    clusterName,
    settings,
    address,
    port: Number(port),
    adminPort: Number(values['admin.port'] ?? 7809),
    members: [...memberPorts.keys()],
    memberPorts,
    database: {
      user: need('db.user'),
      name: need('db.database'),
      port: Number(need('db.port')),
      bin: settings.witness ? (values['db.bin'] ?? '') : need('db.bin'),
      dataDir: settings.witness ? '' : need('db.data.dir'),
      applicationName: values['application.name'] ?? '',
      restoreCommand: values['restore.command'] ?? '',
    },
    logDir: need('log.dir'),
    lockDir: need('lock.dir'),
  };
}

/**
 * What EFM does with programs of its own that need root, and that no property replaces (`efm_address`, `efm_pgpool_functions`):
 * an emulated agent says so when it starts, not in a failover.
 */
function whatAgentsLack({
  virtualIp,
  nativePgpool,
  hooks,
}: EfmSettings): { message: string; hint: string } | null {
  if (virtualIp !== null)
    return {
      message: `virtual.ip=${virtualIp}: EFM moves the address with a helper of its own (efm_address), an emulated agent moves none`,
      hint: 'leave virtual.ip empty here; pgdrill simulate and timeline show what it does',
    };
  const told = hooks['script.load.balancer.attach'] && hooks['script.load.balancer.detach'];
  if (nativePgpool && !told)
    return {
      message:
        'pgpool.enable=true: EFM tells Pgpool with a helper of its own, an emulated agent with the load balancer scripts only',
      hint: 'set script.load.balancer.attach and .detach to scripts/efm/load_balancer_attach.sh and load_balancer_detach.sh',
    };
  return null;
}

/** Where the running agent leaves what the local `efm` command needs to be let in. */
export function authorizationFile(config: Pick<AgentConfig, 'lockDir' | 'clusterName'>): string {
  return join(config.lockDir, `${config.clusterName}.auth`);
}

function readNodes(file: string): Map<string, number> {
  const nodes = new Map<string, number>();
  for (const entry of readText(file).split(/\s+/)) {
    const [address, port] = entry.split(':');
    if (address) nodes.set(address, Number(port ?? 7800));
  }
  return nodes;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new DrillError(`cannot read ${file}: ${(cause as Error).message}`, {
      exitCode: ExitCode.usage,
      hint: 'name the directory with --config-dir or EFM_CONFIG_DIR',
      cause,
    });
  }
}
