import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { parseConninfo } from '../../agents/conninfo.ts';
import type { Target } from '../../load/target.ts';
import { fatal } from './options.ts';

/** Where and how sessions are opened. */
export interface ConnectionChoice {
  target: Target;
  tls: { rejectUnauthorized: boolean } | undefined;
}

type Named = Partial<Record<'host' | 'port' | 'user' | 'database' | 'password' | 'sslmode', string>>;

/** Folders in which servers of this machine put their sockets, in the order they are tried. */
const socketFolders = ['/var/run/postgresql', '/tmp'];

/**
 * The server to use: the database argument (a name, a connection string or a URI), then options, then libpq's
 * environment variables. TLS only where `sslmode` asks for it: libpq tries it first, we do not.
 *
 * @throws PgbenchUsageError for a port that is none, or an sslmode that does not exist
 */
export function chooseTarget(
  named: { host: string | null; port: string | null; user: string | null; database: string | null },
  environment: NodeJS.ProcessEnv,
): ConnectionChoice {
  const given = readDatabase(named.database ?? environment.PGDATABASE ?? '');
  const user = given.user ?? named.user ?? environment.PGUSER ?? userInfo().username;
  const host = given.host ?? named.host ?? environment.PGHOST ?? defaultHost(given, named, environment);
  const portText = given.port ?? named.port ?? environment.PGPORT ?? '5432';
  const port = Number(portText);
  if (!/^\d+$/.test(portText) || port < 1 || port > 65_535) fatal(`invalid port number: "${portText}"`);
  const password = given.password ?? environment.PGPASSWORD;
  return {
    target: {
      host,
      port,
      user,
      database: given.database || user,
      ...(password !== undefined && { password }),
    },
    tls: tlsOf(given.sslmode ?? environment.PGSSLMODE ?? 'prefer'),
  };
}

function defaultHost(given: Named, named: { port: string | null }, environment: NodeJS.ProcessEnv): string {
  const port = given.port ?? named.port ?? environment.PGPORT ?? '5432';
  return socketFolders.find((folder) => existsSync(`${folder}/.s.PGSQL.${port}`)) ?? 'localhost';
}

function tlsOf(sslmode: string): ConnectionChoice['tls'] {
  switch (sslmode) {
    case 'disable':
    case 'allow':
    case 'prefer':
      return undefined;
    case 'require':
      return { rejectUnauthorized: false };
    case 'verify-ca':
    case 'verify-full':
      return { rejectUnauthorized: true };
    default:
      return fatal(`invalid sslmode value: "${sslmode}"`);
  }
}

function readDatabase(text: string): Named {
  if (/^postgres(ql)?:\/\//.test(text)) return readUri(text);
  if (!text.includes('=')) return { database: text };
  const keywords = Object.fromEntries(parseConninfo(text)) as Record<string, string>;
  const { host, hostaddr, port, user, password, dbname, sslmode } = keywords;
  return defined({ host: hostaddr ?? host, port, user, password, database: dbname, sslmode });
}

function readUri(text: string): Named {
  let uri: URL;
  try {
    uri = new URL(text);
  } catch {
    return fatal(`invalid URI: "${text}"`);
  }
  const { searchParams } = uri;
  const part = (value: string): string | undefined => (value === '' ? undefined : decodeURIComponent(value));
  return defined({
    host: part(uri.hostname) ?? searchParams.get('host') ?? undefined,
    port: part(uri.port) ?? searchParams.get('port') ?? undefined,
    user: part(uri.username) ?? searchParams.get('user') ?? undefined,
    password: part(uri.password),
    database: part(uri.pathname.slice(1)),
    sslmode: searchParams.get('sslmode') ?? undefined,
  });
}

function defined(values: Record<keyof Named, string | undefined>): Named {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
