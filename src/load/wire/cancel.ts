import { connect } from 'node:net';
import type { Target } from '../target.ts';
import type { CancelKey } from './connection.ts';
import { cancelRequest } from './templates.ts';

/** A server or Pgpool closes the connection when it has dealt with the request; one that does not is left after so long. */
const patienceMs = 3000;

/**
 * Asks the server, on a connection of its own and as libpq does without TLS, to cancel what a session runs. Works through Pgpool, for which
 * a free child is needed.
 *
 * @returns whether the request was delivered; what came of it the session itself tells (SQLSTATE 57014), or nothing
 */
export function cancel({ host, port }: Target, { processId, secretKey }: CancelKey): Promise<boolean> {
  return new Promise((resolve) => {
    let delivered = false;
    const socket = connect({ host, port, timeout: patienceMs });
    socket.on('connect', () => {
      socket.write(cancelRequest(processId, secretKey), () => {
        delivered = true;
      });
    });
    socket.on('timeout', () => socket.destroy());
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(delivered));
    socket.resume();
  });
}
