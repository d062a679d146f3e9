import {
  at,
  bindAddress,
  type ConfigFile,
  isLoopbackName,
  isNative,
  type LintFiles,
  seconds,
  told,
  value,
} from './files.ts';
import { watchdogNodes } from './pgpool-watchdog.ts';
import type { Hit, Rule } from './rule.ts';
import { scriptSetting } from './script-settings.ts';

/** What reaches for Pgpool's PCP port: EFM itself, or the scripts by their settings. */
function pcpClients(
  files: LintFiles,
  part: 'host' | 'port',
): { place: Hit['place']; text: string; value: string }[] {
  const native = files.efm.filter(isNative).map((file) => ({
    place: at(file, `pcp.${part}`),
    text: told(file, `pcp.${part}`),
    value: value(file, `pcp.${part}`),
  }));
  const setting = scriptSetting(files, part === 'host' ? 'PCP_HOST' : 'PCP_PORT');
  return [...native, ...setting].filter((client) => client.value !== '');
}

function checkPcpPort(files: LintFiles): Hit[] {
  const [first] = files.pgpool;
  if (!first) return [];
  return pcpClients(files, 'port')
    .filter((client) => files.pgpool.every((file) => value(file, 'pcp_port') !== client.value))
    .map(({ place, text }) => ({ place, message: `${text}, but ${told(first, 'pcp_port')}` }));
}

function pcpListens(file: ConfigFile): string[] {
  return value(file, 'pcp_listen_addresses').split(/\s*,\s*/);
}

function checkPcpHost(files: LintFiles): Hit[] {
  const [first] = files.pgpool;
  if (!first) return [];
  const listens = files.pgpool.flatMap(pcpListens);
  if (listens.some((entry) => entry === '*' || entry === '0.0.0.0' || !/^[\d.]+$/.test(entry))) return [];
  return pcpClients(files, 'host')
    .filter((client) => /^[\d.]+$/.test(client.value) && !listens.includes(client.value))
    .map(({ place, text }) => ({ place, message: `${text}, but ${told(first, 'pcp_listen_addresses')}` }));
}

/** Not where every agent may have a Pgpool of its own and nothing says that it calls another. */
function checkPcpLocal(files: LintFiles): Hit[] {
  const callsOther = pcpClients(files, 'host').some((client) => !isLoopbackName(client.value));
  const known = Math.max(files.pgpool.length, ...files.pgpool.map(watchdogNodes));
  if (!callsOther && known > 1 && known >= files.efm.length) return [];
  return files.pgpool.flatMap((file) => {
    const elsewhere = files.efm
      .map(bindAddress)
      .find((address) => address !== '' && !isLoopbackName(address));
    if (elsewhere === undefined || !pcpListens(file).every(isLoopbackName)) return [];
    const message = `${told(file, 'pcp_listen_addresses')}, but the agent of ${elsewhere} must reach it`;
    return [{ place: at(file, 'pcp_listen_addresses'), message }];
  });
}

function checkSearchWait(files: LintFiles): Hit[] {
  const [file] = files.pgpool;
  if (!file) return [];
  const search = seconds(file, 'search_primary_node_timeout');
  return scriptSetting(files, 'SEARCH_WAIT')
    .filter((setting) => Number(setting.value) <= search)
    .map(({ place, text }) => ({
      place,
      message: `${text}, and ${told(file, 'search_primary_node_timeout')}`,
    }));
}

function checkPromoteWait(files: LintFiles): Hit[] {
  const search = Math.max(...scriptSetting(files, 'SEARCH_WAIT').map((setting) => Number(setting.value)));
  return scriptSetting(files, 'PROMOTE_WAIT')
    .filter((setting) => Number(setting.value) <= search)
    .map(({ place, text }) => ({ place, message: `${text}, and SEARCH_WAIT=${search}` }));
}

/** How EFM and the scripts reach Pgpool. */
export const pcpRules: readonly Rule[] = [
  {
    id: 'pcp-port-differs',
    severity: 'error',
    title: 'EFM or its scripts use another PCP port than Pgpool has',
    consequence: 'No detach gets through: Pgpool refuses every session while a dead primary is attached.',
    fix: 'the same port in pcp_port and in pcp.port or PCP_PORT',
    source: 'EDB docs, EFM 4 with Pgpool; docs/integration-scripts.md',
    check: checkPcpPort,
  },
  {
    id: 'pcp-host-not-served',
    severity: 'error',
    title: "Pgpool's PCP does not listen where EFM or its scripts call it",
    consequence: 'No detach gets through: Pgpool refuses every session while a dead primary is attached.',
    fix: "pcp_listen_addresses = '*', or with the address in pcp.host or PCP_HOST",
    source: 'Pgpool-II manual, pcp_listen_addresses',
    check: checkPcpHost,
  },
  {
    id: 'pcp-listens-locally',
    severity: 'error',
    title: 'PCP listens on the loopback address only',
    consequence:
      'Agents of other servers cannot detach, attach or promote: Pgpool refuses every session while a dead primary is attached.',
    fix: "pcp_listen_addresses = '*', and a firewall that lets the agents in (localhost is the default from 4.2)",
    source: 'Pgpool-II manual, pcp_listen_addresses',
    check: checkPcpLocal,
  },
  {
    id: 'scripts-do-not-await-the-search',
    severity: 'warning',
    title: 'the post-promotion script does not wait for the search of Pgpool to end',
    consequence:
      'Its promote is queued behind a search that would have found the new primary anyway: all sessions are cut a second time and every other server is set down.',
    fix: 'SEARCH_WAIT of search_primary_node_timeout plus 1',
    source: 'docs/integration-scripts.md',
    check: checkSearchWait,
  },
  {
    id: 'scripts-give-up-while-they-wait',
    severity: 'error',
    title: 'the post-promotion script gives up before it stops waiting for the search',
    consequence:
      'It ends without having told Pgpool the new primary: when the search finds none either, writes fail with 25006 until a person runs pcp_promote_node.',
    fix: 'PROMOTE_WAIT well above SEARCH_WAIT',
    source: 'docs/integration-scripts.md',
    check: checkPromoteWait,
  },
];
