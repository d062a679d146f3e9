// The memory of the load engine over minutes: both programs that send load, on both transports, side by side on one PostgreSQL.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { residentMb, root } from './runner.mjs';
import { partOf } from './state.mjs';
import { table } from './table.mjs';

/** V8 collects everything each time, and tells what is left: what is garbage only counts for nothing. */
const collecting = ['--gc-global', '--trace-gc'];

const address = '127.0.84.1';
const scale = 1;
const sessions = 8;
const perSecond = 500;
const sampleMs = 1000;
/** Between the starts of two programs: together they would wait for each other's compilation. */
const apartMs = 5000;

/** Of the run: what the programs take while they fill their buffers and are compiled by V8. */
const settlingShare = 0.25;
const blocks = 20;

/** A generator that got through less fell behind its schedule: what waits takes memory, and the run shows nothing. */
const leastShare = 0.95;

/** Student's quantile for 95 % and the blocks less two. */
const quantile = 2.101;

/** Upper ends of the 95 % intervals of the slopes, MB a minute: resident memory, and what the heaps of all threads hold. */
const mostRss = 1;
/** Of a program that keeps its slices for its report (a tenth of a second: some 600 bytes), and of one that hands them on. */
const mostHeap = { keeps: 0.5, handsOn: 0.1 };

const transports = ['ring', 'stream'];

export async function measureMemory(state, { options, program, note, save, signal }) {
  if (state.parts.memory?.minutes === options.soakMinutes && state.parts.memory.runs.length > 0) return;
  delete state.parts.memory;
  const part = partOf(state, 'memory', program);
  part.minutes = options.soakMinutes;
  note(`memory: ${options.soakMinutes} minutes`);
  const { startServer } = await import('../../bench/load/server.mjs');
  const server = await startServer({ scale, address, extra: { shared_buffers: '64MB' } });
  try {
    const seconds = options.soakMinutes * 60;
    const programs = transports.flatMap((transport) => [
      {
        name: `pgdrill pgbench, ${transport}`,
        most: mostHeap.keeps,
        words: pgbenchWords(server, { transport, seconds }),
      },
      {
        name: `scenario worker, ${transport}`,
        most: mostHeap.handsOn,
        words: workerWords(server, { transport, seconds }),
      },
    ]);
    const found = await Promise.all(
      programs.map(async (entry, index) => {
        await pause(index * apartMs);
        return watched(entry, { signal, env: server.env });
      }),
    );
    if (signal.aborted) return;
    for (const { name, most, code, samples, text } of found) {
      const run = { name, most, code, transactions: transactionsIn(text), ...growthOf(samples) };
      part.runs.push(run);
      part.failures.push(...faultsOf(run, seconds).map((fault) => `memory, ${name}: ${fault}`));
    }
    save();
  } finally {
    await server.stop();
  }
}

function pgbenchWords({ target }, { transport, seconds }) {
  const { host, port, user, database } = target;
  return [
    ...[
      join(root, 'dist', 'cli', 'main.js'),
      'pgbench',
      '-n',
      '-S',
      '-c',
      sessions,
      '-j',
      2,
      '-M',
      'prepared',
    ],
    ...['-R', perSecond, '-T', seconds, '--transport', transport],
    ...['-h', host, '-p', port, '-U', user, database],
  ].map(String);
}

function workerWords({ target }, { transport, seconds }) {
  const plan = {
    target,
    transport,
    protocol: 'prepared',
    sessions,
    seconds,
    warmupSeconds: 1,
    scale,
    perSecond,
  };
  return [join(root, 'bench', 'load', 'client-scenario.mjs'), JSON.stringify(plan)];
}

/** Runs a program to its end, and samples what it holds: resident memory, and the heaps of its threads after each collection. */
function watched({ name, most, words }, { signal, env }) {
  const child = spawn(process.execPath, [...collecting, ...words], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const samples = [];
  const heaps = new Map();
  let text = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (data) => {
    const lines = (text + data).split('\n');
    text = lines.filter((line, index) => index === lines.length - 1 || !collected(line, heaps)).join('\n');
  });
  const startMs = performance.now();
  const timer = setInterval(() => {
    const rssMb = residentMb(child.pid);
    const heapMb = [...heaps.values()].reduce((sum, mb) => sum + mb, 0);
    if (rssMb !== null) samples.push({ minute: (performance.now() - startMs) / 60_000, rssMb, heapMb });
  }, sampleMs);
  const end = () => child.kill('SIGTERM');
  signal.addEventListener('abort', end, { once: true });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearInterval(timer);
      signal.removeEventListener('abort', end);
      resolve({ name, most, code, samples, text });
    });
  });
}

/** Takes a line that V8 writes after a collection: which heap, and what it holds. */
function collected(line, heaps) {
  const found = /^\[\d+:(0x[\da-f]+)\] .* -> ([\d.]+) \([\d.]+\) MB/.exec(line);
  if (found) heaps.set(found[1], Number(found[2]));
  return found !== null;
}

function transactionsIn(text) {
  const found = /transactions actually processed: (\d+)/.exec(text) ?? /"ended":(\d+)/.exec(text);
  return found ? Number(found[1]) : null;
}

function growthOf(samples) {
  const settled = samples.slice(Math.floor(samples.length * settlingShare));
  return {
    rssMb: slopeOf(settled, 'rssMb'),
    heapMb: slopeOf(settled, 'heapMb'),
    mostRssMb: Math.max(...samples.map((sample) => sample.rssMb)),
    samples: samples.length,
  };
}

/** Least squares through the means of equal blocks; half of the 95 % interval is `within`. */
function slopeOf(samples, field) {
  const size = Math.floor(samples.length / blocks);
  if (size === 0) return null;
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const points = Array.from({ length: blocks }, (_, block) => {
    const own = samples.slice(block * size, (block + 1) * size);
    return { x: mean(own.map(({ minute }) => minute)), y: mean(own.map((sample) => sample[field])) };
  });
  const [x, y] = [mean(points.map((point) => point.x)), mean(points.map((point) => point.y))];
  const square = points.reduce((sum, point) => sum + (point.x - x) ** 2, 0);
  const perMinute = points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0) / square;
  const rest = points.reduce((sum, point) => sum + (point.y - y - perMinute * (point.x - x)) ** 2, 0);
  return { mean: y, perMinute, within: quantile * Math.sqrt(rest / (blocks - 2) / square) };
}

function faultsOf({ code, most: mostOfHeap, transactions, rssMb, heapMb }, seconds) {
  const faults = code === 0 ? [] : [`exit code ${code}`];
  if (!(transactions > leastShare * perSecond * seconds)) faults.push(`${transactions} transactions`);
  for (const [what, slope, most] of [
    ['resident memory', rssMb, mostRss],
    ['what its heaps hold', heapMb, mostOfHeap],
  ]) {
    if (slope === null) faults.push(`the run was too short to tell about ${what}`);
    else if (slope.perMinute + slope.within > most)
      faults.push(`${what} grew by ${slopeText(slope)} MB a minute, more than ${most}`);
  }
  return faults;
}

/** A run that ended at once has no slope. */
const slopeText = (slope) => (slope ? `${slope.perMinute.toFixed(3)} ± ${slope.within.toFixed(3)}` : '-');

/** Lines of docs/verified.md. */
export function memoryLines({ minutes, runs }) {
  const rows = runs.map(({ name, transactions, rssMb, heapMb, mostRssMb }) => [
    name,
    transactions,
    rssMb ? `${rssMb.mean.toFixed(1)} (${mostRssMb.toFixed(1)})` : '-',
    slopeText(rssMb),
    rssMb ? heapMb.mean.toFixed(1) : '-',
    slopeText(heapMb),
  ]);
  return [
    `${minutes} minutes of ${perSecond} transactions a second over ${sessions} sessions each, side by side on one PostgreSQL. Slopes with their 95 % intervals, over`,
    `the last ${100 * (1 - settlingShare)} % of the time; the upper end must be below ${mostRss} MB a minute (resident) and, of what the heaps of all threads hold after each collection, ${mostHeap.keeps} where a`,
    `program keeps its slices for its report, ${mostHeap.handsOn} where it hands them on. V8 runs with \`${collecting[0]}\`: what is garbage does not count.`,
    '',
    ...table(
      ['program', 'transactions', 'resident, MB (most)', 'MB a minute', 'heaps, MB', 'MB a minute'],
      rows,
    ),
  ];
}
