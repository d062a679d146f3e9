import { execFileSync } from 'node:child_process';
import { userInfo } from 'node:os';

/** The operating-system user that a lab's processes run as. PostgreSQL refuses to run as root. */
export interface RunUser {
  name: string;
  uid: number;
  gid: number;
  /** pgdrill itself is root and steps down to this user for every process it starts. */
  switched: boolean;
}

/**
 * Who runs the servers: ourselves unless we are root, then the first that exists of $PGDRILL_USER, $SUDO_USER,
 * `postgres` and `nobody`.
 *
 * @returns undefined when we are root and none of them exists
 */
export function findRunUser(env: NodeJS.ProcessEnv = process.env): RunUser | undefined {
  const self = userInfo();
  if (self.uid !== 0) return { name: self.username, uid: self.uid, gid: self.gid, switched: false };
  for (const name of [env.PGDRILL_USER, env.SUDO_USER, 'postgres', 'nobody']) {
    const uid = name ? accountNumber('-u', name) : undefined;
    const gid = name ? accountNumber('-g', name) : undefined;
    if (name && uid !== undefined && gid !== undefined && uid !== 0)
      return { name, uid, gid, switched: true };
  }
  return undefined;
}

function accountNumber(option: '-u' | '-g', name: string): number | undefined {
  try {
    return Number(
      execFileSync('id', [option, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
  } catch {
    return undefined;
  }
}
