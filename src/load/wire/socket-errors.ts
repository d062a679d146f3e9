import type { WireError } from '../../workload/transport.ts';

/** The kernel asks to try again: EINTR, EAGAIN, or ENOBUFS when all buffers were taken. */
export function isPassing(result: number): boolean {
  return result === -4 || result === -11 || result === -105;
}

/** Why a receive has come to an end. @param result 0, or a negative errno */
export function endOf(result: number): WireError {
  if (result === 0) return { code: 'closed', message: 'the server closed the connection' };
  return { code: 'closed', message: `the connection broke (${errnoName(-result)})` };
}

const errnoNames: Readonly<Record<number, string>> = {
  104: 'ECONNRESET',
  110: 'ETIMEDOUT',
  113: 'EHOSTUNREACH',
};

function errnoName(errno: number): string {
  return errnoNames[errno] ?? `errno ${errno}`;
}
