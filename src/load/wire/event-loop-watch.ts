import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * Finds the descriptor that this thread's event loop (libuv's epoll) waits on, by one that is known to be in it: it
 * becomes readable when the loop has something to do, so that a ring can wait for both.
 *
 * @returns null when it cannot be told; the loop must then be visited by the clock
 */
export function eventLoopFile(memberFile: number): number | null {
  const member = new RegExp(`^tfd:\\s+${memberFile}\\s`, 'm');
  try {
    for (const name of readdirSync('/proc/self/fd')) {
      if (linkOf(name) !== 'anon_inode:[eventpoll]') continue;
      if (member.test(readFileSync(`/proc/self/fdinfo/${name}`, 'latin1'))) return Number(name);
    }
  } catch {
    return null;
  }
  return null;
}

function linkOf(name: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${name}`);
  } catch {
    return '';
  }
}
