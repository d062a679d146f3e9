import type { Random } from '../../src/kernel/random.ts';
import { pgpoolIds } from './watchdog-differential-cluster.ts';

/**
 * What is done to one Pgpool: `kill` is SIGKILL to all its processes, `stop` an orderly shutdown, `freeze` SIGSTOP and `resume`
 * SIGCONT to all, `cut` and `join` take its network away and give it back.
 */
export type Action = 'kill' | 'stop' | 'start' | 'freeze' | 'resume' | 'cut' | 'join';

export interface Step {
  action: Action;
  node: number;
}

/** What the steps have made of each Pgpool. */
export interface Member {
  runs: boolean;
  frozen: boolean;
  cut: boolean;
}

export function membersAtStart(): Member[] {
  return pgpoolIds.map(() => ({ runs: true, frozen: false, cut: false }));
}

export function applyTo(members: Member[], { action, node }: Step): void {
  const member = members[node];
  if (!member) throw new Error(`no Pgpool ${node}`);
  if (action === 'kill' || action === 'stop') Object.assign(member, { runs: false, frozen: false });
  if (action === 'start') member.runs = true;
  if (action === 'freeze') member.frozen = true;
  if (action === 'resume') member.frozen = false;
  if (action === 'cut') member.cut = true;
  if (action === 'join') member.cut = false;
}

/** Whether a step can be done to a Pgpool as it is. */
export function canBe(action: Action, { runs, frozen, cut }: Member): boolean {
  if (action === 'start') return !runs;
  if (action === 'join') return cut;
  if (action === 'cut') return runs && !frozen && !cut;
  if (action === 'resume') return frozen;
  if (action === 'kill') return runs;
  return runs && !frozen;
}

const weights: readonly (readonly [Action, number])[] = [
  ['kill', 3],
  ['stop', 2],
  ['start', 6],
  ['freeze', 2],
  ['resume', 4],
  ['cut', 2],
  ['join', 4],
];

/** Draws a sequence of steps that can be done. */
export function drawSteps(random: Random, count: number): Step[] {
  const members = membersAtStart();
  const steps: Step[] = [];
  while (steps.length < count) {
    const possible = pgpoolIds.flatMap((node) =>
      weights.flatMap(([action, weight]) => {
        const member = members[node];
        return member && canBe(action, member) ? [{ action, node, weight }] : [];
      }),
    );
    let at = random.unit() * possible.reduce((sum, { weight }) => sum + weight, 0);
    const step = possible.find(({ weight }) => {
      at -= weight;
      return at < 0;
    });
    if (!step) continue;
    steps.push({ action: step.action, node: step.node });
    applyTo(members, step);
  }
  return steps;
}

export const textOf = ({ action, node }: Step): string => `${action} ${node}`;

/** Reads a sequence as `textOf` writes its steps, with commas between. */
export function parseSteps(sequence: string): Step[] {
  return sequence.split(',').map((part) => {
    const found = /^(kill|stop|start|freeze|resume|cut|join) ([012])$/.exec(part.trim());
    if (!found) throw new Error(`no step: "${part.trim()}"`);
    return { action: found[1] as Action, node: Number(found[2]) };
  });
}
