// Writes the output of `pgdrill timeline` into docs/timeline.md, from the built program: every kind of drill with EFM's
// defaults and with the lab's timers. Run it after `npm run build`, when a statechart or a default has changed.
import { readFileSync, writeFileSync } from 'node:fs';
import { drillKinds } from '../dist/scenario/scenario-shape.js';
import { renderTimeline } from '../dist/study/timeline/text.js';
import { timeline } from '../dist/study/timeline.js';

const document = 'docs/timeline.md';
const lab = 'models/reference-architecture.yaml';
const whole = ['failover', 'switchover', 'node-loss'];
const usual = { efm: null, pgpool: null, versions: null, trials: 100, seed: 1, targetMs: null };

const seconds = (span) => (span === null ? 'no end' : (span / 1000).toFixed(1));
const cell = ({ best, mean, worst }) =>
  best === null || worst === 0 ? seconds(worst) : [best, mean, worst].map(seconds).join(' / ');

const results = [];
for (const drill of drillKinds) {
  // Only what is printed whole shows what each setting does.
  const asked = whole.includes(drill) ? usual : { ...usual, pairs: 1 };
  const [defaults, short] = [
    await timeline({ ...asked, drill, model: null }),
    await timeline({ ...asked, drill, model: lab }),
  ];
  results.push({ drill, defaults, short });
}

const table = [
  '| drill | write: defaults | read: defaults | all standbys: defaults | write: lab | read: lab | all standbys: lab |',
  '|---|---|---|---|---|---|---|',
  ...results.map(({ drill, defaults, short }) => {
    const cells = [defaults, short].flatMap((result) =>
      [result.writeOutageMs, result.readOutageMs, result.reducedReadMs].map(cell),
    );
    return `| ${drill} | ${cells.join(' | ')} |`;
  }),
];
const remarks = results.map(
  ({ drill, defaults }) => `- **${drill}**: ${defaults.remarks.join('; ') || 'nothing is left behind'}.`,
);
const printed = results
  .filter(({ drill }) => whole.includes(drill))
  .flatMap(({ drill, defaults, short }) => [
    `### \`pgdrill timeline --drill ${drill} --trials ${usual.trials}\``,
    ...['', '```text', renderTimeline(defaults), '```', ''],
    `### \`pgdrill timeline --drill ${drill} --trials ${usual.trials} --model ${lab}\``,
    ...['', '```text', renderTimeline(short), '```', ''],
  ]);
const target = await timeline({ ...usual, drill: 'failover', model: null, targetMs: 15_000 });
const withTarget = [
  `### \`pgdrill timeline --drill failover --trials ${usual.trials} --target 15s\``,
  ...['', '```text', renderTimeline(target), '```', ''],
];

const section = (name, lines) => [
  `<!-- ${name}: written by scripts/timelines.mjs -->`,
  ...lines,
  `<!-- end of ${name} -->`,
];
let text = readFileSync(document, 'utf8');
for (const [name, lines] of [
  ['all kinds', ['', ...table, '']],
  ['remarks', ['', ...remarks, '']],
  ['printed', ['', ...printed, ...withTarget]],
]) {
  const [begin, end] = [`<!-- ${name}: written by scripts/timelines.mjs -->`, `<!-- end of ${name} -->`];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < 0) throw new Error(`${document} has no section "${name}"`);
  text = text.slice(0, from) + section(name, lines).join('\n') + text.slice(to + end.length);
}
writeFileSync(document, text);
