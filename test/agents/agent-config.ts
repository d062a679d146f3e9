import type { AgentConfig } from '../../src/agents/config.ts';
import { parseEfmSettings } from '../../src/topology/efm-properties.ts';

/** An agent's configuration with everything in one folder. */
export function agentConfig(
  folder: string,
  more: Partial<Pick<AgentConfig, 'address' | 'adminPort'>> & {
    applicationName?: string;
    bin?: string;
    restoreCommand?: string;
  } = {},
): AgentConfig {
  const address = more.address ?? '127.0.85.1';
  return {
    clusterName: 'efm',
    settings: parseEfmSettings({ 'restart.connection.timeout': '5' }),
    address,
    port: 17800,
    adminPort: more.adminPort ?? 17809,
    members: [address],
    memberPorts: new Map([[address, 17800]]),
    database: {
      user: 'efm_user',
      name: 'postgres',
      port: 5444,
      bin: more.bin ?? folder,
      dataDir: folder,
      applicationName: more.applicationName ?? '',
      restoreCommand: more.restoreCommand ?? '',
    },
    logDir: folder,
    lockDir: folder,
  };
}
