// Runs pgdrill and reads what it left.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export const root = join(import.meta.dirname, '..', '..');
export const mainScenario = join(root, 'workloads', 'rehearse-failover.yaml');

/**
 * Runs `pgdrill` with a fresh result folder.
 * `watch(pid)` is called every 5 s while it runs. An abort is handed on; pgdrill stops in order and ends with 130.
 */
export function pgdrill(words, { folder, signal, watch }) {
  rmSync(folder, { recursive: true, force: true });
  const program = join(root, 'dist', 'cli', 'main.js');
  const args = [program, ...words, '--out', folder, '--json', '--quiet'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].on('data', (data) => {
      texts[name] += data;
    });
  }
  const timer = watch && setInterval(() => watch(child.pid), 5000);
  const hand = () => child.kill('SIGTERM');
  signal.addEventListener('abort', hand, { once: true });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearInterval(timer);
      signal.removeEventListener('abort', hand);
      let summary = null;
      try {
        summary = JSON.parse(texts.stdout);
      } catch {
        // nothing was run; stderr says why
      }
      resolve({ code, summary, stderr: texts.stderr.trim() });
    });
  });
}

/** Imports a module of the built program, by the parts of its path. */
export function built(...file) {
  return import(pathToFileURL(join(root, 'dist', ...file)).href);
}

/** Resident memory of a process, MB; null of one that has ended. */
export function residentMb(pid) {
  try {
    const found = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return found && Number(found[1]) / 1024;
  } catch {
    return null;
  }
}

export function readEvents(folder) {
  return readFileSync(join(folder, 'events.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line))
    .sort((a, b) => a.atMs - b.atMs);
}

/** What the ledger found; null for a run that ended before it was read. */
export function readLedger(folder) {
  const file = join(folder, 'ledger.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).ledger : null;
}

/** Questions that a coordinator asks of several agents at once: their order within one round is chance. */
const rounds = new Set(['verifyDatabase', 'readPositions']);

/** The agents' commands since load start, `name node target`; a round of questions in order of names. */
export function commandOrder(events) {
  const groups = [];
  for (const { type, atMs, name, node, target } of events) {
    if (type !== 'command' || atMs < 0) continue;
    const last = groups.at(-1);
    const step = `${name} ${node} ${target}`;
    if (last?.name === name && rounds.has(name)) last.steps.push(step);
    else groups.push({ name, steps: [step] });
  }
  return groups.flatMap(({ steps }) => steps.sort());
}

/** Length of the longest outage of a class, ms; null without one. */
export function longestMs(outcome, name) {
  const lengths = (outcome?.outages?.[name] ?? []).map(({ lengthMs }) => lengthMs);
  return lengths.length === 0 ? null : Math.max(...lengths);
}

/** What must hold after every run, as sentences about what does not. */
export function faultsOf({ code, summary, stderr }) {
  if (!summary) return [`exit code ${code}: ${stderr.split('\n').at(-1)}`];
  const primaries = summary.backends.filter(({ roleAtEnd }) => roleAtEnd === 'primary').length;
  return [
    ...(code === 0 ? [] : [`exit code ${code}`]),
    ...(summary.verdict.result === 'pass' ? [] : summary.verdict.reasons),
    ...(primaries === 1 ? [] : [`${primaries} primaries at the end`]),
    ...(summary.conservation.holds ? [] : ['counts do not agree']),
  ];
}

/** Median, smallest and largest of the numbers among some values; null when there is none. */
export function spreadOf(values) {
  const numbers = values.filter((value) => value !== null && value !== undefined).sort((a, b) => a - b);
  if (numbers.length === 0) return null;
  const middle = numbers.length / 2;
  const median =
    numbers.length % 2 === 1 ? numbers[Math.floor(middle)] : (numbers[middle - 1] + numbers[middle]) / 2;
  return { median, least: numbers[0], most: numbers.at(-1), count: numbers.length };
}
