import { parentPort, workerData } from 'node:worker_threads';
import { DrillError, invariant } from '../../kernel/errors.ts';
import type { FromThread, ThreadSetup, ToThread } from './plan.ts';
import { PgbenchThread } from './thread.ts';

invariant(parentPort, 'a thread of pgbench runs in a worker');
const port = parentPort;
const tell = (message: FromThread): void => port.postMessage(message);

try {
  const thread = await PgbenchThread.prepare(workerData as ThreadSetup, tell);
  const ended = new Promise<void>((resolve, reject) => {
    let started = false;
    port.on('message', (message: ToThread) => {
      if (message.type === 'start') {
        started = true;
        thread.run(message.atEpochMs).then(resolve, reject);
      } else if (thread.mustLeave && !started) thread.leave().then(resolve, reject);
      else thread.stop();
    });
  });
  await ended;
} catch (error) {
  if (!(error instanceof DrillError)) throw error;
  const { message, hint } = error;
  tell({ type: 'refused', lines: [message, ...(hint === undefined ? [] : [hint])] });
}
port.close();
