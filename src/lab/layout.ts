import { join } from 'node:path';

/** Environment variable that marks every process of a lab with the lab's folder. */
export const labMark = 'PGDRILL_LAB';

/** Where things lie in a lab folder. All of it belongs to the user that the servers run as and is closed to others. */
export interface LabLayout {
  dir: string;
  stateFile: string;
  /** libpq password file of the database superuser, mode 0600. */
  passFile: string;
  /** Password file of the pcp commands, mode 0600. */
  pcpPassFile: string;
  scripts: string;
  scriptLog: string;
  sockets: string;
}

/** @param dir absolute path of the lab folder */
export function layoutOf(dir: string): LabLayout {
  return {
    dir,
    stateFile: join(dir, 'lab.json'),
    passFile: join(dir, 'pgpass'),
    pcpPassFile: join(dir, 'pcppass'),
    scripts: join(dir, 'scripts'),
    scriptLog: join(dir, 'scripts.log'),
    sockets: join(dir, 'sockets'),
  };
}

/** Paths of one server: PostgreSQL's data, the settings that differ between servers (outside the data, so that pg_rewind and pg_basebackup leave them alone), logs, and the folders of its agent and its Pgpool. */
export interface ServerLayout {
  dir: string;
  data: string;
  conf: string;
  log: string;
  efmDir: string;
  efmLogDir: string;
  efmLockDir: string;
  agentOutput: string;
  pgpoolDir: string;
  pgpoolConf: string;
  pgpoolLog: string;
  sockets: string;
}

export function serverLayout(labDir: string, server: string): ServerLayout {
  const dir = join(labDir, server);
  const efmDir = join(dir, 'efm');
  const pgpoolDir = join(dir, 'pgpool');
  return {
    dir,
    data: join(dir, 'data'),
    conf: join(dir, 'server.conf'),
    log: join(dir, 'postgres.log'),
    efmDir,
    efmLogDir: join(efmDir, 'log'),
    efmLockDir: join(efmDir, 'lock'),
    agentOutput: join(efmDir, 'agent.out'),
    pgpoolDir,
    pgpoolConf: join(pgpoolDir, 'pgpool.conf'),
    pgpoolLog: join(pgpoolDir, 'pgpool.log'),
    sockets: join(labDir, 'sockets', server),
  };
}

/** The agent's recording: one event a line. */
export function agentEventsFile(labDir: string, server: string, efmCluster: string): string {
  return join(serverLayout(labDir, server).efmLogDir, `${efmCluster}.events.jsonl`);
}
