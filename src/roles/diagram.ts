import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { efmAgentMachine } from './efm-agent-machine.ts';
import { efmCoordinatorMachine } from './efm-coordinator-machine.ts';
import { healthCheckMachine } from './pgpool-health-check.ts';
import { pgpoolMachine } from './pgpool-machine.ts';
import { postgresMachine } from './postgres-server.ts';
import { watchdogMachine } from './watchdog-machine.ts';

/** One transition of a statechart, flattened: full paths of its states. */
interface Arrow {
  from: string;
  to: string;
  event: string;
  guard: string;
}

const machines: readonly { file: string; title: string; machine: AnyStateMachine }[] = [
  { file: 'efm-agent.md', title: 'EFM agent', machine: efmAgentMachine },
  { file: 'efm-coordinator.md', title: 'EFM coordinator', machine: efmCoordinatorMachine },
  { file: 'pgpool.md', title: 'Pgpool-II', machine: pgpoolMachine },
  { file: 'pgpool-health-check.md', title: 'Health check of Pgpool-II', machine: healthCheckMachine },
  { file: 'watchdog.md', title: 'Watchdog of Pgpool-II', machine: watchdogMachine },
  { file: 'postgres-server.md', title: 'PostgreSQL server', machine: postgresMachine },
];

/** The documents of `models/statecharts`: a Mermaid diagram and a table of every role statechart, drawn from the code. */
export function statechartDocuments(): { file: string; text: string }[] {
  return machines.map(({ file, title, machine }) => {
    const arrows = arrowsOf(machine.root);
    const rows = arrows.map(({ from, event, guard, to }) => `| ${from} | ${event} | ${guard} | ${to} |`);
    const text = [
      `# ${title}`,
      '',
      'Generated from the code by `npm run statecharts`; a test holds the two together.',
      '',
      '```mermaid',
      'stateDiagram-v2',
      ...statesOf(machine.root, '  '),
      ...arrows.map(
        ({ from, to, event, guard }) => `  ${idOf(from)} --> ${idOf(to)}: ${labelOf(event, guard)}`,
      ),
      '```',
      '',
      '| state | event | guard | next state |',
      '|---|---|---|---|',
      ...rows,
      '',
    ].join('\n');
    return { file, text };
  });
}

function statesOf(node: AnyStateNode, indent: string): string[] {
  const children: AnyStateNode[] = Object.values(node.states);
  const initial = node.initial?.target[0];
  const lines = initial ? [`${indent}[*] --> ${idOf(pathOf(initial))}`] : [];
  for (const child of children) {
    const nested = Object.keys(child.states).length > 0;
    lines.push(`${indent}state "${child.key}" as ${idOf(pathOf(child))}${nested ? ' {' : ''}`);
    if (nested) lines.push(...statesOf(child, `${indent}  `), `${indent}}`);
  }
  return lines;
}

function arrowsOf(node: AnyStateNode): Arrow[] {
  const own = [...node.transitions.values(), node.always ?? []].flat().map((transition) => ({
    from: pathOf(node),
    to: pathOf(transition.target?.[0] ?? node),
    event: eventName(String(transition.eventType ?? '')),
    guard: typeof transition.guard === 'string' ? transition.guard : '',
  }));
  const children: AnyStateNode[] = Object.values(node.states);
  return [...own, ...children.flatMap(arrowsOf)];
}

/** `xstate.after.recoveryCheckPeriod.agent…` as `after recoveryCheckPeriod`; an eventless transition as `at once`. */
function eventName(type: string): string {
  const after = /^xstate\.after\.([^.]+)\./.exec(type);
  if (after) return `after ${after[1]}`;
  return type === '' ? 'at once' : type;
}

const pathOf = (node: AnyStateNode): string => (node.path.length === 0 ? node.key : node.path.join('.'));
const idOf = (path: string): string => path.replaceAll('.', '_');
const labelOf = (event: string, guard: string): string => (guard ? `${event} [${guard}]` : event);
