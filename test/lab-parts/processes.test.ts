// Goal: what is killed leaves neither processes nor System V memory and semaphores behind; what others own stays.
// Method: an interpreter under Pgpool's name, with a segment and a semaphore set, in the place of a lab's Pgpool.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sleep } from '../../src/kernel/clock.ts';
import { pgpoolProcesses } from '../../src/lab/host-processes.ts';
import { serverLayout } from '../../src/lab/layout.ts';
import { killProcesses, stopProcesses } from '../../src/lab/processes.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'processes-'));
});
afterEach(() => {
  for (const { pid } of ['own', 'other'].flatMap((lab) => running(lab))) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true });
});

const running = (lab: string) => pgpoolProcesses(join(folder, lab), 'server1');

/** The kernel's number of shmat. */
const attach = process.arch === 'arm64' ? 196 : 30;

/**
 * Makes a segment and a semaphore set and tells their ids; deaf to Pgpool's fast shutdown. A child outside of the folder
 * holds on to the memory until the file of its argument is there, as a killed process does that gets no processor.
 */
const program = `$| = 1; $SIG{INT} = 'IGNORE'; my $memory = shmget(0, 64, 0600); my $set = semget(0, 2, 0600);
semctl($set, $_, 16, 1) for 0 .. 1; my $parent = $$;
if (fork() == 0) { chdir '/'; syscall(${attach}, $memory, 0, 0); print "$memory $set";
  select(undef, undef, undef, 0.05) while -d "$ARGV[0]" && !-e "$ARGV[0]/let-go"; exit; }
sleep 100;`;

async function fakePgpool(lab: string): Promise<{ memory: string; set: string }> {
  const { pgpoolDir } = serverLayout(join(folder, lab), 'server1');
  mkdirSync(pgpoolDir, { recursive: true });
  const file = join(pgpoolDir, 'pgpool');
  copyFileSync('/usr/bin/perl', file);
  const child = spawn(file, ['-e', program, join(folder, lab)], {
    cwd: pgpoolDir,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  const [memory = '', set = ''] = String(said).split(' ');
  return { memory, set };
}

function ids(kind: 'shm' | 'sem'): string[] {
  const [, ...rows] = readFileSync(`/proc/sysvipc/${kind}`, 'utf8').trim().split('\n');
  return rows.map((row) => row.trim().split(/\s+/)[1] ?? '');
}

const letGo = (): void => writeFileSync(join(folder, 'own', 'let-go'), '');

test.each([
  [
    'killed',
    async () => {
      const { count, cleaned } = await killProcesses(() => running('own'));
      expect(count).toBe(1);
      letGo();
      await cleaned;
    },
  ],
  [
    'deaf to an orderly end',
    async () => {
      const stopped = stopProcesses(join(folder, 'own'));
      while (running('own').length > 0) await sleep(20);
      await sleep(300);
      letGo();
      await stopped;
    },
  ],
])('a Pgpool that is %s takes its memory and semaphores along, and only its own', async (_, end) => {
  const [own, other] = [await fakePgpool('own'), await fakePgpool('other')];
  try {
    expect(ids('shm')).toEqual(expect.arrayContaining([own.memory, other.memory]));
    expect(ids('sem')).toEqual(expect.arrayContaining([own.set, other.set]));
    await end();
    expect(running('own')).toEqual([]);
    expect(running('other')).toHaveLength(1);
    expect(ids('shm')).not.toContain(own.memory);
    expect(ids('sem')).not.toContain(own.set);
    expect(ids('shm')).toContain(other.memory);
    expect(ids('sem')).toContain(other.set);
  } finally {
    execFileSync('/usr/bin/ipcrm', ['-m', other.memory, '-s', other.set]);
  }
});
