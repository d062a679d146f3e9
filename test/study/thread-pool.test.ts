// Goal: a pool answers every task once, survives threads that die, and leaves none behind.
// Method: real threads that answer, throw, exit or hang, by what they are told.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { DrillError } from '../../src/kernel/errors.ts';
import { ThreadPool } from '../../src/study/thread-pool.ts';

type Task = { say: number } | { throw: string } | { exit: number } | 'hang';

let folder = '';
let script: URL;
let pool: ThreadPool<Task, { said: number; thread: number }>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgdrill-pool-'));
  const file = join(folder, 'thread.mjs');
  writeFileSync(
    file,
    `import { parentPort, threadId } from 'node:worker_threads';
parentPort.on('message', (task) => {
  if (task.throw) throw new Error(task.throw);
  if ('exit' in Object(task)) process.exit(task.exit);
  if (task !== 'hang') parentPort.postMessage({ said: task.say, thread: threadId });
});`,
  );
  script = pathToFileURL(file);
});
afterEach(() => pool.close());
afterAll(() => rmSync(folder, { recursive: true }));

test('every task gets its own answer, from no more threads than allowed', async () => {
  pool = new ThreadPool(script, 2);
  const answers = await Promise.all(Array.from({ length: 50 }, (_, say) => pool.run({ say })));
  expect(answers.map(({ said }) => said)).toEqual(Array.from({ length: 50 }, (_, say) => say));
  expect(new Set(answers.map(({ thread }) => thread)).size).toBeLessThanOrEqual(2);
});

test('a thread that throws or exits fails its task alone and is replaced', async () => {
  pool = new ThreadPool(script, 1);
  const settled = await Promise.allSettled([
    pool.run({ say: 1 }),
    pool.run({ throw: 'a slip' }),
    pool.run({ say: 2 }),
    pool.run({ exit: 7 }),
    pool.run({ say: 3 }),
  ]);
  const told = settled.map((one) =>
    one.status === 'fulfilled' ? one.value.said : (one.reason as Error).message,
  );
  expect(told).toEqual([1, 'a slip', 2, 'a thread ended with code 7', 3]);
});

test('closing ends threads in the middle of their work, and what waits is called off', async () => {
  pool = new ThreadPool(script, 1);
  const waiting = [pool.run('hang'), pool.run({ say: 1 })].map((answer) => answer.catch((error) => error));
  await pool.close();
  for (const error of await Promise.all(waiting)) {
    expect(error).toBeInstanceOf(DrillError);
    expect((error as DrillError).exitCode).toBe(130);
  }
  await expect(pool.run({ say: 2 })).rejects.toThrow('called off');
});
