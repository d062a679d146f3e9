import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** What the kernel counts processor time in for programs, ms (USER_HZ, 100 a second on every Linux that runs PostgreSQL). */
const tickMs = 10;

/** Processor time of a program that is a tree of processes. */
export interface TreeTime {
  /** Parents before their children. */
  pids: number[];
  /** Time used by the living ones, and by those that ended and were collected by one of them, ms. */
  usedMs: number;
}

/**
 * Reads a program's processor time; null when it does not run or its first process is no `program` any more.
 *
 * Living processes are read to the nanosecond where the kernel keeps that (`schedstat`), ended ones are in the account of
 * the process that collected them. A process that ends while we look may be missing once: the next reading has it.
 *
 * @param root the process that all others descend from
 */
export function treeTime(root: number, program: string): TreeTime | null {
  const first = readStat(root);
  if (first?.name !== program) return null;
  const pids = [root];
  let usedMs = ownMs(root, first.ownTicks) + first.collectedTicks * tickMs;
  for (let at = 0; at < pids.length; at += 1) {
    for (const pid of childrenOf(pids[at] as number)) {
      const stat = readStat(pid);
      if (!stat) continue;
      pids.push(pid);
      usedMs += ownMs(pid, stat.ownTicks) + stat.collectedTicks * tickMs;
    }
  }
  return { pids, usedMs };
}

/** Of a program of which one process after the other may be the first: what it has used since the reading before. */
export class TreeMeter {
  readonly #program: string;
  #root: number | null = null;
  #usedMs = 0;
  #hasRead = false;

  constructor(program: string) {
    this.#program = program;
  }

  /**
   * @param root null when the program does not run
   * @returns time since the reading before (the first reading gives 0; what a program used after the last reading of its
   *   life is lost), and the processes it has now
   */
  read(root: number | null): { spentMs: number; pids: readonly number[]; isNew: boolean } {
    const found = root === null ? null : treeTime(root, this.#program);
    const isNew = found !== null && root !== this.#root;
    const beforeMs = isNew ? (this.#hasRead ? 0 : (found?.usedMs ?? 0)) : this.#usedMs;
    const spentMs = found ? Math.max(0, found.usedMs - beforeMs) : 0;
    this.#hasRead = true;
    this.#root = found ? root : null;
    this.#usedMs = found?.usedMs ?? 0;
    return { spentMs, pids: found?.pids ?? [], isNew };
  }
}

interface Stat {
  name: string;
  parent: number;
  ownTicks: number;
  /** Of children that have ended. */
  collectedTicks: number;
}

/** /proc/PID/stat: the name in brackets may hold anything; fields 4 (parent) and 14 to 17 (times) count from behind it. */
function readStat(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const open = text.indexOf('(');
    const close = text.lastIndexOf(')');
    const fields = text.slice(close + 2).split(' ');
    const number = (field: number): number => Number(fields[field - 3]);
    return {
      name: text.slice(open + 1, close),
      parent: number(4),
      ownTicks: number(14) + number(15),
      collectedTicks: number(16) + number(17),
    };
  } catch {
    return null;
  }
}

/** First number of /proc/PID/schedstat: time on a processor, ns. */
function ownMs(pid: number, ticks: number): number {
  try {
    const nanos = Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]);
    return nanos > 0 ? nanos / 1e6 : ticks * tickMs;
  } catch {
    return ticks * tickMs;
  }
}

/** Whether the kernel lists a process's children; not every one was built so. */
const listsChildren = existsSync(`/proc/${process.pid}/task/${process.pid}/children`);

function childrenOf(pid: number): number[] {
  if (!listsChildren) return searchChildren(pid);
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}

function searchChildren(parent: number): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => readStat(pid)?.parent === parent);
}
