import { efmCatalogue, efmProperty } from '../config/efm-catalogue.ts';
import {
  addressesOf,
  at,
  type BackendLines,
  backendsOf,
  bindAddress,
  type ConfigFile,
  isNumeric,
  isOn,
  isWitness,
  type LintFiles,
  pairs,
  told,
  value,
} from './files.ts';
import { delegateIp } from './pgpool-watchdog.ts';
import type { Hit, Rule } from './rule.ts';

const properties = 'EDB docs, EFM cluster properties';

/** Agents that have a database. */
function databases(files: LintFiles): ConfigFile[] {
  return files.efm.filter((file) => !isWitness(file));
}

/** Properties that EDB wants equal on all nodes; a witness has only some of them. */
function checkCommon({ efm }: LintFiles): Hit[] {
  return efmCatalogue
    .filter(({ same }) => same)
    .flatMap(({ name, witness }) => {
      const files = efm
        .filter((file) => efmProperty(name, file.version)?.name === name)
        .filter((file) => witness || !isWitness(file));
      const first = files[0];
      if (!first) return [];
      return files
        .filter((file) => value(file, name) !== value(first, name))
        .map((file) => ({
          place: at(file, name),
          message: `${told(file, name)}, but ${told(first, name)} in ${first.document.file}`,
          ...(harmless.has(name) ? { severity: 'warning' as const } : {}),
        }));
    });
}

/** Those whose difference decides no failover. */
const harmless: ReadonlySet<string> = new Set(['user.email', 'enable.stop.cluster']);

function checkSameAddress({ efm }: LintFiles): Hit[] {
  const seen = new Map<string, ConfigFile>();
  return efm.flatMap((file) => {
    const address = bindAddress(file);
    const other = seen.get(address);
    if (address === '') return [];
    seen.set(address, other ?? file);
    if (!other) return [];
    const message = `${told(file, 'bind.address')}, as in ${other.document.file}`;
    return [{ place: at(file, 'bind.address'), message }];
  });
}

function checkVipDiffers(files: LintFiles): Hit[] {
  const nodes = databases(files).filter((file) => isOn(file, 'virtual.ip.single'));
  const first = nodes.find((file) => value(file, 'virtual.ip') !== '');
  if (!first) return [];
  return nodes
    .filter((file) => value(file, 'virtual.ip') !== value(first, 'virtual.ip'))
    .map((file) => ({
      place: at(file, 'virtual.ip'),
      message: `${told(file, 'virtual.ip')}, but ${told(first, 'virtual.ip')} in ${first.document.file}`,
    }));
}

/** Whether as many agents' files were given as a cluster with these backends has at least. */
function isWhole(files: LintFiles, pgpool: ConfigFile): boolean {
  return files.efm.length >= backendsOf(pgpool).length;
}

/** The backend that is the agent's server. */
function backendOf(pgpool: ConfigFile, efm: ConfigFile): BackendLines | undefined {
  return backendsOf(pgpool).find(({ host }) => addressesOf(efm).includes(host));
}

function checkAgentIsBackend(files: LintFiles): Hit[] {
  return pairs(files).flatMap(({ efm, pgpool }) => {
    const address = bindAddress(efm);
    const backends = backendsOf(pgpool);
    if (isWitness(efm) || address === '' || backends.length === 0 || backendOf(pgpool, efm)) return [];
    const message = `${told(efm, 'bind.address')}: no backend_hostname of ${pgpool.document.file} is ${address}`;
    const names = backends.filter(({ host }) => !isNumeric(host)).map(({ host }) => host);
    if (names.length === 0) return [{ place: at(efm, 'bind.address'), message }];
    const unless = `${message}, unless it is ${names.join(' or ')} and the scripts look names up`;
    return [{ place: at(efm, 'bind.address'), message: unless, severity: 'warning' }];
  });
}

function checkWitnessIsBackend(files: LintFiles): Hit[] {
  return pairs(files).flatMap(({ efm, pgpool }) => {
    const backend = backendOf(pgpool, efm);
    if (!isWitness(efm) || !backend) return [];
    const message = `${told(efm, 'is.witness')}, but its address is backend ${backend.id} in ${pgpool.document.file}`;
    return [{ place: at(efm, 'is.witness'), message }];
  });
}

function checkBackendHasAgent(files: LintFiles): Hit[] {
  const agents = new Set(databases(files).flatMap(addressesOf));
  return files.pgpool
    .filter((pgpool) => isWhole(files, pgpool))
    .flatMap((pgpool) =>
      backendsOf(pgpool)
        .filter(({ host }) => isNumeric(host) && !agents.has(host))
        .map(({ id, host }) => ({
          place: at(pgpool, `backend_hostname${id}`),
          message: `backend ${id} is ${host}, which is the bind.address of no EFM agent`,
        })),
    );
}

function checkDatabasePort(files: LintFiles): Hit[] {
  return pairs(files).flatMap(({ efm, pgpool }) => {
    const backend = backendOf(pgpool, efm);
    const port = value(efm, 'db.port');
    if (isWitness(efm) || !backend || port === '' || port === backend.port) return [];
    const message = `${told(efm, 'db.port')}, but backend_port${backend.id} = ${backend.port} in ${pgpool.document.file}`;
    return [{ place: at(efm, 'db.port'), message }];
  });
}

function checkApplicationName(files: LintFiles): Hit[] {
  return pairs(files).flatMap(({ efm, pgpool }) => {
    const backend = backendOf(pgpool, efm);
    const name = backend ? `backend_application_name${backend.id}` : '';
    const theirs = value(pgpool, name);
    if (isWitness(efm) || theirs === '' || theirs === value(efm, 'application.name')) return [];
    const message = `${told(efm, 'application.name')}, but ${told(pgpool, name)} in ${pgpool.document.file}`;
    return [{ place: at(efm, 'application.name'), message }];
  });
}

function checkSharedVip(files: LintFiles): Hit[] {
  return pairs(files).flatMap(({ efm, pgpool }) => {
    const { name, address } = delegateIp(pgpool);
    if (address === '' || address !== value(efm, 'virtual.ip')) return [];
    const message = `${told(pgpool, name)} is virtual.ip in ${efm.document.file}`;
    return [{ place: at(pgpool, name), message }];
  });
}

function checkVipIsServer(files: LintFiles): Hit[] {
  const servers = new Set([
    ...files.efm.map(bindAddress),
    ...files.pgpool.flatMap((file) => backendsOf(file).map(({ host }) => host)),
  ]);
  const vips = [
    ...files.efm.map((file) => ({ file, name: 'virtual.ip' })),
    ...files.pgpool.map((file) => ({ file, name: delegateIp(file).name })),
  ];
  return vips
    .filter(({ file, name }) => value(file, name) !== '' && servers.has(value(file, name)))
    .map(({ file, name }) => ({
      place: at(file, name),
      message: `${told(file, name)} is the address of a server`,
    }));
}

function checkBackendsDiffer({ pgpool }: LintFiles): Hit[] {
  const first = pgpool[0];
  if (!first) return [];
  const list = (file: ConfigFile): string =>
    backendsOf(file)
      .map(({ id, host, port }) => `${id} ${host}:${port}`)
      .join(', ');
  return pgpool
    .slice(1)
    .filter((file) => list(file) !== list(first))
    .map((file) => ({
      place: at(file, 'backend_hostname0'),
      message: `backends ${list(file) || 'none'}, but ${list(first) || 'none'} in ${first.document.file}`,
    }));
}

/** What two files say must agree. */
export const betweenFilesRules: readonly Rule[] = [
  {
    id: 'efm-values-differ',
    severity: 'error',
    title: 'agents of one cluster disagree',
    consequence:
      'Which value counts depends on the agent that coordinates just then: a failover happens or does not by chance. With another encrypt.agent.messages the agent cannot join.',
    fix: 'the same value on every node',
    source: `${properties}: must be the same on all nodes`,
    check: checkCommon,
  },
  {
    id: 'efm-address-twice',
    severity: 'error',
    title: 'two agents have one address',
    consequence:
      'The second one cannot bind it and does not start: its server is not watched and cannot be promoted.',
    fix: "each agent its own server's address in bind.address",
    source: `${properties}, bind.address`,
    check: checkSameAddress,
  },
  {
    id: 'efm-vip-differs',
    severity: 'error',
    title: 'agents have different virtual IPs',
    consequence:
      'After a failover the address that clients use is on no server: writes stay out although a standby was promoted.',
    fix: 'one virtual.ip on every database server, or virtual.ip.single=false',
    source: `${properties}, virtual.ip`,
    check: checkVipDiffers,
  },
  {
    id: 'agent-is-no-backend',
    severity: 'error',
    title: 'Pgpool does not know a server by the address that EFM uses',
    consequence:
      'EFM names the server by its address; the scripts find no such backend, so that it is neither detached when it dies nor made primary in Pgpool when it is promoted.',
    fix: 'the same address, not a host name, in bind.address and backend_hostnameN',
    source: "docs/integration-scripts.md; EDB's architecture guide 1.1, section 3.3",
    check: checkAgentIsBackend,
  },
  {
    id: 'witness-is-a-backend',
    severity: 'error',
    title: 'a witness stands on a database server',
    consequence:
      'A witness watches no database: the server dies unnoticed, is never detached and never promoted, and sessions are sent to it all the same.',
    fix: 'is.witness=false on a server with a database',
    source: `${properties}, is.witness`,
    check: checkWitnessIsBackend,
  },
  {
    id: 'backend-without-agent',
    severity: 'error',
    title: 'a backend has no agent',
    consequence: 'Nobody notices when it dies and nobody detaches it: sessions are sent to it for ever.',
    fix: 'an EFM agent on every database server',
    source: "EDB's architecture guide 1.1, section 2",
    check: checkBackendHasAgent,
  },
  {
    id: 'database-port-differs',
    severity: 'error',
    title: 'EFM watches another server than Pgpool uses',
    consequence:
      'The server that applications use may die unnoticed, and a failover may follow the death of another one.',
    fix: 'the same port in db.port and backend_portN',
    source: `${properties}, db.port`,
    check: checkDatabasePort,
  },
  {
    id: 'application-name-differs',
    severity: 'warning',
    title: 'the old primary comes back under another name',
    consequence:
      'Pgpool finds no replication state for it, and in synchronous_standby_names it does not count: commits may wait for a standby that is there.',
    fix: 'the same name in application.name and backend_application_nameN',
    source: `${properties}, application.name; Pgpool-II manual, backend_application_name`,
    check: checkApplicationName,
  },
  {
    id: 'vip-shared',
    severity: 'error',
    title: "EFM's virtual IP is Pgpool's",
    consequence:
      'Two programs move one address, one after the primary, one after the active Pgpool: two servers hold it, and clients reach a database where they expect Pgpool or nothing at all.',
    fix: 'two addresses, or none for EFM: clients come through Pgpool',
    source: "EDB's architecture guide 1.1, section 4.1",
    check: checkSharedVip,
  },
  {
    id: 'vip-is-a-server',
    severity: 'error',
    title: "a virtual IP is a server's own address",
    consequence:
      'Two machines answer to one address as soon as it moves: connections and replication break at random.',
    fix: 'an address of its own for each virtual IP',
    source: `${properties}, virtual.ip; Pgpool-II manual, delegate_IP`,
    check: checkVipIsServer,
  },
  {
    id: 'pgpool-backends-differ',
    severity: 'error',
    title: 'Pgpools number the servers differently',
    consequence:
      'Under a watchdog a node id means one server here and another there: a detach of the dead primary takes a healthy server out, and the dead one stays.',
    fix: 'the same backends in the same order in every pgpool.conf',
    source: 'Pgpool-II manual, watchdog: backend status is exchanged by node id',
    check: checkBackendsDiffer,
  },
];
