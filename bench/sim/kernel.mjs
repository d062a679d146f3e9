// M/M/c, first come first served, on the simulator's kernel: one event for an arrival, one for an end of service, as the
// references have it. Arguments: servers, utilisation, customers, seed. Prints events, mean wait, processor seconds.
import { built } from '../load/built.mjs';

const { EventKernel } = await built('kernel/event-kernel');
const { Random } = await built('kernel/random');

function run(servers, utilisation, customers, seed) {
  const kernel = new EventKernel();
  const random = new Random(seed);
  const gap = 1 / (utilisation * servers);
  let waitingSince = new Float64Array(1024);
  let first = 0;
  let waiting = 0;
  let busy = 0;
  let arrived = 0;
  let waited = 0;
  const arrives = kernel.kind(() => {
    arrived += 1;
    if (busy < servers) {
      busy += 1;
      kernel.schedule(random.exponential(1), ends, 0, 0);
    } else {
      if (waiting === waitingSince.length) {
        const longer = new Float64Array(2 * waiting);
        for (let at = 0; at < waiting; at += 1) longer[at] = waitingSince[(first + at) % waiting];
        waitingSince = longer;
        first = 0;
      }
      waitingSince[(first + waiting) & (waitingSince.length - 1)] = kernel.nowMs;
      waiting += 1;
    }
    if (arrived < customers) kernel.schedule(random.exponential(gap), arrives, 0, 0);
  });
  const ends = kernel.kind(() => {
    if (waiting === 0) busy -= 1;
    else {
      waited += kernel.nowMs - waitingSince[first];
      first = (first + 1) & (waitingSince.length - 1);
      waiting -= 1;
      kernel.schedule(random.exponential(1), ends, 0, 0);
    }
  });
  kernel.schedule(0, arrives, 0, 0);
  kernel.runUntil(Number.MAX_SAFE_INTEGER);
  return { events: kernel.happened, meanWait: waited / customers };
}

const [servers, utilisation, customers, seed] = process.argv.slice(2).map(Number);
run(servers, utilisation, Math.min(customers, 200_000), seed);
const before = process.cpuUsage();
const result = run(servers, utilisation, customers, seed);
const { user, system } = process.cpuUsage(before);
process.stdout.write(`${JSON.stringify({ ...result, cpuSeconds: (user + system) / 1e6 })}\n`);
