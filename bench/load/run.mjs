// The load engine's bench: `node bench/load/run.mjs [--seconds N] [--rounds N] [--only closed,open,…] [--sessions N]
// [--protocols prepared,simple] [--rates 1000,5000,10000] [--no-gate] [--json]`. Starts a PostgreSQL of its own, runs our
// generator and its rivals in alternation, and prints medians of per-round ratios with their spread, a row as soon as it is
// known; with --json an object a line. Needs the built program (npm run build).
import { parseArgs } from 'node:util';
import { groups } from './groups.mjs';
import { CalledOff, callOff, machineLine, untilCalm } from './machine.mjs';
import { startServer } from './server.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: 'micro,closed,floor,scenario,others,open,pgpool' },
    sessions: { type: 'string', default: '1000' },
    protocols: { type: 'string', default: 'prepared,simple' },
    rates: { type: 'string', default: '1000,5000,10000' },
    'no-gate': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
function refuse(reason, code = 1) {
  process.stderr.write(`${reason}\n`);
  process.exit(code);
}

/** The positive numbers of an option. */
function numbersOf(option, words, { whole = true } = {}) {
  const kind = whole ? 'whole number' : 'number';
  for (const word of words)
    if (!(Number(word) > 0) || (whole && !Number.isInteger(Number(word))))
      refuse(`--${option}: ${word} is no ${kind} above 0, as 5 is`);
  return words.map(Number);
}

const names = values.only.split(',');
const unknown = names.filter((name) => !Object.hasOwn(groups, name));
if (unknown.length > 0)
  refuse(`no group ${unknown.join(', ')}; there are: ${Object.keys(groups).join(', ')}`);
const protocols = values.protocols.split(',');
const strange = protocols.filter((protocol) => !['prepared', 'simple', 'extended'].includes(protocol));
if (strange.length > 0) refuse(`no protocol ${strange.join(', ')}; there are: prepared, simple, extended`);
const rates = numbersOf('rates', values.rates.split(','), { whole: false });
const [seconds] = numbersOf('seconds', [values.seconds], { whole: false });
const [count, sessions] = ['rounds', 'sessions'].flatMap((option) => numbersOf(option, [values[option]]));

let calm = true;
async function gate() {
  if (values['no-gate']) calm = false;
  else if (calm) calm = await untilCalm();
}

const number = (value, digits) => (value === undefined ? '' : value.toFixed(digits));
function line({ what, note, target = '', ratio, least, most, ours, theirs }) {
  if (note) return `| ${what} | ${note} | | | |`;
  const spread =
    ratio === undefined ? '' : `**${number(ratio, 2)}** [${number(least, 2)}–${number(most, 2)}]`;
  const digits = Math.abs(ours) >= 1000 ? 0 : 2;
  return `| ${what} | ${spread} | ${target} | ${number(ours, digits)} | ${number(theirs, digits)} |`;
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, callOff);
// Whoever read the rows has enough of them.
process.stdout.on('error', callOff);
const largest = names.includes('idle') ? sessions : 64;
const server = await startServer({ scale: 10, extra: { max_connections: Math.max(300, largest + 50) } });
const tell = (rows, asLine) => {
  for (const row of rows) process.stdout.write(`${values.json ? JSON.stringify(row) : asLine(row)}\n`);
};
try {
  if (!values.json)
    process.stdout.write('| work | ratio | target | ours | theirs |\n|---|---|---|---|---|\n');
  const plan = {
    ...{ server, gate, seconds, count, protocols, rates },
    idleSessions: sessions,
  };
  for (const name of names) for await (const part of groups[name](plan)) tell(part, line);
} catch (error) {
  if (!(error instanceof CalledOff)) throw error;
  process.exitCode = 130;
} finally {
  await server.stop();
}
if (process.exitCode === 130) refuse('called off; the rows above are whole', 130);
const machine = `${machineLine()}; ${count} rounds of ${seconds} s; ${calm ? 'the machine was idle before every run' : 'the machine was NOT known to be idle'}`;
tell([{ machine, calm }], () => `\n${machine}`);
