import { Client, type ClientConfig } from 'pg';

/** Where sessions go, and as whom. `password` may be absent where the server asks for none. */
export interface Target {
  host: string;
  port: number;
  user: string;
  password?: string;
  database: string;
}

/** An attempt to open a session is given up after so long; the longest silence of a Pgpool that looks for its primary is 3 s with the shipped settings. */
export const connectTimeoutMs = 3000;

/**
 * An unconnected client with the settings that every session of pgdrill uses.
 *
 * @param more settings of `pg` that win over those
 */
export function newClient(target: Target, applicationName: string, more: ClientConfig = {}): Client {
  const { host, port, user, password, database } = target;
  return new Client({
    host,
    port,
    user,
    database,
    ...(password === undefined ? {} : { password }),
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    ...more,
  });
}
