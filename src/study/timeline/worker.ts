import { parentPort } from 'node:worker_threads';
import { invariant } from '../../kernel/errors.ts';
import { computeBatch, type TrialBatch } from './trials.ts';

invariant(parentPort, 'the timeline worker runs in a thread of its own');
const port = parentPort;
port.on('message', (batch: TrialBatch) => port.postMessage(computeBatch(batch)));
