import { parentPort } from 'node:worker_threads';
import { invariant } from '../../kernel/errors.ts';
import { type PlanData, simulatedRun } from './simulated-run.ts';

invariant(parentPort, 'the sweep worker runs in a thread of its own');
const port = parentPort;
port.on('message', async (data: PlanData) => port.postMessage(await simulatedRun(data)));
