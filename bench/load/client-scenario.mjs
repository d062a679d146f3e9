// A scenario's load worker as one process, whole: pool, schedule, scripts, transport, books. A closed class without a pause
// at full speed, or an open one at a rate. Prints the same line of JSON as client.mjs.
import { built } from './built.mjs';

const { runWorker } = await built('load/run-worker');
const { builtinScript } = await built('workload/builtin');
const { epochMs } = await built('kernel/clock');
const { newHistogram, percentilesOf, unpackInto } = await built('recording/histogram');

const { target, transport, protocol, sessions, seconds, warmupSeconds, scale, perSecond } = JSON.parse(
  process.argv[2],
);
const isOpen = perSecond > 0;
const { script } = builtinScript('builtin:select-only', protocol);
const closed = isOpen ? null : { sessions, thinkTimeMs: 0, think: 'fixed' };
const plan = {
  ...{ seed: 1, scale, protocol, transport, arrivals: 'poisson', late: 'catch-up', connect: 'pooled' },
  durationMs: (warmupSeconds + seconds) * 1000,
  classes: [{ name: 'read', script, perSecond: isOpen ? perSecond : null, closed, timeoutMs: 30_000 }],
  ...{ sessions: isOpen ? sessions : 0, sessionLifetimeMs: null, patienceMs: 30_000, timeoutMs: 30_000 },
};

let hear = () => undefined;
let readyAs = '';
let ended = 0;
let openCpu;
let openEnded = 0;
let openMs = 0;
let closeCpu;
let closeEnded = 0;
let closeMs = 0;
let errors = 0;
let result;
function turnWindow(atMs) {
  if (atMs < warmupSeconds * 1000) return;
  if (openCpu === undefined) {
    openCpu = process.cpuUsage();
    openEnded = ended;
    openMs = atMs;
  } else if (atMs <= plan.durationMs) {
    closeCpu = process.cpuUsage(openCpu);
    closeEnded = ended;
    closeMs = atMs;
  }
}
const port = {
  on: (_, listener) => {
    hear = listener;
  },
  close: () => undefined,
  postMessage: (message) => {
    if (message.type === 'ready') {
      readyAs = message.transport;
      hear({ type: 'start', atEpochMs: epochMs() + 5 });
    } else if (message.type === 'live') {
      const { ok, failed, unknown, skipped } = message.part.classes.read;
      ended += ok;
      errors += failed + unknown + skipped;
      turnWindow(message.part.atMs);
    } else if (message.type === 'ended') result = message.result;
    else if (message.type === 'connectFailed') throw new Error(message.message);
  },
};
const serverByAddress = { [`${target.host}:${target.port}`]: 'primary' };
await runWorker({ plan, worker: 0, workers: 1, target, serverByAddress }, port);
const late = newHistogram();
unpackInto(late, result.scheduleLag);
const micros = ({ user, system }) => user + system;
const spanSeconds = (closeMs - openMs) / 1000;
process.stdout.write(
  `${JSON.stringify({
    transport: readyAs,
    ended,
    residentBytes: process.memoryUsage.rss(),
    transactions: closeEnded - openEnded,
    perSecond: (closeEnded - openEnded) / spanSeconds,
    cpuMicros: micros(closeCpu) / (closeEnded - openEnded),
    wholeCpuMicros: micros(process.cpuUsage()) / ended,
    cpuShare: micros(closeCpu) / 1e6 / spanSeconds,
    lateMs: percentilesOf(late),
    errors,
    lost: 0,
  })}\n`,
);
