import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../kernel/errors.ts';
import type { WorkerSetup } from './protocol.ts';
import { runWorker } from './run-worker.ts';

invariant(parentPort, 'the load worker runs in a thread of its own');
await runWorker(workerData as WorkerSetup, parentPort);
