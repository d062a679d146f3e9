// Goal: a thread that never returns to its event loop leaves by itself when it is told to, and by force only if it does not.
import { expect, test } from 'vitest';
import { startThread } from '../../src/load/worker-thread.ts';

/** A thread of this program's text. It begins by saying so. */
async function threadOf(text: string) {
  const begin =
    "const { parentPort, workerData } = require('node:worker_threads'); parentPort.postMessage(0);";
  const started = startThread(
    new URL(`data:text/javascript,${encodeURIComponent(importing(begin) + text)}`),
    {
      answer: 42,
    },
  );
  const code = new Promise<number>((resolve) => {
    started.thread.once('exit', resolve);
  });
  await new Promise((resolve) => {
    started.thread.once('message', resolve);
  });
  return { ...started, code };
}

const importing = (begin: string): string =>
  `import { createRequire } from 'node:module'; const require = createRequire('file:///'); ${begin}`;

test('a thread that looks at the word leaves with its own exit code', async () => {
  const wait = 'Atomics.wait(workerData.stopWord, 0, 0, 20)';
  const { end, code } = await threadOf(`while (${wait} === 'timed-out') {} process.exit(workerData.answer);`);
  await end();
  expect(await code).toBe(42);
});

test('one that does not is ended', async () => {
  const { end, code } = await threadOf('for (;;) {}');
  await end();
  expect(await code).toBe(1);
});
