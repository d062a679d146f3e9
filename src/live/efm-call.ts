import { execFile } from 'node:child_process';
import type { ActionResult } from '../drills/world.ts';
import type { EfmCommand } from '../lab/efm-agents.ts';

/** EFM's commands only hand a request over; one that takes longer has met no agent that answers. */
const timeoutMs = 30_000;

/** Runs one `efm` command; `detail` is what it said last, on stderr if it said anything there. */
export function runEfm(command: EfmCommand, words: readonly string[]): Promise<ActionResult> {
  return new Promise((resolve) => {
    const options = { env: command.env, timeout: timeoutMs, killSignal: 'SIGKILL' } as const;
    execFile(command.file, [...command.args, ...words], options, (error, stdout, stderr) => {
      const said = (stderr.trim() || stdout.trim()).split('\n').at(-1) ?? '';
      const how = error && said === '' ? error.message : said;
      resolve({ ok: error === null, detail: how === '' ? null : how });
    });
  });
}
