// The compiled programs run as a person runs them: in a place of their own, on addresses of their own.
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach } from 'vitest';
import { packageDir } from '../../src/lab/package-dir.ts';
import type { CommandEvent, RecordedEvent } from '../../src/recording/events.ts';
import type { Interval } from '../../src/recording/intervals.ts';
import type { Outage, Summary } from '../../src/recording/summary.ts';
import { orphanedSegments, until } from './lab-helpers.ts';

const programs = process.env.PGDRILL_TEST_PROGRAMS ?? join(packageDir, 'dist');

/** A temporary folder: `labs` is where pgdrill puts its labs, `files` holds scenarios, models and results. */
export interface Place {
  dir: string;
  labs: string;
  files: string;
  /** Unattached shared memory that was there before. */
  segments: number[];
  /** Programs that have not ended yet. */
  running: Set<Running>;
}

/** A place for the tests of a file; it goes after the last of them, and after what their own `afterAll` does. */
export function placeOfFile(): Place {
  const dir = mkdtempSync(join(tmpdir(), 'lt-'));
  const [labs, files] = [join(dir, 'labs'), join(dir, 'files')];
  const place: Place = { dir, labs, files, segments: orphanedSegments(), running: new Set() };
  for (const folder of [labs, files]) mkdirSync(folder);
  for (const folder of [dir, labs]) chmodSync(folder, 0o755);
  afterEach(() => endPrograms(place));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return place;
}

/** A test that failed while its program ran shall not fail those after it, whose lab would find the addresses taken. */
async function endPrograms({ running }: Place): Promise<void> {
  for (const { child, ended } of running) {
    child.kill('SIGTERM');
    await ended;
  }
}

/** The reference architecture on other addresses; `replace` changes lines of it, each of which must be there. */
export async function writeModel(
  { files }: Place,
  prefix: string,
  replace: Record<string, string> = {},
): Promise<string> {
  let text = await readFile(join(packageDir, 'models', 'reference-architecture.yaml'), 'utf8');
  for (const [from, to] of Object.entries({ '127.0.77.': `${prefix}.`, ...replace })) {
    if (!text.includes(from)) throw new Error(`the reference model has no "${from}"`);
    text = text.replaceAll(from, to);
  }
  const file = join(files, `model-${prefix}.yaml`);
  await writeFile(file, text);
  return file;
}

/**
 * Keeps server3 from being promoted, for `writeModel`: which of two standbys has received more when a primary dies is
 * chance, and two tellings of one story must not hang on it.
 */
export function oneCandidate(prefix: string): Record<string, string> {
  const server3 = `address: ${prefix}.13\n    postgres: { port: 5432, role: standby, weight: 1 }\n    efm: {`;
  return { [`${server3}}`]: `${server3} properties: { promotable: false } }` };
}

export interface ScenarioOptions {
  model: string;
  warmupS: number;
  endS: number;
  readsPerSecond?: number;
  writesPerSecond?: number;
  sessions?: number;
  drills?: string[];
}

/** Writes a scenario beside its model; drills are lines such as `{ kind: failover, at: 3s }`. */
export async function writeScenario(
  { files }: Place,
  name: string,
  options: ScenarioOptions,
): Promise<string> {
  const { model, warmupS, endS, readsPerSecond = 90, writesPerSecond = 10, sessions = 24 } = options;
  const lines = [
    `name: ${name}`,
    `cluster: ${model}`,
    'seed: 1',
    'load:',
    '  classes:',
    `    - { name: read, script: builtin:select-only, perSecond: ${readsPerSecond} }`,
    `    - { name: write, script: builtin:tpcb-like, perSecond: ${writesPerSecond} }`,
    `  sessions: ${sessions}`,
    '  sessionLifetime: 3s',
    `phases: { warmup: ${warmupS}s, measure: ${endS - warmupS}s }`,
    ...(options.drills ? ['drills:', ...options.drills.map((drill) => `  - ${drill}`)] : []),
  ];
  const file = join(files, `${name}.yaml`);
  await writeFile(file, `${lines.join('\n')}\n`);
  return file;
}

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A program that was started; `said` is what it has written to stderr so far. */
export interface Running {
  child: ChildProcess;
  ended: Promise<Ended>;
  said(): string;
}

/** Starts `pgdrill` with its labs inside the place. */
export function startCli({ labs, files, running }: Place, ...args: string[]): Running {
  const env = { ...process.env, TMPDIR: labs };
  const child = spawn(process.execPath, [join(programs, 'cli', 'main.js'), ...args], { env, cwd: files });
  const program = follow(child);
  running.add(program);
  const gone = (): void => void running.delete(program);
  program.ended.then(gone, gone);
  return program;
}

export function cli(place: Place, ...args: string[]): Promise<Ended> {
  return startCli(place, ...args).ended;
}

/** Runs a line that pgdrill told the person to run. */
export function shell(line: string): Promise<Ended> {
  return follow(spawn('/bin/sh', ['-c', line])).ended;
}

function follow(child: ChildProcess): Running {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (data: Buffer) => {
    stdout += data;
  });
  child.stderr?.on('data', (data: Buffer) => {
    stderr += data;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { child, ended, said: () => stderr };
}

/**
 * Fails unless nothing is left of what ran in the place: no lab folder, no process that works in it, names it or was
 * started with its environment, no shared memory. The last helpers may take a moment to end.
 */
export async function expectNothingLeft(place: Place): Promise<void> {
  const found = (): string[] => [
    ...readdirSync(place.labs),
    ...processesOf(place),
    ...orphanedSegments()
      .filter((id) => !place.segments.includes(id))
      .map((id) => `shared memory ${id}`),
  ];
  await until(() => found().length === 0, 'nothing is left', 3000).catch((cause: Error) => {
    throw new Error(`${cause.message}: ${found().join(', ')}`);
  });
}

function processesOf({ dir }: Place): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      const texts = ['environ', 'cmdline'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'utf8'));
      texts.push(readlinkSync(`/proc/${pid}/cwd`));
      const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
      return texts.some((text) => text.includes(dir)) ? [`${name} (${pid})`] : [];
    } catch {
      return [];
    }
  });
}

export async function eventsOf(folder: string): Promise<RecordedEvent[]> {
  const events = await readLines<RecordedEvent>(join(folder, 'events.jsonl'));
  return events.sort((a, b) => a.atMs - b.atMs);
}

export function intervalsOf(folder: string): Promise<Interval[]> {
  return readLines(join(folder, 'intervals.jsonl'));
}

export async function readJson<T>(folder: string, name: string): Promise<T> {
  return JSON.parse(await readFile(join(folder, name), 'utf8')) as T;
}

async function readLines<T>(file: string): Promise<T[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as T);
}

/** Steps that a coordinator asks of several agents at once: their order within one round is chance. */
const rounds = new Set(['verifyDatabase', 'readPositions']);

/** The agents' commands since load start in order of time, `name target`; a round of questions in order of names. */
export function commandOrder(events: readonly RecordedEvent[]): string[] {
  const commands = events.filter(
    (event): event is CommandEvent => event.type === 'command' && event.atMs >= 0,
  );
  const groups: { name: string; steps: string[] }[] = [];
  for (const { name, node, target } of commands) {
    const last = groups.at(-1);
    const step = `${name} ${node} ${target}`;
    if (last?.name === name && rounds.has(name)) last.steps.push(step);
    else groups.push({ name, steps: [step] });
  }
  return groups.flatMap(({ steps }) => steps.sort());
}

export function longest(outages: readonly Outage[] | undefined): Outage {
  const [first] = (outages ?? []).toSorted((a, b) => b.lengthMs - a.lengthMs);
  if (!first) throw new Error('there was no outage');
  return first;
}

export function drillOf(summary: Summary, id: string): Summary['drills'][number] {
  const found = summary.drills.find((drill) => drill.id === id);
  if (!found) throw new Error(`no drill ${id}`);
  return found;
}
