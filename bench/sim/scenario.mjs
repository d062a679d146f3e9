// Simulates one scenario in this process: `node bench/sim/scenario.mjs FILE`. Prints processor seconds of the simulation and of the
// whole process, memory at its highest, and what became of the operations.
import { built } from '../load/built.mjs';

const { planRun } = await built('run/plan');
const { simulatePlan } = await built('run/simulate');
const { summarise } = await built('analysis/summary');

const [file] = process.argv.slice(2);
const plan = planRun(file, {});
const before = process.cpuUsage();
const recording = await simulatePlan(plan);
const { user, system } = process.cpuUsage(before);
const summary = summarise(recording);
const whole = process.cpuUsage();
const classes = Object.fromEntries(
  Object.entries(summary.classes).map(([name, { due, ok, failed, unknown, skipped }]) => [
    name,
    { due, ok, failed, unknown, skipped },
  ]),
);
const statements = plan.load.classes.reduce(
  (sum, { name, script }) => sum + (classes[name]?.ok ?? 0) * script.statements.length,
  0,
);
process.stdout.write(
  `${JSON.stringify({
    statements,
    simulatedSeconds: plan.durationMs / 1000,
    cpuSeconds: (user + system) / 1e6,
    wholeCpuSeconds: (whole.user + whole.system) / 1e6,
    maxMemoryMiB: process.resourceUsage().maxRSS / 1024,
    drills: summary.drills.map(({ id }) => id),
    conservation: summary.conservation.holds,
    classes,
  })}\n`,
);
