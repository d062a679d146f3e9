// The simulator's bench: `node bench/sim/run.mjs [--rounds N] [--customers N] [--only kernel,scenario] [--json]`.
// The kernel beside two references on one M/M/4 model (80 % busy): a plain C++ program (std::priority_queue, -O2; needs g++) and SimPy
// 2.3 (needs python3-simpy; its folder may stand in PYTHONPATH); then a scenario of ten simulated minutes. Ratios are medians over
// rounds of one process each, in turn, by processor time. Needs the built program (npm run build).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { machineLine } from '../load/machine.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    customers: { type: 'string', default: '5000000' },
    only: { type: 'string', default: 'kernel,scenario' },
    json: { type: 'boolean', default: false },
  },
});
const here = import.meta.dirname;
const servers = 4;
const utilisation = 0.8;
/** Mean wait of M/M/4 at 80 % by Erlang's C formula, in service times. */
const exactWait = 0.745541;
/** SimPy is so much slower that it gets a part of the customers. */
const simpyShare = 0.04;

function measured(file, args) {
  const { status, stdout, stderr } = spawnSync(file, args.map(String), { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** What each reference is started with; null with the reason where it is missing. */
function references(folder) {
  const program = join(folder, 'mmc');
  const compiled = spawnSync('g++', ['-O2', '-o', program, join(here, 'mmc.cc')], { encoding: 'utf8' });
  const python = spawnSync('python3', ['-c', 'import SimPy.Simulation'], { encoding: 'utf8' });
  return {
    cpp: compiled.status === 0 ? { file: program, args: [] } : null,
    simpy: python.status === 0 ? { file: 'python3', args: [join(here, 'mmc_simpy.py')] } : null,
  };
}

function benchKernel(rounds, customers) {
  const folder = mkdtempSync(join(tmpdir(), 'pgdrill-bench-'));
  try {
    const { cpp, simpy } = references(folder);
    const perSecond = { ours: [], cpp: [], simpy: [] };
    const waits = [];
    for (let round = 1; round <= rounds; round += 1) {
      const model = (count) => [servers, utilisation, count, round];
      const note = (name, { events, cpuSeconds, meanWait }) => {
        perSecond[name].push(events / cpuSeconds / 1e6);
        if (name === 'ours') waits.push(meanWait);
      };
      note('ours', measured(process.execPath, [join(here, 'kernel.mjs'), ...model(customers)]));
      if (cpp) note('cpp', measured(cpp.file, [...cpp.args, ...model(customers)]));
      if (simpy)
        note('simpy', measured(simpy.file, [...simpy.args, ...model(Math.round(customers * simpyShare))]));
    }
    const ratios = (name) => perSecond[name].map((value, round) => perSecond.ours[round] / value);
    const row = (what, name, target, missing) =>
      perSecond[name].length === 0
        ? { what, missing }
        : {
            what,
            ratio: median(ratios(name)),
            least: Math.min(...ratios(name)),
            most: Math.max(...ratios(name)),
            target,
            ours: median(perSecond.ours),
            theirs: median(perSecond[name]),
          };
    const mean = waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
    return {
      rows: [
        row('kernel / C++ std::priority_queue -O2', 'cpp', 0.6, 'no g++ on this machine'),
        row('kernel / SimPy 2.3', 'simpy', 50, 'no SimPy 2.3 on this machine (python3-simpy)'),
      ],
      wait: { mean, exact: exactWait, error: mean / exactWait - 1 },
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const parts = values.only.split(',');
const result = { machine: machineLine() };
if (parts.includes('kernel')) {
  result.kernel = benchKernel(Number(values.rounds), Number(values.customers));
  if (!values.json) {
    process.stdout.write('| work | ratio | target | ours, M events/s | theirs |\n|---|---|---|---|---|\n');
    for (const { what, missing, ratio, least, most, target, ours, theirs } of result.kernel.rows)
      process.stdout.write(
        missing
          ? `| ${what} | ${missing} | | | |\n`
          : `| ${what} | **${ratio.toFixed(2)}** [${least.toFixed(2)}–${most.toFixed(2)}] | ≥ ${target} | ${ours.toFixed(2)} | ${theirs.toFixed(2)} |\n`,
      );
    const { mean, exact, error } = result.kernel.wait;
    process.stdout.write(
      `Mean wait ${mean.toFixed(5)}, by Erlang C ${exact} (${(100 * error).toFixed(2)} %)\n\n`,
    );
  }
}
if (parts.includes('scenario')) {
  const file = join(here, 'ten-minutes.yaml');
  result.scenario = measured(process.execPath, [join(here, 'scenario.mjs'), file]);
  if (!values.json) {
    const { statements, simulatedSeconds, cpuSeconds, wholeCpuSeconds, maxMemoryMiB, drills } =
      result.scenario;
    process.stdout.write(
      [
        `Scenario: ${simulatedSeconds} s simulated, ${statements} statements answered, drills ${drills.join(', ')}`,
        `  ${cpuSeconds.toFixed(2)} s of processor time (target: under 5), ${wholeCpuSeconds.toFixed(2)} s with start and analysis`,
        `  ${maxMemoryMiB.toFixed(0)} MiB at most (target: under 300)`,
        '',
      ].join('\n'),
    );
  }
}
process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : `\n${result.machine}\n`);
