import { spawn } from 'node:child_process';
import { labMark } from './layout.ts';

/** Holds the pipe that the watcher listens to; `dismiss` lets the watcher go without doing anything. */
export interface Watcher {
  dismiss(): void;
}

/**
 * The watcher's whole program: waits for the end of its input. The word `done` ends it; an input that ends without it
 * means that pgdrill was killed, and the lab's processes, folder and control groups are removed the way `removeLab` does,
 * with the shared memory of those that had to be killed.
 */
const program = `
lab=$1
groups=$2
word=
read -r word
[ "$word" = done ] && exit 0
members() {
  {
    grep -lzxsF "${labMark}=$lab" /proc/[0-9]*/environ
    find /proc/[0-9]*/cwd -maxdepth 0 -lname "$lab/*" 2>/dev/null
  } | cut -d / -f 3 | sort -u | while read -r pid; do
    case $(readlink "/proc/$pid/exe") in
      */postgres) kind=postgres ;;
      */pgpool) kind=pgpool ;;
      *) grep -qzxsF "${labMark}=$lab" "/proc/$pid/environ" && kind=helper || kind=stranger ;;
    esac
    case " $* " in *" $kind "*) echo "$pid" ;; esac
  done
}
servers=" $(members postgres pgpool | tr '\\n' ' ') "
kill -KILL $(members helper)
kill -INT $(members pgpool)
kill -QUIT $(members postgres)
for turn in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -z "$(members postgres pgpool)" ] && break; sleep 0.3; done
kill -KILL $(members helper postgres pgpool)
for turn in 1 2 3 4 5 6 7 8 9 10; do
  sleep 0.3
  left=
  while read -r key id mode size creator last attached rest; do
    case "$servers" in *" $creator "*) [ "$attached" = 0 ] && ipcrm -m "$id" || left=yes ;; esac
  done </proc/sysvipc/shm
  [ -z "$left" ] && break
done
if [ -n "$groups" ]; then
  for turn in 1 2 3 4 5 6 7 8 9 10; do rmdir "$groups"/*/ "$groups" 2>/dev/null; [ -d "$groups" ] || break; sleep 0.2; done
fi
rm -rf "$lab"
`;

/**
 * Starts a shell that cleans up after a pgdrill that was killed; it costs nothing while it waits.
 *
 * @param groupDir folder of the lab's control groups, whether it exists yet or not; null when it will have none
 */
export function startWatcher(labDir: string, groupDir: string | null): Watcher {
  const child = spawn('/bin/sh', ['-c', program, 'pgdrill-watcher', labDir, groupDir ?? ''], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.on('error', () => {});
  child.stdin.on('error', () => {});
  child.unref();
  return { dismiss: () => child.stdin.end('done\n') };
}
