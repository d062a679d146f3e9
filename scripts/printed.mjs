// node scripts/printed.mjs docs/sweep.md …: writes into documents what the commands in them print, from the built program. A
// command stands in a line `<!-- printed by: COMMAND -->` with a block of text behind it, which is replaced. Run it
// after `npm run build`, when what they print has changed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const scratch = mkdtempSync(join(tmpdir(), 'pgdrill-printed-'));
const shell = `
pgdrill() {
  case $1 in
  sweep | simulate) node dist/cli/main.js "$@" --quiet --out "$(mktemp -d -p ${scratch})/out" ;;
  *) node dist/cli/main.js "$@" ;;
  esac
}
`;

function outputOf(command) {
  const { stdout, stderr, status } = spawnSync('bash', ['-c', `${shell}${command}`], { encoding: 'utf8' });
  if (status === 1 || status === null || stdout === '') throw new Error(`${command}\n${stderr}`);
  return stdout.trimEnd();
}

try {
  for (const document of process.argv.slice(2)) {
    const text = readFileSync(document, 'utf8');
    const written = text.replace(
      /(<!-- printed by: (.*) -->\n+```text\n)[\s\S]*?(```\n)/g,
      (_, head, command, tail) => `${head}${outputOf(command)}\n${tail}`,
    );
    writeFileSync(document, written);
    const count = written.match(/<!-- printed by: /g)?.length ?? 0;
    process.stdout.write(`${document}: ${count} ${count === 1 ? 'output' : 'outputs'}\n`);
  }
} finally {
  rmSync(scratch, { recursive: true });
}
