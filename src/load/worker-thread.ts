import { Worker } from 'node:worker_threads';
import { RealClock } from '../kernel/clock.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './protocol.ts';

/**
 * A thread that is ended in the middle leaves its ring, its sockets and their memory to the whole process; so it is
 * asked to leave first, which takes a wait in its transport (100 ms) and its farewells, and ended after this, ms.
 */
const leaveMs = 1500;

/** A started worker as the driver holds it; a thread, or in tests a message channel. */
export interface WorkerHandle {
  post(message: ToWorker): void;
  onMessage(listener: (message: FromWorker) => void): void;
  /** Called once when it is gone; `reason` null for a regular end. */
  onGone(listener: (reason: string | null) => void): void;
  kill(): void;
}

/** Starts the worker's thread from the built program. */
export function spawnThread(setup: WorkerSetup): WorkerHandle {
  const { thread, end } = startThread(new URL('./worker.js', import.meta.url), setup);
  let failure: string | null = null;
  thread.on('error', (error) => {
    failure = error instanceof Error ? error.message : String(error);
  });
  return {
    post: (message) => thread.postMessage(message),
    onMessage: (listener) => thread.on('message', listener),
    onGone: (listener) => thread.on('exit', () => listener(failure)),
    kill: () => void end(),
  };
}

/**
 * Starts a thread that drives a transport.
 *
 * @param setup what it is given, with a word that is not 0 once it must leave
 * @returns `end` makes it leave, by force when it does not; resolves when it is gone
 */
export function startThread(file: URL, setup: object): { thread: Worker; end: () => Promise<void> } {
  const stopWord = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(file, { workerData: { ...setup, stopWord } });
  const gone = new Promise<void>((resolve) => {
    thread.once('exit', () => resolve());
  });
  const end = async (): Promise<void> => {
    Atomics.store(stopWord, 0, 1);
    thread.postMessage({ type: 'stop' });
    const clock = new RealClock();
    const force = clock.setTimeout(() => void thread.terminate(), leaveMs);
    force.unref();
    await gone;
    clock.clearTimeout(force);
  };
  return { thread, end };
}
