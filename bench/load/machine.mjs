// Whether this machine is calm enough to measure on, and running a program under a watch.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

const calmShare = 0.93;

/** The bench was called off: what it started is stopped on the way out. */
export class CalledOff extends Error {}

let isCalledOff = false;
const underWatch = new Set();

/** Ends the program that runs, and what comes after it. */
export function callOff() {
  isCalledOff = true;
  for (const { pid } of underWatch) {
    try {
      process.kill(-pid, 'SIGTERM');
    } catch {
      // It has ended by itself.
    }
  }
}

function goOn() {
  if (isCalledOff) throw new CalledOff('called off');
}

/** Waits until two looks in a row found the processors idle; false when it gave up after `limitSeconds`. */
export async function untilCalm(limitSeconds = 300) {
  let calm = 0;
  for (let look = 0; look < limitSeconds && calm < 2; look += 1) {
    const before = cpuTimes();
    await pause(1000);
    goOn();
    const after = cpuTimes();
    const idle = (after.idle - before.idle) / (after.all - before.all);
    calm = idle > calmShare ? calm + 1 : 0;
  }
  return calm === 2;
}

function cpuTimes() {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/\s+/).slice(1, 9).map(Number);
  return { idle: fields[3] + fields[4], all: fields.reduce((sum, value) => sum + value, 0) };
}

export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What a line about the results says of the machine. */
export function machineLine() {
  return `${cpus().length} × ${cpus()[0].model.trim()}, Linux ${readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()}, Node ${process.version}`;
}

/**
 * Runs a program to its end.
 *
 * @returns its output, and the processor time of the whole process in microseconds (exact to a millisecond, by the shell)
 */
export function watched(file, args, { env = process.env, fifo = false } = {}) {
  const command = fifo ? ['chrt', '-f', '10', file, ...args] : [file, ...args];
  const script = 'TIMEFORMAT="cpu %3U %3S"; time "$@"';
  return new Promise((resolve, reject) => {
    goOn();
    const child = spawn('bash', ['-c', script, 'watched', ...command], {
      ...{ env, detached: true },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    underWatch.add(child);
    let output = '';
    let errors = '';
    child.stdout.on('data', (data) => {
      output += data;
    });
    child.stderr.on('data', (data) => {
      errors += data;
    });
    child.on('close', (code) => {
      underWatch.delete(child);
      if (isCalledOff) {
        reject(new CalledOff('called off'));
        return;
      }
      const times = /cpu ([\d.]+) ([\d.]+)\s*$/.exec(errors);
      if (code !== 0 || !times) reject(new Error(`${file} ended with ${code}: ${errors}`));
      else resolve({ output, errors, cpuMicros: (Number(times[1]) + Number(times[2])) * 1e6 });
    });
  });
}
