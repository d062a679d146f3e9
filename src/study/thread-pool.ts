import { Worker } from 'node:worker_threads';
import { DrillError, ExitCode, invariant } from '../kernel/errors.ts';

/** Room for what a simulation makes and drops: few collections, and little to copy in each. */
const youngGenerationMb = 64;

interface Errand<Task, Answer> {
  task: Task;
  done: (answer: Answer) => void;
  failed: (error: Error) => void;
}

/**
 * Worker threads that answer each task with one message. A thread is started when there is work for it; one that died (of
 * memory, of a bug) fails its task only and is replaced.
 */
export class ThreadPool<Task, Answer> {
  readonly #script: URL;
  readonly #size: number;
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Errand<Task, Answer>>();
  readonly #queue: Errand<Task, Answer>[] = [];
  #closed = false;

  /** @param script of the threads @param size threads at most, above 0 */
  constructor(script: URL, size: number) {
    invariant(size > 0, `a pool has a thread at least, got ${size}`);
    this.#script = script;
    this.#size = size;
  }

  /** @throws (rejects) what the thread threw; DrillError when the pool is closed before the answer */
  run(task: Task): Promise<Answer> {
    if (this.#closed) return Promise.reject(calledOff());
    return new Promise((done, failed) => {
      this.#queue.push({ task, done, failed });
      this.#give();
    });
  }

  /** Ends every thread, whatever it is doing. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { failed } of [...this.#queue.splice(0), ...this.#busy.values()]) failed(calledOff());
    const workers = [...this.#idle.splice(0), ...this.#busy.keys()];
    this.#busy.clear();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  #give(): void {
    while (this.#queue.length > 0) {
      const worker = this.#idle.pop() ?? this.#start();
      if (!worker) return;
      const errand = this.#queue.shift();
      invariant(errand, 'the queue is not empty');
      this.#busy.set(worker, errand);
      worker.postMessage(errand.task);
    }
  }

  #start(): Worker | null {
    if (this.#busy.size >= this.#size) return null;
    const worker = new Worker(this.#script, {
      resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb },
    });
    worker.on('message', (answer: Answer) => {
      this.#busy.get(worker)?.done(answer);
      if (!this.#busy.delete(worker)) return;
      this.#idle.push(worker);
      this.#give();
    });
    let cause: Error | null = null;
    worker.on('error', (error: Error) => {
      cause = error;
    });
    worker.on('exit', (code) => this.#lost(worker, cause ?? new Error(`a thread ended with code ${code}`)));
    return worker;
  }

  #lost(worker: Worker, cause: Error): void {
    const errand = this.#busy.get(worker);
    this.#busy.delete(worker);
    const index = this.#idle.indexOf(worker);
    if (index >= 0) this.#idle.splice(index, 1);
    errand?.failed(cause);
    if (!this.#closed) this.#give();
  }
}

function calledOff(): DrillError {
  return new DrillError('called off', { exitCode: ExitCode.interrupted });
}
